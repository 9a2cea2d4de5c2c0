#include "vitcod/residual.h"

void vc_residual_mean(float *mean, const float *v, size_t stride, size_t keys, size_t dim)
{
    for (size_t c = 0; c < dim; c++)
        mean[c] = 0.0f;
    for (size_t j = 0; j < keys; j++) {
        const float *row = v + j * stride;
#pragma omp simd
        for (size_t c = 0; c < dim; c++)
            mean[c] += row[c];
    }
    for (size_t c = 0; c < dim; c++)
        mean[c] /= (float)keys;
}

void vc_residual_add(float *out, size_t stride, const float *kept_share, const float *mean,
                     size_t rows, size_t dim)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = out + i * stride;
        const float m = kept_share[i];
#pragma omp simd
        for (size_t c = 0; c < dim; c++)
            row[c] = m * row[c] + (1.0f - m) * mean[c];
    }
}

void vc_residual_scale(float *dmean, float *dout, size_t stride, const float *kept_share,
                       size_t rows, size_t dim)
{
    for (size_t c = 0; c < dim; c++)
        dmean[c] = 0.0f;
    for (size_t i = 0; i < rows; i++) {
        float *row = dout + i * stride;
        const float m = kept_share[i];
#pragma omp simd
        for (size_t c = 0; c < dim; c++) {
            dmean[c] += (1.0f - m) * row[c];
            row[c] *= m;
        }
    }
}

void vc_residual_spread(float *dv, size_t stride, const float *dmean, size_t keys, size_t dim)
{
    for (size_t j = 0; j < keys; j++) {
        float *row = dv + j * stride;
#pragma omp simd
        for (size_t c = 0; c < dim; c++)
            row[c] += dmean[c] / (float)keys;
    }
}
