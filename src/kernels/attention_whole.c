/* Training: a head whose keys are all in the panel in their own order, so that nothing is
 * gathered. */
#include <math.h>
#include <string.h>

#include "attention_impl.h"
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

size_t vc__whole_scratch_floats(const vc_attention_shape *s)
{
    return (s->queries + s->keys) * s->value_dim;
}

/* out = probs V, computed as V^T probs^T. That is the only form for which oneDNN has already made
 * code (for Q K^T). Making code for the other form takes 26 ms, longer than a single image takes,
 * but it is a third faster afterwards. */
static void mix_values_once(const vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    const size_t tq = s->queries, tk = s->keys, d = s->value_dim;
    float *columns = head->scratch, *result = columns + tk * d;
    const vc_gemm_shape shape = {
        .transpose_b = 1, .m = d, .n = tq, .k = tk, .lda = tk, .ldb = tk, .ldc = tq};
    transpose(columns, tk, head->v, s->v_stride, tk, d);
    vc_gemm(result, columns, head->probs, &shape, 1.0f, 0.0f);
    transpose(head->out, s->out_stride, result, tq, d, tq);
}

static void mix_values(const vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    const vc_gemm_shape value = {.m = s->queries,
                                 .n = s->value_dim,
                                 .k = s->keys,
                                 .lda = s->keys,
                                 .ldb = s->v_stride,
                                 .ldc = s->out_stride};
    if (s->batch == 1)
        mix_values_once(head);
    else
        vc_gemm(head->out, head->probs, head->v, &value, 1.0f, 0.0f);
}

void vc__whole_head_forward(const vc__attention_head *head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_attention_shape *s = head->shape;
    const size_t tq = s->queries, tk = s->keys;
    const float scale = 1.0f / sqrtf((float)s->head_dim);
    const vc_gemm_shape score = {.transpose_b = 1,
                                 .m = tq,
                                 .n = tk,
                                 .k = s->head_dim,
                                 .lda = s->q_stride,
                                 .ldb = s->k_stride,
                                 .ldc = tk};
    float *p = head->probs;
    if (head->bias)
        memcpy(p, head->bias, tq * tk * sizeof(float));
    vc_gemm(p, head->q, head->k, &score, scale, head->bias ? 1.0f : 0.0f);
    for (size_t i = 0; i < tq; i++)
        kernels->softmax_row(p + i * tk, tk, vc__panel_row(head->pattern, i), NULL, 0);
    mix_values(head);
}

/* Pruned entries need no mask here: their probabilities are 0. */
void vc__whole_head_backward(const vc__attention_head *head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_attention_shape *s = head->shape;
    const size_t tq = s->queries, tk = s->keys, d = s->head_dim, wide = s->value_dim;
    const float scale = 1.0f / sqrtf((float)d);
    const vc_gemm_shape dvalue = {.transpose_a = 1,
                                  .m = tk,
                                  .n = wide,
                                  .k = tq,
                                  .lda = tk,
                                  .ldb = s->out_stride,
                                  .ldc = head->dv_stride};
    const vc_gemm_shape dprob = {.transpose_b = 1,
                                 .m = tq,
                                 .n = tk,
                                 .k = wide,
                                 .lda = s->out_stride,
                                 .ldb = s->v_stride,
                                 .ldc = tk};
    const vc_gemm_shape dquery = {
        .m = tq, .n = d, .k = tk, .lda = tk, .ldb = s->k_stride, .ldc = head->dq_stride};
    const vc_gemm_shape dkey = {.transpose_a = 1,
                                .m = tk,
                                .n = d,
                                .k = tq,
                                .lda = tk,
                                .ldb = s->q_stride,
                                .ldc = head->dk_stride};
    float *ds = head->dscores;
    vc_gemm(head->dv, head->probs, head->dout, &dvalue, 1.0f, 0.0f);
    vc_gemm(ds, head->dout, head->v, &dprob, 1.0f, 0.0f);
    for (size_t i = 0; i < tq; i++)
        kernels->softmax_row_backward(ds + i * tk, head->probs + i * tk, tk, NULL, NULL, 0);
    vc_gemm(head->dq, ds, head->k, &dquery, scale, 0.0f);
    vc_gemm(head->dk, ds, head->q, &dkey, scale, 0.0f);
}
