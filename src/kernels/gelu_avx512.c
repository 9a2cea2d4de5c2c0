#include "kernels_impl.h"

#include "gelu_simd.h"
#include "gelu_table.h"

/* x Phi(x) = x / 2 + |x| (Phi(|x|) - 1/2), and the table gives Phi(|x|) - 1/2 with an error below
 * 1.3e-7. Beyond the table Phi is taken as 1, which is off by at most 8e-8. */
static inline vec gelu_by_table(vec x, const vec table[GELU_DEGREE + 1][2])
{
    const vec a = absolute(x);
    vec at = mul(minimum(a, splat(GELU_SPAN * 0.9999999f)), splat(GELU_INTERVALS / GELU_SPAN));
    const veci index = _mm512_cvttps_epi32(at);
    const vec t = sub(at, add(_mm512_cvtepi32_ps(index), splat(0.5f)));
    vec p = _mm512_permutex2var_ps(table[GELU_DEGREE][0], index, table[GELU_DEGREE][1]);
#pragma GCC unroll 3
    for (int d = GELU_DEGREE - 1; d >= 0; d--)
        p = muladd(p, t, _mm512_permutex2var_ps(table[d][0], index, table[d][1]));
    p = _mm512_mask_mov_ps(p, _mm512_cmp_ps_mask(a, splat(GELU_SPAN), _CMP_GE_OQ), splat(0.5f));
    return muladd(a, p, mul(x, splat(0.5f)));
}

void vc__gelu_forward_avx512(float *y, const float *x, size_t count)
{
    vec table[GELU_DEGREE + 1][2];
#pragma GCC unroll 4
    for (int d = 0; d <= GELU_DEGREE; d++) {
        table[d][0] = load(gelu_table[d]);
        table[d][1] = load(gelu_table[d] + LANES);
    }
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, gelu_by_table(load(x + i), table));
    if (i < count)
        store_part(y + i, gelu_by_table(load_part(x + i, count - i), table), count - i);
}

void vc__gelu_backward_avx512(float *dx, const float *dy, const float *x, size_t count)
{
    gelu_backward(dx, dy, x, count);
}
