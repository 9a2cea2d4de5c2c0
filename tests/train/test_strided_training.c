/* The backward pass of Strided Transformers against PyTorch in float64
 * (tools/golden/strided_training.py) and against central differences, and ten training steps. */
#include "every_isa.h"
#include "strided.h"
#include "vitcod/json.h"
#include "vitcod/loss.h"
#include "vitcod/threads.h"
#include "vitcod/train.h"

enum { KINDS = sizeof strided_kinds / sizeof *strided_kinds, BATCH = 5, STEPS = 10 };
enum { VALUES = BATCH * STRIDED_MOST_VALUES, MOST = 4096 /* values of a parameter */ };
static const double reconstruction = 0.05;
static float poses[VALUES], truth[VALUES * 3 / 2];
/* What the branches count; NULL in all cases but one. */
static float counts[2 * 8 * BATCH];
static const float *branches;
/* What the model learns from besides, of a teacher that was run on the same poses; NULL as well. */
static const vc_lesson *lesson;
enum { PLAIN, MASK, MASK_AUTOENCODER, SETTLED, VARIANTS };
static const char *const keys[] = {"plain", "mask", "mask_autoencoder", "settled"};

static void set_batch(const vc_model *model, int step)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    char name[32];
    snprintf(name, sizeof name, "poses %d", step);
    noise(poses, name, BATCH * input.height * input.width);
    snprintf(name, sizeof name, "truth %d", step);
    noise(truth, name, BATCH * input.height * input.outputs);
}

/* Of what leaves the blocks from the teacher's. */
static double distance_of(const vc_acts *acts, const vc_model *model)
{
    const size_t layers = vc_model_layers(&model->config);
    double sum = 0.0;
    for (size_t l = 0; lesson && l < layers; l++) {
        const vc_rows x = vc_model_block_output(acts, model, l),
                      t = vc_model_block_output(lesson->teacher, model, l);
        const size_t rows = BATCH * x.tokens;
        for (size_t r = 0; r < rows; r++) {
            double difference = 0.0, length = 0.0;
            for (size_t i = r * x.width; i < (r + 1) * x.width; i++) {
                difference += pow((double)x.data[i] - t.data[i], 2.0);
                length += pow(t.data[i], 2.0);
            }
            sum += lesson->features * difference / length / (double)(rows * layers);
        }
    }
    return sum;
}

/* The gradients of both heads' poses unless g is NULL. */
static double loss_of(vc_grads *g, vc_acts *acts, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t pose = input.outputs, middle = (input.height - 1) / 2 * pose;
    float wanted[BATCH * STRIDED_MOST_OUTPUTS];
    for (size_t b = 0; b < BATCH; b++)
        memcpy(wanted + b * pose, truth + b * input.height * pose + middle, pose * sizeof *wanted);
    vc_model_observe(acts, model, poses, BATCH);
    return vc_pose_loss(g ? g->dlogits : NULL, acts->logits, wanted, BATCH, input.joints, 1.0) +
           vc_pose_loss(g ? g->dframes : NULL, acts->frames, truth, BATCH * input.height,
                        input.joints, 1.0) +
           reconstruction * vc_model_reconstruction(acts, model) + distance_of(acts, model);
}

static double backward(vc_grads *grads, vc_acts *acts, const vc_model *model)
{
    const double loss = loss_of(grads, acts, model);
    vc_grads_clear(grads, model);
    vc_model_backward_taught(grads, acts, model, BATCH, (float)reconstruction, lesson);
    return loss;
}

static void open_all(vc_acts *acts, vc_grads *grads, const vc_model *model)
{
    assert_ok(vc_acts_open(acts, model, BATCH, 1));
    acts->branches = branches;
    assert_ok(vc_grads_open(grads, model, BATCH));
    set_batch(model, 0);
}

static void close_all(vc_acts *acts, vc_grads *grads, vc_model *model)
{
    vc_grads_close(grads);
    vc_acts_close(acts);
    vc_model_close(model);
}

static vc_model *variant(const strided_kind *kind, size_t which)
{
    vc_model *model =
        strided_open(kind, which == MASK_AUTOENCODER ? VC_CODED_QK : VC_CODED_NONE, 0);
    if (which == MASK || which == MASK_AUTOENCODER)
        strided_mask(model);
    return model;
}

/* Norms, and what two vectors of noise see. */
static void compare(const vc_model *model, const vc_grads *grads, const json_t *of,
                    const char *what)
{
    static float seen[MOST];
    double worst = 0.0, largest = 0.0;
    json_t *want;
    const char *key;
    json_object_foreach ((json_t *)of, key, want)
        largest = fmax(largest, json_number_value(json_array_get(want, 0)));
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        const float *g = grads->values + param->offset;
        double have[3] = {0};
        want = json_object_get(of, param->name);
        assert_true(param->count <= MOST);
        for (size_t i = 0; i < param->count; i++)
            have[0] += (double)g[i] * g[i];
        have[0] = sqrt(have[0]);
        for (size_t k = 0; k < 2; k++) {
            char name[96];
            snprintf(name, sizeof name, "%s %zu", param->name, k);
            noise(seen, name, param->count);
            for (size_t i = 0; i < param->count; i++)
                have[1 + k] += (double)g[i] * seen[i];
        }
        for (size_t k = 0; k < 3; k++) {
            const double wanted = want ? json_number_value(json_array_get(want, k)) : 0.0;
            const double error = fabs(have[k] - wanted) / largest;
            worst = fmax(worst, error);
            if (!(error <= 1e-5))
                fail_msg("%s, %s, value %zu: %.8g, wanted %.8g", what, param->name, k, have[k],
                         wanted);
        }
    }
    print_message("%s: largest error of a gradient %.2g\n", what, worst);
}

static json_t *golden_of(const char *name)
{
    json_t *all = json_load_file("tools/golden/strided_training.json", 0, NULL);
    assert_non_null(all);
    json_t *golden = json_incref(json_object_get(all, name));
    json_decref(all);
    assert_non_null(golden);
    return golden;
}

static void as_pytorch(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        json_t *golden = golden_of(strided_kinds[k].name);
        for (size_t v = 0; v < VARIANTS; v++) {
            const json_t *want = json_object_get(golden, keys[v]);
            vc_model *model = variant(&strided_kinds[k], v);
            vc_acts acts;
            vc_grads grads;
            open_all(&acts, &grads, model);
            acts.settled = v == SETTLED;
            const double loss = backward(&grads, &acts, model),
                         wanted = json_real_value(json_object_get(want, "loss"));
            assert_near(loss, wanted, 1e-5 * wanted);
            compare(model, &grads, json_object_get(want, "of"), keys[v]);
            close_all(&acts, &grads, model);
        }
        json_decref(golden);
    }
}

/* Biases that a BatchNorm or a softmax takes out again: what would move them is rounding. */
static void hold_cancelled(vc_grads *grads, const vc_model *model)
{
    char last[80];
    snprintf(last, sizeof last, "Transformer_reduce.model.layers.%zu.feed_forward.w_2.bias",
             vc__strided_sizes_of(&model->config)->strided - 1);
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        if (strcmp(param->name, "encoder.0.bias") == 0 || strcmp(param->name, last) == 0 ||
            strstr(param->name, ".linears.1.bias"))
            memset(grads->values + param->offset, 0, param->count * sizeof *grads->values);
    }
}

/* As PyTorch: losses, norms, weights with running statistics, and the poses by these. */
static void ten_steps(void **state)
{
    (void)state;
    const vc_train_options o = vc_train_options_default();
    for (size_t k = 0; k < KINDS; k++) {
        json_t *golden = golden_of(strided_kinds[k].name);
        const json_t *trace = json_object_get(golden, "trace"),
                     *steps = json_object_get(trace, "steps"),
                     *made = json_object_get(trace, "poses");
        vc_model *model = variant(&strided_kinds[k], 0);
        vc_optimizer optimizer;
        vc_acts acts;
        vc_grads grads;
        double sum = 0.0;
        open_all(&acts, &grads, model);
        assert_ok(vc_optimizer_open(&optimizer, model));
        for (int s = 0; s < STEPS; s++) {
            const double want = json_real_value(json_array_get(steps, 2 * (size_t)s)),
                         want_norm = json_real_value(json_array_get(steps, 2 * (size_t)s + 1));
            set_batch(model, s);
            const double loss = backward(&grads, &acts, model);
            vc_model_settle(model, &acts, BATCH);
            hold_cancelled(&grads, model);
            const double norm = vc_optimizer_step(&optimizer, model, &grads, &o, 3e-3);
            /* float32 against float64; a step's error is amplified by the ones that follow. */
            if (!(fabs(loss - want) <= 1e-4 && fabs(norm - want_norm) <= 1e-3 * want_norm))
                fail_msg("%s, step %d: loss %.8g, wanted %.8g; norm %.8g, wanted %.8g",
                         strided_kinds[k].name, s, loss, want, norm, want_norm);
        }
        for (size_t i = 0; i < model->value_count; i++)
            sum += fabs((double)model->values[i]);
        const double weights = json_real_value(json_object_get(trace, "weights"));
        assert_near(sum, weights, 1e-5 * weights);
        set_batch(model, 0);
        vc_model_refresh(model);
        vc_model_forward(&acts, model, poses, BATCH, NULL);
        assert_true(json_array_size(made) > 0);
        for (size_t i = 0; i < json_array_size(made); i++)
            assert_near(acts.logits[i], json_real_value(json_array_get(made, i)), 2e-3);
        vc_optimizer_close(&optimizer);
        close_all(&acts, &grads, model);
        json_decref(golden);
    }
}

/* Along the gradient of a parameter, against the slope of the loss: what float32 leaves of it, and
 * ReLU's kinks between both sides. */
static void check_slope(const vc_param *param, vc_acts *acts, vc_model *model,
                        const vc_grads *grads)
{
    const double h = 1e-3;
    const float *g = grads->values + param->offset;
    static float kept[MOST], direction[MOST];
    float *values = model->values + param->offset;
    double sides[2], norm = 0.0;
    for (size_t i = 0; i < param->count; i++)
        norm += (double)g[i] * g[i];
    norm = sqrt(norm);
    for (size_t i = 0; i < param->count; i++)
        direction[i] = norm > 0.0 ? (float)(g[i] / norm) : 0.0f;
    memcpy(kept, values, param->count * sizeof *values);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < param->count; i++)
            values[i] = (float)(kept[i] + (side ? -h : h) * direction[i]);
        sides[side] = loss_of(NULL, acts, model);
    }
    memcpy(values, kept, param->count * sizeof *values);
    const double slope = (sides[0] - sides[1]) / (2.0 * h);
    if (!(fabs(norm - slope) <= (lesson ? 3e-3 : 3e-4) + 5e-2 * slope)) /* of a larger loss */
        fail_msg("%s: %.6g, difference quotient %.6g", param->name, norm, slope);
}

static void differences_of(const strided_kind *kind, size_t which)
{
    vc_model *model = variant(kind, which);
    vc_acts acts;
    vc_grads grads;
    open_all(&acts, &grads, model);
    acts.settled = which == SETTLED;
    backward(&grads, &acts, model);
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        for (size_t i = 0; i < param->count && param->statistic; i++)
            assert_true(grads.values[param->offset + i] == 0.0f);
        if (!param->statistic)
            check_slope(param, &acts, model, &grads);
    }
    close_all(&acts, &grads, model);
}

static void central_differences(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++)
        for (size_t v = 0; v < VARIANTS; v++)
            differences_of(&strided_kinds[k], v);
}

/* With stochastic depth, where a strided block's branch has fewer frames than its stream. */
static void branches_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        counts[i] = i * 7 % 10 < 3 ? 0.0f : 1.0f / 0.7f;
    branches = counts;
    differences_of(&strided_kinds[1], 0);
    branches = NULL;
}

/* What leaves a block is compared with the next one's positions in it, which learn from that. */
static void by_a_teachers_blocks(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        vc_model *teacher = variant(&strided_kinds[k], PLAIN);
        vc_acts acts;
        const vc_lesson taught = {&acts, 100.0f, 0.0f};
        for (size_t i = 0; i < teacher->value_count; i++)
            teacher->values[i] *= 0.9f;
        set_batch(teacher, 0);
        assert_ok(vc_acts_open(&acts, teacher, BATCH, 1));
        vc_model_forward(&acts, teacher, poses, BATCH, NULL);
        lesson = &taught;
        differences_of(&strided_kinds[k], SETTLED);
        lesson = NULL;
        vc_acts_close(&acts);
        vc_model_close(teacher);
    }
}

/* Of what is not finite the first is named, in the order of the forward pass. */
static void divergence_names_its_place(void **state)
{
    (void)state;
    static const char *const parameters[] = {
        "Transformer.pos_embedding", "Transformer.model.layers.0.self_attn.linears.1.bias",
        "Transformer.model.layers.1.self_attn.linears.3.bias",
        "Transformer.model.layers.1.feed_forward.w_1.bias",
        "Transformer_reduce.model.layers.0.self_attn.linears.0.bias"};
    static const char *const places[] = {
        "in what block 0 takes", "in what block 0 makes of Q, K and V",
        "in what block 1 gives to its MLP", "in what block 1 makes in its MLP",
        "in what block 2 makes of Q, K and V"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char place[VC_PLACE_ROOM] = "";
        vc_model *model = variant(&strided_kinds[0], PLAIN);
        vc_acts acts;
        assert_ok(vc_acts_open(&acts, model, BATCH, 1));
        set_batch(model, 0);
        vc_model_forward(&acts, model, poses, BATCH, NULL);
        assert_false(vc_model_not_finite(place, model, &acts));
        for (size_t p = 0; p < model->param_count; p++)
            if (strcmp(model->params[p].name, parameters[i]) == 0)
                model->values[model->params[p].offset] = INFINITY;
        vc_model_forward(&acts, model, poses, BATCH, NULL);
        assert_true(vc_model_not_finite(place, model, &acts));
        assert_string_equal(place, places[i]);
        vc_acts_close(&acts);
        vc_model_close(model);
    }
}

/* What is reported as done is not changed afterwards, and in the end all of it is. */
typedef struct watch {
    const vc_grads *grads;
    size_t count, from;
    float *kept;
} watch;

static void on_ready(void *context, size_t from)
{
    watch *w = context;
    assert_true(from < w->from);
    assert_memory_equal(w->kept + w->from, w->grads->values + w->from,
                        (w->count - w->from) * sizeof *w->kept);
    memcpy(w->kept + from, w->grads->values + from, (w->count - from) * sizeof *w->kept);
    w->from = from;
}

static void reports_what_is_done(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        vc_model *model = variant(&strided_kinds[k], 0);
        vc_acts acts;
        vc_grads grads;
        open_all(&acts, &grads, model);
        watch w = {&grads, model->value_count, model->value_count,
                   calloc(model->value_count, sizeof(float))};
        assert_non_null(w.kept);
        grads.on_ready = on_ready;
        grads.context = &w;
        backward(&grads, &acts, model);
        assert_int_equal(w.from, 0);
        free(w.kept);
        close_all(&acts, &grads, model);
    }
}

/* By running statistics, no window depends on the others of its batch, and what is observed is what
 * the forward pass makes; nothing is settled. */
static void as_settled(void **state)
{
    (void)state;
    vc_model *model = variant(&strided_kinds[0], PLAIN);
    const size_t outputs = vc_model_input_of(&model->config).outputs;
    float seen[BATCH * STRIDED_MOST_OUTPUTS], *values;
    vc_acts acts;
    vc_grads grads;
    open_all(&acts, &grads, model);
    acts.settled = 1;
    values = malloc(model->value_count * sizeof *values);
    assert_non_null(values);
    memcpy(values, model->values, model->value_count * sizeof *values);
    vc_model_observe(&acts, model, poses, BATCH);
    vc_model_settle(model, &acts, BATCH);
    assert_memory_equal(values, model->values, model->value_count * sizeof *values);
    memcpy(seen, acts.logits, BATCH * outputs * sizeof *seen);
    vc_model_forward(&acts, model, poses, BATCH, NULL);
    assert_memory_equal(seen, acts.logits, BATCH * outputs * sizeof *seen);
    assert_true(vc_model_observes_apart(&model->config));
    assert_true(vc_model_observes_settled(&model->config));
    free(values);
    close_all(&acts, &grads, model);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    float *of[2];
    size_t count = 0;
    for (int t = 0; t < 2; t++) {
        vc_model *model = variant(&strided_kinds[0], 2);
        vc_acts acts;
        vc_grads grads;
        assert_ok(vc_threads_set(t ? 3 : 1));
        open_all(&acts, &grads, model);
        backward(&grads, &acts, model);
        count = model->value_count;
        of[t] = malloc(count * sizeof **of);
        assert_non_null(of[t]);
        memcpy(of[t], grads.values, count * sizeof **of);
        close_all(&acts, &grads, model);
    }
    assert_ok(vc_threads_set(1));
    assert_memory_equal(of[0], of[1], count * sizeof **of);
    free(of[0]);
    free(of[1]);
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pytorch),
                                       cmocka_unit_test(ten_steps),
                                       cmocka_unit_test(central_differences),
                                       cmocka_unit_test(branches_left_out),
                                       cmocka_unit_test(by_a_teachers_blocks),
                                       cmocka_unit_test(reports_what_is_done),
                                       cmocka_unit_test(as_settled),
                                       cmocka_unit_test(threads_do_not_matter),
                                       cmocka_unit_test(divergence_names_its_place)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}

int main(void)
{
    if (vc_threads_set(1) != VC_OK)
        return 1;
    return on_every_isa(run_group);
}
