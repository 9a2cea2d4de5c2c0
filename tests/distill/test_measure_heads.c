/* What the curves of heads say, against the divergence of models with one head sparse; and plans
 * made by them. */
#include "testing.h"
#include "tiny_levit.h"
#include "vitcod/distill.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"

enum { COUNT = 400, PIXELS = 256, CLASSES = 4, LAYERS = 2, HEADS = 3, T = 17, BATCH = 16 };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 16, 16, CLASSES, pixels, labels, NULL};

typedef struct scene {
    vc_source *images;
    vc_model *model;
    vc_look how;
} scene;

static scene set_up(void)
{
    const vc_model_input input = {
        .height = 16, .width = 16, .channels = 1, .classes = CLASSES, .std = {0.3f}};
    const vc_plain_sizes sizes = {
        .patch = 4, .width = 24, .depth = LAYERS, .heads = HEADS, .hidden = 48};
    vc_model_config config;
    scene s = {.how = vc_look_default()};
    vc_rng rng = vc_rng_open(2, 2, 2);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)vc_rng_below(&rng, 256);
    assert_ok(vc_source_of_dataset(&s.images, &data));
    assert_ok(vc_model_plain(&config, &sizes, &input));
    assert_ok(vc_model_create(&s.model, &config, 1));
    for (size_t p = 0; p < s.model->param_count; p++) /* steeper attention */
        for (size_t i = 0;
             strstr(s.model->params[p].name, "qkv.weight") && i < s.model->params[p].count; i++)
            s.model->params[p].data[i] *= 2.0f;
    return s;
}

static void tear_down(scene *s)
{
    vc_model_close(s->model);
    vc_source_close(s->images);
}

static void gather(vc_statistics *out, const scene *s, const char *summaries, size_t images,
                   const vc_statistics_keep *keep)
{
    const vc_plan_recipe recipe = {
        .rule = VC_RULE_MEASURED, .summaries = summaries, .curve_images = images};
    assert_ok(vc_statistics_gather(out, s->model, s->images, &recipe, keep, &s->how));
}

/* KL(dense || the head sparse alone) over all images */
static double divergence(const scene *s, const vc_statistics *stats,
                         const vc_teacher_answers *answers, const uint64_t *kept)
{
    const vc_maps maps = stats->maps[0];
    const vc_summary_stats *summaries[LAYERS];
    vc_mask mask;
    vc_plan plan;
    vc_judge judge;
    vc_judgement judged;
    for (size_t l = 0; l < LAYERS; l++)
        summaries[l] = vc_summary_kinds_find(&stats->kinds, l, (vc_summary_grid){2, 2, 1, 0});
    assert_ok(vc_prune_heads(&mask, &maps, 1, kept, 1));
    assert_ok(vc_polarize(&plan, &mask, 8, "mask"));
    assert_ok(vc_plan_add_summaries(&plan, summaries, &maps, 1, "maps"));
    assert_ok(vc_model_use_plan(s->model, &plan, "plan"));
    assert_ok(vc_judge_open(&judge, s->model, answers, s->images, &s->how));
    assert_ok(vc_judge_now(&judged, &judge));
    vc_judge_close(&judge);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    return judged.all.divergence;
}

/* Each image has one random vector, so that the sum over heads has an error of a few percent. */
static void losses_are_divergences(void **state)
{
    (void)state;
    enum { LEVEL = 8 };
    scene s = set_up();
    vc_statistics stats;
    vc_teacher_answers answers;
    uint64_t kept[LAYERS * HEADS];
    double predicted = 0.0, measured = 0.0;
    gather(&stats, &s, "2x2q", COUNT, NULL);
    assert_int_equal(stats.curves.images, COUNT);
    assert_ok(vc_teacher_answers_open(&answers, s.model, s.images, &s.how));
    for (size_t h = 0; h < LAYERS * HEADS; h++) {
        const vc_curve_layer *l = &stats.curves.layers[h / HEADS];
        for (size_t i = 0; i < LAYERS * HEADS; i++)
            kept[i] = i == h ? l->kept[h % HEADS * VC_CURVE_LEVELS + LEVEL] : T * T;
        predicted += l->loss[h % HEADS * VC_CURVE_LEVELS + LEVEL] / COUNT;
        measured += divergence(&s, &stats, &answers, kept);
    }
    print_message("predicted %g, measured %g\n", predicted, measured);
    assert_near(predicted, measured, 0.2 * measured);
    vc_teacher_answers_close(&answers);
    vc_statistics_close(&stats);
    tear_down(&s);
}

/* Fewer images, spread over the source; the same images give the same sums. */
static void some_images_are_enough(void **state)
{
    (void)state;
    scene s = set_up();
    vc_statistics a, b;
    gather(&a, &s, "auto", 40, NULL);
    s.how.batch = 5;
    gather(&b, &s, "auto", 40, NULL);
    assert_int_equal(a.curves.images, 40);
    for (size_t l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < a.curves.choices * HEADS * VC_CURVE_LEVELS; i++)
            assert_near(a.curves.layers[l].loss[i], b.curves.layers[l].loss[i],
                        1e-6 + 1e-3 * b.curves.layers[l].loss[i]);
    vc_statistics_close(&a);
    vc_statistics_close(&b);
    tear_down(&s);
}

static void check_plan(const scene *s, const char *rule, const char *summaries, double sparsity)
{
    const double sparsities[] = {sparsity - 0.1, sparsity};
    const vc_stage_recipe recipe = {.plan = {.rule = rule,
                                             .threshold = 8,
                                             .summaries = summaries,
                                             .curves = temporary("curves"),
                                             .curve_images = 40},
                                    .sparsities = sparsities,
                                    .count = 2};
    vc_stage_plans plans;
    vc_seen seen;
    assert_ok(vc_stage_plans_make(&plans, &seen, s->model, s->images, &recipe, &s->how, "model"));
    assert_int_equal(plans.count, 2);
    assert_near(plans.last.sparsity, sparsity, 1e-3);
    assert_near(vc_plan_kept_share(&plans.plans[0]), 1.0 - sparsity + 0.1, 1e-3);
    assert_int_equal(plans.last.summaries[0] != '\0', vc_plan_count(&plans.plans[1]).summaries > 0);
    vc_stage_plans_close(&plans);
}

static void plans_by_curves(void **state)
{
    (void)state;
    scene s = set_up();
    json_t *curves;
    check_plan(&s, VC_RULE_MEASURED, NULL, 0.7);
    check_plan(&s, VC_RULE_MEASURED, "1x1q,2x2", 0.6);
    check_plan(&s, VC_RULE_MEASURED, "auto", 0.6);
    assert_ok(vc_json_read(&curves, temporary("curves")));
    assert_int_equal(json_array_size(json_object_get(curves, "heads")), LAYERS * HEADS);
    assert_int_equal(json_array_size(json_object_get(curves, "summaries")), 9);
    json_decref(curves);
    tear_down(&s);
}

/* Its BatchNorms would measure another model than the one that infers. */
static void refuses_batch_norms(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_statistics stats = {.curve_images = 1};
    const vc_look how = vc_look_default();
    assert_fails(vc_measure_heads(&stats, model, NULL, NULL, &how), VC_EUNSUPPORTED,
                 "heads of a levit cannot be measured: its BatchNorms");
    assert_null(stats.curves.layers);
    const vc_plan_recipe recipe = {.rule = VC_RULE_MEASURED, .summaries = "1x1"};
    assert_fails(vc_statistics_gather(&stats, model, NULL, &recipe, NULL, &how), VC_EUNSUPPORTED,
                 "wanted another rule than measured"); /* before any image is looked at */
    vc_model_close(model);
}

static void recipes_are_completed(void **state)
{
    (void)state;
    const char *residual = NULL;
    vc_plan_recipe recipe = {0};
    assert_ok(vc_plan_recipe_settle(&recipe, &residual));
    assert_string_equal(recipe.rule, "measured");
    assert_string_equal(recipe.summaries, "auto");
    assert_int_equal(recipe.residual, 0);
    residual = "none"; /* as published */
    recipe = (vc_plan_recipe){0};
    assert_ok(vc_plan_recipe_settle(&recipe, &residual));
    assert_string_equal(recipe.rule, "budget");
    assert_null(recipe.summaries);
    residual = NULL;
    recipe = (vc_plan_recipe){.summaries = "none"};
    assert_ok(vc_plan_recipe_settle(&recipe, &residual));
    assert_string_equal(residual, "mean");
    residual = NULL; /* auto is for rule measured */
    recipe = (vc_plan_recipe){.rule = "budget"};
    assert_ok(vc_plan_recipe_settle(&recipe, &residual));
    assert_null(recipe.summaries);
    assert_string_equal(residual, "mean");
    assert_int_equal(recipe.residual, 1);
    residual = NULL;
    recipe = (vc_plan_recipe){.rule = "budget", .summaries = "auto"};
    assert_fails(vc_plan_recipe_settle(&recipe, &residual), VC_EINVAL, "and the rule is budget");
    residual = NULL;
    recipe = (vc_plan_recipe){.rule = VC_RULE_MEASURED};
    assert_ok(vc_plan_recipe_settle(&recipe, &residual));
    assert_string_equal(recipe.summaries, "auto");
    assert_string_equal(residual, "none");
    residual = "mean";
    recipe = (vc_plan_recipe){.rule = VC_RULE_MEASURED};
    assert_fails(vc_plan_recipe_settle(&recipe, &residual), VC_EINVAL, "rule measured");
    recipe = (vc_plan_recipe){.summaries = "3x3"};
    assert_fails(vc_plan_recipe_settle(&recipe, &residual), VC_EINVAL, "stand in");
    recipe = (vc_plan_recipe){.summaries = "none"};
    assert_ok(vc_plan_recipe_settle(&recipe, &residual));
    assert_null(recipe.summaries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_divergences), cmocka_unit_test(some_images_are_enough),
        cmocka_unit_test(plans_by_curves), cmocka_unit_test(recipes_are_completed),
        cmocka_unit_test(refuses_batch_norms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
