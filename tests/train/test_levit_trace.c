/* Ten training steps of a LeViT against timm: tools/golden/levit_trace.py has the other side. */
#include "../../src/models/levit/levit.h"
#include "every_isa.h"
#include "summary_plans.h"
#include "vitcod/json.h"
#include "vitcod/polarize.h"
#include "vitcod/train.h"

enum { IMAGE = 80, PIXELS = 3 * IMAGE * IMAGE, CLASSES = 5, BATCH = 12, STEPS = 10, GROUPS = 5 };

typedef enum restriction { DENSE, MASK, PLAN, SUMMARIES } restriction;

typedef struct course {
    const char *name;   /* in the file */
    const char *taught; /* "soft", "hard", or "mean" of the heads; NULL: by its name */
    int autoencoder;
    restriction how;
    double bias_rate, pooling_rate, query_rate; /* with the last, queries pool */
} course;

static vc_model_config config_of(int autoencoder)
{
    vc_model_config config =
        vc__levit_model(&(vc__levit_config){.image = IMAGE,
                                            .channels = 3,
                                            .classes = CLASSES,
                                            .stem = {2, 4, 8, 16},
                                            .stages = {{16, 2, {2, 4, 8, 32}, {0}, {0}},
                                                       {24, 1, {3, 4, 8, 48}, {0}, {4, 4, 16, 48}},
                                                       {32, 1, {2, 4, 8, 64}, {0}, {6, 4, 16, 64}}},
                                            .distilled = 1,
                                            .std = {1, 1, 1}});
    if (autoencoder)
        assert_ok(vc_model_compress(&config, 0, VC_CODED_QK));
    return config;
}

static void set_weights(vc_model *model)
{
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        const char *name = param->name;
        float shift = 0.0f, scale = 0.3f;
        if (strstr(name, "running_var")) {
            shift = 1.0f;
            scale = 0.5f;
        } else if (strstr(name, ".bn.weight")) {
            shift = 0.6f;
            scale = 0.1f;
        } else if (param->rank > 1 && !strstr(name, "attention_biases")) {
            scale = 1.0f / sqrtf((float)(param->count / param->shape[0]));
        }
        noise(param->data, name, param->count);
        for (size_t i = 0; i < param->count; i++)
            param->data[i] = shift + scale * param->data[i];
    }
}

static void sprinkle(vc_mask *mask, size_t first_layer)
{
    const size_t h = mask->heads, q = mask->queries, k = mask->keys;
    for (size_t at = 0; at < mask->layers * h * q * k; at++) {
        const size_t key = at % k, query = at / k % q, head = at / k / q % h;
        const size_t layer = first_layer + at / k / q / h;
        mask->pruned[at] =
            !(key == 1 || query == key || (query * 5 + key * 3 + head + layer) % 7 == 0);
    }
}

static void restrict_model(vc_model *model, const course *c)
{
    vc_mask masks[GROUPS];
    vc_plan plan;
    for (size_t g = 0; g < GROUPS; g++) {
        const vc_attention_group group = vc_model_group(&model->config, g);
        const vc_attention_layer l = vc_model_layer(&model->config, group.first);
        assert_ok(vc_mask_open(&masks[g], group.count, l.heads, l.queries, l.keys));
        (c->how == SUMMARIES ? summary_mask : sprinkle)(&masks[g], group.first);
    }
    if (c->how == MASK)
        assert_ok(vc_model_use_masks(model, masks, GROUPS, "masks"));
    if (c->how >= PLAN) {
        assert_ok(vc_polarize_groups(&plan, masks, GROUPS, 10, "masks"));
        assert_true(plan.layers[0].global_tokens[0] > 0);
        if (c->how == SUMMARIES)
            add_queried_summaries(&plan, 0, 0, c->query_rate > 0.0 ? 4 : 0);
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        vc_plan_close(&plan);
    }
    for (size_t g = 0; g < GROUPS; g++)
        vc_mask_close(&masks[g]);
}

static float images[BATCH * PIXELS];

static void make_images(int step)
{
    char name[32];
    snprintf(name, sizeof name, "images %d", step);
    noise(images, name, BATCH * PIXELS);
}

static vc_loss losses(vc_grads *grads, const vc_acts *acts, int step, const char *how)
{
    float teacher[BATCH * CLASSES];
    int32_t y[BATCH];
    char name[32];
    for (int i = 0; i < BATCH; i++)
        y[i] = (3 * i + step) % CLASSES;
    if (strcmp(how, "mean") == 0)
        return vc_cross_entropy(grads->dlogits, acts->logits, y, BATCH, CLASSES, 0.1f);
    snprintf(name, sizeof name, "teacher %d", step);
    noise(teacher, name, BATCH * CLASSES);
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        teacher[i] *= 2.0f;
    const vc_labels labels = {y, y, 1.0};
    const vc_teaching teaching = {teacher, 0.4, 2.0, strcmp(how, "hard") == 0};
    return vc_two_head_loss(grads->dhead_logits, acts->head_logits, &labels, &teaching, BATCH,
                            CLASSES, 0.1f);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number '%s'", key);
    return json_number_value(value);
}

static void step(vc_model *model, vc_acts *acts, vc_grads *grads, vc_optimizer *optimizer, int s,
                 const course *c, const json_t *want)
{
    vc_train_options o = vc_train_options_default();
    const double weight = 1e-2, rate = 2e-3;
    o.eps = 1e-5;
    o.bias_rate = c->bias_rate;
    o.pooling_rate = c->pooling_rate;
    o.query_rate = c->query_rate;
    make_images(s);
    vc_model_observe(acts, model, images, BATCH);
    const vc_loss loss = losses(grads, acts, s, c->taught ? c->taught : c->name);
    vc_grads_clear(grads, model);
    vc_model_backward(grads, acts, model, BATCH, (float)weight);
    vc_model_settle(model, acts, BATCH);
    const double norm = vc_optimizer_step(optimizer, model, grads, &o, rate);
    assert_near(loss.task, number(want, "loss"), 1e-4);
    assert_near(loss.distillation, number(want, "distillation"), 1e-4);
    assert_near(norm, number(want, "norm"), 1e-3 * number(want, "norm"));
    assert_near(vc_model_reconstruction(acts, model), number(want, "reconstruction"),
                1e-4 * number(want, "reconstruction"));
}

/* Sums of absolute values of what was learnt and observed. */
static size_t compare_parameters(const vc_model *model, const json_t *trace)
{
    size_t compared = 0;
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        const json_t *all = json_object_get(trace, param->statistic ? "running" : "parameters");
        if (!json_object_get(all, param->name))
            continue;
        const double want = number(all, param->name);
        double sum = 0.0;
        for (size_t i = 0; i < param->count; i++)
            sum += fabs((double)param->data[i]);
        if (!(fabs(sum - want) <= 1e-3 * want))
            fail_msg("%s sums to %.8g, wanted %.8g", param->name, sum, want);
        compared++;
    }
    return compared;
}

static void follow(const course *c)
{
    const vc_model_config config = config_of(c->autoencoder);
    json_t *golden;
    vc_model *model;
    vc_acts acts;
    vc_grads grads;
    vc_optimizer optimizer;
    assert_ok(vc_json_read(&golden, "tools/golden/levit_trace.json"));
    const json_t *trace = json_object_get(golden, c->name);
    assert_ok(vc_model_create(&model, &config, 0));
    set_weights(model);
    restrict_model(model, c);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    if (c->pooling_rate == 0.0)
        grads.pool_weights = NULL;
    assert_ok(vc_optimizer_open(&optimizer, model));
    for (int s = 0; s < STEPS; s++)
        step(model, &acts, &grads, &optimizer, s, c,
             json_array_get(json_object_get(trace, "steps"), (size_t)s));
    const json_t *logits = json_object_get(trace, "logits");
    assert_int_equal(compare_parameters(model, trace),
                     json_object_size(json_object_get(trace, "parameters")) +
                         json_object_size(json_object_get(trace, "running")));
    vc_model_refresh(model);
    make_images(0);
    vc_model_forward(&acts, model, images, BATCH, NULL);
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        assert_near(acts.logits[i], json_real_value(json_array_get(logits, i)), 1e-3);
    json_decref(golden);
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void soft_distillation(void **state)
{
    (void)state;
    follow(&(course){.name = "soft", .how = DENSE});
}

static void hard_distillation_under_masks(void **state)
{
    (void)state;
    follow(&(course){.name = "hard", .how = MASK});
}

static void hard_distillation_on_a_plan(void **state)
{
    (void)state;
    follow(&(course){.name = "hard", .how = PLAN});
}

static void mean_of_the_heads_with_autoencoder(void **state)
{
    (void)state;
    follow(&(course){.name = "mean", .autoencoder = 1, .how = MASK});
    follow(&(course){.name = "mean", .autoencoder = 1, .how = PLAN});
}

static void summaries(void **state)
{
    (void)state;
    follow(&(course){.name = "summaries", .taught = "soft", .how = SUMMARIES, .bias_rate = 5.0});
}

static void summaries_with_autoencoder(void **state)
{
    (void)state;
    follow(&(course){.name = "summaries_autoencoder",
                     .taught = "mean",
                     .autoencoder = 1,
                     .how = SUMMARIES,
                     .bias_rate = 1.0,
                     .pooling_rate = 0.5});
}

static void summaries_pooled_by_queries(void **state)
{
    (void)state;
    follow(&(course){.name = "summaries_queries",
                     .taught = "mean",
                     .autoencoder = 1,
                     .how = SUMMARIES,
                     .bias_rate = 1.0,
                     .pooling_rate = 0.5,
                     .query_rate = 2.0});
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(soft_distillation),
                                       cmocka_unit_test(hard_distillation_under_masks),
                                       cmocka_unit_test(hard_distillation_on_a_plan),
                                       cmocka_unit_test(mean_of_the_heads_with_autoencoder),
                                       cmocka_unit_test(summaries),
                                       cmocka_unit_test(summaries_with_autoencoder),
                                       cmocka_unit_test(summaries_pooled_by_queries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return on_every_isa(run_group);
}
