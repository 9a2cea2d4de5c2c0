#include "vitcod/kernels.h"
#include "vitcod/ops.h"

enum { ROWS = 32, COLUMNS = 32 }; /* of a task */

static size_t clip(size_t count, size_t start, size_t block)
{
    return count - start < block ? count - start : block;
}

static void forward(float *y, float *mean, float *rstd, const float *x, const vc_layernorm *norm,
                    size_t rows)
{
    const vc_kernels *kernels = vc_kernels_get();
    const size_t channels = norm->channels;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r += ROWS)
        kernels->layernorm_rows(y + r * channels, mean + r, rstd + r, x + r * channels, norm,
                                clip(rows, r, ROWS));
}

void vc_layernorm_forward(float *y, float *mean, float *rstd, const float *x, const float *weight,
                          const float *bias, size_t rows, size_t channels, float eps)
{
    const vc_layernorm norm = {weight, bias, channels, eps, 0};
    forward(y, mean, rstd, x, &norm, rows);
}

void vc_deviation_norm_forward(float *y, float *mean, float *rstd, const float *x,
                               const float *weight, const float *bias, size_t rows, size_t channels,
                               float eps)
{
    const vc_layernorm norm = {weight, bias, channels, eps, 1};
    forward(y, mean, rstd, x, &norm, rows);
}

/* Each task takes some columns and adds up all rows in order, so threads do not matter. */
static void parameter_gradients(float *dw, float *db, const float *dy, const float *x,
                                const float *mean, const float *rstd, size_t rows, size_t channels)
{
#pragma omp parallel for schedule(static)
    for (size_t c0 = 0; c0 < channels; c0 += COLUMNS) {
        size_t n = clip(channels, c0, COLUMNS);
        float weights[COLUMNS] = {0}, biases[COLUMNS] = {0};
        for (size_t r = 0; r < rows; r++) {
            const float *grad = dy + r * channels + c0, *in = x + r * channels + c0;
            float m = mean[r], s = rstd[r];
            for (size_t c = 0; c < n; c++) {
                weights[c] += grad[c] * (in[c] - m) * s;
                biases[c] += grad[c];
            }
        }
        for (size_t c = 0; c < n; c++) {
            dw[c0 + c] += weights[c];
            db[c0 + c] += biases[c];
        }
    }
}

void vc_layernorm_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                           const float *mean, const float *rstd, const float *weight, size_t rows,
                           size_t channels)
{
    const vc_kernels *kernels = vc_kernels_get();
    parameter_gradients(dw, db, dy, x, mean, rstd, rows, channels);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r += ROWS)
        kernels->layernorm_rows_backward(dx + r * channels, dy + r * channels, x + r * channels,
                                         mean + r, rstd + r, weight, clip(rows, r, ROWS), channels);
}

/* With r = 1 / (s + eps), s the deviation: dx = r (g - mean of g) - z (g . z) / ((n - 1) s), where
 * z = (x - mean) r and g is the gradient of z. A row whose values are all the same has s = 0, and
 * z = 0 whatever is done to one of them. */
static void deviation_row_backward(float *dx, const float *dy, const float *x, float mean,
                                   float rstd, const float *weight, size_t channels, float eps)
{
    const double r = rstd, s = 1.0 / r - (double)eps, n = (double)channels;
    double sum = 0.0, dot = 0.0;
    for (size_t c = 0; c < channels; c++) {
        const double g = (double)dy[c] * weight[c];
        sum += g;
        dot += g * (double)(x[c] - mean) * r;
    }
    const double along = s > 0.0 ? dot / ((n - 1.0) * s) : 0.0;
    for (size_t c = 0; c < channels; c++)
        dx[c] +=
            (float)(((double)dy[c] * weight[c] - sum / n) * r - (double)(x[c] - mean) * r * along);
}

void vc_deviation_norm_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                                const float *mean, const float *rstd, const float *weight,
                                size_t rows, size_t channels, float eps)
{
    parameter_gradients(dw, db, dy, x, mean, rstd, rows, channels);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++)
        deviation_row_backward(dx + r * channels, dy + r * channels, x + r * channels, mean[r],
                               rstd[r], weight, channels, eps);
}
