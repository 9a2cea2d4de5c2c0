/* Plain ViTs that vary a DeiT, against timm's logits in float64: tools/golden/vits.py has the other
 * side. */
#include "../../src/models/deit/deit.h"
#include "timm.h"
#include "vit_kinds.h"
#include "vitcod/safetensors.h"

static const vit_kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof vit_kinds / sizeof *vit_kinds; i++)
        if (strcmp(vit_kinds[i].name, name) == 0)
            return &vit_kinds[i];
    fail_msg("no kind '%s'", name);
    return NULL;
}

/* models.py has the same mask. */
static void use_mask(vc_model *model)
{
    const vc_attention_layer l = vc_model_layer(&model->config, 0);
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, vc_model_layers(&model->config), l.heads, l.queries, l.keys));
    for (size_t a = 0; a < mask.layers; a++)
        for (size_t h = 0; h < l.heads; h++)
            for (size_t i = 0; i < l.queries; i++)
                for (size_t j = 0; j < l.keys; j++)
                    vc_mask_head(&mask, a, h)[i * l.keys + j] =
                        !(j == 1 || i == j || (i * 5 + j * 3 + h + a) % 7 == 0);
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    vc_mask_close(&mask);
}

static void check_logits_of(vc_model *model, const json_t *golden, const char *key)
{
    float logits[BATCH * CLASSES];
    double ignored;
    forward(logits, model, &ignored);
    compare(logits, golden, key, "forward", 1e-4);
    check_engine(model, golden, key, 0.1, 0.2);
}

static void logits_are_timms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vit_kinds / sizeof *vit_kinds; i++) {
        const vit_kind *kind = &vit_kinds[i];
        json_t *golden = golden_in("tools/golden/vits.json", kind->name);
        vc_model_config config = vc__deit_model(&kind->sizes);
        size_t parameters;
        print_message("%s\n", kind->name);
        assert_ok(vc_model_parameters(&parameters, &config));
        assert_int_equal(parameters, json_integer_value(json_object_get(golden, "parameters")));
        vc_model *model = make(&config, i % 2);
        check_logits_of(model, golden, "plain");
        vc_model_close(model);
        assert_ok(vc_model_compress(&config, 2, VC_CODED_QK));
        model = make(&config, i % 2);
        use_mask(model);
        check_logits_of(model, golden, "mask_autoencoder");
        vc_model_close(model);
        json_decref(golden);
    }
}

/* Positions for 32 pixels read for others; 16 x 64 are as many patches, and another grid. */
static void other_sizes_are_timms(void **state)
{
    (void)state;
    static const char *const names[] = {"reg4", "gap", "registers"};
    static const struct {
        const char *key;
        vc_extent image;
    } sizes[] = {{"grown", {56, 56}}, {"stretched", {56, 24}}, {"rearranged", {16, 64}}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *golden = golden_in("tools/golden/vits.json", names[i]);
        const vc_model_config config = vc__deit_model(&kind_of(names[i])->sizes);
        for (size_t s = 0; s < 6; s++) {
            const vc_model_options other = {.image_size = sizes[s / 2].image, .in_place = s % 2};
            vc_model *model = make(&config, 0);
            vc_model_close(model);
            assert_ok(vc_model_open(&model, temporary("model.safetensors"), &other));
            check_logits_of(model, golden, sizes[s / 2].key);
            assert_ok(vc_model_write(temporary("other.safetensors"), model));
            vc_model_close(model);
            assert_ok(vc_model_open(&model, temporary("other.safetensors"),
                                    &(vc_model_options){.in_place = s % 2}));
            check_logits_of(model, golden, sizes[s / 2].key);
            vc_model_close(model);
        }
        json_decref(golden);
    }
}

/* What the tensors do not tell is written, and every switch is read back. */
static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vit_kinds / sizeof *vit_kinds; i++) {
        const vc_model_config config = vc__deit_model(&vit_kinds[i].sizes);
        vc_model *model = make(&config, 0);
        json_t *was = vc_model_describe(&config), *is = vc_model_describe(&model->config);
        if (!json_equal(was, is))
            fail_msg("%s is read as %s", vit_kinds[i].name, json_dumps(is, 0));
        json_decref(was);
        json_decref(is);
        vc_model_close(model);
    }
}

/* Positions of the class token alone beside registers, as DINOv2's first release has them: in timm
 * they are part of the class token. */
static void positions_of_the_class_token_alone(void **state)
{
    (void)state;
    vc__deit_config sizes = kind_of("reg4")->sizes;
    json_t *golden = golden_in("tools/golden/vits.json", "reg4");
    vc_model_config config = vc__deit_model(&sizes);
    vc_model *timms = make(&config, 0), *model;
    const size_t width = sizes.width, patches = vc__deit_positions(&sizes);
    sizes.unplaced = sizes.registers;
    config = vc__deit_model(&sizes);
    assert_ok(vc_model_create(&model, &config, 0));
    set_weights(model);
    vc__deit_weights *w = vc__deit_weights_of(model);
    const vc__deit_weights *from = vc__deit_weights_of(timms);
    noise(w->pos_embed, "class position", width);
    memcpy(w->pos_embed + width, from->pos_embed, patches * width * sizeof(float));
    for (size_t i = 0; i < width; i++)
        w->cls_token[i] = from->cls_token[i] - w->pos_embed[i];
    vc_model_close(timms);
    assert_ok(vc_model_write(temporary("released.safetensors"), model));
    vc_model_close(model);
    assert_ok(vc_model_open(&model, temporary("released.safetensors"), &(vc_model_options){0}));
    assert_int_equal(vc__deit_sizes_of(&model->config)->unplaced, 4);
    check_logits_of(model, golden, "plain");
    vc_model_close(model);
    json_decref(golden);
}

static vc__deit_between between(const char *path, const char *activation, unsigned *guessed)
{
    const vc_model_options how = {.activation = activation};
    vc_model *model;
    assert_ok(vc_model_open(&model, path, &how));
    const vc__deit_between out = vc__deit_sizes_of(&model->config)->mlp;
    *guessed = model->config.looks.guessed & VC_GUESSED_ACTIVATION;
    vc_model_close(model);
    return out;
}

/* What a CLIP has between the products is told by options, metadata or name, else guessed. */
static void activations(void **state)
{
    (void)state;
    const vc_model_config config = vc__deit_model(&kind_of("pre_norm")->sizes);
    const char *plain = temporary("plain.safetensors"),
               *named = temporary("vit_base_patch32_clip_quickgelu_224.safetensors"),
               *said = temporary("said.safetensors");
    const vc_metadata heads[] = {{"num_heads", "3"}, {"norm_eps", "1e-5"}};
    vc_named_tensor tensors[64];
    unsigned guessed;
    vc_model *model;
    assert_ok(vc_model_create(&model, &config, 0));
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        tensors[i] = (vc_named_tensor){p->name, {.rank = p->rank, .data = p->data}};
        memcpy(tensors[i].tensor.shape, p->shape, sizeof p->shape);
    }
    assert_ok(vc_safetensors_write(plain, tensors, model->param_count, heads, 2));
    assert_ok(vc_safetensors_write(named, tensors, model->param_count, heads, 2));
    assert_int_equal(between(plain, NULL, &guessed), VC__DEIT_GELU);
    assert_true(guessed);
    assert_int_equal(between(plain, "quick_gelu", &guessed), VC__DEIT_QUICK_GELU);
    assert_false(guessed);
    assert_int_equal(between(named, NULL, &guessed), VC__DEIT_QUICK_GELU);
    assert_false(guessed);
    assert_int_equal(between(named, "gelu", &guessed), VC__DEIT_GELU);
    vc_model_close(model);
    assert_ok(vc_model_open(&model, plain, &(vc_model_options){0}));
    assert_ok(vc_model_write(said, model)); /* a guess stays one */
    assert_int_equal(between(said, NULL, &guessed), VC__DEIT_GELU);
    assert_true(guessed);
    assert_int_equal(between(said, "quick_gelu", &guessed), VC__DEIT_QUICK_GELU);
    vc_model_close(model);
    assert_fails(vc_model_open(&model, plain, &(vc_model_options){.activation = "relu"}), VC_EINVAL,
                 "--activation is 'relu', wanted gelu or quick_gelu");
    assert_ok(vc_model_open(&model, plain, &(vc_model_options){.activation = "gelu"}));
    assert_ok(vc_model_write(said, model));
    vc_model_close(model);
    assert_fails(vc_model_open(&model, said, &(vc_model_options){.activation = "quick_gelu"}),
                 VC_EINVAL, "has gelu, --activation wants quick_gelu");
}

/* What forward pass and engine give against timm's; of tokens their sum (B, C). */
static void check_features(vc_model *model, const json_t *want, const char *what)
{
    enum { WIDTH = 24, MOST = BATCH * 21 * WIDTH };
    const size_t outputs = vc_model_input_of(&model->config).outputs;
    float have[2][MOST], sums[WIDTH];
    vc_acts acts;
    assert_true(BATCH * outputs <= MOST);
    assert_int_equal(vc_model_input_of(&model->config).classes, 0);
    noise(timm_images, "images", BATCH * vc_model_image_values(&model->config));
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    vc_model_forward(&acts, model, timm_images, BATCH, NULL);
    memcpy(have[0], acts.logits, BATCH * outputs * sizeof(float));
    vc_acts_close(&acts);
    engine_logits(have[1], model, timm_images, BATCH, VC_IN_FP32);
    for (size_t of = 0; of < 2; of++)
        for (size_t b = 0; b < BATCH; b++) {
            memset(sums, 0, sizeof sums);
            for (size_t i = 0; i < outputs; i++)
                sums[i % WIDTH] += have[of][b * outputs + i];
            for (size_t i = 0; i < WIDTH; i++) {
                const double value = json_real_value(json_array_get(want, b * WIDTH + i));
                if (!(fabs((double)sums[i] - value) <= 1e-4 * fmax(1.0, fabs(value))))
                    fail_msg("%s of image %zu: %g, wanted %g", what, b, (double)sums[i], value);
            }
        }
}

/* With a head and without one. */
static void features_are_timms(void **state)
{
    (void)state;
    static const char *const names[] = {"reg4", "average", "gap_norm"}, *const words[] = {"cls",
                                                                                          "pool",
                                                                                          "tokens"};
    for (size_t i = 0; i < 3; i++) {
        json_t *golden = golden_in("tools/golden/vits.json", names[i]);
        vc__deit_config sizes = kind_of(names[i])->sizes;
        for (size_t headless = 0; headless < 2; headless++) {
            vc_model *model;
            sizes.classes = headless ? 0 : 10;
            vc_model_config config = vc__deit_model(&sizes);
            vc_model_close(make(&config, 0));
            for (size_t w = 0; w < 3; w++) {
                const json_t *want = json_object_get(golden, words[w]);
                const vc_model_options how = {.features = words[w]};
                const vc_status status =
                    vc_model_open(&model, temporary("model.safetensors"), &how);
                assert_int_equal(status, want ? VC_OK : VC_EINVAL);
                if (want)
                    check_features(model, want, words[w]);
                vc_model_close(model);
            }
            if (!headless)
                continue;
            assert_ok(
                vc_model_open(&model, temporary("model.safetensors"), &(vc_model_options){0}));
            check_features(model, json_object_get(golden, "pool"), "pool");
            vc_model_close(model);
        }
        json_decref(golden);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    vc__deit_config c = kind_of("gap")->sizes;
    vc_model_config config;
    vc_model *model;
    c.pool = VC__DEIT_POOL_CLASS;
    config = vc__deit_model(&c);
    assert_fails(vc_model_create(&model, &config, 0), VC_EINVAL, "no class token to classify");
    c = kind_of("gap")->sizes;
    c.unplaced = 1;
    config = vc__deit_model(&c);
    assert_fails(vc_model_create(&model, &config, 0), VC_EINVAL,
                 "1 tokens without a position, wanted at most the 0 before the patches'");
    c = kind_of("average")->sizes;
    c.distilled = 1;
    config = vc__deit_model(&c);
    assert_fails(vc_model_create(&model, &config, 0), VC_EINVAL, "a distillation token");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_are_timms),
                                       cmocka_unit_test(other_sizes_are_timms),
                                       cmocka_unit_test(files),
                                       cmocka_unit_test(positions_of_the_class_token_alone),
                                       cmocka_unit_test(activations),
                                       cmocka_unit_test(features_are_timms),
                                       cmocka_unit_test(what_does_not_fit_is_refused)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
