/* The loop learns, and resuming gives the same bits as never having stopped. */
#include "small_deit.h"
#include "summarized.h"
#include "testing.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

enum { COUNT = 96, PIXELS = 64 };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 8, 8, 4, pixels, labels, NULL};
static const vc__deit_config config = {SMALL_DEIT, .depth = 1, .mean = {0.3f}};

static void make_data(void)
{
    vc_rng rng = vc_rng_open(1, 1, 1);
    for (int i = 0; i < COUNT; i++) {
        labels[i] = i % 4;
        for (int p = 0; p < PIXELS; p++) /* a bright quadrant says the class */
            pixels[i * PIXELS + p] =
                (uint8_t)(vc_rng_below(&rng, 100) + ((p / 32) * 2 + p % 8 / 4 == i % 4 ? 120 : 0));
    }
}

static vc_train_options options(void)
{
    vc_train_options o = vc_train_options_default();
    o.epochs = 6;
    o.batch = 16;
    o.learning_rate = 5e-3;
    o.augment = (vc_augment_options){.shift = 1};
    return o;
}

static vc_status train(vc_model *model, const vc_dataset *images, const vc_train_options *o,
                       const char *checkpoint, int resume, const vc_train_hooks *hooks)
{
    vc_source *source;
    assert_ok(vc_source_of_dataset(&source, images));
    const vc_status status = vc_train(model, source, NULL, o, checkpoint, resume, hooks);
    vc_source_close(source);
    return status;
}

static double last_loss;

static vc_status remember(void *context, const vc_epoch_report *report)
{
    (void)context;
    last_loss = report->mean.loss;
    return VC_OK;
}

static void learns(void **state)
{
    (void)state;
    make_data();
    vc_model *model;
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    o.epochs = 30;
    assert_ok(vc__deit_create(&model, &config, 1));
    assert_ok(train(model, &data, &o, NULL, 0, &hooks));
    assert_true(last_loss < 1.0); /* chance is 1.39 */
    vc_model_close(model);
}

/* Stops a run in the middle of an epoch the hard way: by failing to write the next checkpoint. */
static void stop_after(void *context, size_t step, size_t steps, double loss)
{
    (void)steps;
    (void)loss;
    const char *path = context;
    char kept[512];
    snprintf(kept, sizeof kept, "%s.kept", path);
    if (step == 9 && rename(path, kept) != 0)
        fail_msg("no checkpoint at step 9");
}

static void resuming_gives_the_same_bits(void **state)
{
    (void)state;
    make_data();
    vc_model *whole, *resumed;
    vc_train_options o = options();
    char path[256], kept[300];
    snprintf(path, sizeof path, "%s", temporary("checkpoint"));
    snprintf(kept, sizeof kept, "%s.kept", path);
    o.save_every = 4;
    const vc_train_hooks hooks = {.on_step = stop_after, .context = path}, none = {0};
    assert_ok(vc__deit_create(&whole, &config, 1));
    assert_ok(train(whole, &data, &o, path, 0, &hooks));
    assert_ok(
        vc__deit_create(&resumed, &config, 2)); /* other weights: all must come from the file */
    assert_ok(train(resumed, &data, &o, kept, 1, &none));
    assert_memory_equal(whole->values, resumed->values, whole->value_count * sizeof(float));
    o.learning_rate = 1e-3;
    assert_fails(train(resumed, &data, &o, kept, 1, &none), VC_EINVAL,
                 "learning_rate (was 0.005, is 0.001)");
    o.learning_rate = 5e-3;
    pixels[77] ^= 1;
    assert_fails(train(resumed, &data, &o, kept, 1, &none), VC_EINVAL, "settings: images (was ");
    pixels[77] ^= 1;
    vc_model *other; /* as many parameters, other heads */
    vc__deit_config changed = config;
    changed.heads = 2;
    assert_ok(vc__deit_create(&other, &changed, 1));
    assert_fails(train(other, &data, &o, kept, 1, &none), VC_EINVAL, "settings: model (was ");
    vc_model_close(other);
    uint8_t pruned[3 * 17 * 17] = {[1] = 1};
    const vc_mask mask = {1, 3, 17, 17, pruned};
    assert_ok(vc_model_use_masks(resumed, &mask, 1, "mask"));
    assert_fails(train(resumed, &data, &o, kept, 1, &none), VC_EINVAL,
                 "settings: mask or plan (was not set, is ");
    vc_model_close(whole);
    vc_model_close(resumed);
}

static void divergence_is_an_error(void **state)
{
    (void)state;
    make_data();
    vc_model *model;
    vc_train_options o = options();
    const vc_train_hooks none = {0};
    assert_ok(vc__deit_create(&model, &config, 1));
    model->values[3] = NAN;
    assert_fails(train(model, &data, &o, NULL, 0, &none), VC_EINVAL, "the loss is");
    vc_model_close(model);
}

/* A gradient that is not finite must not reach the weights. */
static void an_infinite_gradient_changes_nothing(void **state)
{
    (void)state;
    vc_model *model;
    vc_grads grads;
    vc_optimizer optimizer;
    vc_train_options o = options();
    assert_ok(vc__deit_create(&model, &config, 1));
    assert_ok(vc_grads_open(&grads, model, 1));
    assert_ok(vc_optimizer_open(&optimizer, model));
    size_t bytes = model->value_count * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, model->values, bytes);
    grads.values[5] = INFINITY;
    assert_true(!isfinite(vc_optimizer_step(&optimizer, model, &grads, &o, 1e-3)));
    assert_memory_equal(before, model->values, bytes);
    grads.values[5] = 1.0f;
    assert_true(isfinite(vc_optimizer_step(&optimizer, model, &grads, &o, 1e-3)));
    assert_true(memcmp(before, model->values, bytes) != 0);
    free(before);
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_model_close(model);
}

static void logits_that_are_not_numbers_are_no_hits(void **state)
{
    (void)state;
    const float logits[] = {NAN, NAN, NAN, 1.0f, NAN, 2.0f};
    const int32_t truth[] = {1, 2};
    vc_loss loss = vc_cross_entropy(NULL, logits, truth, 2, 3, 0.0f);
    assert_int_equal(loss.top1, 0);
    make_data();
    vc_model *model;
    vc_acts acts;
    vc_evaluation e;
    vc_source *source;
    const vc_evaluate_options plain = vc_evaluate_options_default();
    assert_ok(vc__deit_create(&model, &config, 1));
    assert_ok(vc_acts_open(&acts, model, 8, 0));
    model->values[3] = NAN;
    assert_ok(vc_source_of_dataset(&source, &data));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_fails(vc_evaluate(&e, model, source, &runner, &plain), VC_EINVAL, "finite");
    vc_source_close(source);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void labels_and_sizes_are_checked(void **state)
{
    (void)state;
    make_data();
    vc_model *model;
    vc_train_options o = options();
    const vc_train_hooks none = {0};
    vc_dataset other = data;
    assert_ok(vc__deit_create(&model, &config, 1));
    other.classes = 9;
    assert_fails(train(model, &other, &o, NULL, 0, &none), VC_EINVAL, "labels go up to 8");
    other = data;
    other.classes = 0;
    assert_fails(train(model, &other, &o, NULL, 0, &none), VC_EINVAL, "without labels");
    vc_model_close(model);
}

static void options_out_of_range_are_errors(void **state)
{
    (void)state;
    make_data();
    vc_model *model;
    vc_train_options o = options();
    const vc_train_hooks none = {0};
    assert_ok(vc__deit_create(&model, &config, 1));
    o.label_smoothing = 1.5;
    assert_fails(train(model, &data, &o, NULL, 0, &none), VC_EINVAL, "label smoothing");
    o = options();
    o.learning_rate = -1.0;
    assert_fails(train(model, &data, &o, NULL, 0, &none), VC_EINVAL, "learning rate is");
    o = options();
    o.warmup_epochs = 7.0;
    assert_fails(train(model, &data, &o, NULL, 0, &none), VC_EINVAL, "warm-up is 7");
    vc_model_close(model);
}

/* A student that sees no labels learns what its teacher knows; another teacher is another run. */
/* With queries, weights at or below 0 would make a model that cannot be read again. */
static void weights_beside_queries_are_not_learnt(void **state)
{
    (void)state;
    enum { TOKENS = 17 };
    static uint8_t pruned[3 * TOKENS * TOKENS];
    const vc_mask mask = {1, 3, TOKENS, TOKENS, pruned};
    const vc_train_hooks none = {0};
    vc_train_options o = options();
    vc_model *model;
    vc_plan plan;
    make_data();
    o.pooling_rate = 1.0;
    for (size_t dim = 0; dim <= 4; dim += 4) {
        assert_ok(vc__deit_create(&model, &config, 1));
        assert_ok(vc_plan_of_masks(&plan, &mask, 1));
        summarize_layer(&plan.layers[0], dim);
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        if (dim == 0)
            assert_ok(train(model, &data, &o, NULL, 0, &none));
        else
            assert_fails(train(model, &data, &o, NULL, 0, &none), VC_EINVAL,
                         "layer 0 is pooled by queries");
        vc_plan_close(&plan);
        vc_model_close(model);
    }
}

static void a_teacher_teaches(void **state)
{
    (void)state;
    make_data();
    vc_model *teacher, *student;
    vc_acts acts;
    vc_evaluation e;
    vc_source *source;
    const vc_evaluate_options plain = vc_evaluate_options_default();
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    o.epochs = 30;
    assert_ok(vc__deit_create(&teacher, &config, 1));
    assert_ok(train(teacher, &data, &o, NULL, 0, &hooks));
    static int32_t wrong[COUNT];
    vc_dataset unlabelled = data;
    unlabelled.labels = wrong;
    o.teacher = teacher;
    o.distillation = 1.0;
    assert_ok(vc__deit_create(&student, &config, 2));
    assert_ok(train(student, &unlabelled, &o, temporary("taught"), 0, &hooks));
    assert_ok(vc_acts_open(&acts, student, 16, 0));
    assert_ok(vc_source_of_dataset(&source, &data));
    vc_forward_pass pass = {&acts, student, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_ok(vc_evaluate(&e, student, source, &runner, &plain));
    vc_source_close(source);
    assert_true(e.top1 > COUNT * 7 / 10);
    teacher->values[0] += 1.0f;
    assert_fails(train(student, &unlabelled, &o, temporary("taught"), 1, &hooks), VC_EINVAL,
                 "settings: teacher (was ");
    vc__deit_sizes_in(&teacher->config)->mean[0] = 0.0f;
    assert_fails(train(student, &data, &o, NULL, 0, &hooks), VC_EINVAL, "mean 0");
    vc_acts_close(&acts);
    vc_model_close(student);
    vc_model_close(teacher);
}

static void schedule(void **state)
{
    (void)state;
    vc_train_options o = vc_train_options_default();
    o.epochs = 11;
    assert_near(vc_learning_rate(&o, 0.0), o.warmup_learning_rate, 1e-12);
    assert_near(vc_learning_rate(&o, 1.0), o.learning_rate, 1e-12);
    assert_near(vc_learning_rate(&o, 6.0), 0.5 * (o.learning_rate + o.min_learning_rate), 1e-12);
    assert_near(vc_learning_rate(&o, 11.0), o.min_learning_rate, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learns),
                                       cmocka_unit_test(resuming_gives_the_same_bits),
                                       cmocka_unit_test(divergence_is_an_error),
                                       cmocka_unit_test(an_infinite_gradient_changes_nothing),
                                       cmocka_unit_test(logits_that_are_not_numbers_are_no_hits),
                                       cmocka_unit_test(labels_and_sizes_are_checked),
                                       cmocka_unit_test(options_out_of_range_are_errors),
                                       cmocka_unit_test(weights_beside_queries_are_not_learnt),
                                       cmocka_unit_test(a_teacher_teaches),
                                       cmocka_unit_test(schedule)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
