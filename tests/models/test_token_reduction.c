/* Fewer tokens from layer to layer, against a program of its own in float64
 * (tools/golden/token_reduction.py). */
#include "vitcod/token_reduction.h"

#include "../../src/models/deit/deit.h"
#include "timm.h"
#include "vitcod/mask.h"

enum { SIDE = 20, DEPTH = 4, PATCHES = 25 };

static vc_model_config small_deit(int distilled)
{
    vc__deit_config sizes = vc__deit_config_default(), *c = &sizes;
    c->image = vc_square(SIDE);
    c->patch = vc_square(4);
    c->width = 24;
    c->depth = DEPTH;
    c->heads = 3;
    c->hidden = 48;
    c->classes = CLASSES;
    c->distilled = distilled;
    return vc__deit_model(&sizes);
}

/* Fills timm_images. */
static vc_model *make_small_deit(int distilled)
{
    const vc_model_config config = small_deit(distilled);
    noise(timm_images, "images", BATCH * vc_model_image_values(&config));
    return make(&config, 0);
}

static void run(float *logits, const vc_model *model, const char *rule, double keep)
{
    vc_token_pass *pass;
    const vc_token_reduction how = {rule, keep};
    assert_ok(vc_token_pass_open(&pass, model, &how));
    vc_token_pass_run(pass, logits, timm_images, BATCH);
    vc_token_pass_close(pass);
}

static void check_schedule(const vc_model_config *config, const vc_token_reduction *how,
                           const json_t *want)
{
    vc_token_schedule schedule;
    assert_ok(vc_token_schedule_open(&schedule, config, how));
    assert_int_equal(schedule.layers, DEPTH);
    double share = 0.0;
    for (size_t i = 0; i < DEPTH; i++) {
        const json_t *tokens = json_array_get(json_object_get(want, "tokens"), i);
        assert_int_equal(schedule.tokens[i], json_integer_value(tokens));
        share += pow((double)schedule.tokens[i] / (double)schedule.tokens[0], 2.0) / DEPTH;
    }
    assert_int_equal(schedule.macs, json_integer_value(json_object_get(want, "macs")));
    assert_near(schedule.scores_share, share, 1e-12);
    assert_int_equal(schedule.macs == schedule.dense_macs, how->keep == 1.0);
    vc_token_schedule_close(&schedule);
}

static void golden_logits(void **state)
{
    (void)state;
    size_t i;
    json_t *row;
    json_error_t error;
    json_t *golden = json_load_file("tools/golden/token_reduction.json", 0, &error);
    assert_int_equal(json_array_size(golden), 10);
    json_array_foreach (golden, i, row) {
        float logits[BATCH * CLASSES];
        const vc_token_reduction how = {json_string_value(json_object_get(row, "rule")),
                                        json_number_value(json_object_get(row, "keep"))};
        vc_model *model = make_small_deit(json_is_true(json_object_get(row, "distilled")));
        check_schedule(&model->config, &how, row);
        run(logits, model, how.rule, how.keep);
        compare(logits, row, "logits", how.rule, 1e-5);
        vc_model_close(model);
    }
    json_decref(golden);
}

static void all_tokens_are_the_forward_pass(void **state)
{
    (void)state;
    for (int distilled = 0; distilled < 2; distilled++) {
        float pruned[BATCH * CLASSES], merged[BATCH * CLASSES], dense[BATCH * CLASSES];
        vc_model *model = make_small_deit(distilled);
        const size_t values = vc_model_image_values(&model->config);
        vc_acts acts;
        assert_ok(vc_acts_open(&acts, model, 1, 0));
        for (size_t i = 0; i < BATCH; i++) {
            vc_model_forward(&acts, model, timm_images + i * values, 1, NULL);
            memcpy(dense + i * CLASSES, acts.logits, CLASSES * sizeof *dense);
        }
        run(pruned, model, "prune", 1.0);
        run(merged, model, "merge", 1.0);
        assert_memory_equal(pruned, dense, sizeof dense);
        assert_memory_equal(merged, dense, sizeof dense);
        vc_acts_close(&acts);
        vc_model_close(model);
    }
}

/* What an image's tokens are worth is forgotten before the next. */
static void images_do_not_meet(void **state)
{
    (void)state;
    static const char *const rules[] = {"prune", "merge"};
    vc_model *model = make_small_deit(0);
    for (size_t r = 0; r < 2; r++) {
        float both[BATCH * CLASSES], second[CLASSES];
        vc_token_pass *pass;
        run(both, model, rules[r], 0.4);
        assert_ok(vc_token_pass_open(&pass, model, &(vc_token_reduction){rules[r], 0.4}));
        vc_token_pass_run(pass, second, timm_images + vc_model_image_values(&model->config), 1);
        assert_memory_equal(second, both + CLASSES, sizeof second);
        vc_token_pass_close(pass);
    }
    vc_model_close(model);
}

/* Down to one patch beside the class token by pruning; merging halves at most. */
static void the_least(void **state)
{
    (void)state;
    float logits[BATCH * CLASSES];
    vc_token_schedule schedule;
    vc_model *model = make_small_deit(1);
    run(logits, model, "prune", 1e-9);
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        assert_true(isfinite(logits[i]));
    assert_fails(
        vc_token_schedule_open(&schedule, &model->config, &(vc_token_reduction){"merge", 0.1}),
        VC_EINVAL, "layer 2 would go from 10 to 3, wanted a share that takes 5 at most");
    assert_null(schedule.tokens);
    vc_model_config config = small_deit(0);
    vc__deit_sizes_in(&config)->depth = 1;
    assert_fails(vc_token_schedule_open(&schedule, &config, &(vc_token_reduction){"prune", 0.5}),
                 VC_EINVAL, "0.5 of the tokens kept in the last of 1 layers");
    vc_model_close(model);
}

static void refused(const vc_model *model, const char *rule, double keep, vc_status status,
                    const char *because)
{
    vc_token_pass *pass;
    assert_fails(vc_token_pass_open(&pass, model, &(vc_token_reduction){rule, keep}), status,
                 because);
    assert_null(pass);
}

static void what_is_refused(void **state)
{
    (void)state;
    vc_model *model = make_small_deit(0), *levit, *coded;
    vc_model_config config;
    refused(model, "drop", 0.5, VC_EINVAL, "tokens by 'drop', wanted prune or merge");
    refused(model, "prune", 0.0, VC_EINVAL, "0 of the tokens kept, wanted more than 0, up to 1");
    refused(model, "prune", NAN, VC_EINVAL, "wanted more than 0, up to 1");
    refused(model, "merge", 1.5, VC_EINVAL, "wanted more than 0, up to 1");
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, DEPTH, 3, PATCHES + 1, PATCHES + 1));
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    refused(model, "prune", 0.5, VC_EUNSUPPORTED, "has a mask or a plan");
    vc_mask_close(&mask);
    config = small_deit(0);
    assert_ok(vc_model_compress(&config, 2, VC_CODED_K));
    assert_ok(vc_model_create(&coded, &config, 1));
    refused(coded, "prune", 0.5, VC_EUNSUPPORTED, "has an auto-encoder");
    assert_ok(vc_model_preset(&config, "levit_128s"));
    assert_ok(vc_model_create(&levit, &config, 1));
    refused(levit, "merge", 0.5, VC_EUNSUPPORTED, "this is a levit, wanted a deit");
    vc_model_close(levit);
    vc_model_close(coded);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_logits),      cmocka_unit_test(all_tokens_are_the_forward_pass),
        cmocka_unit_test(images_do_not_meet), cmocka_unit_test(the_least),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
