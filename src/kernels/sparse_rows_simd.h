#include "simd.h"

enum { POOLED = 12 /* vectors of a row that are pooled together: they fit the registers */ };

static inline void sddmm_row(float *scores, const float *q, const float *k, size_t k_stride,
                             const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    for (size_t i = 0; i < count; i += 4) { /* their sums are added up together */
        const size_t left = count - i < 4 ? count - i : 4;
        const float *row[4];
        vec sums[4];
        float four[4];
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            row[j] = k + (size_t)keys[j < left ? i + j : i] * k_stride;
            sums[j] = splat(0.0f);
        }
        for (size_t d = 0; d < head_dim; d += LANES) {
            const size_t n = lanes_left(head_dim, d);
            const vec x = load_last(q + d, n, 0);
#pragma GCC unroll 4
            for (size_t j = 0; j < 4; j++)
                sums[j] = muladd(x, load_last(row[j] + d, n, 0), sums[j]);
        }
        _mm_storeu_ps(four, sum_of_four(sums[0], sums[1], sums[2], sums[3]));
        for (size_t j = 0; j < left; j++)
            scores[i + j] = scale * four[j];
    }
}

static inline void spmm_row(float *out, const float *probs, const float *v, size_t v_stride,
                            const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    for (size_t d = 0; d < head_dim; d += LANES) {
        size_t n = lanes_left(head_dim, d);
        vec even = splat(0.0f), odd = splat(0.0f); /* two chains hide the FMA's latency */
        size_t i = 0;
        for (; i + 2 <= count; i += 2) {
            even = muladd(splat(probs[i]), load_part(v + (size_t)keys[i] * v_stride + d, n), even);
            odd = muladd(splat(probs[i + 1]), load_part(v + (size_t)keys[i + 1] * v_stride + d, n),
                         odd);
        }
        if (i < count)
            even = muladd(splat(probs[i]), load_part(v + (size_t)keys[i] * v_stride + d, n), even);
        store_part(out + d, muladd(splat(scale), add(even, odd), load_part(out + d, n)), n);
    }
}

static inline void scatter_row(float *dk, size_t dk_stride, const float *dscores, const float *q,
                               const int32_t *keys, size_t count, size_t head_dim, float scale)
{
    for (size_t d = 0; d < head_dim; d += LANES) {
        size_t n = lanes_left(head_dim, d);
        vec scaled = mul(load_part(q + d, n), splat(scale));
        for (size_t i = 0; i < count; i++) {
            float *at = dk + (size_t)keys[i] * dk_stride + d;
            store_part(at, muladd(splat(dscores[i]), scaled, load_part(at, n)), n);
        }
    }
}

/* The first columns, those of `vectors` vectors, of which the last has `part` lanes. */
static inline __attribute__((always_inline)) void pool_columns(float *out, const float *x,
                                                               size_t stride, const int32_t *rows,
                                                               const float *weights, size_t count,
                                                               const size_t vectors, size_t part)
{
    vec sums[POOLED];
#pragma GCC unroll 12
    for (size_t v = 0; v < vectors; v++)
        sums[v] = splat(0.0f);
    for (size_t i = 0; i < count; i++) {
        const float *row = x + (size_t)rows[i] * stride;
        const vec weight = splat(weights[i]);
#pragma GCC unroll 12
        for (size_t v = 0; v < vectors; v++)
            sums[v] = muladd(weight, load_last(row + v * LANES, part, v + 1 < vectors), sums[v]);
    }
#pragma GCC unroll 12
    for (size_t v = 0; v < vectors; v++)
        store_last(out + v * LANES, sums[v], part, v + 1 < vectors);
}

static inline void pool_row(float *out, const float *x, size_t stride, const int32_t *rows,
                            const float *weights, size_t count, size_t columns)
{
    size_t c = 0;
    for (; c + POOLED * LANES <= columns; c += POOLED * LANES)
        pool_columns(out + c, x + c, stride, rows, weights, count, POOLED, LANES);
    for (; c + 4 * LANES <= columns; c += 4 * LANES)
        pool_columns(out + c, x + c, stride, rows, weights, count, 4, LANES);
    for (; c < columns; c += LANES)
        pool_columns(out + c, x + c, stride, rows, weights, count, 1, lanes_left(columns, c));
}
