#include "vitcod/kernels.h"
#include "vitcod/ops.h"

enum { BLOCK = 4096 }; /* values per task */

static size_t clip(size_t count, size_t start)
{
    return count - start < BLOCK ? count - start : BLOCK;
}

void vc_gelu_forward(float *y, const float *x, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernels->gelu_forward(y + i, x + i, clip(count, i));
}

void vc_gelu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernels->gelu_backward(dx + i, dy + i, x + i, clip(count, i));
}

void vc_hardswish_forward(float *y, const float *x, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernels->hardswish_forward(y + i, x + i, clip(count, i));
}

void vc_hardswish_backward(float *dx, const float *dy, const float *x, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernels->hardswish_backward(dx + i, dy + i, x + i, clip(count, i));
}
