#include <math.h>
#include <omp.h>
#include <string.h>

#include "vitcod/attention.h"
#include "vitcod/gemm.h"
#include "vitcod/kernels.h"
#include "vitcod/residual.h"

/* rows[g] = row keys[g] of x */
static void gather(float *rows, const float *x, size_t stride, const int32_t *keys, size_t count,
                   size_t head_dim)
{
    for (size_t g = 0; g < count; g++)
        memcpy(rows + g * head_dim, x + (size_t)keys[g] * stride, head_dim * sizeof(float));
}

static void scatter(float *x, const float *rows, size_t stride, const int32_t *keys, size_t count,
                    size_t head_dim)
{
    for (size_t g = 0; g < count; g++)
        memcpy(x + (size_t)keys[g] * stride, rows + g * head_dim, head_dim * sizeof(float));
}

static void clear_rows(float *x, size_t stride, size_t rows, size_t head_dim)
{
    for (size_t i = 0; i < rows; i++)
        memset(x + i * stride, 0, head_dim * sizeof(float));
}

static void head_forward(float *out, float *probs, float *scratch, const float *q, const float *k,
                         const float *v, const vc_attention_shape *s, const vc_sparse_head *head,
                         const float *bias)
{
    const vc_kernels *kernels = vc_kernels_get();
    const size_t tq = s->queries, d = s->head_dim, dv = s->value_dim;
    const size_t globals = head->global_count;
    const float scale = 1.0f / sqrtf((float)d);
    float *sparse = probs + tq * globals;
    float *panel_k = scratch, *panel_v = scratch + globals * d;
    const vc_gemm_shape score = {.transpose_b = 1,
                                 .m = tq,
                                 .n = globals,
                                 .k = d,
                                 .lda = s->q_stride,
                                 .ldb = d,
                                 .ldc = globals};
    const vc_gemm_shape value = {
        .m = tq, .n = dv, .k = globals, .lda = globals, .ldb = dv, .ldc = s->out_stride};
    if (globals > 0) {
        gather(panel_k, k, s->k_stride, head->global_keys, globals, d);
        gather(panel_v, v, s->v_stride, head->global_keys, globals, dv);
        if (bias)
            memcpy(probs, bias, tq * globals * sizeof(float));
        vc_gemm(probs, q, panel_k, &score, scale, bias ? 1.0f : 0.0f);
    }
    for (size_t i = 0; i < tq; i++) {
        int32_t start = head->row_start[i];
        size_t count = (size_t)(head->row_start[i + 1] - start);
        kernels->sddmm_row(sparse + start, q + i * s->q_stride, k, s->k_stride,
                           head->row_keys + start, count, d, scale);
        for (size_t e = 0; bias && e < count; e++)
            sparse[(size_t)start + e] += bias[tq * globals + (size_t)start + e];
        kernels->softmax_row(probs + i * globals, globals, head->panel_pruned + i * globals,
                             sparse + start, count);
    }
    if (globals > 0)
        vc_gemm(out, probs, panel_v, &value, 1.0f, 0.0f);
    else
        clear_rows(out, s->out_stride, tq, dv);
    for (size_t i = 0; i < tq; i++) {
        int32_t start = head->row_start[i];
        kernels->spmm_row(out + i * s->out_stride, sparse + start, v, s->v_stride,
                          head->row_keys + start, (size_t)(head->row_start[i + 1] - start), dv,
                          1.0f);
    }
    if (head->kept_share) {
        vc_residual_mean(scratch, v, s->v_stride, s->keys, dv);
        vc_residual_add(out, s->out_stride, head->kept_share, scratch, tq, dv);
    }
}

void vc_sparse_attention_forward(float *out, float *probs, float *scratch, const float *q,
                                 const float *k, const float *v, const vc_attention_shape *s,
                                 const vc_sparse_layer *layer)
{
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < s->batch; b++)
        for (size_t h = 0; h < s->heads; h++) {
            const vc_sparse_head *head = &layer->head[h];
            size_t at = h * s->head_dim, at_value = h * s->value_dim;
            head_forward(out + b * s->queries * s->out_stride + at_value,
                         probs + b * layer->probs_per_image + head->probs_start,
                         scratch + (size_t)omp_get_thread_num() * layer->scratch_floats,
                         q + b * s->queries * s->q_stride + at, k + b * s->keys * s->k_stride + at,
                         v + b * s->keys * s->v_stride + at_value, s, head,
                         layer->bias ? layer->bias + head->probs_start : NULL);
        }
}

/* The panel's share of the gradients; overwrites dq, and the rows of dk and dv of global tokens. */
static void panel_backward(float *dq, float *dk, float *dv, float *scratch, const float *dscores,
                           const float *dout, const float *probs, const float *q,
                           const vc_attention_shape *s, const vc_sparse_head *head)
{
    const size_t tq = s->queries, d = s->head_dim, wide = s->value_dim;
    const size_t globals = head->global_count;
    const float scale = 1.0f / sqrtf((float)d);
    float *panel_k = scratch, *panel_dk = scratch + globals * (d + wide),
          *panel_dv = panel_dk + globals * d;
    const vc_gemm_shape dquery = {
        .m = tq, .n = d, .k = globals, .lda = globals, .ldb = d, .ldc = s->q_stride};
    const vc_gemm_shape dkey = {.transpose_a = 1,
                                .m = globals,
                                .n = d,
                                .k = tq,
                                .lda = globals,
                                .ldb = s->q_stride,
                                .ldc = d};
    const vc_gemm_shape dvalue = {.transpose_a = 1,
                                  .m = globals,
                                  .n = wide,
                                  .k = tq,
                                  .lda = globals,
                                  .ldb = s->out_stride,
                                  .ldc = wide};
    vc_gemm(dq, dscores, panel_k, &dquery, scale, 0.0f);
    vc_gemm(panel_dk, dscores, q, &dkey, scale, 0.0f);
    vc_gemm(panel_dv, probs, dout, &dvalue, 1.0f, 0.0f);
    scatter(dk, panel_dk, s->k_stride, head->global_keys, globals, d);
    scatter(dv, panel_dv, s->v_stride, head->global_keys, globals, wide);
}

static void head_backward(float *dq, float *dk, float *dv, float *dscores, float *scratch,
                          float *dout, const float *probs, const float *q, const float *k,
                          const float *v, const vc_attention_shape *s, const vc_sparse_head *head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const size_t tq = s->queries, d = s->head_dim, wide = s->value_dim;
    const size_t globals = head->global_count;
    const float scale = 1.0f / sqrtf((float)d);
    const float *sparse = probs + tq * globals;
    float *panel_k = scratch, *panel_v = scratch + globals * d;
    float *own = scratch + 2 * globals * (d + wide);
    float *dpanel = dscores ? dscores : own, *dsparse = dpanel + tq * globals;
    float *dmean = own + tq * globals + head->row_start[tq];
    const vc_gemm_shape dprob = {.transpose_b = 1,
                                 .m = tq,
                                 .n = globals,
                                 .k = wide,
                                 .lda = s->out_stride,
                                 .ldb = wide,
                                 .ldc = globals};
    if (head->kept_share)
        vc_residual_scale(dmean, dout, s->out_stride, head->kept_share, tq, wide);
    if (globals > 0) {
        gather(panel_k, k, s->k_stride, head->global_keys, globals, d);
        gather(panel_v, v, s->v_stride, head->global_keys, globals, wide);
        vc_gemm(dpanel, dout, panel_v, &dprob, 1.0f, 0.0f);
    }
    for (size_t i = 0; i < tq; i++) {
        int32_t start = head->row_start[i];
        size_t count = (size_t)(head->row_start[i + 1] - start);
        kernels->sddmm_row(dsparse + start, dout + i * s->out_stride, v, s->v_stride,
                           head->row_keys + start, count, wide, 1.0f);
        kernels->softmax_row_backward(dpanel + i * globals, probs + i * globals, globals,
                                      dsparse + start, sparse + start, count);
    }
    clear_rows(dk, s->k_stride, s->keys, d);
    clear_rows(dv, s->v_stride, s->keys, wide);
    if (globals > 0)
        panel_backward(dq, dk, dv, scratch, dpanel, dout, probs, q, s, head);
    else
        clear_rows(dq, s->q_stride, tq, d);
    for (size_t i = 0; i < tq; i++) {
        int32_t start = head->row_start[i];
        size_t count = (size_t)(head->row_start[i + 1] - start);
        const int32_t *keys = head->row_keys + start;
        kernels->spmm_row(dq + i * s->q_stride, dsparse + start, k, s->k_stride, keys, count, d,
                          scale);
        kernels->scatter_row(dk, s->k_stride, dsparse + start, q + i * s->q_stride, keys, count, d,
                             scale);
        kernels->scatter_row(dv, s->v_stride, sparse + start, dout + i * s->out_stride, keys, count,
                             wide, 1.0f);
    }
    if (head->kept_share)
        vc_residual_spread(dv, s->v_stride, dmean, s->keys, wide);
}

void vc_sparse_attention_backward(float *dq, float *dk, float *dv, float *dscores, float *scratch,
                                  float *dout, const float *probs, const float *q, const float *k,
                                  const float *v, const vc_attention_shape *s,
                                  const vc_sparse_layer *layer)
{
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < s->batch; b++)
        for (size_t h = 0; h < s->heads; h++) {
            const vc_sparse_head *head = &layer->head[h];
            size_t at = h * s->head_dim, at_value = h * s->value_dim;
            size_t at_q = b * s->queries * s->q_stride + at;
            size_t at_k = b * s->keys * s->k_stride + at;
            size_t at_v = b * s->keys * s->v_stride + at_value;
            size_t at_scores = b * layer->probs_per_image + head->probs_start;
            head_backward(dq + at_q, dk + at_k, dv + at_v, dscores ? dscores + at_scores : NULL,
                          scratch + (size_t)omp_get_thread_num() * layer->scratch_floats,
                          dout + b * s->queries * s->out_stride + at_value, probs + at_scores,
                          q + at_q, k + at_k, v + at_v, s, head);
        }
}
