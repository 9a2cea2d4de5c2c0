/* Problems of attention for inference with their solutions in double, and running the kernels on
 * them. */
#ifndef ATTENTION_PROBLEM_H
#define ATTENTION_PROBLEM_H

#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "testing.h"
#include "vitcod/kernels.h"
#include "vitcod/packed_attention.h"

typedef struct problem {
    vc_packed_attention layer;
    uint8_t *pruned; /* (H, Tq, Tk) or NULL */
    vc_plan plan;    /* the same, plain; with `globals` tokens in the panel where a plan decides */
    float *bias, *q, *kv; /* kv: K and V of all heads, token by token */
    size_t summaries;
    double *pooled;      /* (summaries) as a row of kv */
    float *summary_bias; /* (H, Tq, summaries), of natural logarithms */
    double *want;
} problem;

/* A panel in bfloat16 would be cheaper; the split need not be the best here. By `grouped`
 * rows are as soon as neighbours share keys. */
static const vc_pattern_options by_cost = {.split = VC_PATTERN_BY_COST, .costs = {1.0, 1.6, 7.0}},
                                by_plan = {.split = VC_PATTERN_BY_PLAN},
                                grouped = {.split = VC_PATTERN_BY_PLAN, .costs = {1.0, 1e3, 1e-3}},
                                whole = {.split = VC_PATTERN_WHOLE};

static inline void *room(size_t bytes)
{
    void *p = malloc(bytes);
    assert_non_null(p);
    return p;
}

/* Full columns, a diagonal, and now and then an entry elsewhere; some rows keep one entry, some
 * all. */
static inline int is_pruned(size_t h, size_t i, size_t j, vc_rng *rng, double density)
{
    const int drawn = vc_rng_uniform(rng) >= density;
    if (i % 11 == 3)
        return j != (i * 7 + h) % 5;
    return !(i % 13 == 5 || (density > 0.0 && j % 9 == h) || i == j || j == 0) && drawn;
}

/* A value of K and V of a key; summaries follow the tokens. */
static inline double value_of(const problem *p, size_t key, size_t at)
{
    const size_t width = p->layer.heads * (p->layer.head_dim + p->layer.value_dim);
    return key < p->layer.keys ? (double)p->kv[key * width + at]
                               : p->pooled[(key - p->layer.keys) * width + at];
}

/* What is added to the product of Q and K; -INFINITY: the query does not see the key. */
static inline double bias_of(const problem *p, size_t head, size_t query, size_t key)
{
    const size_t row = head * p->layer.queries + query, at = row * p->layer.keys + key;
    if (key >= p->layer.keys)
        return (double)p->summary_bias[row * p->summaries + key - p->layer.keys] / log(2.0);
    if (p->pruned && p->pruned[at])
        return -INFINITY;
    return p->bias ? (double)p->bias[at] : 0.0;
}

static inline void compute(problem *p)
{
    const vc_packed_attention *l = &p->layer;
    const size_t tq = l->queries, tk = l->keys + p->summaries, d = l->head_dim, dv = l->value_dim;
    double *power = room(tk * sizeof *power);
    for (size_t h = 0; h < l->heads; h++)
        for (size_t i = 0; i < tq; i++) {
            double highest = -INFINITY, sum = 0.0, *to = p->want + (i * l->heads + h) * dv;
            for (size_t j = 0; j < tk; j++) {
                power[j] = bias_of(p, h, i, j);
                for (size_t c = 0; c < d; c++)
                    power[j] +=
                        (double)p->q[(i * l->heads + h) * d + c] * value_of(p, j, h * d + c);
                highest = fmax(highest, power[j]);
            }
            memset(to, 0, dv * sizeof *to);
            for (size_t j = 0; j < tk; j++) {
                const double e = exp2(power[j] - highest);
                sum += e;
                for (size_t c = 0; c < dv; c++)
                    to[c] += e * value_of(p, j, l->heads * d + h * dv + c);
            }
            for (size_t c = 0; c < dv; c++)
                to[c] /= sum;
        }
    free(power);
}

/* A few tokens are global, whatever they keep. */
static inline void make_plan(problem *p)
{
    const vc_mask mask = {1, p->layer.heads, p->layer.queries, p->layer.keys, p->pruned};
    assert_ok(vc_plan_of_masks(&p->plan, &mask, 1));
    for (size_t h = 0; h < mask.heads; h++)
        p->plan.layers[0].global_tokens[h] = (int32_t)(mask.keys / 5);
}

static int pools_by_queries;

/* Summary g of one head: the sums of K and V by the weights that the head's query makes. */
static inline void pool_by_query(problem *p, const vc_pooling *pooling, size_t g, size_t head)
{
    const vc_packed_attention *l = &p->layer;
    const size_t d = l->head_dim, dv = l->value_dim, width = l->heads * (d + dv),
                 v_at = l->heads * d + head * dv;
    double *to = p->pooled + g * width, sum = 0.0;
    for (int32_t e = pooling->start[g]; e < pooling->start[g + 1]; e++) {
        const float *row = p->kv + (size_t)pooling->keys[e] * width;
        double score = log((double)pooling->weights[e]);
        for (size_t c = 0; c < d; c++)
            score +=
                (double)pooling->query[head * d + c] * (double)row[head * d + c] / sqrt((double)d);
        sum += exp(score);
        for (size_t c = 0; c < d; c++)
            to[head * d + c] += exp(score) * (double)row[head * d + c];
        for (size_t c = 0; c < dv; c++)
            to[v_at + c] += exp(score) * (double)row[v_at + c];
    }
    for (size_t c = 0; c < d; c++)
        to[head * d + c] /= sum;
    for (size_t c = 0; c < dv; c++)
        to[v_at + c] /= sum;
}

/* Summaries of uneven and overlapping sums of tokens, of values about as large as theirs. Some
 * queries see none, some all. */
static inline void add_summaries(problem *p)
{
    enum { MOST = 40 };
    const vc_packed_attention *l = &p->layer;
    const size_t width = l->heads * (l->head_dim + l->value_dim),
                 biases = l->heads * l->queries * p->summaries;
    int32_t start[MOST + 1] = {0}, *keys = room(p->summaries * l->keys * sizeof *keys);
    float *weights = room(p->summaries * l->keys * sizeof *weights);
    size_t used = 0;
    p->pooled = calloc(p->summaries * width, sizeof *p->pooled);
    p->summary_bias = room(biases * sizeof *p->summary_bias);
    assert_non_null(p->pooled);
    for (size_t g = 0; g < p->summaries; g++) {
        const float entries = (float)(l->keys - g % l->keys) / (float)(1 + g % 4);
        for (size_t j = g % l->keys; j < l->keys; j += 1 + g % 4, used++) {
            keys[used] = (int32_t)j;
            weights[used] = ((float)((g + j) % 7) - 2.0f) / (2.0f * sqrtf(entries));
            if (pools_by_queries)
                weights[used] = fabsf(weights[used]) + 0.1f;
            for (size_t c = 0; c < width && !pools_by_queries; c++)
                p->pooled[g * width + c] += (double)weights[used] * (double)p->kv[j * width + c];
        }
        start[g + 1] = (int32_t)used;
    }
    fill(p->summary_bias, biases, 9);
    for (size_t i = 0; i < biases; i++)
        if (i / p->summaries % 7 == 2 || (i % 5 == 1 && i / p->summaries % 3 > 0))
            p->summary_bias[i] = -INFINITY;
    float *query = room(l->heads * l->head_dim * sizeof *query);
    fill(query, l->heads * l->head_dim, 11);
    vc_pooling pooling = {p->summaries, used, start, keys, weights, 0, NULL};
    if (pools_by_queries) {
        pooling.dim = l->head_dim;
        pooling.query = query;
        for (size_t i = 0; i < p->summaries * l->heads; i++)
            pool_by_query(p, &pooling, i / l->heads, i % l->heads);
    }
    assert_ok(vc_plan_layer_add_summaries(p->plan.layers, &pooling, p->summary_bias));
    free(keys);
    free(weights);
    free(query);
}

static inline void open_problem(problem *p, const vc_packed_attention *sizes, double density,
                                int biased, size_t summaries)
{
    const size_t maps = sizes->heads * sizes->queries * sizes->keys;
    *p = (problem){.layer = *sizes, .summaries = summaries};
    p->q = room(sizes->queries * sizes->heads * sizes->head_dim * sizeof(float));
    const size_t kv = sizes->keys * sizes->heads * (sizes->head_dim + sizes->value_dim);
    p->kv = room(kv * sizeof(float));
    p->want = room(sizes->queries * sizes->heads * sizes->value_dim * sizeof(double));
    fill(p->q, sizes->queries * sizes->heads * sizes->head_dim, 1);
    for (size_t i = 0; i < sizes->queries * sizes->heads * sizes->head_dim; i++)
        p->q[i] /= sqrtf((float)sizes->head_dim);
    fill(p->kv, kv, 2);
    if (biased) {
        p->bias = room(maps * sizeof(float));
        fill(p->bias, maps, 4);
    }
    if (density >= 0.0) {
        vc_rng rng = vc_rng_open(7, 0, 0);
        p->pruned = room(maps);
        for (size_t h = 0; h < sizes->heads; h++)
            for (size_t i = 0; i < sizes->queries; i++)
                for (size_t j = 0; j < sizes->keys; j++)
                    p->pruned[(h * sizes->queries + i) * sizes->keys + j] =
                        (uint8_t)is_pruned(h, i, j, &rng, density);
        make_plan(p);
    }
    if (summaries > 0)
        add_summaries(p);
    compute(p);
}

static inline void close_problem(problem *p)
{
    free(p->q);
    free(p->kv);
    free(p->want);
    free(p->bias);
    free(p->pruned);
    free(p->pooled);
    free(p->summary_bias);
    vc_plan_close(&p->plan);
}

/* A layer that is open, and what its kernels read beside Q. */
typedef struct opened {
    vc_packed_attention layer;
    float *panels, *pooled, *weights;
} opened;

static inline void open_layer(opened *o, const problem *p, const vc_pattern_options *how, int bf16)
{
    o->layer = p->layer;
    o->layer.bf16 = bf16;
    vc_packed_attention *layer = &o->layer;
    assert_ok(vc_packed_attention_open(layer, p->pruned ? p->plan.layers : NULL, p->bias, how));
    const size_t d = layer->head_dim, middle = layer->keys / 3,
                 kv_stride = layer->heads * (d + layer->value_dim);
    o->panels = calloc(layer->panel_floats + 1, sizeof *o->panels);
    o->weights = room(layer->keys * (p->summaries + 1) * sizeof *o->weights);
    o->pooled = room((p->summaries + 1) * kv_stride * sizeof *o->pooled);
    assert_non_null(o->panels);
    assert_int_equal(vc_summary_floats(layer), kv_stride);
    vc_attention_pack(o->panels, layer, p->kv, p->kv + layer->heads * d, kv_stride, 0, middle);
    vc_attention_pack(o->panels, layer, p->kv + middle * kv_stride,
                      p->kv + middle * kv_stride + layer->heads * d, kv_stride, middle,
                      layer->keys - middle);
    const vc_pooled_keys pools = {p->kv, p->kv + layer->heads * d, kv_stride};
    for (size_t g = 0, n = 1; g < p->summaries; g += n, n = p->summaries - g)
        vc_attention_pool(o->pooled + g * kv_stride, o->panels, o->weights, layer, &pools, g, n);
}

static inline void close_layer(opened *o)
{
    free(o->panels);
    free(o->weights);
    free(o->pooled);
    vc_packed_attention_close(&o->layer);
}

/* out (Tq, H, value_dim), `step` queries at a time. */
static inline void attend(float *out, const problem *p, const opened *o, const vc_kernels *kernels,
                          size_t step)
{
    const vc_packed_attention *layer = &o->layer;
    const size_t tq = layer->queries, d = layer->head_dim, dv = layer->value_dim,
                 q_stride = layer->heads * d, v_stride = layer->heads * dv,
                 kv_stride = q_stride + v_stride;
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_packed_head *head = &layer->head[h];
        for (size_t i = 0; i < tq; i += step) {
            const vc_attention_view view = {.head = head,
                                            .head_dim = d,
                                            .value_dim = dv,
                                            .q = p->q + i * q_stride + h * d,
                                            .k = p->kv + h * d,
                                            .v = p->kv + layer->heads * d + h * dv,
                                            .q_stride = q_stride,
                                            .k_stride = kv_stride,
                                            .v_stride = kv_stride,
                                            .summary_k = o->pooled + h * d,
                                            .summary_v = o->pooled + layer->heads * d + h * dv,
                                            .summary_stride = kv_stride,
                                            .panel = o->panels + head->panel_start};
            (layer->bf16 ? kernels->attention_rows_bf16 : kernels->attention_rows)(
                out + i * v_stride + h * dv, v_stride, &view, i, tq - i < step ? tq - i : step);
        }
    }
}

static const vc_packed_attention shapes[] = {
    {.heads = 2, .queries = 101, .keys = 101, .head_dim = 64, .value_dim = 64},
    {.heads = 1, .queries = 7, .keys = 33, .head_dim = 16, .value_dim = 32},
    {.heads = 2, .queries = 14, .keys = 49, .head_dim = 20, .value_dim = 41},
    {.heads = 1, .queries = 1, .keys = 1, .head_dim = 7, .value_dim = 3},
    {.heads = 1, .queries = 120, .keys = 1100, .head_dim = 32, .value_dim = 16}, /* three blocks */
};

#endif
