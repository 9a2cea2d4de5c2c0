#include "vitcod/kernels.h"
#include "vitcod/ops.h"

enum { BLOCK = 4096 }; /* values per task */

static size_t clip(size_t count, size_t start)
{
    return count - start < BLOCK ? count - start : BLOCK;
}

static void forward(float *y, const float *x, size_t count,
                    void (*kernel)(float *, const float *, size_t))
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernel(y + i, x + i, clip(count, i));
}

static void backward(float *dx, const float *dy, const float *x, size_t count,
                     void (*kernel)(float *, const float *, const float *, size_t))
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernel(dx + i, dy + i, x + i, clip(count, i));
}

void vc_gelu_forward(float *y, const float *x, size_t count)
{
    forward(y, x, count, vc_kernels_get()->gelu_forward);
}

void vc_gelu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    backward(dx, dy, x, count, vc_kernels_get()->gelu_backward);
}

void vc_hardswish_forward(float *y, const float *x, size_t count)
{
    forward(y, x, count, vc_kernels_get()->hardswish_forward);
}

void vc_hardswish_backward(float *dx, const float *dy, const float *x, size_t count)
{
    backward(dx, dy, x, count, vc_kernels_get()->hardswish_backward);
}

void vc_silu_forward(float *y, const float *x, size_t count)
{
    forward(y, x, count, vc_kernels_get()->silu_forward);
}

void vc_silu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    backward(dx, dy, x, count, vc_kernels_get()->silu_backward);
}

void vc_scale_images(float *y, const float *x, const float *scales, const float *residual,
                     size_t images, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < images; b++)
        for (size_t i = b * count; i < (b + 1) * count; i++)
            y[i] = scales[b] * x[i] + (residual ? residual[i] : 0.0f);
}
