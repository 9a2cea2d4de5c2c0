/* Attention: dense against plain loops, sparse against masked dense, backward against differences;
 * square as in DeiT, rectangular with biases and wide values as in LeViT. */
#include "random.h"
#include "testing.h"
#include "vitcod/attention.h"

enum { MOST_BATCH = 2, H = 3, MOST = 21, WIDE = 7, THREADS = 64, PAD = 3 };
enum { ROOM = MOST_BATCH * MOST * (H * WIDE + PAD) };
static float q[ROOM], k[ROOM], v[ROOM], dout[ROOM], bias_values[H * MOST * MOST];
static uint8_t pruned[H * MOST * MOST];
static vc_attention_shape shape;
static size_t B = MOST_BATCH;     /* images */
static const float *bias;         /* NULL or bias_values */
static vc_plan_layer *summarized; /* whose summaries are seen; NULL: none */

/* Strides are wider than the heads, so that a kernel that ignores them is caught. */
static void set_up(size_t queries, size_t keys, size_t head_dim, size_t value_dim, int biased)
{
    shape = (vc_attention_shape){B,
                                 H,
                                 queries,
                                 keys,
                                 head_dim,
                                 value_dim,
                                 H * head_dim + PAD,
                                 H * head_dim + 1,
                                 H * value_dim + 2,
                                 H * value_dim + PAD};
    fill(q, ROOM, 1);
    fill(k, ROOM, 2);
    fill(v, ROOM, 3);
    fill(dout, ROOM, 4);
    fill(bias_values, H * MOST * MOST, 5);
    bias = biased ? bias_values : NULL;
    /* Two columns mostly kept, a diagonal, a sprinkle; in head 2 no column is global. */
    for (size_t h = 0; h < H; h++)
        for (size_t i = 0; i < queries; i++)
            for (size_t j = 0; j < keys; j++) {
                int column = h < 2 && (j == 4 || j == 11) && i % 5 != 0;
                pruned[(h * queries + i) * keys + j] =
                    !(column || i == j || (i * 7 + j * 3 + h) % 13 == 0);
            }
}

static double score(size_t b, size_t h, size_t i, size_t j)
{
    const vc_attention_shape *s = &shape;
    const float *a = q + (b * s->queries + i) * s->q_stride + h * s->head_dim;
    const float *c = k + (b * s->keys + j) * s->k_stride + h * s->head_dim;
    double sum = 0.0;
    for (size_t d = 0; d < s->head_dim; d++)
        sum += (double)a[d] * c[d];
    sum /= sqrt((double)s->head_dim);
    return bias ? sum + bias[(h * s->queries + i) * s->keys + j] : sum;
}

static double pool_weights[12]; /* of the head that is being computed */

/* The weights as they are, or what the head's query makes of them and the keys. */
static void set_pool_weights(size_t b, size_t h)
{
    const vc_attention_shape *s = &shape;
    const vc_pooling *p = &summarized->pooling;
    for (size_t g = 0; g < p->count; g++) {
        double sum = 0.0;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
            const float *row =
                k + (b * s->keys + (size_t)p->keys[e]) * s->k_stride + h * s->head_dim;
            double score = 0.0;
            for (size_t d = 0; p->query && d < s->head_dim; d++)
                score += (double)p->query[h * s->head_dim + d] * row[d];
            pool_weights[e] = (double)p->weights[e] * exp(score / sqrt((double)s->head_dim));
            sum += pool_weights[e];
        }
        for (int32_t e = p->start[g]; p->query && e < p->start[g + 1]; e++)
            pool_weights[e] /= sum;
    }
}

/* A value of summary g of x, with `stride` floats between tokens. */
static double pooled(const float *x, size_t stride, size_t g)
{
    const vc_pooling *p = &summarized->pooling;
    double sum = 0.0;
    for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
        sum += pool_weights[e] * x[(size_t)p->keys[e] * stride];
    return sum;
}

static double summary_score(size_t b, size_t h, size_t i, size_t g)
{
    const vc_attention_shape *s = &shape;
    const float *a = q + (b * s->queries + i) * s->q_stride + h * s->head_dim;
    const float *c = k + b * s->keys * s->k_stride + h * s->head_dim;
    double sum = 0.0;
    for (size_t d = 0; d < s->head_dim; d++)
        sum += (double)a[d] * pooled(c + d, s->k_stride, g);
    return sum / sqrt((double)s->head_dim) +
           (double)summarized->summary_bias[(h * s->queries + i) * summarized->pooling.count + g];
}

/* The definition, in double: sum over all outputs of dout * out. */
static double plain_loss(const uint8_t *mask)
{
    const vc_attention_shape *s = &shape;
    double loss = 0.0;
    for (size_t row = 0; row < B * H * s->queries; row++) {
        size_t b = row / (H * s->queries), h = row / s->queries % H, i = row % s->queries;
        const size_t summaries = summarized ? summarized->pooling.count : 0;
        double e[2 * MOST], sum = 0.0;
        if (summarized && i == 0)
            set_pool_weights(b, h);
        for (size_t j = 0; j < s->keys; j++) {
            e[j] = mask && mask[(h * s->queries + i) * s->keys + j] ? 0.0 : exp(score(b, h, i, j));
            sum += e[j];
        }
        for (size_t g = 0; g < summaries; g++)
            sum += e[s->keys + g] = exp(summary_score(b, h, i, g));
        for (size_t g = 0; g < summaries; g++)
            for (size_t d = 0; d < s->value_dim; d++)
                loss +=
                    e[s->keys + g] / sum *
                    pooled(v + b * s->keys * s->v_stride + h * s->value_dim + d, s->v_stride, g) *
                    dout[(b * s->queries + i) * s->out_stride + h * s->value_dim + d];
        for (size_t j = 0; j < s->keys; j++)
            for (size_t d = 0; d < s->value_dim; d++)
                loss += e[j] / sum * v[(b * s->keys + j) * s->v_stride + h * s->value_dim + d] *
                        dout[(b * s->queries + i) * s->out_stride + h * s->value_dim + d];
    }
    return loss;
}

static double loss_of(const float *out)
{
    double sum = 0.0;
    for (size_t row = 0; row < B * shape.queries; row++)
        for (size_t c = 0; c < H * shape.value_dim; c++)
            sum += (double)out[row * shape.out_stride + c] * dout[row * shape.out_stride + c];
    return sum;
}

/* Values between the heads' end and the stride are not attention's. */
static void check_gradient(const char *what, const float *gradient, float *x, size_t rows,
                           size_t stride, size_t width, const uint8_t *mask)
{
    for (size_t at = 0; at < rows * stride; at += 11) {
        if (at % stride >= width)
            continue;
        float kept = x[at], h = 1e-2f;
        x[at] = kept + h;
        double up = plain_loss(mask), step = x[at];
        x[at] = kept - h;
        double down = plain_loss(mask);
        step -= x[at];
        x[at] = kept;
        double want = (up - down) / step;
        if (!(fabs(gradient[at] - want) <= 1e-3))
            fail_msg("%s %zu: %.9g, wanted %.9g", what, at, (double)gradient[at], want);
    }
}

static void check_gradients(const float *dq, const float *dk, const float *dv, const uint8_t *mask)
{
    const vc_attention_shape *s = &shape;
    check_gradient("dq", dq, q, B * s->queries, s->q_stride, H * s->head_dim, mask);
    check_gradient("dk", dk, k, B * s->keys, s->k_stride, H * s->head_dim, mask);
    check_gradient("dv", dv, v, B * s->keys, s->v_stride, H * s->value_dim, mask);
}

/* dscores (B, H, Tq, Tk), whose sum over the batch is the bias's gradient. */
static void check_bias_gradient(const float *dscores, const uint8_t *mask)
{
    const size_t count = H * shape.queries * shape.keys;
    for (size_t at = 0; bias && at < count; at += 7) {
        const float kept = bias_values[at], h = 1e-2f;
        double sum = 0.0;
        for (size_t b = 0; b < B; b++)
            sum += dscores[b * count + at];
        bias_values[at] = kept + h;
        double up = plain_loss(mask), step = bias_values[at];
        bias_values[at] = kept - h;
        double down = plain_loss(mask);
        step -= bias_values[at];
        bias_values[at] = kept;
        assert_near(sum, (up - down) / step, 1e-3);
    }
}

static float out[ROOM], dq[ROOM], dk[ROOM], dv[ROOM], dscores[MOST_BATCH * H * MOST * MOST];

/* Forward and backward, on a pattern or without one; `mask` is what it prunes. */
static void check_pattern(const vc_pattern *pattern, const uint8_t *mask)
{
    const size_t values = vc_attention_values(&shape, pattern),
                 dense = H * shape.queries * shape.keys;
    const size_t wanted[] = {vc_attention_scratch_floats(&shape, pattern, 0),
                             vc_attention_scratch_floats(&shape, pattern, 1)};
    float *probs = malloc(B * values * sizeof *probs),
          *packed = malloc(B * values * sizeof *packed);
    float *scratch =
        malloc(THREADS * (wanted[0] > wanted[1] ? wanted[0] : wanted[1]) * sizeof *scratch);
    float *arranged = malloc(values * sizeof *arranged);
    vc_attention a = {.shape = shape, .q = q, .k = k, .v = v, .pattern = pattern, .bias = bias};
    if (pattern && bias) {
        vc_pattern_arrange(arranged, bias, pattern);
        a.bias = arranged;
    }
    vc_attention_forward(out, probs, scratch, &a);
    assert_near(loss_of(out), plain_loss(mask), 1e-4);
    vc_attention_gradients to = {.q = dq, .k = dk, .v = dv};
    vc_attention_backward(&to, scratch, dout, probs, &a);
    check_gradients(dq, dk, dv, mask);
    to.scores = packed;
    vc_attention_backward(&to, scratch, dout, probs, &a);
    check_gradients(dq, dk, dv, mask);
    for (size_t b = 0; b < B; b++)
        if (pattern)
            vc_pattern_spread(dscores + b * dense, packed + b * values, pattern);
        else
            memcpy(dscores + b * dense, packed + b * values, dense * sizeof *packed);
    check_bias_gradient(dscores, mask);
    free(probs);
    free(packed);
    free(scratch);
    free(arranged);
}

/* A single image takes another way. */
static void dense(void **state)
{
    (void)state;
    for (B = 1; B <= MOST_BATCH; B++) {
        set_up(21, 21, 5, 5, 0);
        check_pattern(NULL, NULL);
        set_up(9, 21, 5, 7, 1);
        check_pattern(NULL, NULL);
    }
    B = MOST_BATCH;
}

/* A plan with the mask's two full columns as global tokens, swapped to the front. */
static vc_status make_plan(vc_plan *plan, int32_t globals)
{
    size_t tq = shape.queries, tk = shape.keys;
    int32_t queries[H * MOST], keys[H * MOST], counts[H] = {globals, globals, 0};
    const vc_mask mask = {1, H, tq, tk, pruned};
    for (size_t h = 0; h < H; h++) {
        for (size_t i = 0; i < tq; i++)
            queries[h * tq + i] = (int32_t)i;
        for (size_t i = 0; i < tk; i++)
            keys[h * tk + i] = (int32_t)i;
    }
    for (size_t h = 0; h < 2 && globals == 2; h++) {
        const int32_t order[] = {4, 11};
        for (size_t g = 0; g < 2; g++) {
            int32_t other = keys[h * tk + g];
            keys[h * tk + (size_t)order[g]] = other;
            keys[h * tk + g] = order[g];
            if (tq == tk) {
                queries[h * tq + (size_t)order[g]] = other;
                queries[h * tq + g] = order[g];
            }
        }
    }
    const vc_token_order order = {queries, keys, counts};
    return vc_plan_assemble(plan, &mask, &order, 10);
}

static void check_split(int32_t globals, vc_pattern_split split)
{
    const vc_pattern_options options = {.split = split, .costs = {1.0, 1.6, 7.0}};
    vc_plan plan;
    vc_pattern pattern;
    assert_ok(make_plan(&plan, globals));
    assert_ok(vc_pattern_open(&pattern, &plan.layers[0], &options));
    check_pattern(&pattern, pruned);
    vc_pattern_close(&pattern);
    vc_plan_close(&plan);
}

static void check_both_shapes(int32_t globals, vc_pattern_split split)
{
    for (B = 1; B <= MOST_BATCH; B++) {
        set_up(21, 21, 5, 5, 0);
        check_split(globals, split);
        set_up(9, 21, 5, 7, 1);
        check_split(globals, split);
    }
    B = MOST_BATCH;
}

static void masked(void **state)
{
    (void)state;
    check_both_shapes(0, VC_PATTERN_WHOLE);
}

static void with_global_tokens(void **state)
{
    (void)state;
    check_both_shapes(2, VC_PATTERN_BY_PLAN);
}

static void without_global_tokens(void **state)
{
    (void)state;
    check_both_shapes(0, VC_PATTERN_BY_PLAN);
}

static void split_by_cost(void **state)
{
    (void)state;
    check_both_shapes(2, VC_PATTERN_BY_COST);
}

/* The change of the loss with a value of the plan, against the gradient that is the sum over images
 * of gradients `count` apart. */
static void check_learnt(const char *what, const float *gradient, size_t count, float *x)
{
    for (size_t at = 0; at < count; at += 3) {
        const float kept = x[at], h = 1e-2f;
        double have = 0.0;
        for (size_t i = 0; i < B; i++)
            have += gradient[i * count + at];
        if (kept == -INFINITY) {
            assert_true(have == 0.0);
            continue;
        }
        x[at] = kept + h;
        double up = plain_loss(pruned), step = x[at];
        x[at] = kept - h;
        double down = plain_loss(pruned);
        step -= x[at];
        x[at] = kept;
        if (!(fabs(have - (up - down) / step) <= 1e-3))
            fail_msg("%s %zu: %.9g, wanted %.9g", what, at, have, (up - down) / step);
    }
}

/* Three summaries, of which the last overlaps the others; row 4 sees none, others not all. */
static void add_summaries(vc_plan_layer *layer, int by_query)
{
    enum { G = 3 };
    static int32_t start[G + 1] = {0, 4, 9, 12}, keys[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 6, 7};
    static float weights[12], biases[H * MOST * G];
    static float query[H * WIDE];
    const size_t dim = by_query ? shape.head_dim : 0;
    const vc_pooling pooling = {G, 12, start, keys, weights, dim, by_query ? query : NULL};
    fill(weights, 12, 6);
    fill(query, H * WIDE, 8);
    for (size_t i = 0; i < 12; i++)
        weights[i] = by_query ? 0.2f + fabsf(weights[i]) : 0.3f * weights[i];
    fill(biases, H * MOST * G, 7);
    for (size_t i = 0; i < H * layer->queries * G; i++)
        if (i / G % layer->queries == 4 || i % 5 == 0)
            biases[i] = -INFINITY;
    assert_ok(vc_plan_layer_add_summaries(layer, &pooling, biases));
}

/* Gradients of the pooling's weights come head by head; the loss sees their sum. */
static void sum_heads(float *sums, const float *of_heads, size_t count)
{
    memset(sums, 0, B * count * sizeof *sums);
    for (size_t i = 0; i < B * H * count; i++)
        sums[i / (H * count) * count + i % count] += of_heads[i];
}

static void check_summaries(const vc_plan_layer *layer, vc_pattern_split split)
{
    static float arranged[H * MOST * 2 * MOST], probs[MOST_BATCH * H * MOST * 2 * MOST],
        scratch[THREADS * 8 * MOST * MOST];
    const size_t biases = H * shape.queries * layer->pooling.count,
                 weights = layer->pooling.entries;
    float dbias[MOST_BATCH * H * MOST * 3], dweights[MOST_BATCH * H * 12], sums[MOST_BATCH * 12],
        dquery[MOST_BATCH * H * WIDE];
    const vc_pattern_options options = {.split = split, .costs = {1.0, 1.6, 7.0}};
    const vc_attention_gradients to = {.q = dq,
                                       .k = dk,
                                       .v = dv,
                                       .summary_bias = dbias,
                                       .pool_weights = dweights,
                                       .pool_query = dquery};
    vc_pattern pattern;
    assert_ok(vc_pattern_open(&pattern, layer, &options));
    vc_attention a = {.shape = shape, .q = q, .k = k, .v = v, .pattern = &pattern};
    if (bias) {
        vc_pattern_arrange(arranged, bias, &pattern);
        a.bias = arranged;
    }
    assert_true(vc_attention_scratch_floats(&shape, &pattern, 1) <= 8 * MOST * MOST);
    vc_attention_forward(out, probs, scratch, &a);
    assert_near(loss_of(out), plain_loss(pruned), 1e-4);
    vc_attention_backward(&to, scratch, dout, probs, &a);
    check_gradients(dq, dk, dv, pruned);
    check_learnt("bias", dbias, biases, summarized->summary_bias);
    sum_heads(sums, dweights, weights);
    check_learnt("weight", sums, weights, summarized->pooling.weights);
    if (layer->pooling.query)
        check_learnt("query", dquery, H * layer->pooling.dim, summarized->pooling.query);
    vc_pattern_close(&pattern);
}

static void with_summaries(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        const int wide = kind % 2;
        set_up(wide ? 9 : MOST, MOST, 5, wide ? 7 : 5, wide);
        const vc_mask mask = {1, H, shape.queries, MOST, pruned};
        vc_plan plan;
        assert_ok(vc_plan_of_masks(&plan, &mask, 1));
        plan.layers[0].global_tokens[0] = 3;
        add_summaries(&plan.layers[0], kind / 2);
        summarized = &plan.layers[0];
        for (int split = VC_PATTERN_BY_PLAN; split <= VC_PATTERN_WHOLE; split++)
            check_summaries(summarized, (vc_pattern_split)split);
        summarized = NULL;
        vc_plan_close(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),
        cmocka_unit_test(masked),
        cmocka_unit_test(with_global_tokens),
        cmocka_unit_test(without_global_tokens),
        cmocka_unit_test(split_by_cost),
        cmocka_unit_test(with_summaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
