#include "kernels_impl.h"

#include "sparse_rows_simd.h"

void vc__sddmm_row_avx512(float *scores, const float *q, const float *k, size_t k_stride,
                          const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    sddmm_row(scores, q, k, k_stride, keys, count, head_dim, scale);
}

void vc__spmm_row_avx512(float *out, const float *probs, const float *v, size_t v_stride,
                         const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    spmm_row(out, probs, v, v_stride, keys, count, head_dim, scale);
}

void vc__scatter_row_avx512(float *dk, size_t dk_stride, const float *dscores, const float *q,
                            const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    scatter_row(dk, dk_stride, dscores, q, keys, count, head_dim, scale);
}

void vc__pool_row_avx512(float *out, const float *x, size_t stride, const int32_t *rows,
                         const float *weights, size_t count, size_t columns)
{
    pool_row(out, x, stride, rows, weights, count, columns);
}
