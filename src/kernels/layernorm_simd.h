#include <math.h>

#include "simd.h"

static inline void layernorm_rows(float *y, float *mean, float *rstd, const float *x,
                                  const vc_layernorm *norm, size_t rows)
{
    const size_t channels = norm->channels;
    for (size_t r = 0; r < rows; r++) {
        const float *in = x + r * channels;
        float *out = y + r * channels;
        vec sum = splat(0.0f), squares = splat(0.0f);
        for (size_t c = 0; c < channels; c += LANES)
            sum = add(sum, load_part(in + c, lanes_left(channels, c)));
        float m = sum_of(sum) / (float)channels;
        for (size_t c = 0; c < channels; c += LANES) {
            size_t n = lanes_left(channels, c);
            vec d = replace_tail(sub(load_part(in + c, n), splat(m)), 0.0f, n);
            squares = muladd(d, d, squares);
        }
        float s = norm->deviation
                      ? 1.0f / (sqrtf(sum_of(squares) / (float)(channels - 1)) + norm->eps)
                      : 1.0f / sqrtf(sum_of(squares) / (float)channels + norm->eps);
        for (size_t c = 0; c < channels; c += LANES) {
            size_t n = lanes_left(channels, c);
            vec d = mul(sub(load_part(in + c, n), splat(m)), splat(s));
            const vec bias = load_part(norm->bias + c, n);
            store_part(out + c, muladd(d, load_part(norm->weight + c, n), bias), n);
        }
        mean[r] = m;
        rstd[r] = s;
    }
}

static inline void layernorm_rows_backward(float *dx, const float *dy, const float *x,
                                           const float *mean, const float *rstd,
                                           const float *weight, size_t rows, size_t channels)
{
    for (size_t r = 0; r < rows; r++) {
        const float *in = x + r * channels, *grad = dy + r * channels;
        float *out = dx + r * channels;
        vec m = splat(mean[r]), s = splat(rstd[r]);
        vec sum = splat(0.0f), dot = splat(0.0f);
        for (size_t c = 0; c < channels; c += LANES) {
            size_t n = lanes_left(channels, c);
            vec g = mul(load_part(grad + c, n), load_part(weight + c, n));
            sum = add(sum, g);
            dot = muladd(g, mul(sub(load_part(in + c, n), m), s), dot);
        }
        vec mean_g = splat(sum_of(sum) / (float)channels);
        vec mean_dot = splat(sum_of(dot) / (float)channels);
        for (size_t c = 0; c < channels; c += LANES) {
            size_t n = lanes_left(channels, c);
            vec g = mul(load_part(grad + c, n), load_part(weight + c, n));
            vec normal = mul(sub(load_part(in + c, n), m), s);
            vec d = sub(sub(g, mean_g), mul(normal, mean_dot));
            store_part(out + c, muladd(d, s, load_part(out + c, n)), n);
        }
    }
}
