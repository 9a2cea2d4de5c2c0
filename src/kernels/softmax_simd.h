#include "simd.h"

/* `to` in the lanes whose bits are not set. */
static inline vec keep_entries(vec x, float to, const uint16_t *kept, size_t i)
{
    return kept ? keep_bits(x, to, (unsigned)kept[i / 16] >> i % 16) : x;
}

/* Pruned and missing lanes as minus infinity would be: lower than every score. */
static inline vec score(const float *a, size_t i, size_t n, const uint16_t *kept)
{
    return keep_entries(replace_tail(load_part(a + i, n), -3.4e38f, n), -3.4e38f, kept, i);
}

static inline vec highest_of(vec highest, const float *a, size_t count, const uint16_t *kept)
{
    for (size_t i = 0; i < count; i += LANES)
        highest = maximum(highest, score(a, i, lanes_left(count, i), kept));
    return highest;
}

static inline vec exponentials(float *a, size_t count, const uint16_t *kept, vec highest, vec sum)
{
    for (size_t i = 0; i < count; i += LANES) {
        size_t n = lanes_left(count, i);
        vec e = exponential(sub(load_part(a + i, n), highest));
        e = keep_entries(replace_tail(e, 0.0f, n), 0.0f, kept, i);
        sum = add(sum, e);
        store_part(a + i, e, n);
    }
    return sum;
}

static inline void multiply(float *a, size_t count, vec factor)
{
    for (size_t i = 0; i < count; i += LANES) {
        size_t n = lanes_left(count, i);
        store_part(a + i, mul(load_part(a + i, n), factor), n);
    }
}

static inline void softmax_row(float *a, size_t a_count, const uint16_t *a_kept, float *b,
                               size_t b_count)
{
    vec highest = highest_of(splat(-3.4e38f), a, a_count, a_kept);
    highest = splat(max_of(highest_of(highest, b, b_count, NULL)));
    vec sum = exponentials(a, a_count, a_kept, highest, splat(0.0f));
    sum = exponentials(b, b_count, NULL, highest, sum);
    vec factor = splat(1.0f / sum_of(sum));
    multiply(a, a_count, factor);
    multiply(b, b_count, factor);
}

static inline vec dot_of(vec sum, const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i += LANES) {
        size_t n = lanes_left(count, i);
        sum = muladd(load_part(a + i, n), load_part(b + i, n), sum);
    }
    return sum;
}

static inline void score_gradient(float *da, const float *a, size_t count, vec dot)
{
    for (size_t i = 0; i < count; i += LANES) {
        size_t n = lanes_left(count, i);
        store_part(da + i, mul(load_part(a + i, n), sub(load_part(da + i, n), dot)), n);
    }
}

static inline void softmax_row_backward(float *da, const float *a, size_t a_count, float *db,
                                        const float *b, size_t b_count)
{
    vec dot = splat(sum_of(dot_of(dot_of(splat(0.0f), da, a, a_count), db, b, b_count)));
    score_gradient(da, a, a_count, dot);
    score_gradient(db, b, b_count, dot);
}
