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

INLINE void rows_backward(float *dx, float *dw, float *db, const float *dy,
                          const vc_layernorm_kept *kept, size_t first, const size_t rows)
{
    const size_t channels = kept->channels;
    const float *x = kept->x + first * channels, *weight = kept->weight;
    const float *mean = kept->mean + first, *rstd = kept->rstd + first;
    dx += first * channels;
    dy += first * channels;
    vec mean_g[ABREAST], mean_dot[ABREAST];
    UNROLL
    for (size_t r = 0; r < rows; r++)
        mean_g[r] = mean_dot[r] = splat(0.0f);
    for (size_t c = 0; c < channels; c += LANES) {
        const size_t n = lanes_left(channels, c);
        const vec gain = load_last(weight + c, n, 0);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const size_t i = r * channels + c;
            const vec g = mul(load_last(dy + i, n, 0), gain);
            const vec d = mul(sub(load_last(x + i, n, 0), splat(mean[r])), splat(rstd[r]));
            mean_g[r] = add(mean_g[r], g);
            mean_dot[r] = muladd(g, d, mean_dot[r]);
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        mean_g[r] = splat(sum_of(mean_g[r]) / (float)channels);
        mean_dot[r] = splat(sum_of(mean_dot[r]) / (float)channels);
    }
    for (size_t c = 0; c < channels; c += LANES) {
        const size_t n = lanes_left(channels, c);
        const vec gain = load_last(weight + c, n, 0);
        vec weights = load_last(dw + c, n, 0), biases = load_last(db + c, n, 0);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const size_t i = r * channels + c;
            const vec grad = load_last(dy + i, n, 0), s = splat(rstd[r]);
            const vec normal = mul(sub(load_last(x + i, n, 0), splat(mean[r])), s);
            const vec d = sub(sub(mul(grad, gain), mean_g[r]), mul(normal, mean_dot[r]));
            store_last(dx + i, muladd(d, s, load_last(dx + i, n, 0)), n, 0);
            weights = muladd(grad, normal, weights);
            biases = add(biases, grad);
        }
        store_last(dw + c, weights, n, 0);
        store_last(db + c, biases, n, 0);
    }
}

static inline void layernorm_rows_backward(float *dx, float *dw, float *db, const float *dy,
                                           const vc_layernorm_kept *kept, size_t first, size_t rows)
{
    const size_t end = first + rows;
    for (; first + ABREAST <= end; first += ABREAST)
        rows_backward(dx, dw, db, dy, kept, first, ABREAST);
    for (; first < end; first++)
        rows_backward(dx, dw, db, dy, kept, first, 1);
}
