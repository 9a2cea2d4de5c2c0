/* A new family is one file, toy_family.c, and one line of the list, toy_families.def: nothing
 * else of the program knows it, and it is opened, run, attended to, trained, exported and lowered
 * all the same. */
#include "testing.h"

#define VC__FAMILIES "../../tests/models/toy_families.def"
#include "../../src/models/registry.c"
#include "../engine_logits.h"
#include "../onnx/onnx_run.h"
#include "toy_family.c"
#include "vitcod/onnx.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"

enum { HEIGHT = 6, WIDTH = 4, HEADS = 2, DIM = 3, CHANNELS = HEADS * DIM, BATCH = 2 };
enum { PIXELS = HEIGHT * WIDTH };

static vc_model *make(uint64_t seed)
{
    vc_model_config config = {.family = &vc__toy};
    vc_model *model;
    *(toy_sizes *)(void *)config.sizes.bytes = (toy_sizes){HEIGHT, WIDTH, HEADS, DIM};
    assert_ok(vc_model_create(&model, &config, seed));
    return model;
}

static void draw(float *x, size_t count)
{
    vc_rng rng = vc_rng_open(1, 2, 3);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)vc_rng_normal(&rng);
}

/* Keys at most two lines away. */
static vc_plan make_plan(void)
{
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_mask_open(&mask, 1, HEADS, HEIGHT, HEIGHT));
    for (size_t i = 0; i < HEADS * HEIGHT * HEIGHT; i++) {
        const size_t query = i / HEIGHT % HEIGHT, key = i % HEIGHT;
        mask.pruned[i] = query > key + 2 || key > query + 2;
    }
    assert_ok(vc_polarize_groups(&plan, &mask, 1, 6, "plan"));
    vc_mask_close(&mask);
    return plan;
}

static void written_and_opened(void **state)
{
    (void)state;
    float x[BATCH * PIXELS];
    const char *path = temporary("toy.safetensors");
    const vc_model_options options = {0};
    vc_model *model = make(7), *back;
    vc_acts acts, again;
    draw(x, BATCH * PIXELS);
    assert_ok(vc_model_write(path, model));
    assert_ok(vc_model_open(&back, path, &options));
    assert_string_equal(vc_model_family(&back->config), "toy");
    assert_int_equal(vc_model_layer(&back->config, 0).heads, HEADS);
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    assert_ok(vc_acts_open(&again, back, BATCH, 0));
    vc_model_forward(&acts, model, x, BATCH, NULL);
    vc_model_forward(&again, back, x, BATCH, NULL);
    assert_memory_equal(acts.logits, again.logits, BATCH * CHANNELS * sizeof *acts.logits);
    vc_acts_close(&again);
    vc_acts_close(&acts);
    vc_model_close(back);
    vc_model_close(model);
}

static void add_rows(void *context, const vc_acts *acts, size_t layer, const float *probs,
                     size_t batch)
{
    double *sum = context;
    (void)acts;
    assert_int_equal(layer, 0);
    for (size_t i = 0; i < batch * HEADS * HEIGHT * HEIGHT; i++)
        *sum += (double)probs[i];
}

static void attended(void **state)
{
    (void)state;
    float x[BATCH * PIXELS];
    double sum = 0.0;
    const vc_tap tap = {.attention = add_rows, .context = &sum};
    vc_model *model = make(7);
    vc_acts acts;
    draw(x, BATCH * PIXELS);
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    vc_model_forward(&acts, model, x, BATCH, &tap);
    assert_near(sum, (double)(BATCH * HEADS * HEIGHT), 1e-4);
    vc_acts_close(&acts);
    vc_model_close(model);
}

/* (out - wanted)^2 / 2, wanted 0.1 everywhere */
static double loss_of(vc_acts *acts, const vc_model *model, const float *x)
{
    double sum = 0.0;
    vc_model_observe(acts, model, x, BATCH);
    for (size_t i = 0; i < BATCH * CHANNELS; i++)
        sum += 0.5 * pow((double)acts->logits[i] - 0.1, 2.0);
    return sum;
}

static void check_gradients(vc_model *model, vc_acts *acts, const float *grads, const float *x)
{
    for (size_t p = 0; p < model->param_count; p++)
        for (size_t i = 0; i < model->params[p].count; i++) {
            float *value = &model->params[p].data[i];
            const float kept = *value, step = 1e-2f;
            *value = kept + step;
            const double above = loss_of(acts, model, x);
            *value = kept - step;
            const double below = loss_of(acts, model, x);
            *value = kept;
            assert_near(grads[model->params[p].offset + i], (above - below) / (2.0 * (double)step),
                        2e-3);
        }
}

/* Dense, then on a plan. */
static void learns(void **state)
{
    (void)state;
    float x[BATCH * PIXELS];
    vc_plan plan = make_plan();
    draw(x, BATCH * PIXELS);
    for (int restricted = 0; restricted < 2; restricted++) {
        vc_model *model = make(7);
        vc_acts acts;
        vc_grads grads;
        char place[VC_PLACE_ROOM];
        if (restricted)
            assert_ok(vc_model_use_plan(model, &plan, "plan"));
        assert_ok(vc_acts_open(&acts, model, BATCH, 1));
        assert_ok(vc_grads_open(&grads, model, BATCH));
        const double before = loss_of(&acts, model, x);
        vc_grads_clear(&grads, model);
        for (size_t i = 0; i < BATCH * CHANNELS; i++)
            grads.dlogits[i] = acts.logits[i] - 0.1f;
        vc_model_backward(&grads, &acts, model, BATCH, 0.0f);
        check_gradients(model, &acts, grads.values, x);
        for (size_t i = 0; i < model->value_count; i++)
            model->values[i] -= 0.1f * grads.values[i];
        assert_true(loss_of(&acts, model, x) < before);
        assert_false(vc_model_not_finite(place, model, &acts));
        vc_grads_close(&grads);
        vc_acts_close(&acts);
        vc_model_close(model);
    }
    vc_plan_close(&plan);
}

/* From its block list alone. */
static void run_by_an_engine(void **state)
{
    (void)state;
    float x[BATCH * PIXELS], have[BATCH * CHANNELS];
    vc_model *model = make(5);
    vc_acts acts;
    draw(x, BATCH * PIXELS);
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    vc_model_forward(&acts, model, x, BATCH, NULL);
    vc_engine_options options = vc_engine_options_default();
    options.batch = BATCH;
    run_engine(have, model, x, BATCH, &options);
    for (size_t i = 0; i < BATCH * CHANNELS; i++)
        assert_near(have[i], acts.logits[i], 1e-5);
    vc_acts_close(&acts);
    vc_model_close(model);
}

/* And as ONNX, from the same list; on a plan too. */
static void exported(void **state)
{
    (void)state;
    float x[BATCH * PIXELS], have[BATCH * CHANNELS];
    const vc_onnx_options options = {0};
    vc_plan plan = make_plan();
    draw(x, BATCH * PIXELS);
    for (int restricted = 0; restricted < 2; restricted++) {
        const char *path = temporary("toy.onnx");
        vc_onnx_info info;
        vc_model *model = make(5);
        vc_acts acts;
        if (restricted)
            assert_ok(vc_model_use_plan(model, &plan, "plan"));
        assert_ok(vc_acts_open(&acts, model, BATCH, 0));
        vc_model_forward(&acts, model, x, BATCH, NULL);
        assert_ok(vc_onnx_write(&info, path, model, &options));
        onnx_file file = onnx_open(path);
        assert_string_equal(file.output, "outputs");
        onnx_run_file(have, &file, x, BATCH);
        for (size_t i = 0; i < BATCH * CHANNELS; i++)
            assert_near(have[i], acts.logits[i], 1e-5);
        onnx_close(&file);
        vc_acts_close(&acts);
        vc_model_close(model);
    }
    vc_plan_close(&plan);
}

static void lowered(void **state)
{
    (void)state;
    vc_model *model = make(7);
    vc_plan plan = make_plan();
    vc_workload dense = {0}, sparse = {0};
    assert_ok(vc_model_lower(&dense, &model->config, NULL));
    assert_ok(vc_model_lower(&sparse, &model->config, &plan));
    assert_int_equal(vc_workload_macs(&dense, 0),
                     HEIGHT * WIDTH * 3 * CHANNELS + 2 * HEIGHT * HEIGHT * CHANNELS);
    assert_true(vc_workload_macs(&sparse, 1) < vc_workload_macs(&dense, 1));
    vc_workload_close(&sparse);
    vc_workload_close(&dense);
    vc_plan_close(&plan);
    vc_model_close(model);
}

/* What it cannot do is said in a sentence. */
static void refused(void **state)
{
    (void)state;
    char those[VC_FAMILIES_TEXT];
    vc_model *model = make(7);
    vc_acts acts;
    float norm;
    vc_model_config config = model->config;
    json_t *about = vc_model_describe(&config);
    assert_int_equal(json_object_size(about), 0);
    json_decref(about);
    assert_ok(vc_acts_open(&acts, model, 1, 0));
    assert_fails(vc_model_value_norms(&norm, &acts, model, 0, 1, 0), VC_EUNSUPPORTED,
                 "this is a toy");
    assert_fails(vc_model_compress(&config, 0, VC_CODED_QK), VC_EUNSUPPORTED, "a toy has no heads");
    assert_ok(vc_model_compress(&config, 0, VC_CODED_NONE));
    assert_fails(vc_model_resize(&config, vc_square(8)), VC_EUNSUPPORTED, "a toy has one size");
    assert_fails(vc_model_check_classifier(&config), VC_EUNSUPPORTED, "tells no classes apart");
    assert_int_equal(vc_model_groups(&config), 1);
    assert_int_equal(vc_model_group(&config, 0).count, 1);
    assert_int_equal(vc_model_prefix_tokens(&config), 0);
    assert_int_equal(vc_model_norms(&config), 0);
    assert_string_equal(vc_families_that_can(those, VC_ABILITY_LEARNS),
                        "a deit or a levit or a strided_transformer or a toy");
    vc_acts_close(&acts);
    vc_model_close(model);
}

/* Nor with a family more do two have the same name or number. */
static void told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; families[i]; i++)
        for (size_t j = 0; j < i; j++) {
            assert_true(families[i]->number != families[j]->number);
            assert_string_not_equal(families[i]->name, families[j]->name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_opened), cmocka_unit_test(attended), cmocka_unit_test(learns),
        cmocka_unit_test(run_by_an_engine),   cmocka_unit_test(exported), cmocka_unit_test(lowered),
        cmocka_unit_test(told_apart),         cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
