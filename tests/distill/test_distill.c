/* Calibration as a library: what a dense model makes of images, agreement with itself, going on,
 * and what is refused. */
#include "small_deit.h"
#include "summarized.h"
#include "testing.h"
#include "vitcod/coder_setup.h"
#include "vitcod/distill.h"
#include "vitcod/evaluate.h"
#include "vitcod/npy.h"
#include "vitcod/rng.h"

enum { COUNT = 80, PIXELS = 64, BATCH = 8 };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 8, 8, 4, pixels, labels, NULL};
static const vc__deit_config config = {SMALL_DEIT, .depth = 2};

typedef struct scene {
    vc_source *images, *learn, *held;
    vc_model *teacher, *student;
    char output[256], checkpoint[300];
    json_t *settings;
    vc_distill_options options;
} scene;

/* The student is another model, so that there is something to learn. */
static scene set_up(const char *name)
{
    scene s = {.settings = json_pack("{s:i}", "--seed", 0)};
    vc_rng rng = vc_rng_open(2, 2, 2);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)vc_rng_below(&rng, 256);
    assert_ok(vc_source_of_dataset(&s.images, &data));
    assert_ok(vc_source_split(&s.learn, &s.held, s.images, 0.2));
    assert_ok(vc__deit_create(&s.teacher, &config, 1));
    assert_ok(vc__deit_create(&s.student, &config, 2));
    snprintf(s.output, sizeof s.output, "%s", temporary(name));
    snprintf(s.checkpoint, sizeof s.checkpoint, "%s.checkpoint", s.output);
    vc_train_options *t = &s.options.train;
    *t = vc_train_options_default();
    t->epochs = 4;
    t->batch = BATCH;
    t->learning_rate = 2e-3;
    t->distillation = 1.0;
    t->features = 1.0;
    t->augment = (vc_augment_options){.flip = 0.5};
    s.options.bias_learning_rate = s.options.coder_learning_rate = NAN;
    s.options.look = vc_look_default();
    s.options.settings = s.settings;
    return s;
}

static vc_status calibrate(vc_distilled *out, scene *s, const vc_distill_hooks *hooks)
{
    s->options.train.teacher = s->teacher;
    s->options.output = s->output;
    s->options.checkpoint = s->checkpoint;
    return vc_distill(out, s->student, s->learn, s->held, &s->options, hooks);
}

static void tear_down(scene *s)
{
    json_decref(s->settings);
    vc_model_close(s->student);
    vc_model_close(s->teacher);
    vc_source_close(s->learn);
    vc_source_close(s->held);
    vc_source_close(s->images);
}

static double divergence_at(const vc_distilled *c, size_t epoch)
{
    return c->log[epoch].held.divergence;
}

static void the_student_comes_nearer(void **state)
{
    (void)state;
    scene s = set_up("nearer");
    vc_distilled c;
    const vc_distill_hooks none = {0};
    assert_ok(calibrate(&c, &s, &none));
    assert_int_equal(c.epochs, 4);
    assert_int_equal(c.log[3].epoch, 4);
    assert_true(divergence_at(&c, 3) < divergence_at(&c, 0));
    for (size_t i = 0; i < 4; i++)
        assert_true(divergence_at(&c, c.best_epoch - 1) <= divergence_at(&c, i));
    vc_model *best;
    assert_ok(vc_model_open(&best, s.output, &(vc_model_options){.heads = 3}));
    assert_memory_equal(best->values, s.student->values, best->value_count * sizeof(float));
    vc_model_close(best);
    assert_int_not_equal(access(s.checkpoint, F_OK), 0);
    vc_distilled_close(&c);
    tear_down(&s);
}

/* Models without classes come nearer by their features, which is judged by their cosine. */
static void features_come_nearer(void **state)
{
    (void)state;
    scene s = set_up("features");
    vc__deit_config headless = config;
    vc_distilled c, again;
    const vc_distill_hooks none = {0};
    vc_seen seen;
    headless.classes = 0;
    vc_model_close(s.teacher);
    vc_model_close(s.student);
    assert_ok(vc__deit_create(&s.teacher, &headless, 1));
    assert_ok(vc__deit_create(&s.student, &headless, 2));
    assert_ok(vc_dense_look(NULL, &seen, s.teacher, s.learn, &s.options.look));
    assert_true(seen.classes == 0 && seen.images == 64);
    assert_ok(calibrate(&c, &s, &none));
    assert_true(isnan(c.best.all.divergence) && isnan(c.best.all.agreement));
    assert_true(c.best.all.distance < c.before.all.distance);
    assert_true(c.log[3].held.distance < c.log[0].held.distance);
    assert_true(c.log[3].distillation_loss < c.log[0].distillation_loss);
    /* the same again */
    vc_model_close(s.student);
    assert_ok(vc__deit_create(&s.student, &headless, 2));
    assert_ok(calibrate(&again, &s, &none));
    assert_memory_equal(&again.best.all.distance, &c.best.all.distance, sizeof(double));
    vc_distilled_close(&again);
    vc_distilled_close(&c);
    tear_down(&s);
}

/* Without warm-up or cosine the log tells the highest rate. */
static void the_rate_goes_by_the_distance(void **state)
{
    (void)state;
    assert_near(vc_distill_learning_rate(0.03), 5e-5, 1e-12);
    assert_near(vc_distill_learning_rate(0.65), 1.3e-4, 1e-12);
    assert_near(vc_distill_learning_rate(1.2), 2e-4, 1e-12);
    assert_true(isnan(vc_distill_learning_rate(NAN)));
    scene s = set_up("rate");
    vc_distilled c;
    const vc_distill_hooks none = {0};
    vc_train_options *t = &s.options.train;
    t->learning_rate = NAN;
    t->min_learning_rate = 0.0;
    t->epochs = 1;
    t->warmup_epochs = 0.0;
    for (size_t i = 0; i < s.student->value_count; i++)
        s.student->values[i] *= 3.0f;
    vc_model_refresh(s.student);
    assert_ok(calibrate(&c, &s, &none));
    const double first = vc_distill_learning_rate(c.before.all.divergence);
    assert_true(first > 5e-5);
    t->learning_rate = first;
    const size_t steps = vc_epoch_steps(s.learn, BATCH);
    const double last = vc_learning_rate(t, (double)(steps - 1) / (double)steps);
    assert_near(c.log[0].learning_rate, last, 1e-9);
    vc_distilled_close(&c);
    tear_down(&s);
}

static void a_model_agrees_with_itself(void **state)
{
    (void)state;
    scene s = set_up("itself");
    vc_distilled c;
    const vc_distill_hooks none = {0};
    memcpy(s.student->values, s.teacher->values, s.student->value_count * sizeof(float));
    s.options.train.epochs = 0;
    assert_ok(calibrate(&c, &s, &none));
    assert_near(c.before.all.agreement, 1.0, 1e-12);
    assert_near(c.best.all.agreement, 1.0, 1e-12);
    vc_distilled_close(&c);
    tear_down(&s);
}

/* Fails once at the end of the second epoch, as a full disk would. */
static void fail_once(void *context, size_t step, size_t steps, double agreement)
{
    scene *s = context;
    (void)steps;
    (void)agreement;
    const vc_param *first = s->student->params;
    while (first->origin != VC_OF_FAMILY)
        first++;
    if (step == 2 * (COUNT * 4 / 5 / BATCH) + 1)
        first->data[0] = NAN;
}

static void it_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    scene whole = set_up("whole"), broken = set_up("broken");
    vc_distilled a, b;
    const vc_distill_hooks none = {0};
    const vc_distill_hooks failing = {.on_step = fail_once, .context = &broken};
    assert_ok(calibrate(&a, &whole, &none));
    assert_fails(calibrate(&b, &broken, &failing), VC_EINVAL, "in the parameter cls_token");
    broken.options.resume = 1;
    json_t *other = json_pack("{s:i}", "--seed", 1);
    broken.options.settings = other;
    assert_fails(calibrate(&b, &broken, &none), VC_EINVAL, "--seed (was 0, is 1)");
    broken.options.settings = broken.settings;
    assert_ok(calibrate(&b, &broken, &none));
    assert_memory_equal(whole.student->values, broken.student->values,
                        whole.student->value_count * sizeof(float));
    assert_int_equal(a.epochs, b.epochs);
    assert_memory_equal(a.log, b.log, a.epochs * sizeof *a.log);
    json_decref(other);
    vc_distilled_close(&a);
    vc_distilled_close(&b);
    tear_down(&whole);
    tear_down(&broken);
}

/* The images held back of two sources: what holds of all is the mean of both, weighted by their
 * images, and each is what it is alone. */
static void sources_are_judged_apart(void **state)
{
    (void)state;
    scene s = set_up("apart"), again = set_up("again");
    const vc_dataset little = {COUNT / 4, 1, 8, 8, 4, pixels + COUNT / 2 * PIXELS, labels, NULL};
    const vc_distill_hooks none = {0};
    vc_distilled c, d;
    scene *const both[] = {&s, &again};
    for (int i = 0; i < 2; i++) {
        scene *one = both[i];
        vc_source *two[2];
        vc_source_close(one->learn);
        vc_source_close(one->held);
        two[0] = one->images;
        assert_ok(vc_source_of_dataset(&two[1], &little));
        assert_ok(vc_source_join(&one->images, two, 2));
        assert_ok(vc_source_split(&one->learn, &one->held, one->images, 0.2));
    }
    assert_ok(calibrate(&c, &s, &none));
    assert_int_equal(c.source_count, 2);
    assert_int_equal(c.sources[0].images, COUNT * 4 / 5);
    assert_int_equal(c.sources[1].held_back, COUNT / 4 / 5);
    assert_string_equal(c.sources[1].path, "memory");
    assert_int_equal(c.log[0].source_count, 2);
    assert_near(c.before.all.divergence,
                0.8 * c.before.parts[0].divergence + 0.2 * c.before.parts[1].divergence, 1e-12);
    const vc_distill_epoch *best = &c.log[c.best_epoch - 1];
    assert_near(c.sources[1].best.divergence, best->sources[1].divergence, 0.0);
    assert_near(best->held.divergence,
                0.8 * best->sources[0].divergence + 0.2 * best->sources[1].divergence, 1e-12);
    /* The second source alone. */
    vc_source *alone, *learn, *held;
    vc_teacher_answers answers;
    vc_judge judge;
    vc_judgement judged;
    assert_ok(vc_source_of_dataset(&alone, &little));
    assert_ok(vc_source_split(&learn, &held, alone, 0.2));
    assert_ok(vc_teacher_answers_open(&answers, s.teacher, held, &s.options.look));
    assert_ok(vc_judge_open(&judge, s.student, &answers, held, &s.options.look));
    assert_ok(vc_judge_now(&judged, &judge));
    assert_near(judged.all.divergence, c.sources[1].best.divergence, 1e-6);
    vc_judge_close(&judge);
    vc_teacher_answers_close(&answers);
    vc_source_close(learn);
    vc_source_close(held);
    vc_source_close(alone);
    /* Going on knows them too. */
    const vc_distill_hooks failing = {.on_step = fail_once, .context = &again};
    assert_fails(calibrate(&d, &again, &failing), VC_EINVAL, "in the parameter cls_token");
    again.options.resume = 1;
    assert_ok(calibrate(&d, &again, &none));
    assert_memory_equal(s.student->values, again.student->values,
                        s.student->value_count * sizeof(float));
    assert_memory_equal(c.sources, d.sources, c.source_count * sizeof *c.sources);
    vc_distilled_close(&c);
    vc_distilled_close(&d);
    tear_down(&s);
    tear_down(&again);
}

/* Summaries of the last plan are parameters that the first plan does not have. */
static void summaries_are_learnt(void **state)
{
    (void)state;
    scene whole = set_up("summaries"), broken = set_up("summaries broken");
    const double sparsities[] = {0.3, 0.6};
    const vc_stage_recipe recipe = {
        .plan = {.rule = "budget", .threshold = 4}, .sparsities = sparsities, .count = 2};
    const vc_look how = vc_look_default();
    vc_stage_plans plans;
    vc_seen seen;
    vc_distilled a, b;
    vc_model *made;
    assert_ok(vc_stage_plans_make(&plans, &seen, whole.teacher, whole.learn, &recipe, &how, ""));
    summarize_plan(&plans.plans[1], &whole.student->config);
    scene *const both[] = {&whole, &broken};
    for (int i = 0; i < 2; i++) {
        both[i]->options.plans = plans.plans;
        both[i]->options.plan_count = 2;
        both[i]->options.stage_epochs = 1;
        both[i]->options.train.bias_rate = 10.0;
    }
    const vc_distill_hooks none = {0};
    const vc_distill_hooks failing = {.on_step = fail_once, .context = &broken};
    assert_ok(calibrate(&a, &whole, &none));
    assert_true(a.best_epoch > 0);
    assert_fails(calibrate(&b, &broken, &failing), VC_EINVAL, "in the parameter cls_token");
    broken.options.resume = 1;
    assert_ok(calibrate(&b, &broken, &none));
    assert_int_equal(whole.student->value_count, broken.student->value_count);
    assert_memory_equal(whole.student->values, broken.student->values,
                        whole.student->value_count * sizeof(float));
    assert_ok(vc_model_open(&made, whole.output, &(vc_model_options){.heads = 3}));
    assert_memory_equal(made->values, whole.student->values, made->value_count * sizeof(float));
    const float *now = vc_model_plan(made)->layers[0].summary_bias,
                *then = plans.plans[1].layers[0].summary_bias;
    assert_true(now[0] != then[0] && then[2] == -INFINITY && now[2] == -INFINITY);
    vc_model_close(made);
    vc_stage_plans_close(&plans);
    vc_distilled_close(&a);
    vc_distilled_close(&b);
    tear_down(&whole);
    tear_down(&broken);
}

/* The moving average, kept by hand. */
typedef struct average {
    const vc_model *student;
    double *values;
} average;

static void follow(void *context, size_t step, size_t steps, double agreement)
{
    average *a = context;
    (void)step;
    (void)steps;
    (void)agreement;
    for (size_t i = 0; i < a->student->value_count; i++)
        a->values[i] = 0.9 * a->values[i] + 0.1 * (double)a->student->values[i];
}

static void the_average_is_judged_and_kept(void **state)
{
    (void)state;
    scene whole = set_up("averaged"), broken = set_up("averaged broken");
    const size_t count = whole.student->value_count;
    average by_hand = {whole.student, malloc(count * sizeof(double))};
    assert_non_null(by_hand.values);
    for (size_t i = 0; i < count; i++)
        by_hand.values[i] = (double)whole.student->values[i];
    whole.options.train.ema = broken.options.train.ema = 0.9;
    const vc_distill_hooks none = {0}, following = {.on_step = follow, .context = &by_hand};
    const vc_distill_hooks failing = {.on_step = fail_once, .context = &broken};
    vc_teacher_answers answers;
    vc_judge judge;
    vc_judgement judged;
    vc_distilled a, b;
    assert_ok(calibrate(&a, &whole, &following));
    assert_int_equal(a.best_epoch, 4);
    for (size_t i = 0; i < count; i++)
        assert_near((double)whole.student->values[i], by_hand.values[i], 1e-5);
    assert_ok(vc_teacher_answers_open(&answers, whole.teacher, whole.held, &whole.options.look));
    assert_ok(vc_judge_open(&judge, whole.student, &answers, whole.held, &whole.options.look));
    assert_ok(vc_judge_now(&judged, &judge));
    assert_near(judged.all.divergence, a.log[3].held.divergence, 0.0);
    vc_judge_close(&judge);
    vc_teacher_answers_close(&answers);
    assert_fails(calibrate(&b, &broken, &failing), VC_EINVAL, "in the parameter cls_token");
    broken.options.resume = 1;
    assert_ok(calibrate(&b, &broken, &none));
    assert_memory_equal(whole.student->values, broken.student->values, count * sizeof(float));
    assert_memory_equal(a.log, b.log, a.epochs * sizeof *a.log);
    free(by_hand.values);
    vc_distilled_close(&a);
    vc_distilled_close(&b);
    tear_down(&whole);
    tear_down(&broken);
}

static void there_must_be_a_teacher(void **state)
{
    (void)state;
    scene s = set_up("alone");
    vc_distilled c;
    const vc_distill_hooks none = {0};
    s.options.output = s.output;
    s.options.checkpoint = s.checkpoint;
    assert_fails(vc_distill(&c, s.student, s.learn, s.held, &s.options, &none), VC_EINVAL,
                 "wants a teacher");
    tear_down(&s);
}

/* ---- statistics */

static void a_look_counts_images_and_classes(void **state)
{
    (void)state;
    scene s = set_up("look");
    vc_dense_stats stats;
    vc_seen seen;
    const vc_look how = vc_look_default();
    assert_ok(vc_dense_stats_open(&stats, s.teacher, how.batch, 1, 0));
    assert_ok(vc_dense_look(&stats, &seen, s.teacher, s.learn, &how));
    assert_int_equal(seen.images, COUNT * 4 / 5);
    assert_true(seen.classes >= 1 && seen.classes <= 4 && seen.last_class < 4);
    vc_dense_stats_close(&stats);
    memset(vc__deit_weights_of(s.teacher)->head_w, 0, 4 * 12 * sizeof(float));
    for (size_t c = 0; c < 4; c++)
        vc__deit_weights_of(s.teacher)->head_b[c] = c == 2 ? 1.0f : 0.0f;
    assert_ok(vc_dense_look(NULL, &seen, s.teacher, s.learn, &how));
    assert_int_equal(seen.classes, 1);
    assert_int_equal(seen.last_class, 2);
    tear_down(&s);
}

/* ---- plans and auto-encoders */

static void plans_become_sparser(void **state)
{
    (void)state;
    scene s = set_up("plans");
    const double sparsities[] = {0.3, 0.6};
    const vc_stage_recipe recipe = {.plan = {.rule = "budget", .threshold = 4, .residual = 1},
                                    .sparsities = sparsities,
                                    .count = 2};
    const vc_look how = vc_look_default();
    vc_stage_plans plans;
    vc_seen seen;
    assert_ok(vc_stage_plans_make(&plans, &seen, s.teacher, s.learn, &recipe, &how, "teacher"));
    assert_int_equal(plans.count, 2);
    assert_int_equal(seen.images, COUNT * 4 / 5);
    assert_near(plans.last.sparsity, 0.6, 0.02);
    assert_true(vc_plan_kept_share(&plans.plans[0]) > vc_plan_kept_share(&plans.plans[1]));
    assert_non_null(plans.plans[0].layers[0].kept_share);
    assert_ok(vc_plan_write(temporary("plan"), &plans.plans[0]));
    assert_ok(vc_stage_plans_add(&plans, &s.student->config, temporary("plan")));
    assert_int_equal(plans.count, 3);
    assert_near(plans.last.sparsity, 1.0 - vc_plan_kept_share(&plans.plans[0]), 1e-12);
    vc_stage_plans_close(&plans);
    tear_down(&s);
}

/* A recipe of so many images is that of the images that are spread over the source. */
static void statistics_are_of_some_images(void **state)
{
    (void)state;
    scene s = set_up("some");
    const double sparsity = 0.6;
    vc_stage_recipe recipe = {.plan = {.rule = "budget", .threshold = 4, .residual = 1},
                              .sparsities = &sparsity,
                              .count = 1};
    const vc_look how = vc_look_default();
    vc_stage_plans some, spread, all;
    vc_seen seen;
    vc_source *few;
    assert_ok(vc_source_spread(&few, s.learn, 5));
    assert_ok(vc_stage_plans_make(&spread, &seen, s.teacher, few, &recipe, &how, "teacher"));
    assert_ok(vc_stage_plans_make(&all, &seen, s.teacher, s.learn, &recipe, &how, "teacher"));
    assert_int_equal(seen.images, COUNT * 4 / 5);
    recipe.plan.images = 5;
    assert_ok(vc_stage_plans_make(&some, &seen, s.teacher, s.learn, &recipe, &how, "teacher"));
    assert_int_equal(seen.images, 5);
    char a[VC_PLAN_HASH_TEXT], b[VC_PLAN_HASH_TEXT], c[VC_PLAN_HASH_TEXT];
    vc_plan_hash_text(a, &some.plans[0]);
    vc_plan_hash_text(b, &spread.plans[0]);
    vc_plan_hash_text(c, &all.plans[0]);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    vc_stage_plans_close(&some);
    vc_stage_plans_close(&spread);
    vc_stage_plans_close(&all);
    vc_source_close(few);
    tear_down(&s);
}

static void means_become_files(void **state)
{
    (void)state;
    scene s = set_up("means");
    vc_dense_stats stats;
    vc_seen seen;
    vc_npy maps;
    const vc_look how = vc_look_default();
    assert_ok(vc_dense_stats_open(&stats, s.teacher, how.batch, 1, 0));
    assert_ok(vc_dense_look(&stats, &seen, s.teacher, s.learn, &how));
    assert_ok(vc_dense_stats_write(&stats, temporary("maps.npy"), temporary("scores.npy")));
    assert_ok(vc_npy_open(&maps, temporary("maps.npy")));
    const size_t shape[] = {2, 3, 17, 17};
    assert_true(vc_tensor_has(&maps.tensor, VC_F32, 4, shape));
    double row = 0.0;
    for (size_t k = 0; k < 17; k++)
        row += ((const float *)maps.tensor.data)[k];
    assert_near(row, 1.0, 1e-5);
    vc_npy_close(&maps);
    assert_int_equal(access(temporary("scores.npy"), F_OK), 0);
    vc_dense_stats_close(&stats);
    tear_down(&s);
}

/* An auto-encoder of as many heads as there are loses nothing. */
static void coders_of_all_heads(void **state)
{
    (void)state;
    scene s = set_up("coders");
    vc_coder_setup setup;
    vc_image_walk walk;
    vc_model *coded;
    const vc_look how = vc_look_default();
    assert_ok(vc_coder_setup_open(&setup, &s.teacher->config, 3, VC_CODED_QK));
    const vc_tap tap = vc_coder_setup_tap(&setup);
    assert_ok(vc_image_walk_open(&walk, s.teacher, s.learn, &how));
    do
        assert_ok(vc_image_walk_next(&walk, &tap));
    while (walk.batch.count > 0);
    vc_image_walk_close(&walk);
    assert_ok(vc_coder_setup_write(temporary("coder"), &setup));
    vc_coder_setup_close(&setup);
    assert_ok(vc_model_write(temporary("dense"), s.teacher));
    const vc_model_options with = {.heads = 3, .autoencoder = temporary("coder")};
    assert_ok(vc_model_open(&coded, temporary("dense"), &with));
    assert_ok(vc_image_walk_open(&walk, coded, s.learn, &how));
    assert_ok(vc_image_walk_next(&walk, NULL));
    assert_near(vc_model_reconstruction(&walk.acts, coded), 0.0, 1e-3);
    vc_image_walk_close(&walk);
    vc_model_close(coded);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(features_come_nearer),
                                       cmocka_unit_test(the_student_comes_nearer),
                                       cmocka_unit_test(a_model_agrees_with_itself),
                                       cmocka_unit_test(the_rate_goes_by_the_distance),
                                       cmocka_unit_test(it_goes_on_to_the_same_bits),
                                       cmocka_unit_test(sources_are_judged_apart),
                                       cmocka_unit_test(summaries_are_learnt),
                                       cmocka_unit_test(the_average_is_judged_and_kept),
                                       cmocka_unit_test(there_must_be_a_teacher),
                                       cmocka_unit_test(a_look_counts_images_and_classes),
                                       cmocka_unit_test(plans_become_sparser),
                                       cmocka_unit_test(statistics_are_of_some_images),
                                       cmocka_unit_test(means_become_files),
                                       cmocka_unit_test(coders_of_all_heads)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
