#include "kernels_impl.h"

void vc__sddmm_row_ref(float *scores, const float *q, const float *k, size_t k_stride,
                       const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    for (size_t i = 0; i < count; i++) {
        const float *row = k + (size_t)keys[i] * k_stride;
        double sum = 0.0;
        for (size_t d = 0; d < head_dim; d++)
            sum += (double)q[d] * row[d];
        scores[i] = (float)(scale * sum);
    }
}

void vc__spmm_row_ref(float *out, const float *probs, const float *v, size_t v_stride,
                      const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    for (size_t d = 0; d < head_dim; d++) {
        double sum = 0.0;
        for (size_t i = 0; i < count; i++)
            sum += (double)probs[i] * v[(size_t)keys[i] * v_stride + d];
        out[d] += (float)(scale * sum);
    }
}

void vc__scatter_row_ref(float *dk, size_t dk_stride, const float *dscores, const float *q,
                         const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    for (size_t i = 0; i < count; i++) {
        float *row = dk + (size_t)keys[i] * dk_stride;
        for (size_t d = 0; d < head_dim; d++)
            row[d] += scale * dscores[i] * q[d];
    }
}

void vc__pool_row_ref(float *out, const float *x, size_t stride, const int32_t *rows,
                      const float *weights, size_t count, size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        double sum = 0.0;
        for (size_t i = 0; i < count; i++)
            sum += (double)weights[i] * x[(size_t)rows[i] * stride + c];
        out[c] = (float)sum;
    }
}
