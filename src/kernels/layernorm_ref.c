#include <math.h>

#include "kernels_impl.h"

void vc__layernorm_rows_ref(float *y, float *mean, float *rstd, const float *x,
                            const vc_layernorm *norm, size_t rows)
{
    const size_t channels = norm->channels;
    for (size_t r = 0; r < rows; r++) {
        const float *in = x + r * channels;
        double sum = 0.0, squares = 0.0;
        for (size_t c = 0; c < channels; c++)
            sum += in[c];
        double m = sum / (double)channels;
        for (size_t c = 0; c < channels; c++)
            squares += (in[c] - m) * (in[c] - m);
        double s = norm->deviation ? 1.0 / (sqrt(squares / (double)(channels - 1)) + norm->eps)
                                   : 1.0 / sqrt(squares / (double)channels + norm->eps);
        for (size_t c = 0; c < channels; c++)
            y[r * channels + c] = (float)((in[c] - m) * s * norm->weight[c] + norm->bias[c]);
        mean[r] = (float)m;
        rstd[r] = (float)s;
    }
}

void vc__layernorm_rows_backward_ref(float *dx, const float *dy, const float *x, const float *mean,
                                     const float *rstd, const float *weight, size_t rows,
                                     size_t channels)
{
    for (size_t r = 0; r < rows; r++) {
        const float *in = x + r * channels, *grad = dy + r * channels;
        double sum = 0.0, dot = 0.0;
        for (size_t c = 0; c < channels; c++) {
            double g = (double)grad[c] * weight[c];
            sum += g;
            dot += g * (in[c] - mean[r]) * rstd[r];
        }
        sum /= (double)channels;
        dot /= (double)channels;
        for (size_t c = 0; c < channels; c++) {
            double normal = (double)(in[c] - mean[r]) * rstd[r];
            dx[r * channels + c] +=
                (float)(((double)grad[c] * weight[c] - sum - normal * dot) * rstd[r]);
        }
    }
}
