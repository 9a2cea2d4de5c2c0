/* Strided Transformers against an independent program in float64 (tools/golden/strided.py), by
 * forward pass, engine and ONNX. */
#include "strided.h"

#include "../engine_logits.h"
#include "../onnx/onnx_run.h"
#include "every_isa.h"
#include "vitcod/json.h"
#include "vitcod/onnx.h"
#include "vitcod/safetensors.h"

enum { KINDS = sizeof strided_kinds / sizeof *strided_kinds };

static json_t *golden_of(const char *name)
{
    json_t *all = json_load_file("tools/golden/strided.json", 0, NULL);
    assert_non_null(all);
    json_t *golden = json_incref(json_object_get(all, name));
    json_decref(all);
    assert_non_null(golden);
    return golden;
}

/* The largest difference, as a share of the largest value. */
static void compare(const float *have, const json_t *golden, const char *key, const char *what,
                    double tolerance)
{
    const json_t *want = json_object_get(golden, key);
    double difference = 0.0, largest = 0.0;
    assert_true(json_array_size(want) > 0);
    for (size_t i = 0; i < json_array_size(want); i++) {
        const double value = json_real_value(json_array_get(want, i));
        difference = fmax(difference, fabs(have[i] - value));
        largest = fmax(largest, fabs(value));
    }
    print_message("%s, %s: relative error %.2g\n", key, what, difference / largest);
    if (!(difference <= tolerance * largest))
        fail_msg("%s, %s: relative error %g, wanted at most %g", key, what, difference / largest,
                 tolerance);
}

static void check_onnx(const vc_model *model, const float *poses, const json_t *golden,
                       const char *key)
{
    const vc_onnx_options options = {0};
    float have[STRIDED_BATCH * STRIDED_MOST_OUTPUTS];
    vc_onnx_info info;
    assert_ok(vc_onnx_write(&info, temporary("strided.onnx"), model, &options));
    onnx_file file = onnx_open(temporary("strided.onnx"));
    onnx_run_file(have, &file, poses, STRIDED_BATCH);
    onnx_close(&file);
    compare(have, golden, key, "onnx", 1e-5);
}

static void check(const vc_model *model, const json_t *golden, const char *key)
{
    float poses[STRIDED_BATCH * STRIDED_MOST_VALUES], have[STRIDED_BATCH * STRIDED_MOST_OUTPUTS];
    char name[64];
    vc_acts acts;
    strided_poses(poses, model);
    assert_ok(vc_acts_open(&acts, model, STRIDED_BATCH, 0));
    vc_model_forward(&acts, model, poses, STRIDED_BATCH, NULL);
    compare(acts.logits, golden, key, "forward", 1e-5);
    snprintf(name, sizeof name, "%s_reconstruction", key);
    const double loss = json_number_value(json_object_get(golden, name));
    assert_near(vc_model_reconstruction(&acts, model), loss, 1e-5 * loss);
    vc_acts_close(&acts);
    engine_logits(have, model, poses, STRIDED_BATCH, VC_IN_FP32);
    compare(have, golden, key, "engine", 1e-5);
    for (int p = VC_IN_BF16; p <= VC_IN_INT8; p++) {
        if (!vc_precision_supported((vc_precision)p))
            continue;
        engine_logits(have, model, poses, STRIDED_BATCH, (vc_precision)p);
        compare(have, golden, key, vc_precision_name((vc_precision)p), 0.1);
    }
    check_onnx(model, poses, golden, key);
}

static void as_the_oracle(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++)
        for (int in_place = 0; in_place < 2; in_place++) {
            json_t *golden = golden_of(strided_kinds[k].name);
            vc_model *model = strided_open(&strided_kinds[k], VC_CODED_NONE, in_place);
            size_t parameters;
            assert_ok(vc_model_parameters(&parameters, &model->config));
            assert_int_equal(parameters, json_integer_value(json_object_get(golden, "parameters")));
            check(model, golden, "plain");
            strided_mask(model);
            check(model, golden, "mask");
            vc_model_close(model);
            model = strided_open(&strided_kinds[k], VC_CODED_QK, in_place);
            strided_mask(model);
            check(model, golden, "mask_autoencoder");
            vc_model_close(model);
            json_decref(golden);
        }
}

/* Parameters and multiply-adds of the published sizes, in closed form. */
static void published(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t parameters, products, attention;
    } wanted[] = {{"strided_transformer_351", 4346214, 795791616, 259410944},
                  {"strided_transformer_27", 4014438, 63162624, 1539072}};
    for (size_t i = 0; i < 2; i++) {
        vc_model_config config;
        vc_workload workload = {0};
        size_t parameters;
        assert_ok(vc_model_preset(&config, wanted[i].name));
        assert_ok(vc_model_parameters(&parameters, &config));
        assert_int_equal(parameters, wanted[i].parameters);
        assert_ok(vc_model_lower(&workload, &config, NULL));
        assert_int_equal(vc_workload_macs(&workload, 1), wanted[i].attention);
        assert_int_equal(vc_workload_macs(&workload, 0), wanted[i].attention + wanted[i].products);
        vc_workload_close(&workload);
    }
}

/* Summaries are runs of frames. */
static void grids(void **state)
{
    (void)state;
    static const size_t tokens[] = {351, 351, 351, 351, 117, 13};
    vc_model_config config;
    assert_ok(vc_model_preset(&config, "strided_transformer_351"));
    for (size_t l = 0; l < vc_model_layers(&config); l++) {
        const vc_attention_layer layer = vc_model_layer(&config, l);
        assert_int_equal(layer.keys, tokens[l]);
        assert_true(layer.grid.height == tokens[l] && layer.grid.width == 1);
    }
}

/* What the paper says of 351 and of 243 frames: 4.35 and 4.23 million parameters. */
static void of_the_paper(void **state)
{
    (void)state;
    vc_model_config config;
    size_t parameters;
    assert_ok(vc_model_preset(&config, "strided_transformer_351"));
    vc__strided_sizes_in(&config)->frames = 243;
    vc__strided_sizes_in(&config)->strides[2] = 9;
    assert_ok(vc__strided_check(vc__strided_sizes_of(&config)));
    assert_ok(vc_model_parameters(&parameters, &config));
    assert_int_equal(parameters, 4235622);
}

/* Of a strided block: the stream goes in once, a third of it is what sums are added to, and the
 * positions of the next block come with its weights. */
static void lowered(void **state)
{
    (void)state;
    vc_model_config config;
    vc_workload workload = {0};
    assert_ok(vc_model_preset(&config, "strided_transformer_351"));
    assert_ok(vc_model_lower(&workload, &config, NULL));
    size_t seen = 0;
    for (size_t i = 0; i < workload.count; i++) {
        const vc_op *op = &workload.ops[i];
        if (op->kind != VC_OP_MLP || op->layer != 3)
            continue;
        seen++;
        assert_int_equal(op->input_values, 351 * 256);
        assert_int_equal(op->residual_values, 117 * 256);
        assert_true(op->residual_is_input);
        assert_int_equal(op->output_values, 117 * 256);
        assert_int_equal(op->products[0].rows, 351);
        assert_int_equal(op->products[1].rows, 117);
        assert_int_equal(op->products[1].inputs, 3 * 512);
        assert_int_equal(op->weight_values, 257 * 512 + 1537 * 256 + 117 * 256 /* positions */);
    }
    assert_int_equal(seen, 1);
    vc_workload_close(&workload);
}

static vc_status write_again(const char *path, const char *strides, size_t frames)
{
    strided_kind kind = strided_kinds[0];
    kind.sizes.frames = frames;
    vc_model_config config = vc__strided_model(&kind.sizes);
    const vc_metadata said = {"strides", strides};
    vc_model *model;
    vc_named_tensor tensors[256];
    VC_TRY(vc_model_create(&model, &config, 1));
    assert_true(model->param_count < 256);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        tensors[i] = (vc_named_tensor){p->name, {VC_F32, p->rank, {0}, p->data}};
        memcpy(tensors[i].tensor.shape, p->shape, sizeof p->shape);
    }
    const vc_status status =
        vc_safetensors_write(path, tensors, model->param_count, &said, strides ? 1 : 0);
    vc_model_close(model);
    return status;
}

static void check_refused(const char *strides, size_t frames, const char *why)
{
    const vc_model_options options = {.heads = 4};
    const char *path = temporary("said.safetensors");
    vc_model *model;
    assert_ok(write_again(path, strides, frames));
    assert_int_not_equal(vc_model_open(&model, path, &options), VC_OK);
    if (!strstr(vc_last_error(), why))
        fail_msg("'%s', wanted '%s'", vc_last_error(), why);
}

/* Strides are in no tensor: the published ones of 27 frames, else what the file says. */
static void strides(void **state)
{
    (void)state;
    const vc_model_options options = {.heads = 4};
    const char *path = temporary("said.safetensors");
    vc_model *model;
    assert_ok(write_again(path, NULL, 27));
    assert_ok(vc_model_open(&model, path, &options));
    assert_int_equal(vc_model_layer(&model->config, 3).queries, 9);
    vc_model_close(model);
    assert_ok(write_again(path, "9 3 1", 27));
    assert_ok(vc_model_open(&model, path, &options));
    assert_int_equal(vc_model_layer(&model->config, 3).queries, 3);
    vc_model_close(model);
    const size_t most[8] = {27, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000};
    strided_kind kind = strided_kinds[0];
    kind.sizes.frames = 27;
    kind.sizes.strided = 8;
    memcpy(kind.sizes.strides, most, sizeof most);
    vc_model_config config = vc__strided_model(&kind.sizes), again;
    assert_ok(vc_model_create(&model, &config, 1));
    assert_ok(vc_model_write(path, model));
    vc_model_close(model);
    assert_ok(vc_model_open(&model, path, &options)); /* none is cut from the metadata */
    again = model->config;
    assert_memory_equal(vc__strided_sizes_of(&again)->strides, most, sizeof most);
    vc_model_close(model);
    check_refused(NULL, 26, "wanted them as metadata 'strides'");
    check_refused("3 3", 27, "is '3 3', wanted 3 counts");
    check_refused("3 3 3 3", 27, "wanted 3 counts");
    check_refused("3 0 9", 27, "wanted 3 counts");
    check_refused("3 3 1", 27, "strides that leave 3 of 27 frames, wanted one");
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_oracle), cmocka_unit_test(published),
                                       cmocka_unit_test(of_the_paper),  cmocka_unit_test(grids),
                                       cmocka_unit_test(lowered),       cmocka_unit_test(strides)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}

int main(void)
{
    return on_every_isa(run_group);
}
