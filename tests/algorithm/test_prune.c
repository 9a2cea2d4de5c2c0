#include "testing.h"
#include "vitcod/npy.h"
#include "vitcod/prune.h"

static vc_prune_options options(double info, int keep)
{
    vc_prune_options o = vc_prune_options_default();
    o.info = info;
    o.keep_class_token = keep;
    return o;
}

static void by_hand(void **state)
{
    (void)state;
    /* 0.5 + 0.3 reaches 0.8: two are added, three kept. */
    const float row[] = {0.1f, 0.5f, 0.05f, 0.3f, 0.05f};
    const vc_maps maps = {1, 1, 1, 5, row};
    vc_prune_options o = options(0.8, 0);
    vc_prune_report report;
    vc_mask mask;
    assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
    const uint8_t want[] = {0, 0, 1, 0, 1};
    assert_memory_equal(mask.pruned, want, 5);
    assert_near(report.sparsity, 0.4, 1e-12);
    vc_mask_close(&mask);
    o = options(2.0, 0);
    assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
    assert_int_equal(vc_mask_kept(&mask), 5); /* a cut above 1 keeps all */
    vc_mask_close(&mask);
}

static void class_token(void **state)
{
    (void)state;
    const float map[] = {0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.9f, 0.1f, 0.0f, 0.0f, 0.1f, 0.9f, 0.0f};
    const vc_maps maps = {1, 1, 3, 4, map}; /* rectangular */
    vc_prune_options o = options(0.5, 1);
    vc_prune_report report;
    vc_mask mask;
    assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
    const uint8_t want[] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
    assert_memory_equal(mask.pruned, want, 12);
    vc_mask_close(&mask);
}

static void other_rules(void **state)
{
    (void)state;
    const float row[] = {0.1f, 0.5f, 0.05f, 0.3f, 0.05f}; /* mean 0.2, deviation 0.174 */
    const vc_maps maps = {1, 1, 1, 5, row};
    static const struct {
        const char *rule;
        double strength;
        uint8_t want[5];
    } cases[] = {{"threshold", 0.2, {1, 0, 1, 0, 1}}, {"threshold", 0.9, {1, 0, 1, 1, 1}},
                 {"ratio", 0.4, {0, 0, 1, 0, 1}},     {"ratio", 0.2, {0, 0, 1, 0, 0}},
                 {"ratio", 1.0, {1, 0, 1, 1, 1}},     {"std", 0.0, {1, 0, 1, 0, 1}},
                 {"std", 9.0, {1, 0, 1, 1, 1}},       {"random", 0.0, {0, 0, 0, 0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vc_prune_options o = options(cases[i].strength, 0);
        vc_prune_report report;
        vc_mask mask;
        o.rule = cases[i].rule;
        assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
        if (memcmp(mask.pruned, cases[i].want, 5) != 0)
            fail_msg("case %zu: rule %s at %g", i, o.rule, o.info);
        vc_mask_close(&mask);
    }
}

/* Every rule reaches a sparsity, as near as its steps allow, and keeps a score in each row. */
static void rules_reach_a_sparsity(void **state)
{
    (void)state;
    enum { N = 64 };
    static float map[N * N];
    static const char *const rules[] = {"info", "threshold", "ratio", "std", "random"};
    for (int i = 0; i < N * N; i++)
        map[i] = (float)(1 + (i * 7919) % 997) / 32000.0f;
    const vc_maps maps = {1, 1, N, N, map};
    for (size_t r = 0; r < 5; r++) {
        vc_prune_options o = options(-1.0, 0);
        vc_prune_report report;
        vc_mask mask;
        o.rule = rules[r];
        o.sparsity = 0.8;
        assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
        assert_near(report.sparsity, 0.8, 0.011);
        assert_ok(vc_mask_check_rows(&mask, "mask"));
        vc_mask_close(&mask);
    }
}

/* Weighted attention is not a share: scores a thousand times as high are pruned in the same way. */
static void threshold_of_any_scale(void **state)
{
    (void)state;
    enum { N = 64 };
    static float map[N * N], high[N * N];
    for (int i = 0; i < N * N; i++) {
        map[i] = (float)(1 + (i * 7919) % 997) / 1024.0f;
        high[i] = 1024.0f * map[i];
    }
    const vc_maps maps[] = {{1, 1, N, N, map}, {1, 1, N, N, high}};
    vc_prune_options o = options(-1.0, 0);
    vc_prune_report report[2];
    vc_mask mask[2];
    o.rule = "threshold";
    o.sparsity = 0.8;
    for (size_t i = 0; i < 2; i++)
        assert_ok(vc_prune(&mask[i], &report[i], &maps[i], &o, "maps"));
    assert_near(report[1].sparsity, 0.8, 0.011);
    assert_near(report[1].info, 1024.0 * report[0].info, 1.0);
    assert_memory_equal(mask[0].pruned, mask[1].pruned, N * N);
    for (size_t i = 0; i < 2; i++)
        vc_mask_close(&mask[i]);
}

static void wanted_sparsity(void **state)
{
    (void)state;
    enum { N = 64 };
    static float map[N * N];
    for (int i = 0; i < N * N; i++)
        map[i] = (float)(1 + (i * 7919) % 997) / 32000.0f;
    const vc_maps maps = {1, 1, N, N, map};
    vc_prune_options o = vc_prune_options_default();
    vc_prune_report report;
    vc_mask mask;
    o.sparsity = 0.8;
    assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
    assert_near(report.sparsity, 0.8, 0.01);
    vc_mask_close(&mask);
    o.sparsity = 0.999;
    assert_fails(vc_prune(&mask, &report, &maps, &o, "maps"), VC_EINVAL, "out of reach");
}

static void bad_input(void **state)
{
    (void)state;
    float map[] = {0.5f, NAN};
    const vc_maps maps = {1, 1, 1, 2, map};
    vc_prune_options o = options(0.5, 0);
    vc_prune_report report;
    vc_mask mask;
    assert_fails(vc_prune(&mask, &report, &maps, &o, "maps"), VC_EINVAL, "column 1 is nan");
    map[1] = -1.0f;
    assert_fails(vc_prune(&mask, &report, &maps, &o, "maps"), VC_EINVAL, "column 1 is -1");
    map[1] = 0.5f;
    o.rule = "magic";
    assert_fails(vc_prune(&mask, &report, &maps, &o, "maps"), VC_EINVAL, "'magic'");
    o = vc_prune_options_default();
    assert_fails(vc_prune(&mask, &report, &maps, &o, "maps"), VC_EINVAL, "exactly one");
}

static void official(const char *group, const char *share, double cut)
{
    char path[256];
    vc_npy attention, mask;
    vc_mask made;
    vc_prune_report report;
    snprintf(path, sizeof path, "vitcod-masks/levit_128_lowrank/attn/attention_score_%s.npy",
             group);
    assert_ok(vc_npy_open(&attention, shared(path)));
    snprintf(path, sizeof path, "vitcod-masks/levit_128_lowrank/masks/%s/mask_%s.npy", share,
             group);
    assert_ok(vc_npy_open(&mask, shared(path)));
    const size_t *shape = attention.tensor.shape;
    const vc_maps maps = {shape[0], shape[1], shape[2], shape[3], attention.tensor.data};
    const vc_prune_options o = options(cut, 0);
    assert_ok(vc_prune(&made, &report, &maps, &o, group));
    assert_memory_equal(made.pruned, mask.tensor.data, vc_tensor_count(&mask.tensor));
    vc_mask_close(&made);
    vc_npy_close(&mask);
    vc_npy_close(&attention);
}

static void equals_published_masks(void **state)
{
    (void)state;
    static const char *const groups[] = {"dpt0", "subsample0", "dpt1", "subsample1", "dpt2"};
    static const double cuts06[] = {0.79, 2, 2, 2, 2}, cuts09[] = {0.46, 0.74, 0.5, 0.70, 0.92};
    for (int g = 0; g < 5; g++) {
        official(groups[g], "0.6", cuts06[g]);
        official(groups[g], "0.9", cuts09[g]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand),
                                       cmocka_unit_test(class_token),
                                       cmocka_unit_test(other_rules),
                                       cmocka_unit_test(rules_reach_a_sparsity),
                                       cmocka_unit_test(threshold_of_any_scale),
                                       cmocka_unit_test(wanted_sparsity),
                                       cmocka_unit_test(bad_input),
                                       cmocka_unit_test(equals_published_masks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
