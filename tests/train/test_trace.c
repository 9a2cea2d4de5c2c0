/* Ten training steps against PyTorch: tools/golden/train_trace.py has the other side. */
#include "../../src/models/deit/deit.h"
#include "every_isa.h"
#include "summary_plans.h"
#include "vitcod/json.h"
#include "vitcod/polarize.h"
#include "vitcod/train.h"

enum { BATCH = 6, STEPS = 10, PIXELS = 64, CLASSES = 5 };

static void wave(float *x, size_t count, double phase, double scale)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(scale * sin(0.73 * (double)i + phase));
}

static void set_weights(vc_model *model)
{
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        float *values = model->values + p->offset;
        wave(values, p->count, (double)i, 0.3);
        if (strstr(p->name, "norm") && strstr(p->name, "weight"))
            for (size_t k = 0; k < p->count; k++)
                values[k] = 1.0f + values[k];
    }
}

static vc_status make_mask(vc_mask *mask, const vc__deit_config *c)
{
    size_t tokens = vc__deit_tokens(c);
    VC_TRY(vc_mask_open(mask, c->depth, c->heads, tokens, tokens));
    for (size_t l = 0; l < c->depth; l++)
        for (size_t h = 0; h < c->heads; h++)
            for (size_t i = 0; i < tokens; i++)
                for (size_t j = 0; j < tokens; j++)
                    vc_mask_head(mask, l, h)[i * tokens + j] =
                        !(i == 0 || j == 0 || i == j || (i * 5 + j * 3 + h + l) % 7 == 0);
    return VC_OK;
}

typedef enum restriction { DENSE, MASK, PLAN, SUMMARIES } restriction;

typedef struct course {
    const char *name; /* in the file */
    size_t compressed;
    restriction how;
    size_t first; /* layer l has the summaries that summaries.py gives to layer first + l */
    double bias_rate, pooling_rate, query_rate; /* with the last, queries pool */
} course;

static void restrict_model(vc_model *model, const course *c)
{
    vc_mask mask;
    vc_plan plan;
    assert_ok(make_mask(&mask, vc__deit_sizes_of(&model->config)));
    if (c->how == MASK)
        assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    if (c->how >= PLAN) {
        assert_ok(vc_polarize(&plan, &mask, 5, "mask"));
        assert_true(plan.layers[0].global_tokens[0] > 0);
        if (c->how == SUMMARIES)
            add_queried_summaries(&plan, 1, c->first, c->query_rate > 0.0 ? 4 : 0);
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        vc_plan_close(&plan);
    }
    vc_mask_close(&mask);
}

/* Sums of absolute values: of all that is the model's, and of each parameter of the summaries. */
static void compare_parameters(const vc_model *model, const json_t *trace)
{
    double family = 0.0;
    size_t compared = 0;
    const json_t *summaries = json_object_get(trace, "summaries");
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        double sum = 0.0;
        for (size_t i = 0; i < param->count; i++)
            sum += fabs((double)param->data[i]);
        if (param->origin == VC_OF_FAMILY) {
            family += sum;
            continue;
        }
        const double want = json_real_value(json_object_get(summaries, param->name));
        if (!(fabs(sum - want) <= 1e-4 * want))
            fail_msg("%s sums to %.8g, wanted %.8g", param->name, sum, want);
        compared++;
    }
    assert_near(family, json_real_value(json_object_get(trace, "weights")), 5e-2);
    assert_int_equal(compared, json_object_size(summaries));
}

static void follow(const course *c)
{
    const vc__deit_config config = {.image = {8, 8},
                                    .patch = {2, 2},
                                    .channels = 1,
                                    .classes = CLASSES,
                                    .width = 12,
                                    .depth = 2,
                                    .heads = 3,
                                    .hidden = 24,
                                    .compressed_heads = {c->compressed, c->compressed},
                                    .mean = {0},
                                    .std = {1}};
    vc_train_options o = vc_train_options_default();
    const double reconstruction = 1e-2, rate = 3e-3;
    o.bias_rate = c->bias_rate;
    o.pooling_rate = c->pooling_rate;
    o.query_rate = c->query_rate;
    json_t *golden;
    vc_model *model;
    vc_acts acts;
    vc_grads grads;
    vc_optimizer optimizer;
    assert_ok(vc_json_read(&golden, "tools/golden/train_trace.json"));
    const json_t *trace = json_object_get(golden, c->name);
    assert_ok(vc__deit_create(&model, &config, 0));
    set_weights(model);
    restrict_model(model, c);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    if (c->pooling_rate == 0.0)
        grads.pool_weights = NULL;
    assert_ok(vc_optimizer_open(&optimizer, model));
    for (int s = 0; s < STEPS; s++) {
        const json_t *want = json_array_get(json_object_get(trace, "steps"), (size_t)s);
        float x[BATCH * PIXELS];
        int32_t y[BATCH];
        wave(x, BATCH * PIXELS, 0.1 * s, 1.0);
        for (int i = 0; i < BATCH; i++)
            y[i] = (3 * i + s) % CLASSES;
        vc_model_forward(&acts, model, x, BATCH, NULL);
        vc_loss loss = vc_cross_entropy(grads.dlogits, acts.logits, y, BATCH, CLASSES, 0.1f);
        vc_grads_clear(&grads, model);
        vc_model_backward(&grads, &acts, model, BATCH, (float)reconstruction);
        double norm = vc_optimizer_step(&optimizer, model, &grads, &o, rate);
        /* float32 against float64; a step's error is amplified by the ones that follow. */
        assert_near(loss.task, json_real_value(json_object_get(want, "loss")), 2e-5);
        assert_near(norm, json_real_value(json_object_get(want, "norm")), 1e-4);
        assert_near(vc_model_reconstruction(&acts, model),
                    json_number_value(json_object_get(want, "reconstruction")), 2e-3);
    }
    compare_parameters(model, trace);
    json_decref(golden);
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void dense(void **state)
{
    (void)state;
    follow(&(course){.name = "dense"});
}

static void masked_with_autoencoder(void **state)
{
    (void)state;
    follow(&(course){.name = "sparse", .compressed = 2, .how = MASK});
}

static void on_a_plan_with_autoencoder(void **state)
{
    (void)state;
    follow(&(course){.name = "sparse", .compressed = 2, .how = PLAN});
}

static void summaries(void **state)
{
    (void)state;
    follow(&(course){.name = "summaries", .how = SUMMARIES, .bias_rate = 10.0});
}

static void summaries_with_autoencoder(void **state)
{
    (void)state;
    follow(
        &(course){"summaries_autoencoder", 2, SUMMARIES, 2, .bias_rate = 1.0, .pooling_rate = 0.5});
}

static void summaries_pooled_by_queries(void **state)
{
    (void)state;
    follow(&(course){.name = "summaries_queries",
                     .compressed = 2,
                     .how = SUMMARIES,
                     .first = 2,
                     .bias_rate = 1.0,
                     .pooling_rate = 0.5,
                     .query_rate = 2.0});
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dense),
                                       cmocka_unit_test(masked_with_autoencoder),
                                       cmocka_unit_test(on_a_plan_with_autoencoder),
                                       cmocka_unit_test(summaries),
                                       cmocka_unit_test(summaries_with_autoencoder),
                                       cmocka_unit_test(summaries_pooled_by_queries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return on_every_isa(run_group);
}
