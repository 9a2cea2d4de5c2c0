#include "row_sums.h"
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

/* One row, or a part of a wide one, or several rows. */
typedef struct cell {
    size_t at, column, rows, columns;
} cell;

static void gelu_cell(uint16_t *half, float *dx, float *sums, const float *dy, const float *x,
                      const cell *c)
{
    const vc_kernels *k = vc_kernels_get();
    const size_t count = c->rows * c->columns;
    float made[BLOCK], *to = half ? made : dx + c->at;
    k->gelu_backward(to, dy + c->at, x + c->at, count);
    if (sums)
        k->sum_rows(sums + c->column, to, c->rows, c->columns, c->columns);
    if (half)
        k->to_bf16(half + c->at, to, count);
}

void vc_gelu_backward_in(vc_half *half, float *dx, float *db, const float *dy, const float *x,
                         size_t rows, size_t columns)
{
    uint16_t *operand = half ? vc_half_room(half, VC_HALF_A, rows * columns) : NULL;
    const size_t step = vc__rows_at_once(columns);
    float room[VC__SUMS_ROOM];
    const vc__row_sums s = vc__row_sums_open(room, rows, columns);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < s.parts; p++) {
        float *own = db ? vc__row_sums_of(&s, p, 0, db) : NULL;
        const size_t end = vc__row_sums_start(&s, p + 1);
        for (size_t r = vc__row_sums_start(&s, p); r < end; r += step)
            for (size_t c = 0; c < columns; c += BLOCK) {
                const cell one = {r * columns + c, c, end - r < step ? end - r : step,
                                  clip(columns, c)};
                gelu_cell(operand, dx, own, dy, x, &one);
            }
    }
    if (db)
        vc__row_sums_add(db, &s, 0, columns);
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
