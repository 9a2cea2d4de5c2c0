/* DeiTs as ONNX: the file's structure, and its logits, by a reader and a runner of their own,
 * against the forward pass. */
#include "onnx_run.h"
#include "summary_plans.h"
#include "tiny_deit.h"
#include "vitcod/onnx.h"
#include "vitcod/polarize.h"

static void mask_of_tests(vc_mask *mask, size_t layers)
{
    assert_ok(vc_mask_open(mask, layers, 3, TOKENS, TOKENS));
    for (size_t i = 0; i < layers * 3 * TOKENS * TOKENS; i++)
        mask->pruned[i] = i % TOKENS != i / TOKENS % TOKENS && i % 5 != 0;
}

/* The file has the logits of the forward pass. */
static onnx_file check_logits(const vc_model *model)
{
    float have[IMAGES * CLASSES], want[IMAGES * CLASSES];
    const char *path = temporary("model.onnx");
    const vc_onnx_options options = {0};
    vc_onnx_info info;
    assert_ok(vc_onnx_write(&info, path, model, &options));
    onnx_file file = onnx_open(path);
    assert_int_equal(info.nodes, file.node_count);
    assert_int_equal(info.constants, file.constant_count);
    forward(want, model);
    onnx_run_file(have, &file, images, IMAGES);
    assert_close(have, want, 1e-5);
    onnx_run_file(have, &file, images, 2); /* the batch is a symbol */
    for (size_t i = 0; i < 2 * CLASSES; i++)
        assert_near(have[i], want[i], 1e-4);
    return file;
}

static void check(const vc_model *model)
{
    onnx_file file = check_logits(model);
    onnx_close(&file);
}

static void dense(void **state)
{
    (void)state;
    for (size_t depth = 1; depth <= 3; depth++) {
        vc_model *model = make_tiny_deit(depth);
        check(model);
        vc_model_close(model);
    }
}

static void two_classifiers(void **state)
{
    (void)state;
    vc__deit_config c = config;
    vc_model *model, *plain = make_tiny_deit(1); /* the images */
    c.distilled = 1;
    assert_ok(vc__deit_create(&model, &c, 3));
    check(model);
    vc_model_close(model);
    vc_model_close(plain);
}

/* What other plain ViTs have: values that a block list may have and a DeiT has not. */
static void relatives(void **state)
{
    (void)state;
    vc__deit_config c[5];
    for (size_t i = 0; i < 5; i++)
        c[i] = config;
    c[0].layer_scale = c[0].norm_pre = c[0].without_qkv_bias = 1;
    c[1].registers = c[1].unplaced = 3;
    c[2].pool = c[3].pool = VC__DEIT_POOL_AVERAGE;
    c[2].fc_norm = 1;
    c[2].mlp = VC__DEIT_SWIGLU;
    c[0].mlp = VC__DEIT_QUICK_GELU;
    c[0].representation = 7;
    c[3].without_class = 1;
    c[4].registers = 2;
    c[4].pool = VC__DEIT_POOL_AVERAGE;
    for (size_t i = 0; i < 5; i++) {
        vc_model *model, *plain = make_tiny_deit(1); /* the images */
        vc_rng rng = vc_rng_open(7, 0, i);
        assert_ok(vc__deit_create(&model, &c[i], 3));
        for (size_t p = 0; p < model->param_count; p++)
            for (size_t k = 0; model->params[p].rank == 1 && k < model->params[p].count; k++)
                model->params[p].data[k] += 0.3f * (float)vc_rng_normal(&rng);
        check(model);
        vc_model_close(model);
        vc_model_close(plain);
    }
}

/* Models that give features in place of logits. */
static void features(void **state)
{
    (void)state;
    static const vc__deit_output outputs[] = {VC__DEIT_LOGITS, VC__DEIT_POOLED, VC__DEIT_CLASS,
                                              VC__DEIT_TOKENS};
    vc_model *plain = make_tiny_deit(1); /* the images */
    const vc_onnx_options options = {0};
    for (size_t i = 0; i < 8; i++) {
        vc__deit_config c = config;
        vc_model *model;
        vc_onnx_info info;
        vc_acts acts;
        c.classes = outputs[i / 2] == VC__DEIT_LOGITS ? 0 : CLASSES;
        c.output = outputs[i / 2];
        c.distilled = outputs[i / 2] != VC__DEIT_CLASS && i % 2;
        assert_ok(vc__deit_create(&model, &c, 3));
        assert_ok(vc_onnx_write(&info, temporary("features.onnx"), model, &options));
        assert_ok(vc_acts_open(&acts, model, 2, 0));
        vc_model_forward(&acts, model, images, 2, NULL);
        onnx_file file = onnx_open(temporary("features.onnx"));
        float *have = malloc(2 * info.outputs * sizeof *have);
        assert_non_null(have);
        onnx_run_file(have, &file, images, 2);
        assert_string_equal(file.output, "outputs");
        for (size_t k = 0; k < 2 * info.outputs; k++)
            assert_near(have[k], acts.logits[k], 1e-4);
        free(have);
        onnx_close(&file);
        vc_acts_close(&acts);
        vc_model_close(model);
    }
    vc_model_close(plain);
}

static void coded(void **state)
{
    (void)state;
    vc_model *plain = make_tiny_deit(1); /* the images */
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++) {
        vc_model_config c = vc__deit_model(&config);
        vc_model *model;
        assert_ok(vc_model_compress(&c, 2, of));
        assert_ok(vc_model_create(&model, &c, 1));
        check(model);
        vc_model_close(model);
    }
    vc_model_close(plain);
}

/* A mask is a byte for each score, and of the last layer there are those of the class token. */
static void masked(void **state)
{
    (void)state;
    vc_model *model = make_tiny_deit(3);
    vc_mask mask;
    mask_of_tests(&mask, 3);
    memset(mask.pruned + 3 * TOKENS * TOKENS, 0, 3 * TOKENS * TOKENS); /* a layer without */
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    onnx_file file = check_logits(model);
    const onnx_tensor *whole = onnx_find(&file, "layers.0.attention.mask"),
                      *cut = onnx_find(&file, "layers.2.attention.mask");
    assert_true(whole && cut && !onnx_find(&file, "layers.1.attention.mask"));
    assert_int_equal(onnx_count(whole), 3 * TOKENS * TOKENS);
    assert_int_equal(onnx_count(cut), 3 * TOKENS);
    for (size_t i = 0; i < 3 * TOKENS * TOKENS; i++)
        assert_int_equal(whole->values[i], !mask.pruned[i]);
    assert_string_equal(onnx_says(&file, "attention"), "kept entries alone");
    assert_int_equal(strlen(onnx_says(&file, "plan_hash")), 16);
    onnx_close(&file);
    vc_mask_close(&mask);
    vc_model_close(model);
}

static void residual(void **state)
{
    (void)state;
    vc_model *model = make_tiny_deit(3);
    vc_mask mask;
    vc_plan plan;
    mask_of_tests(&mask, 3);
    assert_ok(vc_polarize(&plan, &mask, 8, "mask"));
    for (size_t l = 0; l < plan.layer_count; l++) {
        float *share = malloc(3 * TOKENS * sizeof *share);
        assert_non_null(share);
        for (size_t r = 0; r < 3 * TOKENS; r++)
            share[r] = (float)(r % 9) / 8.0f;
        plan.layers[l].kept_share = share;
    }
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    check(model);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    vc_model_close(model);
}

/* Of four layers the second has none, and the last, where only the class token asks, has one; with
 * queries they are pooled for each image and head. */
static void summaries(void **state)
{
    (void)state;
    for (size_t dim = 0; dim <= 16; dim += 16) {
        vc_model *model = make_tiny_deit(4);
        vc_mask mask;
        vc_plan plan;
        assert_ok(vc_mask_open(&mask, 4, 3, TOKENS, TOKENS));
        summary_mask(&mask, 0);
        assert_ok(vc_polarize(&plan, &mask, 8, "mask"));
        add_queried_summaries(&plan, 1, 0, dim);
        for (int32_t e = 0; dim == 0 && e < plan.layers[0].pooling.start[1]; e++)
            plan.layers[0].pooling.weights[e] *= e % 2 ? -0.5f : 1.5f; /* as if sharpened */
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        onnx_file file = check_logits(model);
        assert_string_equal(onnx_says(&file, "attention"), "with summaries");
        assert_int_equal(dim > 0, onnx_find(&file, "layers.0.attention.pool_query") != NULL);
        onnx_close(&file);
        vc_plan_close(&plan);
        vc_mask_close(&mask);
        vc_model_close(model);
    }
}

static void said(void **state)
{
    (void)state;
    static const char *const names[CLASSES] = {"a", "b", "\xc3\xa9", "d \"e\"", "f", "g", "h"};
    vc_model *model = make_tiny_deit(2);
    const char *path = temporary("said.onnx");
    const vc_onnx_options options = {.class_names = names};
    vc_onnx_info info;
    assert_ok(vc_onnx_write(&info, path, model, &options));
    onnx_file file = onnx_open(path);
    assert_int_equal(file.ir_version, 8);
    assert_int_equal(file.opset, 17);
    assert_string_equal(file.input, "images");
    assert_string_equal(file.output, "logits");
    assert_int_equal(file.input_rank, 4);
    assert_int_equal(file.input_dims[0], 0);
    assert_int_equal(file.input_dims[1], 3);
    assert_int_equal(file.input_dims[2], IMAGE);
    assert_int_equal(file.output_rank, 2);
    assert_int_equal(file.output_dims[0], 0);
    assert_int_equal(file.output_dims[1], CLASSES);
    assert_string_equal(onnx_says(&file, "model"), "deit");
    assert_string_equal(onnx_says(&file, "attention"), "dense");
    assert_string_equal(onnx_says(&file, "sparsity"), "0");
    assert_string_equal(onnx_says(&file, "plan_hash"), "");
    assert_string_equal(onnx_says(&file, "mean"), "0,0,0");
    assert_string_equal(onnx_says(&file, "std"), "1,1,1");
    assert_string_equal(onnx_says(&file, "image_size"), "3,24,24");
    assert_string_equal(onnx_says(&file, "interpolation"), "bicubic");
    assert_string_equal(onnx_says(&file, "crop_pct"), "0.875");
    assert_string_equal(onnx_says(&file, "class_names"),
                        "[\"a\",\"b\",\"\xc3\xa9\",\"d \\\"e\\\"\",\"f\",\"g\",\"h\"]");
    assert_true(vc_onnx_is(path));
    onnx_close(&file);
    vc_model_close(model);
}

/* The same file every time, none in place of one that would be too large, a sentence why. */
static void refused(void **state)
{
    (void)state;
    static const char *const names[CLASSES] = {"a", "b", "c", "d", "e", "f", "\xff"};
    vc_model *model = make_tiny_deit(2);
    const char *path = temporary("refused.onnx"), *other = temporary("other.onnx");
    vc_onnx_options options = {0};
    vc_onnx_info info, again;
    assert_ok(vc_onnx_write(&info, other, model, &options));
    options.most_bytes = info.bytes - 1;
    assert_fails(vc_onnx_write(&again, path, model, &options), VC_EUNSUPPORTED,
                 "refused.onnx: would have more than");
    options.most_bytes = 10000; /* before the constants are all there */
    assert_fails(vc_onnx_write(&again, path, model, &options), VC_EUNSUPPORTED, "than 10000 bytes");
    options.most_bytes = 0;
    options.class_names = names;
    assert_fails(vc_onnx_write(&again, path, model, &options), VC_EFORMAT, "class 6 has a name");
    assert_int_equal(access(path, F_OK), -1);
    assert_false(vc_onnx_is(path));
    options = (vc_onnx_options){.most_bytes = info.bytes};
    assert_ok(vc_onnx_write(&again, path, model, &options));
    assert_int_equal(again.bytes, info.bytes);
    write_bytes(other, "\x08\x08", 2);
    assert_false(vc_onnx_is(other));
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),    cmocka_unit_test(two_classifiers), cmocka_unit_test(relatives),
        cmocka_unit_test(features), cmocka_unit_test(coded),           cmocka_unit_test(masked),
        cmocka_unit_test(residual), cmocka_unit_test(summaries),       cmocka_unit_test(said),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
