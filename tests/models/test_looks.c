/* How many heads a model has and how it wants images: what its file says, what its name stands for,
 * what an option says, and what is guessed and stays marked as a guess. */
#include "tiny_deit.h"
#include "vitcod/json.h"
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

/* Every plain ViT of timm: tools/golden/vit_names.py has the other side. */
static void names_of_timm(void **state)
{
    (void)state;
    json_t *all, *want;
    const char *name;
    assert_ok(vc_json_read(&all, "tools/golden/vit_names.json"));
    assert_true(json_object_size(all) > 200);
    json_object_foreach (all, name, want) {
        char file[128];
        snprintf(file, sizeof file, "%s.safetensors", name);
        vc_model *model = opened(write_bare(file, NULL, 0), (vc_model_options){0});
        const vc_model_input input = vc_model_input_of(&model->config);
        const double mean = json_number_value(json_array_get(want, 0)),
                     std = json_number_value(json_array_get(want, 1)),
                     crop = json_number_value(json_array_get(want, 2));
        const char *interpolation = json_string_value(json_array_get(want, 3));
        if (input.mean[0] != (float)mean || input.std[2] != (float)std || input.crop_pct != crop ||
            strcmp(vc_interpolation_word(input.interpolation), interpolation) != 0)
            fail_msg("%s: mean %g, std %g, crop %g, %s; wanted %g, %g, %g, %s", name,
                     (double)input.mean[0], (double)input.std[2], input.crop_pct,
                     vc_interpolation_word(input.interpolation), mean, std, crop, interpolation);
        assert_int_equal(model->config.looks.guessed & ~(unsigned)VC_GUESSED_HEADS, 0);
        vc_model_close(model);
    }
    json_decref(all);
}

/* The largest ViTs of timm have 16 heads whatever their width, and nothing in a file says it. */
static void heads_of_large_ones(void **state)
{
    (void)state;
    vc__deit_config c = config;
    vc_model *model;
    char text[VC_GUESSES_TEXT];
    c.width = 1280;
    c.heads = 20;
    c.depth = 1;
    c.hidden = 8;
    assert_ok(vc__deit_create(&model, &c, 1));
    vc_named_tensor tensors[MOST];
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        tensors[i] = (vc_named_tensor){p->name, {VC_F32, p->rank, {0}, p->data}};
        memcpy(tensors[i].tensor.shape, p->shape, sizeof p->shape);
    }
    assert_ok(
        vc_safetensors_write(temporary("x.safetensors"), tensors, model->param_count, NULL, 0));
    vc_model_close(model);
    model = opened(temporary("x.safetensors"), (vc_model_options){0});
    assert_int_equal(vc_model_layer(&model->config, 0).heads, 16);
    vc_model_guesses(text, &model->config);
    assert_non_null(strstr(text, "heads 16 (as others of this width; --heads)"));
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_timm),
        cmocka_unit_test(heads_of_large_ones),

        cmocka_unit_test(guesses_are_marked_and_stay_so),
        cmocka_unit_test(options_are_no_guesses),
        cmocka_unit_test(known_names_carry_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
