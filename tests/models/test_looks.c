/* How many heads a model has and how it wants images: what its file says, what its name stands for,
 * what an option says, and what is guessed and stays marked as a guess. */
#include "tiny_deit.h"
#include "vitcod/safetensors.h"

enum { MOST = 128 };

/* A DeiT of width 64 in a file of that name, with no word about itself but `metadata`. */
static const char *write_bare(const char *name, const vc_metadata *metadata, size_t count)
{
    vc__deit_config c = config;
    vc_model *model;
    vc_named_tensor tensors[MOST];
    c.width = 64;
    c.heads = 1;
    assert_ok(vc__deit_create(&model, &c, 1));
    assert_true(model->param_count <= MOST);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        tensors[i] = (vc_named_tensor){p->name, {VC_F32, p->rank, {0}, p->data}};
        memcpy(tensors[i].tensor.shape, p->shape, sizeof p->shape);
    }
    assert_ok(vc_safetensors_write(temporary(name), tensors, model->param_count, metadata, count));
    vc_model_close(model);
    return temporary(name);
}

static vc_model *opened(const char *path, vc_model_options how)
{
    vc_model *model;
    how.in_place = 1;
    assert_ok(vc_model_open(&model, path, &how));
    return model;
}

static void looks_are(vc_model *model, size_t heads, float mean, float std, double crop,
                      vc_interpolation interpolation, unsigned guessed)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    assert_int_equal(vc_model_layer(&model->config, 0).heads, heads);
    assert_true(input.mean[0] == mean && input.std[2] == std && input.crop_pct == crop);
    assert_int_equal(input.interpolation, interpolation);
    assert_int_equal(model->config.looks.guessed, guessed);
    vc_model_close(model);
}

enum { ALL = VC_GUESSED_HEADS | VC_GUESSED_NORMALISATION | VC_GUESSED_RESIZING };

static void guesses_are_marked_and_stay_so(void **state)
{
    (void)state;
    char text[VC_GUESSES_TEXT];
    vc_model *model = opened(write_bare("x.safetensors", NULL, 0), (vc_model_options){0});
    assert_string_equal(vc_model_guesses(text, &model->config),
                        "heads 1 (width / 64; --heads), ImageNet's mean and std (--mean, --std), "
                        "bicubic, crop 0.875 (--interpolation, --crop-pct)");
    assert_ok(vc_model_write(temporary("written.safetensors"), model));
    looks_are(model, 1, 0.485f, 0.225f, 0.875, VC_BICUBIC, ALL);
    looks_are(opened(temporary("written.safetensors"), (vc_model_options){0}), 1, 0.485f, 0.225f,
              0.875, VC_BICUBIC, ALL);
    /* what was guessed may be said later */
    looks_are(opened(temporary("written.safetensors"), (vc_model_options){.heads = 4}), 4, 0.485f,
              0.225f, 0.875, VC_BICUBIC, VC_GUESSED_NORMALISATION | VC_GUESSED_RESIZING);
}

static void options_are_no_guesses(void **state)
{
    (void)state;
    const float mean[VC_MODEL_CHANNELS] = {0.25f, 0.5f, 0.5f}, std[VC_MODEL_CHANNELS] = {1, 1, 2};
    const vc_model_options how = {
        .heads = 4, .mean = mean, .std = std, .interpolation = "bilinear", .crop_pct = 1.0};
    vc_model *model = opened(write_bare("x.safetensors", NULL, 0), how);
    assert_ok(vc_model_write(temporary("written.safetensors"), model));
    looks_are(model, 4, 0.25f, 2.0f, 1.0, VC_BILINEAR, 0);
    model = opened(temporary("written.safetensors"), (vc_model_options){0});
    looks_are(model, 4, 0.25f, 2.0f, 1.0, VC_BILINEAR, 0);
    vc_model_options wrong = {.crop_pct = 1.5};
    assert_fails(vc_model_open(&model, temporary("x.safetensors"), &wrong), VC_EINVAL,
                 "x.safetensors: --crop-pct is 1.5, wanted above 0 and at most 1");
    wrong = (vc_model_options){.interpolation = "nearest"};
    assert_fails(vc_model_open(&model, temporary("x.safetensors"), &wrong), VC_EINVAL,
                 "--interpolation is 'nearest', wanted bicubic or bilinear");
    const float zero[VC_MODEL_CHANNELS] = {0};
    wrong = (vc_model_options){.std = zero};
    assert_fails(vc_model_open(&model, temporary("x.safetensors"), &wrong), VC_EINVAL,
                 "wanted a std above 0");
}

static void known_names_carry_their_own(void **state)
{
    (void)state;
    const vc_metadata arch = {"arch", "vit_tiny_patch16_384"};
    const vc_metadata said[] = {{"input_mean", "0 0 0"}, {"input_std", "1 1 1"}};
    const vc_metadata crop = {"crop_pct", "2"};
    const vc_model_options none = {0};
    vc_model *model = opened(write_bare("vit_tiny_patch16_224.safetensors", NULL, 0), none);
    assert_string_equal(model->config.looks.known_as, "vit_tiny_patch16_224");
    looks_are(model, 1, 0.5f, 0.5f, 0.9, VC_BICUBIC, 0);
    looks_are(opened(write_bare("deit_tiny_patch16_224-a1311bcf.pth", NULL, 0), none), 1, 0.485f,
              0.225f, 0.875, VC_BICUBIC, 0);
    looks_are(opened(write_bare("x.safetensors", &arch, 1), none), 1, 0.5f, 0.5f, 1.0, VC_BICUBIC,
              0);
    looks_are(opened(write_bare("vit_tiny.safetensors", said, 2), none), 1, 0.0f, 1.0f, 0.875,
              VC_BICUBIC, VC_GUESSED_HEADS | VC_GUESSED_RESIZING);
    assert_fails(vc_model_open(&model, write_bare("x.safetensors", &crop, 1), &none), VC_EFORMAT,
                 "metadata 'crop_pct' is 2, wanted above 0 and at most 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guesses_are_marked_and_stay_so),
        cmocka_unit_test(options_are_no_guesses),
        cmocka_unit_test(known_names_carry_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
