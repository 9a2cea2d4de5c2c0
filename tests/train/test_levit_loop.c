/* LeViT in the loop: it learns, running statistics are part of a checkpoint and of the moving
 * average, evaluation sees what was trained, and what it cannot do is refused. */
#include "tiny_levit.h"
#include "vitcod/train.h"

enum { COUNT = 64, SIDE = 20, PIXELS = TINY_CHANNELS * SIDE * SIDE };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
/* Smaller than the model's images: the loader makes them larger. */
static vc_dataset data = {COUNT, TINY_CHANNELS, SIDE, SIDE, TINY_CLASSES, pixels, labels, NULL};

static void make_data(void)
{
    vc_rng rng = vc_rng_open(1, 1, 1);
    for (size_t i = 0; i < COUNT; i++) {
        labels[i] = (int32_t)i % TINY_CLASSES;
        for (size_t p = 0; p < PIXELS; p++) /* a bright band says the class */
            pixels[i * PIXELS + p] =
                (uint8_t)(vc_rng_below(&rng, 100) +
                          (p / SIDE % SIDE / 4 == (size_t)labels[i] ? 120 : 0));
    }
}

static vc_train_options options(void)
{
    vc_train_options o = vc_train_options_default();
    o.epochs = 3;
    o.batch = 16;
    o.learning_rate = 3e-3;
    o.augment = (vc_augment_options){.shift = 1};
    o.workers = 1;
    return o;
}

static vc_model *make_model(uint64_t seed)
{
    vc_model *model;
    const vc_model_config config = tiny_levit();
    assert_ok(vc_model_create(&model, &config, seed));
    return model;
}

static vc_epoch_report last;

static vc_status remember(void *context, const vc_epoch_report *report)
{
    (void)context;
    last = *report;
    return VC_OK;
}

static vc_status train(vc_model *model, const vc_train_options *o, const char *checkpoint,
                       int resume, const vc_train_hooks *hooks)
{
    vc_source *source, *test;
    assert_ok(vc_source_of_dataset(&source, &data));
    assert_ok(vc_source_of_dataset(&test, &data));
    const vc_status status = vc_train(model, source, test, o, checkpoint, resume, hooks);
    vc_source_close(source);
    vc_source_close(test);
    return status;
}

static vc_evaluation evaluate(const vc_model *model)
{
    vc_evaluation e;
    vc_acts acts;
    vc_source *source;
    const vc_evaluate_options plain = vc_evaluate_options_default();
    assert_ok(vc_acts_open(&acts, model, 16, 0));
    assert_ok(vc_source_of_dataset(&source, &data));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_ok(vc_evaluate(&e, model, source, &runner, &plain));
    vc_source_close(source);
    vc_acts_close(&acts);
    return e;
}

/* The file that is written evaluates as the last epoch's report and the model in memory do. */
static void learns(void **state)
{
    (void)state;
    make_data();
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    const vc_model_options none = {0};
    vc_model *model = make_model(1), *back;
    o.epochs = 30;
    assert_ok(train(model, &o, NULL, 0, &hooks));
    assert_true(last.test.top1 > COUNT * 8 / 10); /* chance is 13 */
    const vc_evaluation own = evaluate(model);
    assert_true(own.loss == last.test.loss);
    assert_ok(vc_model_write(temporary("levit.safetensors"), model));
    assert_ok(vc_model_open(&back, temporary("levit.safetensors"), &none));
    assert_true(evaluate(back).loss == own.loss);
    vc_model_close(back);
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
    if (step == 7 && rename(path, kept) != 0)
        fail_msg("no checkpoint at step 7");
}

static void check_resuming(const vc_train_options *o, tiny_restriction how)
{
    char path[256], kept[300];
    vc_model *whole = make_model(1), *resumed = make_model(2);
    snprintf(path, sizeof path, "%s", temporary("checkpoint"));
    snprintf(kept, sizeof kept, "%s.kept", path);
    const vc_train_hooks hooks = {.on_step = stop_after, .on_epoch = remember, .context = path},
                         none = {.on_epoch = remember};
    tiny_levit_restrict(whole, how);
    tiny_levit_restrict(resumed, how);
    assert_ok(train(whole, o, path, 0, &hooks));
    const vc_epoch_report want = last;
    assert_true(vc__levit_weights_of(whole)->blocks[0].in.mean[0] != 0.0f);
    assert_ok(train(resumed, o, kept, 1, &none));
    assert_memory_equal(whole->values, resumed->values, whole->value_count * sizeof(float));
    assert_true(last.test.loss == want.test.loss && last.averaged.loss == want.averaged.loss);
    assert_true(evaluate(whole).loss == evaluate(resumed).loss);
    vc_model_close(whole);
    vc_model_close(resumed);
}

static void resuming_gives_the_same_bits(void **state)
{
    (void)state;
    make_data();
    vc_train_options o = options();
    o.save_every = 3;
    check_resuming(&o, TINY_DENSE);
    check_resuming(&o, TINY_PLAN);
    o.ema = 0.8;
    check_resuming(&o, TINY_DENSE);
}

/* The run ends with the average, statistics included, and it is what was tested as such. */
static void averages_statistics(void **state)
{
    (void)state;
    make_data();
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    vc_model *plain = make_model(1), *averaged = make_model(1);
    assert_ok(train(plain, &o, NULL, 0, &hooks));
    o.ema = 0.9;
    assert_ok(train(averaged, &o, NULL, 0, &hooks));
    assert_true(evaluate(plain).loss == last.test.loss);
    assert_true(evaluate(averaged).loss == last.averaged.loss);
    assert_true(vc__levit_weights_of(plain)->head.variance[0] !=
                vc__levit_weights_of(averaged)->head.variance[0]);
    vc_model_close(plain);
    vc_model_close(averaged);
}

/* Labels for the first head, a teacher's first class for the second. */
static void learns_from_a_teacher(void **state)
{
    (void)state;
    make_data();
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    vc_model *teacher = make_model(1), *student = make_model(2);
    o.epochs = 30;
    assert_ok(train(teacher, &o, NULL, 0, &hooks));
    o.teacher = teacher;
    o.two_heads = o.hard_distillation = 1;
    assert_ok(train(student, &o, NULL, 0, &hooks));
    assert_true(last.test.top1 > COUNT * 8 / 10);
    assert_true(last.mean.distillation > 0.0);
    vc_model_close(student);
    vc_model_close(teacher);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    make_data();
    const vc_train_hooks none = {0};
    vc_model *model = make_model(1), *teacher = make_model(2);
    vc_train_options o = options();
    o.batch = 1;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "a levit wants 2 images");
    o = options();
    o.two_heads = 1;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "want a teacher");
    o.teacher = teacher;
    o.features = 1.0;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EUNSUPPORTED,
                 "only blocks of a deit or a strided_transformer");
    o.features = 0.0;
    o.distillation = 1.0;
    data.classes = 0;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "want labels");
    data.classes = TINY_CLASSES;
    vc_model_close(model);
    vc_model_config config = tiny_levit();
    vc__levit_sizes_in(&config)->distilled = 0;
    assert_ok(vc_model_create(&model, &config, 1));
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "a model with two heads");
    vc_model_close(teacher);
    vc_model_close(model);
}

static void divergence_names_a_place(void **state)
{
    (void)state;
    make_data();
    const vc_train_hooks none = {0};
    vc_train_options o = options();
    vc_model *model = make_model(1);
    vc__levit_weights_of(model)->blocks[2].fc1.weight[3] = 3e38f;
    assert_fails(train(model, &o, NULL, 0, &none), VC_EINVAL, "in what block 2 gives");
    vc_model_close(model);
}

/* A head for other classes leaves everything else, and inference knows of both. */
static void another_head(void **state)
{
    (void)state;
    vc_model *model = make_model(1), *other;
    vc_acts acts;
    static float image[TINY_PIXELS];
    tiny_levit_restrict(model, TINY_PLAN);
    assert_ok(vc_model_with_classes(&other, model, 3, 7));
    vc_model_close(model);
    assert_ok(vc_acts_open(&acts, other, 1, 0));
    vc_model_forward(&acts, other, image, 1, NULL);
    for (size_t c = 0; c < 3; c++)
        assert_true(isfinite(acts.logits[c]));
    vc_acts_close(&acts);
    vc_model_close(other);
}

/* Near what float32 gives, not the same, and the same each time. */
static void half_precision_trains(void **state)
{
    (void)state;
    vc_half *half;
    vc_train_options o = options();
    const vc_train_hooks hooks = {.on_epoch = remember};
    double losses[3];
    vc_model *models[3];
    if (vc_half_open(&half) != VC_OK)
        skip();
    vc_half_close(half);
    for (int i = 0; i < 3; i++) {
        models[i] = make_model(1);
        o.half = i > 0;
        assert_ok(train(models[i], &o, NULL, 0, &hooks));
        losses[i] = last.mean.loss;
    }
    assert_near(losses[1], losses[0], 5e-2);
    assert_true(losses[1] != losses[0]);
    assert_memory_equal(models[1]->values, models[2]->values,
                        models[1]->value_count * sizeof(float));
    for (int i = 0; i < 3; i++)
        vc_model_close(models[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learns),
                                       cmocka_unit_test(resuming_gives_the_same_bits),
                                       cmocka_unit_test(averages_statistics),
                                       cmocka_unit_test(learns_from_a_teacher),
                                       cmocka_unit_test(what_does_not_fit_is_refused),
                                       cmocka_unit_test(divergence_names_a_place),
                                       cmocka_unit_test(half_precision_trains),
                                       cmocka_unit_test(another_head)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
