/* Attention on views of any strides: what attention.h has in float32, but for the order of
 * additions in oneDNN, and what bfloat16 is rounded to; what is refused. */
#include "random.h"
#include "testing.h"
#include "vitcod/attention.h"
#include "vitcod/kernels.h"
#include "vitcod/strided_attention.h"
#include "vitcod/threads.h"

enum {
    B = 2,
    H = 3,
    TQ = 9,
    TK = 21,
    D = 5,
    DV = 7,
    G = 3,
    POOLED = 12,
    THREADS = 64,
    MOST = 4096
};

typedef enum test_layout {
    HEADS_FIRST,
    TOKENS_FIRST,
    VALUES_APART,
    GAPS,
    BACKWARDS,
    LAYOUTS
} test_layout;

typedef struct tensor {
    float values[MOST]; /* (B, H, tokens, width) */
    float room[MOST];   /* of a view */
    size_t tokens, width;
} tensor;

static tensor q, k, v, dout, out, dq, dk, dv;
static float bias[H * TQ * TK], dbias[H * TQ * TK];

static void set_up(void)
{
    tensor *all[] = {&q, &k, &v, &dout, &out, &dq, &dk, &dv};
    const size_t tokens[] = {TQ, TK, TK, TQ, TQ, TQ, TK, TK},
                 widths[] = {D, D, DV, DV, DV, D, D, DV};
    for (size_t i = 0; i < 8; i++) {
        all[i]->tokens = tokens[i];
        all[i]->width = widths[i];
        fill(all[i]->values, B * H * tokens[i] * widths[i], i);
    }
    fill(bias, H * TQ * TK, 9);
}

/* A view in the room of a tensor, without values in it. */
static vc_strided view_of(tensor *t, test_layout layout, vc_dtype dtype)
{
    const ptrdiff_t tokens = (ptrdiff_t)t->tokens, width = (ptrdiff_t)t->width, heads = H;
    switch (layout) {
    case HEADS_FIRST:
        return (vc_strided){t->room, dtype, heads * tokens * width, tokens * width, width, 1};
    case TOKENS_FIRST:
        return (vc_strided){t->room, dtype, heads * tokens * width, width, heads * width, 1};
    case VALUES_APART:
        return (vc_strided){t->room, dtype, heads * tokens * width, tokens * width, 1, tokens};
    case GAPS: {
        const ptrdiff_t token = heads * width + 3;
        return (vc_strided){t->room, dtype, tokens * token + 1, width, token, 1};
    }
    default: { /* every stride below 0 */
        const ptrdiff_t count = B * heads * tokens * width;
        void *last = dtype == VC_F32 ? (void *)(t->room + count - 1)
                                     : (void *)((uint16_t *)t->room + count - 1);
        return (vc_strided){last, dtype, -heads * tokens * width, -tokens * width, -width, -1};
    }
    }
}

static float widened(uint16_t x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* Values to a view, or a view to values. */
static void copy(tensor *t, const vc_strided *view, int to_view)
{
    for (size_t at = 0; at < B * H * t->tokens * t->width; at++) {
        const size_t c = at % t->width, i = at / t->width % t->tokens,
                     h = at / t->width / t->tokens % H, b = at / t->width / t->tokens / H;
        const ptrdiff_t place = (ptrdiff_t)b * view->image + (ptrdiff_t)h * view->head +
                                (ptrdiff_t)i * view->token + (ptrdiff_t)c * view->value;
        float *full = (float *)view->data + place;
        uint16_t *half = (uint16_t *)view->data + place;
        if (view->dtype == VC_F32 && to_view)
            *full = t->values[at];
        else if (view->dtype == VC_F32)
            t->values[at] = *full;
        else if (to_view)
            vc_kernels_get()->to_bf16(half, t->values + at, 1);
        else
            t->values[at] = widened(*half);
    }
}

static vc_strided filled(tensor *t, test_layout layout, vc_dtype dtype)
{
    const vc_strided view = view_of(t, layout, dtype);
    copy(t, &view, 1);
    copy(t, &view, 0); /* the values as the view has them */
    return view;
}

/* What is learnt of summaries, or its gradients. */
typedef struct learnt {
    float bias[H * TQ * G], weights[POOLED], query[H * D];
} learnt;

static void add_rows(float *sums, const float *x, size_t rows, size_t count)
{
    for (size_t i = 0; i < rows * count; i++)
        sums[i % count] += x[i];
}

/* What attention.h computes of the values of Q, K, V and dout, which it has with tokens first. */
static void wanted(float *to[4], float *bias_gradient, learnt *summaries, const vc_pattern *pattern,
                   const float *add)
{
    static float parts[3][MOST];
    static float in[4][MOST], have[4][MOST];
    tensor *from[] = {&q, &k, &v, &dout}, *of[] = {&dq, &dk, &dv, &out};
    const vc_attention_shape s = {B, H, TQ, TK, D, DV, H * D, H * D, H * DV, H * DV};
    const size_t values = pattern->values;
    float *probs = malloc(B * values * sizeof *probs),
          *scores = malloc(B * values * sizeof *scores),
          *arranged = malloc(values * sizeof *arranged),
          *scratch = malloc(THREADS * vc_attention_scratch_floats(&s, pattern, 1) * sizeof(float));
    for (size_t i = 0; i < 4; i++)
        for (size_t at = 0; at < B * H * from[i]->tokens * from[i]->width; at++) {
            const size_t w = from[i]->width, tokens = from[i]->tokens;
            const size_t c = at % w, t = at / w % tokens, h = at / w / tokens % H,
                         b = at / w / tokens / H;
            in[i][((b * tokens + t) * H + h) * w + c] = from[i]->values[at];
        }
    if (add)
        vc_pattern_arrange(arranged, add, pattern);
    const vc_attention a = {s, in[0], in[1], in[2], pattern, add ? arranged : NULL};
    const vc_attention_gradients gradients = {have[0],  have[1],  have[2], scores,
                                              parts[0], parts[1], parts[2]};
    vc_attention_forward(have[3], probs, scratch, &a);
    vc_attention_backward(&gradients, scratch, in[3], probs, &a);
    for (size_t i = 0; i < values; i++)
        scores[i] += scores[values + i];
    vc_pattern_spread(bias_gradient, scores, pattern);
    memset(summaries, 0, sizeof *summaries);
    if (pattern->pooling) {
        add_rows(summaries->bias, parts[0], B, H * TQ * G);
        add_rows(summaries->weights, parts[1], B * H, POOLED);
        add_rows(summaries->query, parts[2], B, H * pattern->pooling->dim);
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t at = 0; at < B * H * of[i]->tokens * of[i]->width; at++) {
            const size_t w = of[i]->width, tokens = of[i]->tokens;
            const size_t c = at % w, t = at / w % tokens, h = at / w / tokens % H,
                         b = at / w / tokens / H;
            to[i][at] = have[i][((b * tokens + t) * H + h) * w + c];
        }
    free(probs);
    free(scores);
    free(arranged);
    free(scratch);
}

/* bfloat16 has 8 bits: a half of the last one is a 512th of a value. */
static void check_values(const char *what, const tensor *have, const float *want, vc_dtype dtype)
{
    for (size_t at = 0; at < B * H * have->tokens * have->width; at++) {
        const double most = 1e-6 + fabs((double)want[at]) * (dtype == VC_F32 ? 1e-6 : 1.0 / 256.0);
        if (!(fabs((double)have->values[at] - want[at]) <= most))
            fail_msg("%s %zu: %.9g, wanted %.9g", what, at, (double)have->values[at],
                     (double)want[at]);
    }
}

static void check_near(const char *what, const float *have, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)have[i] - want[i]) <= 2e-6 * (1.0 + fabs((double)want[i]))))
            fail_msg("%s %zu: %.9g, wanted %.9g", what, i, (double)have[i], (double)want[i]);
}

/* `alike`: of a plan whose own values are those that are learnt; NULL: nothing is learnt. */
static void check_layouts(const vc_pattern *pattern, const vc_pattern *alike, test_layout in,
                          test_layout to, vc_dtype dtype, const float *add)
{
    static learnt got, want_learnt;
    static float want[4][MOST], want_bias[H * TQ * TK];
    float *const rooms[] = {want[0], want[1], want[2], want[3]};
    set_up();
    vc_strided_attention a = {B, D, DV, .pattern = pattern, .bias = add};
    a.q = filled(&q, in, dtype);
    a.k = filled(&k, in, dtype);
    a.v = filled(&v, in, dtype);
    const vc_strided given = filled(&dout, in, dtype), result = view_of(&out, to, dtype);
    vc_strided_gradients gradients = {view_of(&dq, to, dtype), view_of(&dk, to, dtype),
                                      view_of(&dv, to, dtype), .bias = add ? dbias : NULL};
    if (alike) {
        a.summary_bias = alike->summary_bias;
        a.pool_weights = alike->pooling->weights;
        a.pool_query = alike->pooling->query;
        gradients.summary_bias = got.bias;
        gradients.pool_weights = got.weights;
        gradients.pool_query = alike->pooling->query ? got.query : NULL;
    }
    float *probs = malloc(B * pattern->values * sizeof *probs);
    wanted((float **)rooms, want_bias, &want_learnt, alike ? alike : pattern, add);
    for (int kept = 0; kept < 2; kept++) {
        memset(out.room, 0, sizeof out.room);
        assert_ok(vc_strided_attention_forward(&result, kept ? probs : NULL, &a));
        copy(&out, &result, 0);
        check_values("out", &out, want[3], dtype);
    }
    assert_ok(vc_strided_attention_backward(&gradients, &given, probs, &a));
    tensor *have[] = {&dq, &dk, &dv};
    const vc_strided *views[] = {&gradients.q, &gradients.k, &gradients.v};
    for (size_t i = 0; i < 3; i++) {
        copy(have[i], views[i], 0);
        check_values(i == 0 ? "dq" : i == 1 ? "dk" : "dv", have[i], want[i], dtype);
    }
    for (size_t i = 0; add && i < H * TQ * TK; i++)
        assert_near(dbias[i], want_bias[i], 1e-6);
    if (alike) {
        check_near("summary bias", got.bias, want_learnt.bias, H * TQ * G);
        check_near("pool weights", got.weights, want_learnt.weights, POOLED);
        check_near("pool query", got.query, want_learnt.query, H * alike->pooling->dim);
    }
    tensor before = dout; /* which was only read */
    copy(&before, &given, 0);
    assert_memory_equal(before.values, dout.values, B * H * TQ * DV * sizeof(float));
    free(probs);
}

static void make_plan(vc_plan *plan)
{
    static uint8_t pruned[H * TQ * TK];
    for (size_t h = 0; h < H; h++)
        for (size_t i = 0; i < TQ; i++)
            for (size_t j = 0; j < TK; j++)
                pruned[(h * TQ + i) * TK + j] =
                    !((h < 2 && j == 4) || i == j || (i * 7 + j * 3 + h) % 13 == 0);
    const vc_mask mask = {1, H, TQ, TK, pruned};
    assert_ok(vc_plan_of_masks(plan, &mask, 1));
    plan->layers[0].global_tokens[0] = 3;
}

static void add_summaries(vc_plan_layer *layer, int queried, uint64_t seed)
{
    static int32_t start[G + 1] = {0, 4, 9, POOLED},
                             keys[POOLED] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 6, 7};
    static float weights[POOLED], biases[H * TQ * G], query[H * D];
    const vc_pooling pooling = {
        G, POOLED, start, keys, weights, queried ? D : 0, queried ? query : NULL};
    fill(query, H * D, seed + 1);
    for (size_t i = 0; i < POOLED; i++)
        weights[i] = 0.2f + 0.1f * (float)((i + seed) % 13);
    fill(biases, H * TQ * G, seed);
    for (size_t i = 0; i < H * TQ * G; i += 5)
        biases[i] = -INFINITY; /* the row does not see it */
    assert_ok(vc_plan_layer_add_summaries(layer, &pooling, biases));
}

static void add_residual(vc_plan_layer *layer)
{
    layer->kept_share = malloc(H * TQ * sizeof *layer->kept_share);
    for (size_t i = 0; i < H * TQ; i++)
        layer->kept_share[i] = (float)(i % 7) / 6.0f;
}

/* kind: 0 kept entries alone, 1 a residual, 2 summaries */
static void check_kind(int kind)
{
    vc_plan plan;
    make_plan(&plan);
    if (kind == 1)
        add_residual(&plan.layers[0]);
    if (kind == 2)
        add_summaries(&plan.layers[0], 1, 7);
    for (int split = VC_PATTERN_BY_PLAN; split <= VC_PATTERN_WHOLE; split++) {
        const vc_pattern_options options = {.split = (vc_pattern_split)split,
                                            .costs = {1.0, 1.6, 7.0}};
        vc_pattern pattern;
        assert_ok(vc_pattern_open(&pattern, &plan.layers[0], &options));
        for (int in = 0; in < LAYOUTS; in++)
            for (int to = 0; to < LAYOUTS; to++) {
                check_layouts(&pattern, NULL, (test_layout)in, (test_layout)to, VC_F32,
                              in % 2 ? bias : NULL);
                check_layouts(&pattern, NULL, (test_layout)in, (test_layout)to, VC_BF16,
                              in % 2 ? bias : NULL);
            }
        vc_pattern_close(&pattern);
    }
    vc_plan_close(&plan);
}

static void kept_entries(void **state)
{
    (void)state;
    check_kind(0);
}

static void with_a_residual(void **state)
{
    (void)state;
    check_kind(1);
}

static void with_summaries(void **state)
{
    (void)state;
    check_kind(2);
}

/* What is learnt of summaries is as if it were the plan's own. */
static void summaries_learnt(void **state)
{
    (void)state;
    for (int queried = 0; queried < 2; queried++) {
        vc_plan plan, other;
        make_plan(&plan);
        make_plan(&other);
        add_summaries(&plan.layers[0], queried, 7);
        add_summaries(&other.layers[0], queried, 11);
        for (int split = VC_PATTERN_BY_PLAN; split <= VC_PATTERN_WHOLE; split++) {
            const vc_pattern_options options = {.split = (vc_pattern_split)split,
                                                .costs = {1.0, 1.6, 7.0}};
            vc_pattern pattern, alike;
            assert_ok(vc_pattern_open(&pattern, &plan.layers[0], &options));
            assert_ok(vc_pattern_open(&alike, &other.layers[0], &options));
            check_layouts(&pattern, &alike, HEADS_FIRST, TOKENS_FIRST, VC_F32, bias);
            check_layouts(&pattern, &alike, GAPS, HEADS_FIRST, VC_F32, NULL);
            check_layouts(&pattern, &alike, TOKENS_FIRST, GAPS, VC_BF16, NULL);
            vc_pattern_close(&pattern);
            vc_pattern_close(&alike);
        }
        vc_plan_close(&plan);
        vc_plan_close(&other);
    }
}

/* The same bits with any number of threads. */
static void threads(void **state)
{
    (void)state;
    static float first[B * H * TQ * DV], gradient[B * H * TK * DV];
    vc_plan plan;
    vc_pattern pattern;
    make_plan(&plan);
    assert_ok(vc_pattern_open(&pattern, &plan.layers[0], &(vc_pattern_options){0}));
    for (int count = 1; count <= 3; count++) {
        assert_ok(vc_threads_set(count));
        check_layouts(&pattern, NULL, GAPS, TOKENS_FIRST, VC_F32, bias);
        if (count == 1) {
            memcpy(first, out.values, sizeof first);
            memcpy(gradient, dv.values, sizeof gradient);
        }
        assert_memory_equal(first, out.values, sizeof first);
        assert_memory_equal(gradient, dv.values, sizeof gradient);
    }
    assert_ok(vc_threads_set(0));
    vc_pattern_close(&pattern);
    vc_plan_close(&plan);
}

static void check_learnt_refused(const vc_strided_attention *good, const vc_strided *to)
{
    float biases[H * TQ * G] = {0}, weights[POOLED], query[H * D] = {0};
    vc_strided_attention bad = *good;
    biases[0] = -INFINITY; /* which the plan has as well */
    bad.summary_bias = biases;
    assert_ok(vc_strided_attention_forward(to, NULL, &bad));
    biases[1] = -INFINITY;
    assert_fails(vc_strided_attention_forward(to, NULL, &bad), VC_EINVAL,
                 "value 1 of the summaries' bias is -inf");
    bad.summary_bias = NULL;
    bad.pool_weights = weights;
    for (size_t e = 0; e < POOLED; e++)
        weights[e] = 2.0f - (float)e;
    assert_fails(vc_strided_attention_forward(to, NULL, &bad), VC_EINVAL,
                 "weight 2 of a pooling by queries is 0; wanted one above 0");
    weights[1] = NAN;
    assert_fails(vc_strided_attention_forward(to, NULL, &bad), VC_EINVAL,
                 "weight 1 of a pooling by queries is nan; wanted one above 0");
    vc_plan plan;
    vc_pattern pattern;
    make_plan(&plan);
    assert_ok(vc_pattern_open(&pattern, &plan.layers[0], &(vc_pattern_options){0}));
    bad.pattern = &pattern;
    assert_fails(vc_strided_attention_forward(to, NULL, &bad), VC_EINVAL,
                 "summaries are learnt; the layer of the plan has none");
    bad.pool_weights = NULL;
    const vc_strided_gradients gradients = {view_of(&dq, HEADS_FIRST, VC_F32),
                                            view_of(&dk, HEADS_FIRST, VC_F32),
                                            view_of(&dv, HEADS_FIRST, VC_F32), .pool_query = query};
    assert_fails(vc_strided_attention_backward(&gradients, to, weights, &bad), VC_EINVAL,
                 "queries of a pooling are learnt; the layer of the plan has none");
    vc_pattern_close(&pattern);
    vc_plan_close(&plan);
}

static void refused(void **state)
{
    (void)state;
    set_up();
    vc_plan plan;
    vc_pattern pattern;
    make_plan(&plan);
    add_summaries(&plan.layers[0], 1, 7);
    assert_ok(vc_pattern_open(&pattern, &plan.layers[0], &(vc_pattern_options){0}));
    const vc_strided_attention good = {B,
                                       D,
                                       DV,
                                       filled(&q, HEADS_FIRST, VC_F32),
                                       filled(&k, HEADS_FIRST, VC_F32),
                                       filled(&v, HEADS_FIRST, VC_F32),
                                       .pattern = &pattern};
    const vc_strided to = view_of(&out, HEADS_FIRST, VC_F32);
    vc_strided other = to;
    assert_ok(vc_strided_attention_forward(&to, NULL, &good));
    other.dtype = VC_F16;
    assert_fails(vc_strided_attention_forward(&other, NULL, &good), VC_EINVAL,
                 "out is F16; wanted F32 or BF16");
    other = to;
    other.token = 0;
    assert_fails(vc_strided_attention_forward(&other, NULL, &good), VC_EINVAL,
                 "values of out share a place");
    vc_strided_attention bad = good;
    bad.k.data = NULL;
    assert_fails(vc_strided_attention_forward(&to, NULL, &bad), VC_EINVAL, "k has no data");
    bad = good;
    bad.batch = 0;
    assert_fails(vc_strided_attention_forward(&to, NULL, &bad), VC_EINVAL, "0 images");
    bad = good;
    bad.head_dim = D - 1;
    assert_fails(vc_strided_attention_forward(&to, NULL, &bad), VC_EINVAL,
                 "queries of 5 values, the heads have 4");
    bad = good; /* an input may be one value for all */
    bad.q.image = bad.q.head = bad.q.token = bad.q.value = 0;
    assert_ok(vc_strided_attention_forward(&to, NULL, &bad));
    const vc_strided_gradients gradients = {view_of(&dq, HEADS_FIRST, VC_F32),
                                            view_of(&dk, HEADS_FIRST, VC_F32), other, .bias = NULL};
    float *probs = calloc(B * pattern.values, sizeof *probs);
    assert_fails(vc_strided_attention_backward(&gradients, &to, probs, &good), VC_EINVAL,
                 "values of dv share a place");
    free(probs);
    check_learnt_refused(&good, &to);
    vc_pattern_close(&pattern);
    vc_plan_close(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_entries),   cmocka_unit_test(with_a_residual),
        cmocka_unit_test(with_summaries), cmocka_unit_test(summaries_learnt),
        cmocka_unit_test(threads),        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
