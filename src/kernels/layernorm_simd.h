#include <math.h>

#include "simd.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
enum { ABREAST = 4 /* rows at a time: each is a chain of sums that wait for each other */ };

INLINE void normalise(float *y, float *mean, float *rstd, const float *x, const vc_layernorm *norm,
                      const size_t rows)
{
    const size_t channels = norm->channels, n = channels % LANES, whole = channels - n;
    vec sums[ABREAST], squares[ABREAST];
    UNROLL
    for (size_t r = 0; r < rows; r++)
        sums[r] = squares[r] = splat(0.0f);
    for (size_t c = 0; c < whole; c += LANES) {
        UNROLL
        for (size_t r = 0; r < rows; r++)
            sums[r] = add(sums[r], load(x + r * channels + c));
    }
    for (size_t r = 0; r < rows; r++) {
        if (n > 0)
            sums[r] = add(sums[r], load_part(x + r * channels + whole, n));
        mean[r] = sum_of(sums[r]) / (float)channels;
    }
    for (size_t c = 0; c < whole; c += LANES) {
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const vec d = sub(load(x + r * channels + c), splat(mean[r]));
            squares[r] = muladd(d, d, squares[r]);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        const vec d = sub(load_part(x + r * channels + whole, n), splat(mean[r]));
        const vec all = muladd(replace_tail(d, 0.0f, n), replace_tail(d, 0.0f, n), squares[r]);
        const float sum = sum_of(n > 0 ? all : squares[r]);
        rstd[r] = norm->deviation ? 1.0f / (sqrtf(sum / (float)(channels - 1)) + norm->eps)
                                  : 1.0f / sqrtf(sum / (float)channels + norm->eps);
    }
    for (size_t c = 0; c < channels; c += LANES) {
        const size_t left = lanes_left(channels, c);
        const vec gain = load_last(norm->weight + c, left, 0),
                  bias = load_last(norm->bias + c, left, 0);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const vec in = load_last(x + r * channels + c, left, 0);
            const vec d = mul(sub(in, splat(mean[r])), splat(rstd[r]));
            store_last(y + r * channels + c, muladd(d, gain, bias), left, 0);
        }
    }
}

static inline void layernorm_rows(float *y, float *mean, float *rstd, const float *x,
                                  const vc_layernorm *norm, size_t rows)
{
    size_t r = 0;
    for (; r + ABREAST <= rows; r += ABREAST)
        normalise(y + r * norm->channels, mean + r, rstd + r, x + r * norm->channels, norm,
                  ABREAST);
    for (; r < rows; r++)
        normalise(y + r * norm->channels, mean + r, rstd + r, x + r * norm->channels, norm, 1);
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
