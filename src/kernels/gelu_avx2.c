#include "kernels_impl.h"

#include "gelu_simd.h"

void vc__gelu_forward_avx2(float *y, const float *x, size_t count)
{
    gelu_forward(y, x, count);
}

void vc__gelu_backward_avx2(float *dx, const float *dy, const float *x, size_t count)
{
    gelu_backward(dx, dy, x, count);
}
