#include "kernels_impl.h"

#include "head_mix_simd.h"

void vc__head_mix_rows_avx512(float *y, const float *x, const float *weight, const float *bias,
                              size_t tokens, const vc_head_mix *mix)
{
    head_mix_rows(y, x, weight, bias, tokens, mix);
}

void vc__head_mix_gradient_rows_avx512(float *dweight, float *dbias, const float *dy,
                                       const float *x, size_t tokens, const vc_head_mix *mix)
{
    head_mix_gradient_rows(dweight, dbias, dy, x, tokens, mix);
}
