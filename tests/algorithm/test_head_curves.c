/* Curves of heads against sparse attention written out in double, and budgets shared by them. */
#include "testing.h"
#include "vitcod/head_curves.h"
#include "vitcod/rng.h"

enum { B = 3, H = 2, TQ = 6, SIDE = 4, PREFIX = 1, TK = PREFIX + SIDE * SIDE, D = 5, DV = 4 };
enum { QS = H * D + 1, KS = H * D, VS = H * DV + 3, OS = H * DV + 2, CHOICES = 3 };
enum { LEVELS = VC_CURVE_LEVELS };

typedef struct scene {
    float q[B * TQ * QS], k[B * TK * KS], v[B * TK * VS], dout[B * TQ * OS];
    float bias[H * TQ * TK], probs[B * H * TQ * TK], mean[H * TQ * TK];
    double z[B * H * TQ];
    vc_pooling poolings[CHOICES];
    vc_summary_stats stats[CHOICES];
    vc_head_gradients batch;
} scene;

static double score(const scene *s, size_t b, size_t h, size_t i, size_t k)
{
    double sum = 0.0;
    for (size_t d = 0; d < D; d++)
        sum += (double)s->q[(b * TQ + i) * QS + h * D + d] *
               (double)s->k[(b * TK + k) * KS + h * D + d];
    return sum / sqrt(D);
}

/* g . v of a row and a key */
static double weight(const scene *s, size_t b, size_t h, size_t i, size_t k)
{
    double sum = 0.0;
    for (size_t d = 0; d < DV; d++)
        sum += (double)s->dout[(b * TQ + i) * OS + h * DV + d] *
               (double)s->v[(b * TK + k) * VS + h * DV + d];
    return sum;
}

static void fill(float *x, size_t count, vc_rng *rng)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)vc_rng_normal(rng);
}

static void set_probs(scene *s)
{
    for (size_t r = 0; r < B * H * TQ; r++) {
        const size_t b = r / (H * TQ), h = r / TQ % H, i = r % TQ;
        const float *bias = s->bias + (h * TQ + i) * TK;
        for (size_t k = 0; k < TK; k++)
            s->z[r] += exp(score(s, b, h, i, k) + (double)bias[k]);
        for (size_t k = 0; k < TK; k++) {
            const double p = exp(score(s, b, h, i, k) + (double)bias[k]) / s->z[r];
            s->probs[r * TK + k] = (float)p;
            s->mean[(h * TQ + i) * TK + k] += (float)(p / B);
        }
    }
}

/* Choice 0 has no summaries, choice 1 is sharpened, choice 2 is pooled by queries. */
static scene *set_up(vc_head_curves *curves, size_t prefix)
{
    static scene s;
    const vc_summary_grid grids[CHOICES] = {{0, 0, 0, 0}, {2, 2, 0, 1.5}, {2, 3, 0, 0}};
    const vc_summary_stats *choices[CHOICES];
    vc_rng rng = vc_rng_open(3, 1, 4);
    s = (scene){0};
    fill(s.q, B * TQ * QS, &rng);
    fill(s.k, B * TK * KS, &rng);
    fill(s.v, B * TK * VS, &rng);
    fill(s.dout, B * TQ * OS, &rng);
    fill(s.bias, H * TQ * TK, &rng);
    set_probs(&s);
    s.batch = (vc_head_gradients){.scores = {.batch = B,
                                             .head_dim = D,
                                             .q = s.q,
                                             .k = s.k,
                                             .q_stride = QS,
                                             .k_stride = KS,
                                             .bias = s.bias,
                                             .probs = s.probs},
                                  .v = s.v,
                                  .dout = s.dout,
                                  .value_dim = DV,
                                  .v_stride = VS,
                                  .out_stride = OS};
    for (size_t c = 0; c < CHOICES; c++) {
        assert_ok(vc_pooling_grid(&s.poolings[c], SIDE, SIDE, PREFIX, grids[c]));
        if (c == 2) {
            s.poolings[c].dim = D;
            s.poolings[c].query = malloc(H * D * sizeof(float));
            assert_non_null(s.poolings[c].query);
            fill(s.poolings[c].query, H * D, &rng);
        }
        assert_ok(vc_summary_stats_open(&s.stats[c], H, TQ, TK, &s.poolings[c]));
        assert_ok(vc_summary_stats_add(&s.stats[c], &s.batch.scores));
        choices[c] = &s.stats[c];
    }
    const vc_maps maps = {1, H, TQ, TK, s.mean};
    assert_ok(vc_head_curves_open(curves, &maps, 1, choices, CHOICES, prefix));
    assert_ok(vc_head_curves_add(curves, 0, &s.batch));
    assert_int_equal(curves->images, B);
    return &s;
}

static void tear_down(scene *s, vc_head_curves *curves)
{
    for (size_t c = 0; c < CHOICES; c++) {
        vc_summary_stats_close(&s->stats[c]);
        vc_pooling_close(&s->poolings[c]);
    }
    vc_head_curves_close(curves);
}

/* What an entry counts in its block by the head's query. */
static double counts(const scene *s, const vc_pooling *p, size_t b, size_t head, int32_t entry)
{
    double sum = 0.0;
    for (size_t d = 0; d < D; d++)
        sum += (double)p->query[head * D + d] *
               (double)s->k[(b * TK + (size_t)p->keys[entry]) * KS + head * D + d];
    return exp(sum / sqrt(D));
}

/* g . output of a row over its kept entries and summaries, in one softmax. */
static double sparse_row(const scene *s, const uint8_t *pruned, const float *bias, size_t choice,
                         const size_t at[3])
{
    const vc_pooling *p = &s->poolings[choice];
    const size_t row = at[1] * TQ + at[2];
    double top = 0.0, below = 0.0;
    for (size_t k = 0; k < TK; k++)
        if (!pruned[row * TK + k]) {
            const double e = exp(score(s, at[0], at[1], at[2], k) + (double)s->bias[row * TK + k]);
            top += e * weight(s, at[0], at[1], at[2], k);
            below += e;
        }
    for (size_t j = 0; j < p->count; j++) {
        double mean_score = 0.0, mean_weight = 0.0, all = 0.0;
        for (int32_t e = p->start[j]; e < p->start[j + 1]; e++) {
            const size_t key = (size_t)p->keys[e];
            const double share = p->query ? counts(s, p, at[0], at[1], e) : (double)p->weights[e];
            mean_score += share * score(s, at[0], at[1], at[2], key);
            mean_weight += share * weight(s, at[0], at[1], at[2], key);
            all += share;
        }
        const double e = exp(mean_score / all + (double)bias[row * p->count + j]);
        top += e * mean_weight / all;
        below += e;
    }
    return top / below;
}

/* The loss of a head with a mask and a choice, sum over the images. */
static double loss_of(const scene *s, const uint8_t *pruned, size_t choice, size_t head)
{
    const uint8_t none[H * TQ * TK] = {0};
    float bias[H * TQ * 6];
    double sum = 0.0;
    if (s->poolings[choice].count > 0)
        vc_summary_bias(bias, s->mean, pruned, &s->stats[choice]);
    for (size_t b = 0; b < B; b++) {
        double change = 0.0;
        for (size_t i = 0; i < TQ; i++) {
            const size_t at[] = {b, head, i};
            change += sparse_row(s, pruned, bias, choice, at) - sparse_row(s, none, NULL, 0, at);
        }
        sum += 0.5 * change * change;
    }
    return sum;
}

static void check_losses(size_t prefix)
{
    vc_head_curves curves;
    scene *s = set_up(&curves, prefix);
    const vc_curve_layer *l = &curves.layers[0];
    const vc_maps maps = {1, H, TQ, TK, s->mean};
    for (size_t i = 0; i < LEVELS; i++) {
        uint64_t kept[H];
        vc_mask mask;
        for (size_t h = 0; h < H; h++)
            kept[h] = l->kept[h * LEVELS + i];
        assert_ok(vc_prune_heads(&mask, &maps, 1, kept, prefix));
        assert_int_equal(vc_mask_kept(&mask), kept[0] + kept[1]);
        for (size_t c = 0; c < CHOICES; c++)
            for (size_t h = 0; h < H; h++) {
                const double want = loss_of(s, mask.pruned, c, h);
                assert_near(l->loss[(c * H + h) * LEVELS + i], want, 1e-4 * want + 1e-8);
            }
        vc_mask_close(&mask);
    }
    assert_int_equal(l->kept[LEVELS - 1], TQ * TK);
    assert_int_equal(l->kept[0], prefix ? TQ * TK - (TQ - prefix) * (TK - prefix) : TQ);
    for (size_t i = 0; prefix && i < H * TQ * TK; i++) /* their rows and columns come first */
        if (i / TK % TQ < prefix || i % TK < prefix)
            assert_int_equal(l->level[i], 0);
    tear_down(s, &curves);
}

static void losses_are_those_of_sparse_attention(void **state)
{
    (void)state;
    check_losses(1);
    check_losses(2);
    check_losses(0);
}

/* ---- sharing out */

/* A layer of one head of 100 entries, whose loss is height / kept. */
static void set_curve(vc_curve_layer *l, double height)
{
    static const vc_summary_stats none;
    *l = (vc_curve_layer){.heads = 1, .queries = 10, .keys = 10, .summaries = {&none}};
    l->kept = calloc(LEVELS, sizeof *l->kept);
    l->loss = calloc(2 * LEVELS, sizeof *l->loss);
    assert_non_null(l->kept);
    assert_non_null(l->loss);
    for (size_t i = 0; i < LEVELS; i++) {
        l->kept[i] = i + 1 < LEVELS ? 10 + 6 * i : 100;
        l->loss[i] = height / (double)l->kept[i];
    }
}

static double interpolated(const vc_curve_layer *l, uint64_t kept)
{
    size_t i = 1;
    while (l->kept[i] < kept)
        i++;
    const double part = (double)(kept - l->kept[i - 1]) / (double)(l->kept[i] - l->kept[i - 1]);
    return l->loss[i - 1] + part * (l->loss[i] - l->loss[i - 1]);
}

static void the_whole_budget_goes_where_it_helps_most(void **state)
{
    (void)state;
    vc_curve_layer layers[2];
    const vc_head_curves curves = {.layer_count = 2, .choices = 1, .layers = layers, .images = 1};
    set_curve(&layers[0], 1.0);
    set_curve(&layers[1], 9.0);
    for (uint64_t budget = 20; budget <= 200; budget += 9) {
        uint64_t kept[2];
        size_t choice[] = {0, 0};
        double loss, least = INFINITY;
        assert_ok(vc_head_curves_share(kept, choice, &loss, &curves,
                                       1.0 - ((double)budget + 0.5) / 200.0));
        assert_int_equal(kept[0] + kept[1], budget);
        for (uint64_t first = 10; first <= 100 && first + 10 <= budget; first++)
            if (budget - first <= 100)
                least = fmin(least, interpolated(&layers[0], first) +
                                        interpolated(&layers[1], budget - first));
        assert_near(loss, least, 1e-9);
        assert_near(loss, interpolated(&layers[0], kept[0]) + interpolated(&layers[1], kept[1]),
                    1e-12);
    }
    uint64_t kept[2];
    size_t choice[] = {0, 0};
    double loss;
    assert_fails(vc_head_curves_share(kept, choice, &loss, &curves, 0.95), VC_EINVAL,
                 "out of reach: 20 scores must be kept with the summaries, and it leaves 10");
    for (size_t l = 0; l < 2; l++) {
        free(layers[l].kept);
        free(layers[l].loss);
    }
}

/* Summaries are taken where they save more than they cost. */
static void summaries_are_chosen(void **state)
{
    (void)state;
    vc_curve_layer layers[2];
    vc_summary_stats one = {.pooling = {.count = 1, .entries = 10}};
    const vc_head_curves curves = {.layer_count = 2, .choices = 2, .layers = layers, .images = 1};
    set_curve(&layers[0], 1.0);
    set_curve(&layers[1], 9.0);
    for (size_t l = 0; l < 2; l++) {
        layers[l].summaries[1] = &one; /* 10 scores: a tenth of the loss in layer 1, none in 0 */
        for (size_t i = 0; i < LEVELS; i++)
            layers[l].loss[LEVELS + i] = layers[l].loss[i] * (l ? 0.1 : 0.99);
    }
    uint64_t kept[2];
    size_t choice[] = {2, 2};
    double loss;
    assert_ok(vc_head_curves_share(kept, choice, &loss, &curves, 1.0 - 60.5 / 200.0));
    assert_int_equal(choice[0], 0);
    assert_int_equal(choice[1], 1);
    assert_int_equal(kept[0] + kept[1] + 10, 60);
    choice[0] = 1, choice[1] = 0; /* said, not chosen */
    assert_ok(vc_head_curves_share(kept, choice, &loss, &curves, 1.0 - 60.5 / 200.0));
    assert_int_equal(choice[0], 1);
    assert_int_equal(choice[1], 0);
    assert_int_equal(kept[0] + kept[1] + 10, 60);
    one.pooling.entries = 50; /* 40 beyond one per key */
    choice[0] = 1, choice[1] = 0;
    assert_ok(vc_head_curves_share(kept, choice, &loss, &curves, 1.0 - 100.5 / 200.0));
    assert_int_equal(kept[0] + kept[1] + 10 + 40, 100);
    choice[0] = choice[1] = 2; /* now too dear for this budget, though it would help */
    assert_ok(vc_head_curves_share(kept, choice, &loss, &curves, 1.0 - 60.5 / 200.0));
    assert_int_equal(choice[1], 0);
    assert_int_equal(kept[0] + kept[1], 60);
    for (size_t l = 0; l < 2; l++) {
        free(layers[l].kept);
        free(layers[l].loss);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_those_of_sparse_attention),
        cmocka_unit_test(the_whole_budget_goes_where_it_helps_most),
        cmocka_unit_test(summaries_are_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
