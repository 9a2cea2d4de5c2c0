/* What the bias of summaries is made of, against an independent program in float64:
 * tools/golden/summaries.py has the other side. */
#include "../../src/models/deit/deit.h"
#include "../../src/models/levit/levit.h"
#include "../models/timm.h"
#include "summary_plans.h"
#include "vitcod/distill.h"
#include "vitcod/image_array.h"

enum { PICTURES = 4, SIDE = 80, MOST_MAPS = 4096 };

static const vc_summary_grid grids[] = {{1, 1, 0, 0}, {2, 2, 0, 0}, {3, 3, 0, 0}};

/* null is minus infinity. Float32 rounds probabilities, of which a few dozen are added up, so a
 * value is off by a share of itself, and a logarithm by as much. */
static void compare_values(const float *have, const json_t *want, size_t count, const char *what,
                           size_t layer)
{
    const int logarithm = strcmp(what, "bias") == 0;
    assert_int_equal(json_array_size(want), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(want, i);
        if (json_is_null(value) && have[i] == -INFINITY)
            continue;
        const double number = json_is_null(value) ? -INFINITY : json_real_value(value);
        if (!(fabs((double)have[i] - number) <= 1e-5 * (logarithm ? 1.0 : number)))
            fail_msg("%s of layer %zu, index %zu: %.8g, wanted %.8g", what, layer, i,
                     (double)have[i], number);
    }
}

/* What the mask of layers with summaries prunes; class tokens see and are seen. */
static void prune(uint8_t *pruned, const vc_attention_layer *l, size_t layer, size_t prefix)
{
    vc_mask mask = {1, l->heads, l->queries, l->keys, pruned};
    summary_mask(&mask, layer);
    for (size_t at = 0; at < l->heads * l->queries * l->keys; at++)
        if (at % l->keys < prefix || at / l->keys % l->queries < prefix)
            pruned[at] = 0;
}

static void check_layer(const vc_dense_stats *stats, const float *attention, size_t layer,
                        const json_t *golden)
{
    static uint8_t pruned[MOST_MAPS];
    static float have[MOST_BIASES];
    const vc_attention_layer l = vc_model_layer(&stats->model->config, layer);
    assert_true(l.heads * l.queries * l.keys <= MOST_MAPS);
    prune(pruned, &l, layer, vc_model_prefix_tokens(&stats->model->config));
    for (size_t g = 0; g < stats->kinds.count; g++) {
        char key[8];
        snprintf(key, sizeof key, "%d", (int)stats->kinds.grids[g].y);
        const json_t *want = json_object_get(golden, key);
        const vc_summary_stats *s =
            vc_summary_kinds_find(&stats->kinds, layer, stats->kinds.grids[g]);
        assert_non_null(s);
        const size_t count = l.heads * l.queries * s->pooling.count;
        for (size_t i = 0; i < count; i++)
            have[i] = (float)(s->sum[i] / (double)s->images);
        compare_values(have, json_object_get(want, "weight"), count, "weight", layer);
        vc_summary_bias(have, attention, pruned, s);
        compare_values(have, json_object_get(want, "bias"), count, "bias", layer);
    }
}

static void check_model(const char *name, const vc_model_config *config, size_t grid_count)
{
    static float pictures[PICTURES * 3 * SIDE * SIDE], attention[4 * MOST_MAPS];
    json_t *golden = golden_in("tools/golden/summaries.json", name);
    vc_model *model = make(config, 0);
    vc_dense_stats stats;
    noise(pictures, "images", PICTURES * vc_model_image_values(config));
    assert_ok(vc_dense_stats_open(&stats, model, 3, 0, 0));
    assert_ok(vc_dense_stats_summarize(&stats, grids, grid_count));
    const vc_tap tap = vc_dense_stats_tap(&stats);
    assert_ok(vc_tap_images(model, pictures, PICTURES, 3, &tap));
    assert_ok(stats.status);
    assert_int_equal(json_array_size(golden), vc_model_layers(config));
    for (size_t g = 0; g < stats.groups; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_stats *s = &stats.attention[g];
        const size_t maps = s->heads * s->queries * s->keys;
        assert_true(group.count <= 4 && maps <= MOST_MAPS);
        vc_attention_stats_mean(attention, s);
        for (size_t l = 0; l < group.count; l++)
            check_layer(&stats, attention + l * maps, group.first + l,
                        json_array_get(golden, group.first + l));
    }
    vc_dense_stats_close(&stats);
    vc_model_close(model);
    json_decref(golden);
}

static void of_a_deit(void **state)
{
    (void)state;
    vc__deit_config sizes = vc__deit_config_default();
    sizes.image = vc_square(32);
    sizes.patch = vc_square(8);
    sizes.width = 48;
    sizes.depth = 2;
    sizes.heads = 3;
    sizes.hidden = 192;
    sizes.classes = CLASSES;
    const vc_model_config config = vc__deit_model(&sizes);
    check_model("deit_statistics", &config, 3);
}

/* The third stage has 2 x 2 tokens. */
static void of_a_levit(void **state)
{
    (void)state;
    const vc_model_config config =
        vc__levit_model(&(vc__levit_config){.image = SIDE,
                                            .channels = 3,
                                            .classes = CLASSES,
                                            .stem = {2, 4, 8, 16},
                                            .stages = {{16, 1, {2, 4, 8, 32}, {0}, {0}},
                                                       {24, 1, {3, 4, 8, 48}, {0}, {4, 4, 16, 48}},
                                                       {32, 1, {2, 4, 8, 64}, {0}, {6, 4, 16, 64}}},
                                            .distilled = 1,
                                            .std = {1, 1, 1}});
    check_model("levit_statistics", &config, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_a_deit), cmocka_unit_test(of_a_levit)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
