#include "kernels_impl.h"

#include "gelu_table.h"
#include "simd.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
enum { ROWS_MOST = GELU_SLOPE_DEGREE + 1 };

/* A table's rows, each in two registers. */
INLINE void load_table(vec to[ROWS_MOST][2], const float table[][GELU_INTERVALS], const int degree)
{
    UNROLL
    for (int d = 0; d <= degree; d++) {
        to[d][0] = load(table[d]);
        to[d][1] = load(table[d] + LANES);
    }
}

/* The polynomial of the interval that a >= 0 lies in; beyond the table 1/2. NaN stays: the minimum
 * of two values is the second where one is NaN. */
INLINE vec by_table(vec a, const vec table[ROWS_MOST][2], const int degree, const float span)
{
    vec at = mul(minimum(splat(span * 0.9999999f), a), splat(GELU_INTERVALS / span));
    const veci index = _mm512_cvttps_epi32(at);
    const vec t = sub(at, add(_mm512_cvtepi32_ps(index), splat(0.5f)));
    vec p = _mm512_permutex2var_ps(table[degree][0], index, table[degree][1]);
    UNROLL
    for (int d = degree - 1; d >= 0; d--)
        p = muladd(p, t, _mm512_permutex2var_ps(table[d][0], index, table[d][1]));
    return _mm512_mask_mov_ps(p, _mm512_cmp_ps_mask(a, splat(span), _CMP_GE_OQ), splat(0.5f));
}

/* x Phi(x) = x / 2 + |x| (Phi(|x|) - 1/2), and the table gives Phi(|x|) - 1/2 with an error below
 * 1.3e-7. Beyond the table Phi is taken as 1, which is off by at most 8e-8. */
static inline vec gelu_by_table(vec x, const vec table[ROWS_MOST][2])
{
    const vec a = absolute(x);
    return muladd(a, by_table(a, table, GELU_DEGREE, GELU_SPAN), mul(x, splat(0.5f)));
}

void vc__gelu_forward_avx512(float *y, const float *x, size_t count)
{
    vec table[ROWS_MOST][2];
    load_table(table, gelu_table, GELU_DEGREE);
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, gelu_by_table(load(x + i), table));
    if (i < count)
        store_part(y + i, gelu_by_table(load_part(x + i, count - i), table), count - i);
}

/* The slope - 1/2 is odd. The table's error is below 2e-7; beyond it the slope is off by at most
 * 4e-8. */
static inline vec slope_by_table(vec x, const vec table[ROWS_MOST][2])
{
    const vec half = by_table(absolute(x), table, GELU_SLOPE_DEGREE, GELU_SLOPE_SPAN);
    return add(splat(0.5f), select_sign(x, half, sub(splat(0.0f), half)));
}

void vc__gelu_backward_avx512(float *dx, const float *dy, const float *x, size_t count)
{
    vec table[ROWS_MOST][2];
    load_table(table, gelu_slope_table, GELU_SLOPE_DEGREE);
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(dx + i, mul(load(dy + i), slope_by_table(load(x + i), table)));
    const size_t n = count - i;
    if (n > 0)
        store_part(dx + i, mul(load_part(dy + i, n), slope_by_table(load_part(x + i, n), table)),
                   n);
}
