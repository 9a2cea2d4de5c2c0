#include "kernels_impl.h"

static float weight_at(const float *weight, size_t o, size_t i, const vc_head_mix *mix)
{
    return mix->transposed ? weight[i * mix->outputs + o] : weight[o * mix->inputs + i];
}

void vc__head_mix_rows_ref(float *y, const float *x, const float *weight, const float *bias,
                           size_t tokens, const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
    for (size_t t = 0; t < tokens; t++)
        for (size_t o = 0; o < mix->outputs; o++)
            for (size_t c = 0; c < d; c++) {
                float *out = y + t * mix->y_stride + o * d + c;
                double sum = (mix->add ? *out : 0.0f) + (bias ? bias[o] : 0.0f);
                for (size_t i = 0; i < mix->inputs; i++)
                    sum += (double)weight_at(weight, o, i, mix) * x[t * mix->x_stride + i * d + c];
                *out = (float)sum;
            }
}

void vc__head_mix_gradient_rows_ref(float *dweight, float *dbias, const float *dy, const float *x,
                                    size_t tokens, const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
    for (size_t o = 0; o < mix->outputs; o++) {
        double bias = 0.0;
        for (size_t t = 0; t < tokens; t++)
            for (size_t c = 0; c < d; c++)
                bias += dy[t * mix->y_stride + o * d + c];
        dbias[o] += (float)bias;
        for (size_t i = 0; i < mix->inputs; i++) {
            double sum = 0.0;
            for (size_t t = 0; t < tokens; t++)
                for (size_t c = 0; c < d; c++)
                    sum += (double)dy[t * mix->y_stride + o * d + c] *
                           x[t * mix->x_stride + i * d + c];
            dweight[o * mix->inputs + i] += (float)sum;
        }
    }
}
