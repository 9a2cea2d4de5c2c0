/* Attention of a plan: what it prunes is a constant of truth values, its summaries are pooled by
 * constant matrices, its residual is a constant share. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_impl.h"

static int64_t i64(size_t value)
{
    return (int64_t)value;
}

/* The heads of so many values in the rows: (batch, H, T, D) from (batch, T, width). */
static vc__term heads_of(vc__graph *g, vc__term rows, size_t at, size_t tokens, size_t heads,
                         size_t dim)
{
    const int64_t dims[] = {0, i64(tokens), i64(heads), i64(dim)}, order[] = {0, 2, 1, 3};
    const vc__term columns = vc__slice(g, rows, 2, at, at + heads * dim);
    return vc__permute(g, vc__reshape(g, columns, dims, 4), order, 4);
}

static vc__term transposed(vc__graph *g, vc__term x)
{
    const int64_t order[] = {0, 1, 3, 2};
    return vc__permute(g, x, order, 4);
}

/* ---- constants of a layer, for its first `rows` queries */

/* Of each head the first `rows` of `all` rows of `width` values. */
static vc__term first_queries(vc__graph *g, const char *name, const float *values, size_t heads,
                              size_t rows, size_t all, size_t width)
{
    const vc__shape shape = {3, {heads, rows, width}};
    vc__term out;
    if (rows == all)
        return vc__weights(g, name, shape, values);
    float *room = vc__constant_room(g, &out, name, VC__FLOAT, shape);
    for (size_t h = 0; room && h < heads; h++)
        memcpy(room + h * rows * width, values + h * all * width, rows * width * sizeof *room);
    return out;
}

static int keeps_all(const vc_plan_layer *plan)
{
    size_t kept = 0;
    for (size_t h = 0; h < plan->heads; h++)
        kept += vc_plan_kept(plan, h);
    return kept == plan->heads * plan->queries * plan->keys;
}

/* 1: kept */
static vc__term mask_of(vc__graph *g, const vc_plan_layer *plan, size_t rows)
{
    const vc__shape shape = {3, {plan->heads, rows, plan->keys}};
    const size_t all = plan->heads * plan->queries * plan->keys, each = rows * plan->keys;
    vc__term out;
    unsigned char *room = vc__constant_room(g, &out, "mask", VC__BOOL, shape);
    uint8_t *pruned = room ? malloc(all) : NULL;
    if (room && !pruned)
        vc__graph_fail(g, vc_fail(VC_ENOMEM, "out of memory for a mask"));
    if (!pruned)
        return out;
    vc_plan_layer_mask(pruned, plan);
    for (size_t h = 0; h < plan->heads; h++)
        for (size_t i = 0; i < each; i++)
            room[h * each + i] = !pruned[h * plan->queries * plan->keys + i];
    free(pruned);
    return out;
}

/* ---- summaries */

/* (G, Tk); with queries the logarithms of the weights, -infinity where there is none. */
static vc__term pooling_matrix(vc__graph *g, const vc_pooling *p, size_t keys)
{
    const vc__shape shape = {2, {p->count, keys}};
    vc__term out;
    float *room = vc__constant_room(g, &out, p->query ? "pool_log_weights" : "pool_weights",
                                    VC__FLOAT, shape);
    for (size_t j = 0; room && j < p->count; j++)
        for (int32_t e = p->start[j]; e < p->start[j + 1]; e++)
            room[j * keys + (size_t)p->keys[e]] += p->weights[e];
    for (size_t i = 0; room && p->query && i < p->count * keys; i++)
        room[i] = logf(room[i]);
    return out;
}

/* u / sqrt(dim) of each head: (H, dim, 1). */
static vc__term pool_queries(vc__graph *g, const vc_pooling *p, size_t heads)
{
    const vc__shape shape = {3, {heads, p->dim, 1}};
    vc__term out;
    float *room = vc__constant_room(g, &out, "pool_query", VC__FLOAT, shape);
    for (size_t i = 0; room && i < heads * p->dim; i++)
        room[i] = (float)(p->query[i] / sqrt((double)p->dim));
    return out;
}

vc__term vc__export_pooling(vc__graph *g, const vc_pooling *p, vc__term k,
                            const vc_attention_layer *l)
{
    const vc__term matrix = pooling_matrix(g, p, l->keys);
    if (!p->query)
        return matrix;
    const vc__term scores = transposed(g, vc__binary(g, "MatMul", k, pool_queries(g, p, l->heads)));
    return vc__softmax(g, vc__binary(g, "Add", scores, matrix));
}

/* ---- attention */

typedef struct attention {
    const vc_attention_layer *layer;
    const vc_plan_layer *plan; /* NULL: nothing is pruned */
    const float *bias;         /* (H, Tq, Tk) or NULL */
    vc__term q, k, v;          /* (batch, H, T, D) */
    size_t rows;               /* queries that are needed */
} attention;

static vc__term token_scores(vc__graph *g, const attention *a)
{
    const vc_attention_layer *l = a->layer;
    vc__term scores = vc__binary(g, "MatMul", a->q, transposed(g, a->k));
    if (a->bias)
        scores =
            vc__binary(g, "Add", scores,
                       first_queries(g, "bias", a->bias, l->heads, a->rows, l->queries, l->keys));
    if (!a->plan || keeps_all(a->plan))
        return scores;
    return vc__node(
        g, "Where",
        (vc__term[]){mask_of(g, a->plan, a->rows), scores, vc__scalar(g, -INFINITY), {""}}, NULL);
}

/* With summaries: they are further keys, after the tokens. */
static vc__term attend(vc__graph *g, const attention *a)
{
    const vc_pooling *p = a->plan ? &a->plan->pooling : NULL;
    vc__term scores = token_scores(g, a), values = a->v;
    if (p && p->count > 0) {
        const vc_attention_layer *l = a->layer;
        const vc__term pool = vc__export_pooling(g, p, a->k, l),
                       k = vc__binary(g, "MatMul", pool, a->k),
                       v = vc__binary(g, "MatMul", pool, a->v),
                       bias = first_queries(g, "summary_bias", a->plan->summary_bias, l->heads,
                                            a->rows, l->queries, p->count),
                       seen = vc__binary(g, "MatMul", a->q, transposed(g, k));
        scores = vc__concat(g, scores, vc__binary(g, "Add", seen, bias), 3);
        values = vc__concat(g, values, v, 2);
    }
    return vc__binary(g, "MatMul", vc__softmax(g, scores), values);
}

/* A share of what is kept and a share of the mean of all values. */
static vc__term with_residual(vc__graph *g, const attention *a, vc__term kept)
{
    const size_t heads = a->layer->heads, each = a->rows;
    const vc__shape shape = {3, {heads, each, 1}};
    vc__term share, rest;
    if (!a->plan || !a->plan->kept_share)
        return kept;
    float *shares = vc__constant_room(g, &share, "kept_share", VC__FLOAT, shape);
    float *others = vc__constant_room(g, &rest, "pruned_share", VC__FLOAT, shape);
    for (size_t i = 0; shares && others && i < heads * each; i++) {
        shares[i] = a->plan->kept_share[i / each * a->layer->queries + i % each];
        others[i] = 1.0f - shares[i];
    }
    return vc__binary(g, "Add", vc__binary(g, "Mul", kept, share),
                      vc__binary(g, "Mul", vc__mean(g, a->v, 2), rest));
}

void vc__export_attention(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const size_t layer = (size_t)op->layer;
    const vc_attention_layer l = vc_model_layer(&e->model->config, layer);
    const vc_plan *plan = vc_model_entries(e->model);
    const vc__term queries = vc__rows_of(e, op->from, rows),
                   keys = vc__rows_of(e, op->keys, l.keys);
    attention a = {.layer = &l,
                   .plan = plan ? &plan->layers[layer] : NULL,
                   .bias = vc_model_bias(e->model, layer),
                   .rows = rows};
    a.q = vc__binary(g, "Mul", heads_of(g, queries, 0, rows, l.heads, l.head_dim),
                     vc__scalar(g, (float)(1.0 / sqrt((double)l.head_dim))));
    a.k = heads_of(g, keys, op->keys_at, l.keys, l.heads, l.head_dim);
    a.v = heads_of(g, keys, op->values_at, l.keys, l.heads, l.value_dim);
    const int64_t order[] = {0, 2, 1, 3}, dims[] = {0, i64(rows), i64(l.heads * l.value_dim)};
    const vc__term out =
        vc__reshape(g, vc__permute(g, with_residual(g, &a, attend(g, &a)), order, 4), dims, 3);
    vc__set_rows(e, op->to, vc__activation(g, out, op->activation), rows);
}
