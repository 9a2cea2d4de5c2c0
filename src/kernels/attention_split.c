/* Training: a head that is split into a panel, computed as dense products, and rows of kept
 * entries. */
#include <math.h>
#include <string.h>

#include "attention_impl.h"
#include "vitcod/gemm.h"
#include "vitcod/kernels.h"
#include "vitcod/pooling.h"

static size_t panel_tokens(const vc__attention_head *head)
{
    return head->pattern->panel_count - (head->pooling ? head->pooling->count : 0);
}

/* Row j is the row of x that the key at place j of the panel has; those of summaries are sums by
 * `weights`. */
static void gather(float *rows, const float *x, size_t stride, const vc__attention_head *head,
                   const float *weights, size_t head_dim)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_pooling *p = head->pooling;
    const size_t tokens = panel_tokens(head);
    for (size_t j = 0; j < tokens; j++)
        memcpy(rows + j * head_dim, x + (size_t)head->pattern->panel_keys[j] * stride,
               head_dim * sizeof(float));
    for (size_t g = 0; p && g < p->count; g++)
        kernels->pool_row(rows + (tokens + g) * head_dim, x, stride, p->keys + p->start[g],
                          weights + p->start[g], (size_t)(p->start[g + 1] - p->start[g]), head_dim);
}

/* Sets the rows of tokens of the panel, and adds to those that were pooled. */
static void scatter(float *x, const float *rows, size_t stride, const vc__attention_head *head,
                    const float *weights, size_t head_dim)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_pooling *p = head->pooling;
    const size_t tokens = panel_tokens(head);
    for (size_t j = 0; j < tokens; j++)
        memcpy(x + (size_t)head->pattern->panel_keys[j] * stride, rows + j * head_dim,
               head_dim * sizeof(float));
    for (size_t g = 0; p && g < p->count; g++)
        kernels->scatter_row(x, stride, weights + p->start[g], rows + (tokens + g) * head_dim,
                             p->keys + p->start[g], (size_t)(p->start[g + 1] - p->start[g]),
                             head_dim, 1.0f);
}

static void clear_rows(float *x, size_t stride, size_t rows, size_t head_dim)
{
    for (size_t i = 0; i < rows; i++)
        memset(x + i * stride, 0, head_dim * sizeof(float));
}

/* The entries of a query outside the panel: their keys, and where their values start. */
typedef struct row {
    const int32_t *keys;
    size_t start, count;
} row;

static row row_of(const vc_pattern_head *head, size_t query)
{
    if (!head->row_start)
        return (row){0};
    const size_t start = (size_t)head->row_start[query];
    return (row){head->row_keys + start, start, vc_row_count(head, query)};
}

/* Two gathered panels and their gradients, the weights of the pooling and theirs. */
typedef struct rooms {
    float *panel_k, *panel_v, *panel_dk, *panel_dv, *weights, *dweights;
} rooms;

static size_t entries_of(const vc_pooling *pooling)
{
    return pooling ? pooling->entries : 0;
}

size_t vc__split_scratch_floats(const vc_attention_shape *s, const vc_pattern_head *head,
                                const vc_pooling *pooling)
{
    return 2 * head->panel_count * (s->head_dim + s->value_dim) + 2 * entries_of(pooling);
}

/* Also computes the weights. */
static rooms rooms_of(const vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    const size_t k = head->pattern->panel_count * s->head_dim,
                 v = head->pattern->panel_count * s->value_dim;
    rooms r = {.panel_k = head->scratch};
    r.panel_v = r.panel_k + k;
    r.panel_dk = r.panel_v + v;
    r.panel_dv = r.panel_dk + k;
    r.weights = r.panel_dv + v;
    r.dweights = r.weights + entries_of(head->pooling);
    if (head->pooling)
        vc_pooling_weights(r.weights, head->pooling, head->index, head->k, s->k_stride);
    return r;
}

static void score_panel(const vc__attention_head *head, const rooms *r)
{
    const vc_attention_shape *s = head->shape;
    const size_t panel = head->pattern->panel_count;
    const vc_gemm_shape score = {.transpose_b = 1,
                                 .m = s->queries,
                                 .n = panel,
                                 .k = s->head_dim,
                                 .lda = s->q_stride,
                                 .ldb = s->head_dim,
                                 .ldc = panel};
    gather(r->panel_k, head->k, s->k_stride, head, r->weights, s->head_dim);
    if (head->bias)
        memcpy(head->probs, head->bias, s->queries * panel * sizeof(float));
    vc_gemm(head->probs, head->q, r->panel_k, &score, 1.0f / sqrtf((float)s->head_dim),
            head->bias ? 1.0f : 0.0f);
}

/* Adds the bias of the summaries that a query sees; the others are hidden by their bits. */
static void add_summary_bias(const vc__attention_head *head, size_t query)
{
    const size_t summaries = head->pooling->count, panel = head->pattern->panel_count;
    float *scores = head->probs + (query + 1) * panel - summaries;
    const float *bias = head->summary_bias + query * summaries;
    for (size_t g = 0; g < summaries; g++)
        scores[g] += bias[g] == -INFINITY ? 0.0f : bias[g];
}

/* Computes the scores of the rows, and the softmax over both parts of a query. */
static void score_rows(const vc__attention_head *head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_attention_shape *s = head->shape;
    const size_t panel = head->pattern->panel_count, in_panel = s->queries * panel;
    const float scale = 1.0f / sqrtf((float)s->head_dim);
    for (size_t i = 0; i < s->queries; i++) {
        const row own = row_of(head->pattern, i);
        float *scores = head->probs + in_panel + own.start;
        kernels->sddmm_row(scores, head->q + i * s->q_stride, head->k, s->k_stride, own.keys,
                           own.count, s->head_dim, scale);
        for (size_t e = 0; head->bias && e < own.count; e++)
            scores[e] += head->bias[in_panel + own.start + e];
        if (head->pooling)
            add_summary_bias(head, i);
        kernels->softmax_row(head->probs + i * panel, panel, vc__panel_row(head->pattern, i),
                             scores, own.count);
    }
}

void vc__split_head_forward(const vc__attention_head *head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_attention_shape *s = head->shape;
    const size_t panel = head->pattern->panel_count, dv = s->value_dim;
    const rooms r = rooms_of(head);
    const float *own_probs = head->probs + s->queries * panel;
    const vc_gemm_shape value = {
        .m = s->queries, .n = dv, .k = panel, .lda = panel, .ldb = dv, .ldc = s->out_stride};
    if (panel > 0)
        score_panel(head, &r);
    score_rows(head);
    if (panel > 0) {
        gather(r.panel_v, head->v, s->v_stride, head, r.weights, dv);
        vc_gemm(head->out, head->probs, r.panel_v, &value, 1.0f, 0.0f);
    } else {
        clear_rows(head->out, s->out_stride, s->queries, dv);
    }
    for (size_t i = 0; i < s->queries; i++) {
        const row own = row_of(head->pattern, i);
        kernels->spmm_row(head->out + i * s->out_stride, own_probs + own.start, head->v,
                          s->v_stride, own.keys, own.count, dv, 1.0f);
    }
}

static float dot(const float *x, const float *y, size_t count)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < count; c++)
        sum += x[c] * y[c];
    return sum;
}

/* The gradients of the pooling, from those of the pooled keys and values. */
static void pooling_backward(const vc__attention_head *head, const rooms *r)
{
    const vc_attention_shape *s = head->shape;
    const vc_pooling *p = head->pooling;
    const vc_pooling_gradients to = {r->dweights, head->dk, head->dpool_query};
    if (!head->dpool_weights && !p->query)
        return;
    for (size_t g = 0; g < p->count; g++) {
        const float *dk = r->panel_dk + (panel_tokens(head) + g) * s->head_dim,
                    *dv = r->panel_dv + (panel_tokens(head) + g) * s->value_dim;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
            const size_t key = (size_t)p->keys[e];
            r->dweights[e] = dot(dk, head->k + key * s->k_stride, s->head_dim) +
                             dot(dv, head->v + key * s->v_stride, s->value_dim);
        }
    }
    if (head->dpool_query)
        memset(head->dpool_query, 0, p->dim * sizeof(float));
    vc_pooling_backward(&to, r->weights, p, head->index, head->k, s->k_stride);
    if (head->dpool_weights)
        memcpy(head->dpool_weights, r->dweights, p->entries * sizeof(float));
}

/* Adds the gradients from the panel. Overwrites dq, and the rows of dk and dv that belong to keys
 * of the panel. */
static void panel_backward(const vc__attention_head *head, const rooms *r)
{
    const vc_attention_shape *s = head->shape;
    const size_t tq = s->queries, d = s->head_dim, wide = s->value_dim;
    const size_t panel = head->pattern->panel_count;
    const float scale = 1.0f / sqrtf((float)d);
    const vc_gemm_shape dquery = {
        .m = tq, .n = d, .k = panel, .lda = panel, .ldb = d, .ldc = head->dq_stride};
    const vc_gemm_shape dkey = {
        .transpose_a = 1, .m = panel, .n = d, .k = tq, .lda = panel, .ldb = s->q_stride, .ldc = d};
    const vc_gemm_shape dvalue = {.transpose_a = 1,
                                  .m = panel,
                                  .n = wide,
                                  .k = tq,
                                  .lda = panel,
                                  .ldb = s->out_stride,
                                  .ldc = wide};
    vc_gemm(head->dq, head->dscores, r->panel_k, &dquery, scale, 0.0f);
    vc_gemm(r->panel_dk, head->dscores, head->q, &dkey, scale, 0.0f);
    vc_gemm(r->panel_dv, head->probs, head->dout, &dvalue, 1.0f, 0.0f);
    scatter(head->dk, r->panel_dk, head->dk_stride, head, r->weights, d);
    scatter(head->dv, r->panel_dv, head->dv_stride, head, r->weights, wide);
    if (head->pooling)
        pooling_backward(head, r);
}

/* The gradients of all scores of the head. */
static void scores_backward(const vc__attention_head *head, const rooms *r)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_attention_shape *s = head->shape;
    const size_t panel = head->pattern->panel_count, wide = s->value_dim,
                 in_panel = s->queries * panel;
    const vc_gemm_shape dprob = {.transpose_b = 1,
                                 .m = s->queries,
                                 .n = panel,
                                 .k = wide,
                                 .lda = s->out_stride,
                                 .ldb = wide,
                                 .ldc = panel};
    if (panel > 0) {
        gather(r->panel_v, head->v, s->v_stride, head, r->weights, wide);
        vc_gemm(head->dscores, head->dout, r->panel_v, &dprob, 1.0f, 0.0f);
    }
    for (size_t i = 0; i < s->queries; i++) {
        const row own = row_of(head->pattern, i);
        float *gradient = head->dscores + in_panel + own.start;
        kernels->sddmm_row(gradient, head->dout + i * s->out_stride, head->v, s->v_stride, own.keys,
                           own.count, wide, 1.0f);
        kernels->softmax_row_backward(head->dscores + i * panel, head->probs + i * panel, panel,
                                      gradient, head->probs + in_panel + own.start, own.count);
        if (head->dsummary_bias)
            memcpy(head->dsummary_bias + i * head->pooling->count,
                   head->dscores + i * panel + panel_tokens(head),
                   head->pooling->count * sizeof(float));
    }
}

static void rows_backward(const vc__attention_head *head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_attention_shape *s = head->shape;
    const size_t in_panel = s->queries * head->pattern->panel_count, d = s->head_dim;
    const float scale = 1.0f / sqrtf((float)d);
    for (size_t i = 0; i < s->queries; i++) {
        const row own = row_of(head->pattern, i);
        const float *dscores = head->dscores + in_panel + own.start,
                    *probs = head->probs + in_panel + own.start;
        kernels->spmm_row(head->dq + i * head->dq_stride, dscores, head->k, s->k_stride, own.keys,
                          own.count, d, scale);
        kernels->scatter_row(head->dk, head->dk_stride, dscores, head->q + i * s->q_stride,
                             own.keys, own.count, d, scale);
        kernels->scatter_row(head->dv, head->dv_stride, probs, head->dout + i * s->out_stride,
                             own.keys, own.count, s->value_dim, 1.0f);
    }
}

void vc__split_head_backward(const vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    const size_t panel = head->pattern->panel_count, d = s->head_dim, wide = s->value_dim;
    const rooms r = rooms_of(head);
    scores_backward(head, &r);
    clear_rows(head->dk, head->dk_stride, s->keys, d);
    clear_rows(head->dv, head->dv_stride, s->keys, wide);
    if (panel > 0) {
        gather(r.panel_k, head->k, s->k_stride, head, r.weights, d);
        panel_backward(head, &r);
    } else {
        clear_rows(head->dq, head->dq_stride, s->queries, d);
    }
    rows_backward(head);
}
