#include "vitcod/ops.h"

void vc_linear_forward_in(vc_half *half, float *y, const float *x, const vc_linear *linear,
                          size_t rows, const float *residual)
{
    size_t inputs = linear->inputs, outputs = linear->outputs;
    const vc_gemm_start start = {linear->bias, residual};
    vc_gemm_shape shape = {.transpose_b = 1,
                           .m = rows,
                           .n = outputs,
                           .k = inputs,
                           .lda = inputs,
                           .ldb = inputs,
                           .ldc = outputs};
    if (half) {
        vc_half_load(half, VC_HALF_A, x, rows * inputs);
        vc_half_load(half, VC_HALF_B, linear->weight, inputs * outputs);
        vc_half_run(half, y, &shape, &start);
    } else {
        vc_gemm_add(y, x, linear->weight, &shape, &start);
    }
}

void vc_column_sum(float *out, const float *x, size_t rows, size_t columns)
{
    enum { BLOCK = 32 }; /* columns of a task, which adds up all rows in order */
#pragma omp parallel for schedule(static)
    for (size_t c0 = 0; c0 < columns; c0 += BLOCK) {
        size_t n = columns - c0 < BLOCK ? columns - c0 : BLOCK;
        float sums[BLOCK] = {0};
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < n; c++)
                sums[c] += x[r * columns + c0 + c];
        for (size_t c = 0; c < n; c++)
            out[c0 + c] += sums[c];
    }
}

void vc_linear_backward_in(vc_half *half, float *dx, float *dw, float *db, const float *dy,
                           const float *x, const vc_linear *linear, size_t rows)
{
    size_t inputs = linear->inputs, outputs = linear->outputs;
    vc_gemm_shape weights = {.transpose_a = 1,
                             .m = outputs,
                             .n = inputs,
                             .k = rows,
                             .lda = outputs,
                             .ldb = inputs,
                             .ldc = inputs};
    vc_gemm_shape through = {
        .m = rows, .n = inputs, .k = outputs, .lda = outputs, .ldb = inputs, .ldc = inputs};
    if (linear->bias && db)
        vc_column_sum(db, dy, rows, outputs);
    if (half) {
        if (dy)
            vc_half_load(half, VC_HALF_A, dy, rows * outputs);
        vc_half_load(half, VC_HALF_B, x, rows * inputs);
        vc_half_run(half, dw, &weights, &(vc_gemm_start){.residual = dw});
        if (!dx)
            return;
        vc_half_load(half, VC_HALF_B, linear->weight, inputs * outputs);
        vc_half_run(half, dx, &through, NULL);
    } else {
        vc_gemm(dw, dy, x, &weights, 1.0f, 1.0f);
        if (dx)
            vc_gemm(dx, dy, linear->weight, &through, 1.0f, 0.0f);
    }
}

void vc_linear_forward(float *y, const float *x, const vc_linear *linear, size_t rows,
                       const float *residual)
{
    vc_linear_forward_in(NULL, y, x, linear, rows, residual);
}

void vc_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                        const vc_linear *linear, size_t rows)
{
    vc_linear_backward_in(NULL, dx, dw, db, dy, x, linear, rows);
}
