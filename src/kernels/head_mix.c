#include "vitcod/attention.h"

static void mix_token(float *y, const float *x, const float *weight, const float *bias,
                      const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
    for (size_t o = 0; o < mix->heads_out; o++)
        for (size_t c = 0; c < d; c++) {
            float sum = bias[o];
            for (size_t i = 0; i < mix->heads_in; i++)
                sum += weight[o * mix->heads_in + i] * x[i * d + c];
            y[o * d + c] = sum;
        }
}

void vc_head_mix_forward(float *y, const float *x, const float *weight, const float *bias,
                         const vc_head_mix *mix)
{
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < mix->tokens; t++)
        mix_token(y + t * mix->y_stride, x + t * mix->x_stride, weight, bias, mix);
}

/* Each task owns one (output, input) pair and goes through the tokens in order. */
static void weight_gradient(float *dweight, const float *dy, const float *x, const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t o = 0; o < mix->heads_out; o++)
        for (size_t i = 0; i < mix->heads_in; i++) {
            double sum = 0.0;
            for (size_t t = 0; t < mix->tokens; t++) {
                const float *grad = dy + t * mix->y_stride + o * d, *in = x + t * mix->x_stride + i * d;
                float part = 0.0f;
#pragma omp simd reduction(+ : part)
                for (size_t c = 0; c < d; c++)
                    part += grad[c] * in[c];
                sum += part;
            }
            dweight[o * mix->heads_in + i] += (float)sum;
        }
}

static void bias_gradient(float *dbias, const float *dy, const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < mix->heads_out; o++) {
        double sum = 0.0;
        for (size_t t = 0; t < mix->tokens; t++)
            for (size_t c = 0; c < d; c++)
                sum += dy[t * mix->y_stride + o * d + c];
        dbias[o] += (float)sum;
    }
}

void vc_head_mix_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                          const float *weight, const vc_head_mix *mix, int add)
{
    size_t d = mix->head_dim;
    weight_gradient(dweight, dy, x, mix);
    bias_gradient(dbias, dy, mix);
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < mix->tokens; t++)
        for (size_t i = 0; i < mix->heads_in; i++) {
            float *out = dx + t * mix->x_stride + i * d;
            for (size_t c = 0; c < d; c++) {
                float sum = add ? out[c] : 0.0f;
                for (size_t o = 0; o < mix->heads_out; o++)
                    sum += weight[o * mix->heads_in + i] * dy[t * mix->y_stride + o * d + c];
                out[c] = sum;
            }
        }
}

double vc_squared_distance(const float *a, size_t a_stride, const float *b, size_t b_stride,
                           size_t tokens, size_t width)
{
    enum { PARTS = 64 }; /* summed apart, then in order: the same for any number of threads */
    double parts[PARTS] = {0};
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++) {
        double sum = 0.0;
        for (size_t t = tokens * p / PARTS; t < tokens * (p + 1) / PARTS; t++)
            for (size_t c = 0; c < width; c++) {
                double difference = (double)a[t * a_stride + c] - b[t * b_stride + c];
                sum += difference * difference;
            }
        parts[p] = sum;
    }
    double total = 0.0;
    for (size_t p = 0; p < PARTS; p++)
        total += parts[p];
    return total;
}

void vc_squared_distance_backward(float *da, float *db, const float *a, const float *b,
                                  size_t a_stride, size_t b_stride, size_t tokens, size_t width,
                                  float scale)
{
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < width; c++) {
            float g = scale * (a[t * a_stride + c] - b[t * b_stride + c]);
            da[t * a_stride + c] += g;
            db[t * b_stride + c] -= g;
        }
}
