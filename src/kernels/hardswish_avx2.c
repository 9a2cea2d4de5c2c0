#include "kernels_impl.h"

#include "hardswish_simd.h"

void vc__hardswish_forward_avx2(float *y, const float *x, size_t count)
{
    hardswish_forward(y, x, count);
}

void vc__hardswish_backward_avx2(float *dx, const float *dy, const float *x, size_t count)
{
    hardswish_backward(dx, dy, x, count);
}
