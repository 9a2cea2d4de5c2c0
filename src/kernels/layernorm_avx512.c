#include "kernels_impl.h"

#include "layernorm_simd.h"

void vc__layernorm_rows_avx512(float *y, float *mean, float *rstd, const float *x,
                               const vc_layernorm *norm, size_t rows)
{
    layernorm_rows(y, mean, rstd, x, norm, rows);
}

void vc__layernorm_rows_backward_avx512(float *dx, const float *dy, const float *x,
                                        const float *mean, const float *rstd, const float *weight,
                                        size_t rows, size_t channels)
{
    layernorm_rows_backward(dx, dy, x, mean, rstd, weight, rows, channels);
}
