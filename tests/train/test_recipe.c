/* What the full recipe adds to the loop: the moving average, stochastic depth, older
 * checkpoints, an end from outside, reports of step groups, and a message that says where a run
 * diverged. */
#include "small_deit.h"
#include "testing.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

enum { COUNT = 64, PIXELS = 64, BATCH = 16, STEPS = COUNT / BATCH };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 8, 8, 4, pixels, labels, NULL};
static const vc__deit_config config = {SMALL_DEIT, .depth = 2};

static vc_train_options options(void)
{
    vc_rng rng = vc_rng_open(1, 1, 1);
    for (int i = 0; i < COUNT; i++) {
        labels[i] = i % 4;
        for (int p = 0; p < PIXELS; p++)
            pixels[i * PIXELS + p] = (uint8_t)vc_rng_below(&rng, 256);
    }
    vc_train_options o = vc_train_options_default();
    o.epochs = 3;
    o.batch = BATCH;
    o.workers = 1;
    return o;
}

static vc_status train(vc_model *model, const vc_train_options *o, const char *checkpoint,
                       int resume, const vc_train_hooks *hooks)
{
    vc_source *source;
    assert_ok(vc_source_of_dataset(&source, &data));
    const vc_status status = vc_train(model, source, NULL, o, checkpoint, resume, hooks);
    vc_source_close(source);
    return status;
}

static vc_model *make_model(void)
{
    vc_model *model;
    assert_ok(vc__deit_create(&model, &config, 1));
    return model;
}

/* ---- the moving average */

typedef struct follower {
    const vc_model *model;
    double *average;
} follower;

static void follow(void *context, size_t step, size_t steps, double loss)
{
    const follower *f = context;
    (void)step;
    (void)steps;
    (void)loss;
    for (size_t i = 0; i < f->model->value_count; i++)
        f->average[i] = 0.8 * f->average[i] + 0.2 * f->model->values[i];
}

static void the_run_ends_with_the_average(void **state)
{
    (void)state;
    vc_train_options o = options();
    vc_model *model = make_model();
    const size_t count = model->value_count;
    double *average = malloc(count * sizeof *average);
    assert_non_null(average);
    for (size_t i = 0; i < count; i++)
        average[i] = model->values[i];
    follower f = {model, average};
    const vc_train_hooks hooks = {.on_step = follow, .context = &f};
    o.ema = 0.8;
    assert_ok(train(model, &o, NULL, 0, &hooks));
    for (size_t i = 0; i < count; i++)
        assert_near(model->values[i], average[i], 1e-5);
    free(average);
    vc_model_close(model);
}

/* ---- ended from outside */

static volatile sig_atomic_t interrupted;

static void interrupt(void *context, size_t step, size_t steps, double loss)
{
    (void)context;
    (void)steps;
    (void)loss;
    interrupted = step == STEPS + 1;
}

static void a_run_that_was_ended_goes_on(void **state)
{
    (void)state;
    vc_train_options o = options();
    vc_model *whole = make_model(), *ended = make_model();
    const vc_train_hooks none = {0};
    const vc_train_hooks hooks = {.on_step = interrupt, .interrupted = &interrupted};
    const char *path = temporary("ended");
    o.ema = 0.9;
    o.drop_path = 0.5;
    o.augment = vc_augment_options_default();
    o.repetitions = 3;
    assert_ok(train(whole, &o, NULL, 0, &none));
    assert_fails(train(ended, &o, path, 0, &hooks), VC_EINTR, "epoch 2 after step 1 of 4");
    interrupted = 0;
    vc_model *resumed = make_model();
    assert_ok(train(resumed, &o, path, 1, &none));
    assert_memory_equal(whole->values, resumed->values, whole->value_count * sizeof(float));
    o.drop_path = 0.4;
    assert_fails(train(resumed, &o, path, 1, &none), VC_EINVAL, "drop_path (was 0.5, is 0.4)");
    vc_model_close(resumed);
    vc_model_close(ended);
    vc_model_close(whole);
}

static void older_checkpoints_are_kept(void **state)
{
    (void)state;
    vc_train_options o = options();
    vc_model *model = make_model();
    const vc_train_hooks none = {0};
    char path[256], older[300];
    snprintf(path, sizeof path, "%s", temporary("kept"));
    o.keep = 2;
    assert_ok(train(model, &o, path, 0, &none));
    snprintf(older, sizeof older, "%s.1", path);
    assert_int_equal(access(older, F_OK), 0);
    vc_model *resumed = make_model(); /* its last epoch again */
    assert_ok(train(resumed, &o, older, 1, &none));
    assert_memory_equal(model->values, resumed->values, model->value_count * sizeof(float));
    snprintf(older, sizeof older, "%s.2", path);
    assert_int_not_equal(access(older, F_OK), 0);
    vc_model_close(resumed);
    vc_model_close(model);
}

/* ---- reports */

typedef struct sums {
    double loss;
    size_t groups, last;
    double epoch_loss;
} sums;

static vc_status add_group(void *context, const vc_group_report *r)
{
    sums *s = context;
    const size_t steps = r->step - (r->step > s->last ? s->last : 0);
    s->loss += r->mean.loss * (double)steps;
    s->last = r->step;
    s->groups++;
    assert_int_equal(r->steps, STEPS);
    assert_true(r->mean.grad_norm > 0.0 && r->mean.images_per_second > 0.0);
    return VC_OK;
}

static vc_status end_epoch(void *context, const vc_epoch_report *r)
{
    sums *s = context;
    assert_near(s->loss / STEPS, r->mean.loss, 1e-9);
    s->loss = 0.0;
    return VC_OK;
}

static void groups_add_up_to_epochs(void **state)
{
    (void)state;
    vc_train_options o = options();
    vc_model *model = make_model();
    sums s = {0};
    const vc_train_hooks hooks = {.on_group = add_group, .on_epoch = end_epoch, .context = &s};
    o.group = 3; /* and the one left over */
    assert_ok(train(model, &o, NULL, 0, &hooks));
    assert_int_equal(s.groups, 6);
    vc_model_close(model);
}

/* ---- bfloat16 */

static double last_loss;

static vc_status remember(void *context, const vc_epoch_report *r)
{
    (void)context;
    last_loss = r->mean.loss;
    return VC_OK;
}

/* Near what float32 gives, not the same, and the same each time. */
static void half_precision_trains(void **state)
{
    (void)state;
    vc_half *half;
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    if (vc_half_open(&half) != VC_OK)
        skip();
    vc_half_close(half);
    double losses[3];
    vc_model *models[3];
    for (int i = 0; i < 3; i++) {
        models[i] = make_model();
        o.half = i > 0;
        assert_ok(train(models[i], &o, NULL, 0, &hooks));
        losses[i] = last_loss;
    }
    assert_near(losses[1], losses[0], 2e-2);
    assert_true(losses[1] != losses[0]);
    assert_memory_equal(models[1]->values, models[2]->values,
                        models[1]->value_count * sizeof(float));
    for (int i = 0; i < 3; i++)
        vc_model_close(models[i]);
}

/* ---- divergence */

static void expect_divergence(const char *parameter, float value, const char *text)
{
    vc_train_options o = options();
    vc_model *model = make_model();
    const vc_train_hooks none = {0};
    for (size_t i = 0; i < model->param_count; i++)
        if (strcmp(model->params[i].name, parameter) == 0)
            for (size_t k = 0; k < model->params[i].count; k++)
                model->values[model->params[i].offset + k] = value;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, text);
    vc_model_close(model);
}

static void a_divergence_names_its_place(void **state)
{
    (void)state;
    expect_divergence("blocks.1.mlp.fc1.weight", NAN, "in the parameter blocks.1.mlp.fc1.weight");
    expect_divergence("blocks.1.attn.qkv.weight", 1e38f, "in what block 1 makes of Q, K and V");
    expect_divergence("head.weight", 3e38f, "in the logits");
}

static void options_are_checked(void **state)
{
    (void)state;
    vc_train_options o = options();
    vc_model *model = make_model();
    const vc_train_hooks none = {0};
    o.ema = 1.5;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "decay is 1.5");
    o.ema = 0.0;
    o.drop_path = 1.0;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "drop path is 1");
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_run_ends_with_the_average),
        cmocka_unit_test(a_run_that_was_ended_goes_on),
        cmocka_unit_test(older_checkpoints_are_kept),
        cmocka_unit_test(groups_add_up_to_epochs),
        cmocka_unit_test(half_precision_trains),
        cmocka_unit_test(a_divergence_names_its_place),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
