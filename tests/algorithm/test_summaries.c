/* Summaries: grids, statistics and bias, against sums written out in double. */
#include "testing.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"
#include "vitcod/summaries.h"

/* ---- grids */

static void assert_text(const char *text, size_t layers, const char *want)
{
    vc_summary_grid grids[16];
    char back[VC_SUMMARY_TEXT];
    assert_ok(vc_summary_grids_parse(grids, layers, text));
    assert_string_equal(vc_summary_grids_text(back, grids, layers), want);
}

static void grids_have_a_text(void **state)
{
    (void)state;
    assert_text("3x3", 12, "3x3");
    assert_text("none", 3, "none");
    assert_text("3x3*9,1x1*3", 12, "3x3*9,1x1*3");
    assert_text("2x3,2x3,none,1x4", 4, "2x3*2,none,1x4");
    assert_text("4x4,4x4", 2, "4x4");
    assert_text("3x3,3x3q*2,1x1q", 4, "3x3,3x3q*2,1x1q");
    assert_text("3x3s1.5*2,4x4s2", 3, "3x3s1.5*2,4x4s2");
    assert_text("3x3s1.25,2x2s1.07,1x1s7.99", 3, "3x3s1.25,2x2s1.07,1x1s7.99");
    vc_summary_grid grids[4];
    const char *const wrong[] = {
        "",     "3",      "0x3",   "3x0", "3x3,", "3x3*0", "a3x3x",    "3x3*x",  "nonex",    "-1x3",
        "3x3 ", "9999x1", "3x3qq", "q",   "3x3s", "3x3s1", "3x3s1.5q", "3x3qs2", "3x3s1.234"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(vc_summary_grids_parse(NULL, 0, wrong[i]), VC_EINVAL, "wanted blocks as 3x3");
    assert_fails(vc_summary_grids_parse(grids, 4, "3x3*2,1x1"), VC_EINVAL,
                 "are for 3 layers, and the model has 4");
    assert_fails(vc_summary_grids_parse(grids, 4, "3x3*9"), VC_EINVAL,
                 "are for 9 layers, and the model has 4");
}

/* Every token of the grid is in the block that its row and column say, with the block's share. */
static void check_grid(size_t side_y, size_t side_x, size_t prefix, vc_summary_grid grid)
{
    vc_pooling p;
    size_t seen = 0;
    assert_ok(vc_pooling_grid(&p, side_y, side_x, prefix, grid));
    assert_int_equal(p.count, grid.y * grid.x);
    assert_int_equal(p.entries, side_y * side_x);
    for (size_t g = 0; g < p.count; g++) {
        const int32_t size = p.start[g + 1] - p.start[g];
        for (int32_t e = p.start[g]; e < p.start[g + 1]; e++, seen++) {
            const size_t token = (size_t)p.keys[e] - prefix;
            const size_t y = token / side_x, x = token % side_x;
            assert_int_equal(g, y * grid.y / side_y * grid.x + x * grid.x / side_x);
            assert_near(p.weights[e], 1.0 / size, 1e-7);
            assert_true(e == p.start[g] || p.keys[e] > p.keys[e - 1]);
        }
    }
    assert_int_equal(seen, side_y * side_x);
    vc_pooling_close(&p);
}

static void blocks_of_a_grid(void **state)
{
    (void)state;
    vc_pooling p;
    for (size_t g = 1; g <= 14; g++)
        check_grid(14, 14, 1, (vc_summary_grid){g, g, 0, 0});
    check_grid(7, 7, 0, (vc_summary_grid){3, 2, 0, 0});
    check_grid(4, 6, 2, (vc_summary_grid){4, 5, 0, 0});
    assert_ok(vc_pooling_grid(&p, 14, 14, 1, (vc_summary_grid){3, 3, 0, 0}));
    assert_int_equal(p.start[1], 25); /* 14 = 5 + 5 + 4 */
    assert_int_equal(p.start[3] - p.start[2], 20);
    assert_int_equal(p.start[9] - p.start[8], 16);
    assert_int_equal(p.keys[0], 1);
    vc_pooling_close(&p);
    assert_ok(vc_pooling_grid(&p, 14, 14, 1, (vc_summary_grid){0, 0, 0, 0}));
    assert_int_equal(p.count, 0);
    assert_fails(vc_pooling_grid(&p, 4, 4, 0, (vc_summary_grid){5, 4, 0, 0}), VC_EINVAL,
                 "4 x 4 tokens cannot be pooled to 5 x 4 summaries");
}

/* s times the mean of the block plus 1 - s times that of all. */
static void blocks_are_sharpened(void **state)
{
    (void)state;
    vc_pooling plain, sharp;
    assert_ok(vc_pooling_grid(&plain, 5, 7, 2, (vc_summary_grid){2, 3, 0, 0}));
    assert_ok(vc_pooling_grid(&sharp, 5, 7, 2, (vc_summary_grid){2, 3, 0, 1.5}));
    assert_int_equal(sharp.entries, 6 * 35);
    for (size_t g = 0; g < 6; g++) {
        double want[37] = {0};
        for (size_t k = 2; k < 37; k++)
            want[k] = -0.5 / 35.0;
        for (int32_t e = plain.start[g]; e < plain.start[g + 1]; e++)
            want[plain.keys[e]] += 1.5 * (double)plain.weights[e];
        assert_int_equal(sharp.start[g], 35 * g);
        for (size_t e = 0; e < 35; e++) {
            assert_int_equal(sharp.keys[35 * g + e], e + 2);
            assert_near(sharp.weights[35 * g + e], want[e + 2], 1e-7);
        }
    }
    vc_pooling_close(&plain);
    vc_pooling_close(&sharp);
}

/* ---- statistics and bias of a layer whose queries and keys differ, as in a LeViT */

enum { B = 3, H = 2, TQ = 5, SIDE = 4, PREFIX = 1, TK = PREFIX + SIDE * SIDE, D = 6, G = 6 };
enum { Q_STRIDE = H * D + 2, K_STRIDE = H * D + 5 };

typedef struct scene {
    float q[B * TQ * Q_STRIDE], k[B * TK * K_STRIDE], bias[H * TQ * TK], probs[B * H * TQ * TK];
    double scores[B * H * TQ * TK], z[B * H * TQ];
    float mean[H * TQ * TK];
    uint8_t pruned[H * TQ * TK];
    vc_pooling pooling;
} scene;

static double dot(const scene *s, size_t b, size_t h, size_t i, size_t key)
{
    double sum = 0.0;
    for (size_t d = 0; d < D; d++)
        sum += (double)s->q[(b * TQ + i) * Q_STRIDE + h * D + d] *
               (double)s->k[(b * TK + key) * K_STRIDE + h * D + d];
    return sum / sqrt(D);
}

static void fill(float *x, size_t count, vc_rng *rng, float scale)
{
    for (size_t i = 0; i < count; i++)
        x[i] = scale * (float)vc_rng_normal(rng);
}

/* `scale` decides how steep the softmax is. */
static scene *set_up(float scale, int biased)
{
    static scene s;
    vc_rng rng = vc_rng_open(5, 6, 7);
    s = (scene){0};
    fill(s.q, sizeof s.q / sizeof *s.q, &rng, scale);
    fill(s.k, sizeof s.k / sizeof *s.k, &rng, scale);
    fill(s.bias, H * TQ * TK, &rng, biased ? 1.0f : 0.0f);
    for (size_t r = 0; r < B * H * TQ; r++) {
        const size_t b = r / (H * TQ), h = r / TQ % H, i = r % TQ;
        for (size_t k = 0; k < TK; k++) {
            s.scores[r * TK + k] = dot(&s, b, h, i, k) + (double)s.bias[(h * TQ + i) * TK + k];
            s.z[r] += exp(s.scores[r * TK + k]);
        }
        for (size_t k = 0; k < TK; k++) {
            const double p = exp(s.scores[r * TK + k]) / s.z[r];
            s.probs[r * TK + k] = (float)p;
            s.mean[(h * TQ + i) * TK + k] += (float)(p / B);
        }
    }
    for (size_t i = 0; i < H * TQ * TK; i++)
        s.pruned[i] = i % TK >= PREFIX && i / TK % TQ != 0 && vc_rng_below(&rng, 4) != 0;
    /* Row 1 of head 0 has pruned nothing of the first block. */
    assert_ok(vc_pooling_grid(&s.pooling, SIDE, SIDE, PREFIX, (vc_summary_grid){2, 3, 0, 0}));
    for (int32_t e = 0; e < s.pooling.start[1]; e++)
        s.pruned[1 * TK + s.pooling.keys[e]] = 0;
    return &s;
}

/* What an entry counts in its block: all alike, or by the head's query. */
static double counts(const scene *s, size_t b, size_t head, int32_t entry)
{
    double sum = 0.0;
    for (size_t d = 0; s->pooling.query && d < D; d++)
        sum += (double)s->pooling.query[head * D + d] *
               (double)s->k[(b * TK + (size_t)s->pooling.keys[entry]) * K_STRIDE + head * D + d];
    return exp(sum / sqrt(D));
}

/* exp(q . kbar / sqrt(D)) / Z of an image: the scores' mean over the block, without a bias. */
static double expected(const scene *s, size_t b, size_t row, size_t block)
{
    double score = 0.0, all = 0.0;
    const vc_pooling *p = &s->pooling;
    for (int32_t e = p->start[block]; e < p->start[block + 1]; e++) {
        const double share = counts(s, b, row / TQ, e);
        score += share * dot(s, b, row / TQ, row % TQ, (size_t)p->keys[e]);
        all += share;
    }
    return exp(score / all) / s->z[b * H * TQ + row];
}

static void pool_by_queries(scene *s)
{
    vc_rng rng = vc_rng_open(8, 8, 8);
    s->pooling.dim = D;
    s->pooling.query = malloc(H * D * sizeof *s->pooling.query);
    assert_non_null(s->pooling.query);
    fill(s->pooling.query, H * D, &rng, 1.0f);
}

static vc_summary_stats statistics(const scene *s, int biased, size_t batch)
{
    vc_summary_stats stats;
    assert_ok(vc_summary_stats_open(&stats, H, TQ, TK, &s->pooling));
    for (size_t b = 0; b < B; b += batch) {
        const vc_summary_scores scores = {.batch = batch,
                                          .head_dim = D,
                                          .q = s->q + b * TQ * Q_STRIDE,
                                          .k = s->k + b * TK * K_STRIDE,
                                          .q_stride = Q_STRIDE,
                                          .k_stride = K_STRIDE,
                                          .bias = biased ? s->bias : NULL,
                                          .probs = s->probs + b * H * TQ * TK};
        assert_ok(vc_summary_stats_add(&stats, &scores));
    }
    return stats;
}

static void check_statistics(float scale, int biased, int queried)
{
    scene *s = set_up(scale, biased);
    if (queried)
        pool_by_queries(s);
    vc_summary_stats stats = statistics(s, biased, B), singly = statistics(s, biased, 1);
    assert_int_equal(stats.images, B);
    for (size_t r = 0; r < H * TQ; r++)
        for (size_t g = 0; g < G; g++) {
            double want = 0.0;
            for (size_t b = 0; b < B; b++)
                want += expected(s, b, r, g);
            assert_near(stats.sum[r * G + g], want, 2e-6 * want);
        }
    assert_memory_equal(stats.sum, singly.sum, H * TQ * G * sizeof(double));
    vc_summary_stats_close(&stats);
    vc_summary_stats_close(&singly);
    vc_pooling_close(&s->pooling);
}

static void what_rows_would_give(void **state)
{
    (void)state;
    check_statistics(0.5f, 0, 0);
    check_statistics(0.5f, 1, 0);
    check_statistics(4.0f, 1, 0); /* most probabilities are 0 in float */
    check_statistics(0.5f, 1, 1);
}

static void the_bias_gives_back_the_mass(void **state)
{
    (void)state;
    scene *s = set_up(0.5f, 1);
    vc_summary_stats stats = statistics(s, 1, B);
    float bias[H * TQ * G];
    vc_summary_bias(bias, s->mean, s->pruned, &stats);
    for (size_t r = 0; r < H * TQ; r++)
        for (size_t g = 0; g < G; g++) {
            double mass = 0.0, mean = 0.0;
            for (int32_t e = s->pooling.start[g]; e < s->pooling.start[g + 1]; e++)
                if (s->pruned[r * TK + (size_t)s->pooling.keys[e]])
                    mass += (double)s->mean[r * TK + (size_t)s->pooling.keys[e]];
            for (size_t b = 0; b < B; b++)
                mean += expected(s, b, r, g) / B;
            if (mass == 0.0)
                assert_true(bias[r * G + g] == -INFINITY);
            else /* over the images, the summary has what the block lost */
                assert_near(exp((double)bias[r * G + g]) * mean, mass, 1e-5 * mass);
        }
    assert_true(bias[1 * G] == -INFINITY); /* nothing pruned there */
    assert_true(bias[0] == -INFINITY);     /* nor in row 0 */
    vc_summary_stats_close(&stats);
    vc_pooling_close(&s->pooling);
}

static void a_plan_gets_them(void **state)
{
    (void)state;
    scene *s = set_up(0.5f, 0);
    vc_summary_stats stats = statistics(s, 0, B);
    const vc_summary_stats *const layers[] = {&stats};
    const vc_mask mask = {1, H, TQ, TK, s->pruned};
    vc_maps maps = {1, H, TQ, TK, s->mean};
    float bias[H * TQ * G];
    vc_plan plan;
    assert_ok(vc_polarize(&plan, &mask, 2, "mask")); /* reorders the keys */
    assert_ok(vc_plan_add_summaries(&plan, layers, &maps, 1, "maps"));
    vc_summary_bias(bias, s->mean, s->pruned, &stats);
    assert_memory_equal(plan.layers[0].summary_bias, bias, sizeof bias);
    assert_memory_equal(plan.layers[0].pooling.keys, s->pooling.keys,
                        s->pooling.entries * sizeof(int32_t));
    assert_int_equal(vc_plan_count(&plan).summaries, H * TQ * G);
    maps.keys--;
    assert_fails(vc_plan_add_summaries(&plan, layers, &maps, 1, "maps"), VC_EINVAL,
                 "does not fit the plan");
    maps.keys++;
    stats.queries--;
    assert_fails(vc_plan_add_summaries(&plan, layers, &maps, 1, "maps"), VC_EINVAL,
                 "do not fit layer 0 of the plan");
    vc_plan_close(&plan);
    vc_summary_stats_close(&stats);
    vc_pooling_close(&s->pooling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids_have_a_text),
        cmocka_unit_test(blocks_of_a_grid),
        cmocka_unit_test(blocks_are_sharpened),
        cmocka_unit_test(what_rows_would_give),
        cmocka_unit_test(the_bias_gives_back_the_mass),
        cmocka_unit_test(a_plan_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
