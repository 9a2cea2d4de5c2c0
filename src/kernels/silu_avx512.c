#include "kernels_impl.h"

#include "silu_simd.h"

void vc__silu_forward_avx512(float *y, const float *x, size_t count)
{
    silu_forward(y, x, count);
}

void vc__silu_backward_avx512(float *dx, const float *dy, const float *x, size_t count)
{
    silu_backward(dx, dy, x, count);
}
