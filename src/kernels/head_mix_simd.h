#include "simd.h"

static inline void head_mix_rows(float *y, const float *x, const float *weight, const float *bias,
                                 size_t tokens, const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
    size_t output_step = mix->transposed ? 1 : mix->inputs;
    size_t input_step = mix->transposed ? mix->outputs : 1;
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < d; c += LANES) {
            size_t n = lanes_left(d, c);
            const float *in = x + t * mix->x_stride + c;
            float *out = y + t * mix->y_stride + c;
            for (size_t o = 0; o < mix->outputs; o++) {
                const float *w = weight + o * output_step;
                vec sum = splat(bias ? bias[o] : 0.0f);
                if (mix->add)
                    sum = add(sum, load_part(out + o * d, n));
                for (size_t i = 0; i < mix->inputs; i++)
                    sum = muladd(splat(w[i * input_step]), load_part(in + i * d, n), sum);
                store_part(out + o * d, sum, n);
            }
        }
}

/* Sum over tokens and channels of a * b, where tokens are a_stride and b_stride floats apart. */
static inline float product_sum(const float *a, size_t a_stride, const float *b, size_t b_stride,
                                size_t tokens, size_t d)
{
    vec sum = splat(0.0f);
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < d; c += LANES) {
            size_t n = lanes_left(d, c);
            sum =
                muladd(load_part(a + t * a_stride + c, n), load_part(b + t * b_stride + c, n), sum);
        }
    return sum_of(sum);
}

static inline void head_mix_gradient_rows(float *dweight, float *dbias, const float *dy,
                                          const float *x, size_t tokens, const vc_head_mix *mix)
{
    size_t d = mix->head_dim;
    for (size_t o = 0; o < mix->outputs; o++) {
        const float *grad = dy + o * d;
        vec bias = splat(0.0f);
        for (size_t t = 0; t < tokens; t++)
            for (size_t c = 0; c < d; c += LANES)
                bias = add(bias, load_part(grad + t * mix->y_stride + c, lanes_left(d, c)));
        dbias[o] += sum_of(bias);
        for (size_t i = 0; i < mix->inputs; i++)
            dweight[o * mix->inputs + i] +=
                product_sum(grad, mix->y_stride, x + i * d, mix->x_stride, tokens, d);
    }
}
