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

#define QUICK 1.702f

void vc_quick_gelu_forward(float *y, const float *x, size_t count)
{
    const vc_kernels *k = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK) {
        const size_t end = i + clip(count, i);
        for (size_t j = i; j < end; j++)
            y[j] = QUICK * x[j];
        k->silu_forward(y + i, y + i, end - i);
        for (size_t j = i; j < end; j++)
            y[j] /= QUICK;
    }
}

void vc_quick_gelu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    const vc_kernels *k = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK) {
        float scaled[BLOCK];
        const size_t n = clip(count, i);
        for (size_t j = 0; j < n; j++)
            scaled[j] = QUICK * x[i + j];
        k->silu_backward(dx + i, dy + i, scaled, n);
    }
}

void vc_relu_forward(float *y, const float *x, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i]; /* NaN stays */
}

void vc_relu_backward(float *dx, const float *dy, const float *x, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        dx[i] = x[i] > 0.0f ? dy[i] : 0.0f;
}

void vc_swiglu_forward(float *y, const float *x, size_t rows, size_t width)
{
    const vc_kernels *k = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        float *out = y + r * width;
        const float *gate = x + 2 * r * width, *value = gate + width;
        k->silu_forward(out, gate, width);
        for (size_t i = 0; i < width; i++)
            out[i] *= value[i];
    }
}

void vc_swiglu_backward(float *dx, const float *dy, const float *x, size_t rows, size_t width)
{
    const vc_kernels *k = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        float *dgate = dx + 2 * r * width, *dvalue = dgate + width;
        const float *gate = x + 2 * r * width, *value = gate + width, *d = dy + r * width;
        k->silu_forward(dvalue, gate, width);
        for (size_t i = 0; i < width; i++) {
            dvalue[i] *= d[i];
            dgate[i] = d[i] * value[i];
        }
        k->silu_backward(dgate, dgate, gate, width);
    }
}

void vc_scale_images(float *y, const float *x, const float *scales, const float *residual,
                     size_t images, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < images; b++)
        for (size_t i = b * count; i < (b + 1) * count; i++)
            y[i] = scales[b] * x[i] + (residual ? residual[i] : 0.0f);
}

void vc_scale_channels(float *y, const float *x, const float *scales, const float *residual,
                       size_t rows, size_t channels)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < channels; c++) {
            const size_t i = r * channels + c;
            y[i] = scales[c] * x[i] + (residual ? residual[i] : 0.0f);
        }
}

void vc_scale_channels_backward(float *dx, float *dscales, const float *dy, const float *x,
                                const float *scales, size_t rows, size_t channels)
{
    enum { COLUMNS = 32 }; /* of a task, which adds up all rows in order */
#pragma omp parallel for schedule(static)
    for (size_t c0 = 0; c0 < channels; c0 += COLUMNS) {
        const size_t n = channels - c0 < COLUMNS ? channels - c0 : COLUMNS;
        float sums[COLUMNS] = {0};
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < n; c++) {
                const size_t i = r * channels + c0 + c;
                sums[c] += dy[i] * x[i];
                dx[i] = scales[c0 + c] * dy[i];
            }
        for (size_t c = 0; c < n; c++)
            dscales[c0 + c] += sums[c];
    }
}
