/* Models at another image size than their checkpoint's, against timm: positions, logits, files. */
#include "../../src/models/deit/deit.h"
#include "timm.h"

static vc_model_config deit(size_t image, size_t patch, size_t width, int distilled)
{
    vc__deit_config sizes = vc__deit_config_default(), *c = &sizes;
    c->image = vc_square(image);
    c->patch = vc_square(patch);
    c->width = width;
    c->depth = 2;
    c->heads = 3;
    c->hidden = 4 * width;
    c->classes = CLASSES;
    c->distilled = distilled;
    return vc__deit_model(&sizes);
}

static void write_model(const char *path, const vc_model_config *config)
{
    vc_model *model;
    assert_ok(vc_model_create(&model, config, 0));
    set_weights(model);
    assert_ok(vc_model_write(path, model));
    vc_model_close(model);
}

static size_t count_of(const json_t *row, const char *key)
{
    return (size_t)json_integer_value(json_object_get(row, key));
}

static void check_positions(const vc_model *model, const json_t *row)
{
    const json_t *want = json_object_get(row, "values");
    size_t count = json_array_size(want), given = count_of(row, "prefix") * count_of(row, "width");
    assert_int_equal(count, vc__deit_tokens(vc__deit_sizes_of(&model->config)) *
                                vc__deit_sizes_of(&model->config)->width);
    for (size_t i = 0; i < count; i++) /* values below 0.5: rounded to float32 once, by 1.5e-8 */
        assert_near(vc__deit_weights_of(model)->pos_embed[i],
                    json_real_value(json_array_get(want, i)), 1.51e-8);
    float *source = malloc(count * sizeof *source);
    noise(source, "pos_embed", given);
    for (size_t i = 0; i < given; i++)
        assert_true(vc__deit_weights_of(model)->pos_embed[i] == 0.3f * source[i]);
    free(source);
}

static void positions_are_timms(void **state)
{
    (void)state;
    size_t i;
    json_t *row, *golden = golden_of("deit_resized");
    json_array_foreach (json_object_get(golden, "positions"), i, row) {
        const vc_model_config config =
            deit(2 * count_of(row, "old"), 2, count_of(row, "width"), count_of(row, "prefix") == 2);
        write_model(temporary("positions.safetensors"), &config);
        for (int in_place = 0; in_place < 2; in_place++) {
            const vc_model_options options = {.image_size = vc_square(2 * count_of(row, "new")),
                                              .in_place = in_place};
            vc_model *model;
            assert_ok(vc_model_open(&model, temporary("positions.safetensors"), &options));
            check_positions(model, row);
            vc_model_close(model);
        }
    }
    assert_true(i >= 8);
    json_decref(golden);
}

static vc_extent extent_of(const json_t *row, const char *key)
{
    const json_t *sides = json_object_get(row, key);
    return (vc_extent){(size_t)json_integer_value(json_array_get(sides, 0)),
                       (size_t)json_integer_value(json_array_get(sides, 1))};
}

/* From rows and columns to others; patches of 2 x 4 pixels. */
static void oblong_positions_are_timms(void **state)
{
    (void)state;
    size_t i;
    json_t *row, *golden = golden_of("deit_resized");
    json_array_foreach (json_object_get(golden, "oblong_positions"), i, row) {
        const vc_extent from = extent_of(row, "old"), to = extent_of(row, "new");
        vc__deit_config sizes = vc__deit_config_default();
        sizes.patch = (vc_extent){2, 4};
        sizes.image = (vc_extent){2 * from.height, 4 * from.width};
        sizes.width = sizes.heads = count_of(row, "width");
        sizes.depth = 1;
        sizes.distilled = count_of(row, "prefix") == 2;
        const vc_model_config config = vc__deit_model(&sizes);
        write_model(temporary("positions.safetensors"), &config);
        for (int in_place = 0; in_place < 2; in_place++) {
            const vc_model_options options = {.image_size = {2 * to.height, 4 * to.width},
                                              .in_place = in_place};
            vc_model *model;
            assert_ok(vc_model_open(&model, temporary("positions.safetensors"), &options));
            check_positions(model, row);
            vc_model_close(model);
        }
    }
    assert_true(i >= 6);
    json_decref(golden);
}

static void logits_are_timms(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t from, to;
        int distilled;
    } cases[] = {{"grown", 32, 56, 0},
                 {"shrunk", 56, 32, 0},
                 {"grown_distilled", 32, 56, 1},
                 {"shrunk_distilled", 56, 24, 1}};
    json_t *golden = golden_of("deit_resized");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vc_model_config config = deit(cases[i].from, 8, 24, cases[i].distilled);
        const vc_model_options options = {.image_size = vc_square(cases[i].to), .in_place = 1};
        vc_model *model;
        write_model(temporary("logits.safetensors"), &config);
        assert_ok(vc_model_open(&model, temporary("logits.safetensors"), &options));
        check_logits(model, golden, cases[i].key);
        vc_model_close(model);
    }
    json_decref(golden);
}

/* A resized model is a model like others: it is written with its size, and read again, bit for
 * bit. */
static void what_is_written_has_the_size(void **state)
{
    (void)state;
    const vc_model_config config = deit(32, 8, 24, 1);
    write_model(temporary("small.safetensors"), &config);
    for (int in_place = 0; in_place < 2; in_place++) {
        const vc_model_options resized = {.image_size = {40, 40}, .in_place = in_place}, none = {0};
        vc_model *model, *back;
        assert_ok(vc_model_open(&model, temporary("small.safetensors"), &resized));
        assert_ok(vc_model_write(temporary("large.safetensors"), model));
        assert_ok(vc_model_open(&back, temporary("large.safetensors"), &none));
        assert_int_equal(vc__deit_sizes_of(&back->config)->image.width, 40);
        assert_int_equal(vc_model_layer(&back->config, 0).keys, 27);
        assert_int_equal(back->param_count, model->param_count);
        for (size_t p = 0; p < back->param_count; p++) {
            assert_int_equal(back->params[p].positions,
                             strcmp(back->params[p].name, "pos_embed") == 0);
            assert_int_equal(back->params[p].count, model->params[p].count);
            assert_memory_equal(back->params[p].data, model->params[p].data,
                                back->params[p].count * sizeof(float));
        }
        vc_model_close(back);
        vc_model_close(model);
    }
}

static void the_same_size_changes_nothing(void **state)
{
    (void)state;
    const vc_model_config config = deit(32, 8, 24, 0);
    const vc_model_options same = {.image_size = {32, 32}}, none = {0};
    vc_model *model, *plain;
    write_model(temporary("same.safetensors"), &config);
    assert_ok(vc_model_open(&model, temporary("same.safetensors"), &same));
    assert_ok(vc_model_open(&plain, temporary("same.safetensors"), &none));
    assert_memory_equal(model->values, plain->values, plain->value_count * sizeof(float));
    vc_model_close(plain);
    vc_model_close(model);
}

static void sizes_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        size_t image;
        const char *message;
    } cases[] = {{33, "an image of 33 pixels, wanted a multiple of the patches' 8"},
                 {4, "an image of 4 pixels, wanted a multiple of the patches' 8"},
                 {16392, "an image of 16392 pixels, wanted at most 16384"},
                 {SIZE_MAX, "pixels, wanted at most 16384"},
                 {8192, "an image of 8192 pixels makes 1048577 tokens, whose attention in 3 heads "
                        "has more than the 2147483648"}};
    vc_model_config config = deit(32, 8, 24, 0);
    vc_model *model;
    write_model(temporary("sizes.safetensors"), &config);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vc_model_options options = {.image_size = vc_square(cases[i].image), .in_place = 1};
        assert_fails(vc_model_open(&model, temporary("sizes.safetensors"), &options), VC_EINVAL,
                     cases[i].message);
        assert_null(model);
        assert_true(strstr(vc_last_error(), "sizes.safetensors: ") != NULL);
        assert_fails(vc_model_resize(&config, vc_square(cases[i].image)), VC_EINVAL,
                     cases[i].message);
    }
    assert_fails(vc_model_resize(&config, vc_square(0)), VC_EINVAL, "every size above 0: image 0");
    assert_int_equal(vc__deit_sizes_of(&config)->image.width, 32);
}

static void levit_has_one_size(void **state)
{
    (void)state;
    vc_model_config config;
    vc_model *model;
    assert_ok(vc_model_preset(&config, "levit_128s"));
    assert_ok(vc_model_resize(&config, vc_square(64)));
    assert_int_equal(vc_model_layer(&config, 0).keys, 16);
    write_model(temporary("levit.safetensors"), &config);
    const vc_model_options same = {.image_size = {64, 64}}, other = {.image_size = {128, 128}};
    assert_ok(vc_model_open(&model, temporary("levit.safetensors"), &same));
    vc_model_close(model);
    assert_fails(vc_model_open(&model, temporary("levit.safetensors"), &other), VC_EUNSUPPORTED,
                 "a LeViT for images of 64 pixels, wanted 128: its attention biases belong to one");
    assert_fails(vc_model_resize(&config, vc_square(72)), VC_EINVAL,
                 "72 pixels, wanted a multiple of 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(positions_are_timms),
                                       cmocka_unit_test(oblong_positions_are_timms),
                                       cmocka_unit_test(logits_are_timms),
                                       cmocka_unit_test(what_is_written_has_the_size),
                                       cmocka_unit_test(the_same_size_changes_nothing),
                                       cmocka_unit_test(sizes_that_do_not_fit),
                                       cmocka_unit_test(levit_has_one_size)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
