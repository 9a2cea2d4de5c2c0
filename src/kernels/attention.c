#include "vitcod/attention.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "vitcod/gemm.h"
#include "vitcod/kernels.h"

/* to (columns, rows) */
static void transpose(float *to, size_t to_stride, const float *from, size_t from_stride,
                      size_t rows, size_t columns)
{
    enum { BLOCK = 16 };
    for (size_t start = 0; start < rows; start += BLOCK) {
        size_t end = rows - start < BLOCK ? rows : start + BLOCK;
        for (size_t c = 0; c < columns; c++)
            for (size_t r = start; r < end; r++)
                to[c * to_stride + r] = from[r * from_stride + c];
    }
}

/* out = probs V by way of V^T probs^T, the only form whose code oneDNN has made for Q K^T already: making
 * it for the other form takes 26 ms, longer than a single image needs; it is a third faster from then
 * on. scratch: (Tk + Tq) * value_dim floats. */
static void mix_values_once(float *out, float *scratch, const float *probs, const float *v,
                            const vc_attention_shape *s)
{
    const size_t tq = s->queries, tk = s->keys, d = s->value_dim;
    float *columns = scratch, *result = scratch + tk * d;
    const vc_gemm_shape shape = {
        .transpose_b = 1, .m = d, .n = tq, .k = tk, .lda = tk, .ldb = tk, .ldc = tq};
    transpose(columns, tk, v, s->v_stride, tk, d);
    vc_gemm(result, columns, probs, &shape, 1.0f, 0.0f);
    transpose(out, s->out_stride, result, tq, d, tq);
}

size_t vc_attention_scratch_floats(size_t queries, size_t keys, size_t value_dim)
{
    return ((queries + keys) * value_dim + 15) / 16 * 16;
}

void vc_attention_forward(float *out, float *probs, float *scratch, const float *q, const float *k,
                          const float *v, const vc_attention_shape *s, const uint8_t *pruned,
                          const float *bias)
{
    const vc_kernels *kernels = vc_kernels_get();
    const size_t tq = s->queries, tk = s->keys, d = s->head_dim, dv = s->value_dim;
    const size_t per_thread = vc_attention_scratch_floats(tq, tk, dv);
    const float scale = 1.0f / sqrtf((float)d);
    const vc_gemm_shape score = {.transpose_b = 1,
                                 .m = tq,
                                 .n = tk,
                                 .k = d,
                                 .lda = s->q_stride,
                                 .ldb = s->k_stride,
                                 .ldc = tk};
    const vc_gemm_shape value = {
        .m = tq, .n = dv, .k = tk, .lda = tk, .ldb = s->v_stride, .ldc = s->out_stride};
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < s->batch; b++)
        for (size_t h = 0; h < s->heads; h++) {
            float *p = probs + (b * s->heads + h) * tq * tk;
            float *to = out + b * tq * s->out_stride + h * dv;
            const float *from = v + b * tk * s->v_stride + h * dv;
            if (bias)
                memcpy(p, bias + h * tq * tk, tq * tk * sizeof(float));
            vc_gemm(p, q + b * tq * s->q_stride + h * d, k + b * tk * s->k_stride + h * d, &score,
                    scale, bias ? 1.0f : 0.0f);
            for (size_t i = 0; i < tq; i++)
                kernels->softmax_row(p + i * tk, tk, pruned ? pruned + (h * tq + i) * tk : NULL,
                                     NULL, 0);
            if (s->batch == 1)
                mix_values_once(to, scratch + (size_t)omp_get_thread_num() * per_thread, p, from,
                                s);
            else
                vc_gemm(to, p, from, &value, 1.0f, 0.0f);
        }
}

void vc_attention_backward(float *dq, float *dk, float *dv, float *dscores, float *scratch,
                           const float *dout, const float *probs, const float *q, const float *k,
                           const float *v, const vc_attention_shape *s)
{
    const vc_kernels *kernels = vc_kernels_get();
    const size_t tq = s->queries, tk = s->keys, d = s->head_dim, wide = s->value_dim;
    const float scale = 1.0f / sqrtf((float)d);
    const vc_gemm_shape dvalue = {.transpose_a = 1,
                                  .m = tk,
                                  .n = wide,
                                  .k = tq,
                                  .lda = tk,
                                  .ldb = s->out_stride,
                                  .ldc = s->v_stride};
    const vc_gemm_shape dprob = {.transpose_b = 1,
                                 .m = tq,
                                 .n = tk,
                                 .k = wide,
                                 .lda = s->out_stride,
                                 .ldb = s->v_stride,
                                 .ldc = tk};
    const vc_gemm_shape dquery = {
        .m = tq, .n = d, .k = tk, .lda = tk, .ldb = s->k_stride, .ldc = s->q_stride};
    const vc_gemm_shape dkey = {.transpose_a = 1,
                                .m = tk,
                                .n = d,
                                .k = tq,
                                .lda = tk,
                                .ldb = s->q_stride,
                                .ldc = s->k_stride};
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < s->batch; b++)
        for (size_t h = 0; h < s->heads; h++) {
            const float *p = probs + (b * s->heads + h) * tq * tk;
            const float *grad = dout + b * tq * s->out_stride + h * wide;
            float *ds = dscores ? dscores + (b * s->heads + h) * tq * tk
                                : scratch + (size_t)omp_get_thread_num() * tq * tk;
            size_t at_q = b * tq * s->q_stride + h * d, at_k = b * tk * s->k_stride + h * d;
            size_t at_v = b * tk * s->v_stride + h * wide;
            vc_gemm(dv + at_v, p, grad, &dvalue, 1.0f, 0.0f);
            vc_gemm(ds, grad, v + at_v, &dprob, 1.0f, 0.0f);
            for (size_t i = 0; i < tq; i++)
                kernels->softmax_row_backward(ds + i * tk, p + i * tk, tk, NULL, NULL, 0);
            vc_gemm(dq + at_q, ds, k + at_k, &dquery, scale, 0.0f);
            vc_gemm(dk + at_k, ds, q + at_q, &dkey, scale, 0.0f);
        }
}
