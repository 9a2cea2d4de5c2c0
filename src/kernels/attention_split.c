/* Training: a head that is split into a panel, computed as dense products, and rows of kept
 * entries. */
#include <math.h>
#include <string.h>

#include "attention_impl.h"
#include "vitcod/gemm.h"
#include "vitcod/kernels.h"

/* row = the summary `summary` of the rows of x */
static void pool(float *row, const float *x, size_t stride, const vc_pooling *p, size_t summary,
                 size_t head_dim)
{
    memset(row, 0, head_dim * sizeof *row);
    for (int32_t e = p->start[summary]; e < p->start[summary + 1]; e++) {
        const float *from = x + (size_t)p->keys[e] * stride, weight = p->weights[e];
#pragma omp simd
        for (size_t c = 0; c < head_dim; c++)
            row[c] += weight * from[c];
    }
}

/* Backward of pool: adds to the rows of x. */
static void unpool(float *x, const float *row, size_t stride, const vc_pooling *p, size_t summary,
                   size_t head_dim)
{
    for (int32_t e = p->start[summary]; e < p->start[summary + 1]; e++) {
        float *to = x + (size_t)p->keys[e] * stride;
        const float weight = p->weights[e];
#pragma omp simd
        for (size_t c = 0; c < head_dim; c++)
            to[c] += weight * row[c];
    }
}

static size_t panel_tokens(const vc__attention_head *head)
{
    return head->pattern->panel_count - (head->pooling ? head->pooling->count : 0);
}

/* Row j is the row of x that the key at place j of the panel has; those of summaries are pooled. */
static void gather(float *rows, const float *x, size_t stride, const vc__attention_head *head,
                   size_t head_dim)
{
    const size_t tokens = panel_tokens(head);
    for (size_t j = 0; j < tokens; j++)
        memcpy(rows + j * head_dim, x + (size_t)head->pattern->panel_keys[j] * stride,
               head_dim * sizeof(float));
    for (size_t j = tokens; j < head->pattern->panel_count; j++)
        pool(rows + j * head_dim, x, stride, head->pooling, j - tokens, head_dim);
}

/* Sets the rows of tokens of the panel, and adds to those that were pooled. */
static void scatter(float *x, const float *rows, size_t stride, const vc__attention_head *head,
                    size_t head_dim)
{
    const size_t tokens = panel_tokens(head);
    for (size_t j = 0; j < tokens; j++)
        memcpy(x + (size_t)head->pattern->panel_keys[j] * stride, rows + j * head_dim,
               head_dim * sizeof(float));
    for (size_t j = tokens; j < head->pattern->panel_count; j++)
        unpool(x, rows + j * head_dim, stride, head->pooling, j - tokens, head_dim);
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

/* Two gathered panels and their gradients. */
size_t vc__split_scratch_floats(const vc_attention_shape *s, const vc_pattern_head *head)
{
    return 2 * head->panel_count * (s->head_dim + s->value_dim);
}

static void score_panel(const vc__attention_head *head, float *panel_k)
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
    gather(panel_k, head->k, s->k_stride, head, s->head_dim);
    if (head->bias)
        memcpy(head->probs, head->bias, s->queries * panel * sizeof(float));
    vc_gemm(head->probs, head->q, panel_k, &score, 1.0f / sqrtf((float)s->head_dim),
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
    float *panel_k = head->scratch, *panel_v = panel_k + panel * s->head_dim;
    const float *own_probs = head->probs + s->queries * panel;
    const vc_gemm_shape value = {
        .m = s->queries, .n = dv, .k = panel, .lda = panel, .ldb = dv, .ldc = s->out_stride};
    if (panel > 0)
        score_panel(head, panel_k);
    score_rows(head);
    if (panel > 0) {
        gather(panel_v, head->v, s->v_stride, head, dv);
        vc_gemm(head->out, head->probs, panel_v, &value, 1.0f, 0.0f);
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

/* The gradients of the pooling's weights, from those of the pooled keys and values. */
static void weights_backward(const vc__attention_head *head, const float *panel_dk,
                             const float *panel_dv)
{
    const vc_attention_shape *s = head->shape;
    const vc_pooling *p = head->pooling;
    for (size_t g = 0; g < p->count; g++) {
        const float *dk = panel_dk + (panel_tokens(head) + g) * s->head_dim,
                    *dv = panel_dv + (panel_tokens(head) + g) * s->value_dim;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
            const size_t key = (size_t)p->keys[e];
            head->dpool_weights[e] = dot(dk, head->k + key * s->k_stride, s->head_dim) +
                                     dot(dv, head->v + key * s->v_stride, s->value_dim);
        }
    }
}

/* Adds the gradients from the panel. Overwrites dq, and the rows of dk and dv that belong to keys
 * of the panel. */
static void panel_backward(const vc__attention_head *head, const float *panel_k, float *panel_dk)
{
    const vc_attention_shape *s = head->shape;
    const size_t tq = s->queries, d = s->head_dim, wide = s->value_dim;
    const size_t panel = head->pattern->panel_count;
    const float scale = 1.0f / sqrtf((float)d);
    float *panel_dv = panel_dk + panel * d;
    const vc_gemm_shape dquery = {
        .m = tq, .n = d, .k = panel, .lda = panel, .ldb = d, .ldc = s->q_stride};
    const vc_gemm_shape dkey = {
        .transpose_a = 1, .m = panel, .n = d, .k = tq, .lda = panel, .ldb = s->q_stride, .ldc = d};
    const vc_gemm_shape dvalue = {.transpose_a = 1,
                                  .m = panel,
                                  .n = wide,
                                  .k = tq,
                                  .lda = panel,
                                  .ldb = s->out_stride,
                                  .ldc = wide};
    vc_gemm(head->dq, head->dscores, panel_k, &dquery, scale, 0.0f);
    vc_gemm(panel_dk, head->dscores, head->q, &dkey, scale, 0.0f);
    vc_gemm(panel_dv, head->probs, head->dout, &dvalue, 1.0f, 0.0f);
    scatter(head->dk, panel_dk, s->k_stride, head, d);
    scatter(head->dv, panel_dv, s->v_stride, head, wide);
    if (head->dpool_weights)
        weights_backward(head, panel_dk, panel_dv);
}

/* The gradients of all scores of the head. */
static void scores_backward(const vc__attention_head *head, float *panel_v)
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
        gather(panel_v, head->v, s->v_stride, head, wide);
        vc_gemm(head->dscores, head->dout, panel_v, &dprob, 1.0f, 0.0f);
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
        kernels->spmm_row(head->dq + i * s->q_stride, dscores, head->k, s->k_stride, own.keys,
                          own.count, d, scale);
        kernels->scatter_row(head->dk, s->k_stride, dscores, head->q + i * s->q_stride, own.keys,
                             own.count, d, scale);
        kernels->scatter_row(head->dv, s->v_stride, probs, head->dout + i * s->out_stride, own.keys,
                             own.count, s->value_dim, 1.0f);
    }
}

void vc__split_head_backward(const vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    const size_t panel = head->pattern->panel_count, d = s->head_dim, wide = s->value_dim;
    float *panel_k = head->scratch, *panel_v = panel_k + panel * d,
          *panel_dk = panel_k + panel * (d + wide);
    scores_backward(head, panel_v);
    clear_rows(head->dk, s->k_stride, s->keys, d);
    clear_rows(head->dv, s->v_stride, s->keys, wide);
    if (panel > 0) {
        gather(panel_k, head->k, s->k_stride, head, d);
        panel_backward(head, panel_k, panel_dk);
    } else {
        clear_rows(head->dq, s->q_stride, s->queries, d);
    }
    rows_backward(head);
}
