#include "testing.h"
#include "vitcod/hash.h"
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

static int stop_at(void *context, size_t done, size_t rounds)
{
    assert_true(done < rounds);
    return done == *(size_t *)context;
}

static void stopped(void **state)
{
    (void)state;
    const float row[] = {0.1f, 0.5f, 0.05f, 0.3f, 0.05f};
    const vc_maps maps = {1, 1, 1, 5, row};
    size_t round = 2;
    vc_prune_options o = options(-1.0, 0);
    o.sparsity = 0.4;
    o.on_round = stop_at;
    o.context = &round;
    vc_prune_report report;
    vc_mask mask;
    assert_fails(vc_prune(&mask, &report, &maps, &o, "maps"), VC_EINTR, "stopped after 2 rounds");
    round = 1000;
    assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
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

/* 197 x 0.9 is 177.3: ranks 0 to 177 are pruned, 19 are kept, not the nearest, 20. */
static void ratio_prunes_ranks_below(void **state)
{
    (void)state;
    enum { N = 197 };
    static const struct {
        double strength;
        size_t kept, empty;
    } cases[] = {{0.9, 19, 0}, {0.0, N, 0}, {0.5, 98, 0}, {0.999, 1, 1}, {1.0, 1, 1}};
    float row[N];
    for (int i = 0; i < N; i++)
        row[i] = (float)((i * 31) % N) / 1000.0f;
    const vc_maps maps = {1, 1, 1, N, row};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vc_prune_options o = options(cases[i].strength, 0);
        vc_prune_report report;
        vc_mask mask;
        o.rule = "ratio";
        assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
        assert_int_equal(vc_mask_kept(&mask), cases[i].kept);
        assert_int_equal(report.empty_rows, cases[i].empty);
        vc_mask_close(&mask);
    }
}

/* 0.1 + 0.2 in float32 is above this cut, in float64 below it. */
static void sums_are_of_float64(void **state)
{
    (void)state;
    const float row[] = {0.1f, 0.2f, 0.01f, 0.005f, 0.001f};
    const double sum = (double)0.1f + (double)0.2f, rounded = (double)(0.1f + 0.2f);
    assert_true(rounded > sum);
    const vc_maps maps = {1, 1, 1, 5, row};
    const vc_prune_options o = options(0.5 * (sum + rounded), 0);
    vc_prune_report report;
    vc_mask mask;
    assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
    assert_int_equal(vc_mask_kept(&mask), 4); /* in float32 two reach it, and three are kept */
    vc_mask_close(&mask);
}

/* Equal scores: a stable sort puts the later ones last, NumPy's does not. */
static void ties(void **state)
{
    (void)state;
    enum { N = 21 };
    float row[N];
    uint8_t stable[N], numpy[N];
    for (int i = 0; i < N; i++) {
        row[i] = 0.05f;
        stable[i] = i < 19;
        numpy[i] = i != 9 && i != 20;
    }
    const vc_maps maps = {1, 1, 1, N, row};
    vc_prune_options o = options(0.9, 0);
    o.rule = "ratio";
    for (int i = 0; i < 2; i++) {
        vc_prune_report report;
        vc_mask mask;
        o.ties = i == 0 ? VC_TIES_NUMPY : VC_TIES_STABLE;
        assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
        assert_memory_equal(mask.pruned, i == 0 ? numpy : stable, N);
        assert_int_equal(report.tied_rows, 1);
        vc_mask_close(&mask);
    }
    assert_true(vc_prune_ties_of(&o.ties, "numpy") && o.ties == VC_TIES_NUMPY);
    assert_false(vc_prune_ties_of(&o.ties, "later"));
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

/* Prunes published maps and compares them with the mask that was published. */
static void official(const char *attention_path, const char *mask_path, double cut)
{
    vc_npy attention, mask;
    vc_mask made;
    vc_prune_report report;
    assert_ok(vc_npy_open(&attention, shared(attention_path)));
    assert_ok(vc_npy_open(&mask, shared(mask_path)));
    const size_t *shape = attention.tensor.shape;
    const vc_maps maps = {shape[0], shape[1], shape[2], shape[3], attention.tensor.data};
    const vc_prune_options o = options(cut, 0);
    assert_ok(vc_prune(&made, &report, &maps, &o, mask_path));
    assert_memory_equal(made.pruned, mask.tensor.data, vc_tensor_count(&mask.tensor));
    vc_mask_close(&made);
    vc_npy_close(&mask);
    vc_npy_close(&attention);
}

static void equals_published_masks(void **state)
{
    (void)state;
    static const char *const groups[] = {"dpt0", "subsample0", "dpt1", "subsample1", "dpt2"};
    static const struct {
        const char *share;
        double cuts[5];
    } sets[] = {{"0.6", {0.79, 2, 2, 2, 2}}, {"0.9", {0.46, 0.74, 0.5, 0.70, 0.92}}};
    for (int i = 0; i < 10; i++) {
        char maps[128], mask[128];
        snprintf(maps, sizeof maps, "vitcod-masks/levit_128_lowrank/attn/attention_score_%s.npy",
                 groups[i % 5]);
        snprintf(mask, sizeof mask, "vitcod-masks/levit_128_lowrank/masks/%s/mask_%s.npy",
                 sets[i / 5].share, groups[i % 5]);
        official(maps, mask, sets[i / 5].cuts[i % 5]);
    }
}

static void equals_published_masks_of_levit_256(void **state)
{
    (void)state;
    static const struct {
        const char *sparsity;
        double cut;
    } stages[] = {{"0.91", 0.45}, {"0.81", 0.45}, {"0.34", 0.9}};
    for (int i = 0; i < 3; i++) {
        char maps[128], mask[128];
        snprintf(maps, sizeof maps, "vitcod-masks/levit_256/attn/attention_score_dpt%d.npy", i + 1);
        snprintf(mask, sizeof mask, "vitcod-masks/levit_256/masks/info_based_mask_0.9_dpt%d_%s.npy",
                 i + 1, stages[i].sparsity);
        official(maps, mask, stages[i].cut);
    }
}

/* At these cuts the published maps of LeViT-128 tell float64 from float32, and one sort of equal
 * scores from the other: hashes of what NumPy 1.23 makes of them. */
static void tells_sums_and_sorts_apart(void **state)
{
    (void)state;
    static const struct {
        double cut;
        uint64_t hash;
        size_t tied;
    } cases[] = {{0.905, 0x3635838d4b3d5864, 0}, {0.66, 0x83ee7a48514bbe23, 1}};
    vc_npy attention;
    assert_ok(vc_npy_open(&attention,
                          shared("vitcod-masks/levit_128_lowrank/attn/attention_score_dpt0.npy")));
    const vc_maps maps = {4, 4, 196, 196, attention.tensor.data};
    for (int i = 0; i < 2; i++) {
        const vc_prune_options o = options(cases[i].cut, 0);
        vc_prune_report report;
        vc_mask mask;
        assert_ok(vc_prune(&mask, &report, &maps, &o, "maps"));
        assert_int_equal(vc_hash(VC_HASH_START, mask.pruned, 16 * 196 * 196), cases[i].hash);
        assert_int_equal(report.tied_rows, cases[i].tied);
        vc_mask_close(&mask);
    }
    vc_npy_close(&attention);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand),
                                       cmocka_unit_test(stopped),
                                       cmocka_unit_test(class_token),
                                       cmocka_unit_test(other_rules),
                                       cmocka_unit_test(ratio_prunes_ranks_below),
                                       cmocka_unit_test(sums_are_of_float64),
                                       cmocka_unit_test(ties),
                                       cmocka_unit_test(rules_reach_a_sparsity),
                                       cmocka_unit_test(threshold_of_any_scale),
                                       cmocka_unit_test(wanted_sparsity),
                                       cmocka_unit_test(bad_input),
                                       cmocka_unit_test(equals_published_masks),
                                       cmocka_unit_test(equals_published_masks_of_levit_256),
                                       cmocka_unit_test(tells_sums_and_sorts_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
