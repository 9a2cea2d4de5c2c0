/* Models over images: counts of a forward pass and of an engine, batches, a walk, classes by
 * rank. */
#include "../../src/models/deit/deit.h"
#include "testing.h"
#include "vitcod/engine_pass.h"
#include "vitcod/judge.h"
#include "vitcod/loss.h"
#include "vitcod/rng.h"

enum { COUNT = 21, PIXELS = 64, CLASSES = 6 };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 8, 8, CLASSES, pixels, labels, NULL};
static const vc__deit_config config = {.image = {8, 8},
                                       .patch = {2, 2},
                                       .channels = 1,
                                       .classes = CLASSES,
                                       .width = 12,
                                       .depth = 2,
                                       .heads = 3,
                                       .hidden = 24,
                                       .std = {0.3f}};

static void set_up(vc_model **model, vc_source **source)
{
    vc_rng rng = vc_rng_open(4, 0, 0);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)vc_rng_below(&rng, 256);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (int32_t)vc_rng_below(&rng, CLASSES);
    assert_ok(vc_source_of_dataset(source, &data));
    assert_ok(vc__deit_create(model, &config, 1));
}

static vc_evaluation forward(const vc_model *model, vc_source *source, size_t batch,
                             vc_class_count *counts)
{
    vc_acts acts;
    vc_evaluation e;
    vc_evaluate_options how = vc_evaluate_options_default();
    how.counts = counts;
    assert_ok(vc_acts_open(&acts, model, batch, 0));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_ok(vc_evaluate(&e, model, source, &runner, &how));
    vc_acts_close(&acts);
    return e;
}

static void counts_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    vc_model *model;
    vc_source *source;
    vc_class_count counts[CLASSES] = {{0}};
    size_t images = 0, top1 = 0, top5 = 0;
    set_up(&model, &source);
    const vc_evaluation all = forward(model, source, COUNT, counts),
                        some = forward(model, source, 4, NULL);
    for (size_t c = 0; c < CLASSES; c++) {
        images += counts[c].images;
        top1 += counts[c].top1;
        top5 += counts[c].top5;
    }
    assert_int_equal(all.images, COUNT);
    assert_int_equal(images, COUNT);
    assert_int_equal(top1, all.top1);
    assert_int_equal(top5, all.top5);
    assert_int_equal(some.top1, all.top1);
    assert_near(some.loss, all.loss, 1e-6);
    vc_source_close(source);
    vc_model_close(model);
}

static void an_engine_counts_the_same(void **state)
{
    (void)state;
    vc_model *model;
    vc_source *source;
    vc_engine_pass pass;
    vc_evaluation e;
    vc_engine_options how = vc_engine_options_default();
    const vc_evaluate_options all = vc_evaluate_options_default();
    set_up(&model, &source);
    how.batch = 5;
    assert_ok(vc_engine_pass_open(&pass, model, &how));
    const vc_runner runner = vc_engine_runner(&pass);
    assert_ok(vc_evaluate(&e, model, source, &runner, &all));
    const vc_evaluation want = forward(model, source, 5, NULL);
    assert_int_equal(e.top1, want.top1);
    assert_near(e.loss, want.loss, 1e-4);
    vc_engine_pass_close(&pass);
    vc_source_close(source);
    vc_model_close(model);
}

static void an_engine_agrees_with_itself(void **state)
{
    (void)state;
    vc_model *model;
    vc_source *source;
    vc_engine_comparison c;
    vc_evaluation e;
    vc_engine_options how = vc_engine_options_default();
    const vc_evaluate_options all = vc_evaluate_options_default();
    set_up(&model, &source);
    how.batch = 8;
    assert_ok(vc_engine_comparison_open(&c, model, &how, &how));
    const vc_runner runner = vc_engine_comparison_runner(&c);
    assert_ok(vc_evaluate(&e, model, source, &runner, &all));
    assert_int_equal(c.images, COUNT);
    assert_int_equal(c.same, COUNT);
    assert_near(c.difference, 0.0, 0.0);
    assert_true(c.largest > 0.0);
    vc_engine_comparison_close(&c);
    vc_source_close(source);
    vc_model_close(model);
}

/* Every image once, in order; then from the first again. */
static void a_walk_begins_anew(void **state)
{
    (void)state;
    vc_model *model;
    vc_source *source;
    vc_image_walk walk;
    vc_look how = vc_look_default();
    set_up(&model, &source);
    how.batch = 8;
    assert_ok(vc_image_walk_open(&walk, model, source, &how));
    for (size_t time = 0; time < 2; time++) {
        size_t seen = 0;
        for (;;) {
            assert_ok(vc_image_walk_next(&walk, NULL));
            if (walk.batch.count == 0)
                break;
            assert_int_equal(walk.first, seen);
            assert_int_equal(walk.batch.indices[0], seen);
            seen += walk.batch.count;
        }
        assert_int_equal(seen, COUNT);
    }
    vc_image_walk_close(&walk);
    vc_source_close(source);
    vc_model_close(model);
}

static void a_model_judged_by_itself(void **state)
{
    (void)state;
    vc_model *model;
    vc_source *source;
    vc_teacher_answers answers;
    vc_judge judge;
    vc_judgement now;
    const vc_look how = vc_look_default();
    set_up(&model, &source);
    assert_ok(vc_teacher_answers_open(&answers, model, source, &how));
    assert_int_equal(answers.images, COUNT);
    assert_ok(vc_judge_open(&judge, model, &answers, source, &how));
    assert_ok(vc_judge_now(&now, &judge));
    assert_near(now.all.agreement, 1.0, 0.0);
    assert_near(now.all.divergence, 0.0, 1e-9);
    vc_judge_close(&judge);
    vc_teacher_answers_close(&answers);
    vc_source_close(source);
    vc_model_close(model);
}

static void classes_by_rank(void **state)
{
    (void)state;
    const float logits[4] = {1.0f, 3.0f, 1.0f, -2.0f};
    const size_t order[4] = {1, 0, 2, 3}; /* of equal logits the lower class comes first */
    vc_ranked_class best[4];
    double sum = 0.0;
    assert_ok(vc_rank_classes(best, 4, logits, 4));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(best[i].index, order[i]);
        assert_int_equal(vc_rank_of(logits, 4, order[i]), i);
        sum += best[i].probability;
    }
    assert_near(sum, 1.0, 1e-12);
    assert_near(best[0].probability / best[1].probability, exp(2.0), 1e-9);
}

static void classes_that_do_not_fit(void **state)
{
    (void)state;
    vc_model *model, *small;
    vc_source *source;
    vc__deit_config other = config;
    set_up(&model, &source);
    other.classes = 3;
    assert_ok(vc__deit_create(&small, &other, 1));
    assert_ok(vc_model_check_source(model, source));
    assert_fails(vc_model_check_source(small, source), VC_EINVAL, "labels go up to 5");
    vc_model_close(small);
    vc_model_close(model);
    vc_source_close(source);
}

/* Names go with the data: those of other classes are dropped. */
static void classes_are_called_as_in_the_data(void **state)
{
    (void)state;
    static const char *const names[CLASSES] = {"ant", "bee", "cow", "doe", "eel", "fox"},
                             *const others[CLASSES] = {"1", "2", "3", "4", "5", "6"};
    vc_model *model;
    vc_source *source;
    set_up(&model, &source);
    assert_ok(vc_model_name_classes(model, others, CLASSES));
    assert_ok(vc_source_name_classes(source, names, CLASSES));
    assert_ok(vc_model_name_classes_as(model, source));
    for (size_t i = 0; i < CLASSES; i++)
        assert_string_equal(vc_model_class_name(model, i), names[i]);
    vc_source_close(source);
    assert_ok(vc_source_of_dataset(&source, &data));
    assert_ok(vc_model_name_classes_as(model, source));
    assert_string_equal(vc_model_class_name(model, 0), "");
    vc_model_close(model);
    vc_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_do_not_depend_on_the_batch),
        cmocka_unit_test(an_engine_counts_the_same),
        cmocka_unit_test(an_engine_agrees_with_itself),
        cmocka_unit_test(a_walk_begins_anew),
        cmocka_unit_test(a_model_judged_by_itself),
        cmocka_unit_test(classes_by_rank),
        cmocka_unit_test(classes_that_do_not_fit),
        cmocka_unit_test(classes_are_called_as_in_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
