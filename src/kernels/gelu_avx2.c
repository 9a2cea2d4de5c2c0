#include "kernels_impl.h"

#include "simd.h"

/* Phi(x) by the approximation of erfc in Abramowitz and Stegun, 7.1.26; its absolute error is below
 * 1.5e-7. It needs exp(-x^2 / 2), which is also returned in *gauss, since the density needs it
 * too. */
static inline vec normal_cdf(vec x, vec *gauss)
{
    vec z = mul(absolute(x), splat(0.70710678f));
    vec t = divide(splat(1.0f), muladd(z, splat(0.3275911f), splat(1.0f)));
    vec p = splat(1.061405429f);
    p = muladd(p, t, splat(-1.453152027f));
    p = muladd(p, t, splat(1.421413741f));
    p = muladd(p, t, splat(-0.284496736f));
    p = muladd(p, t, splat(0.254829592f));
    *gauss = exponential(mul(mul(x, x), splat(-0.5f)));
    vec tail = mul(mul(mul(p, t), *gauss), splat(0.5f));
    return select_sign(x, sub(splat(1.0f), tail), tail);
}

static inline vec gelu(vec x)
{
    vec gauss;
    return mul(x, normal_cdf(x, &gauss));
}

static inline vec gelu_slope(vec x)
{
    vec gauss;
    vec cdf = normal_cdf(x, &gauss);
    return muladd(mul(x, gauss), splat(0.39894228f), cdf);
}

void vc__gelu_forward_avx2(float *y, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, gelu(load(x + i)));
    if (i < count)
        store_part(y + i, gelu(load_part(x + i, count - i)), count - i);
}

void vc__gelu_backward_avx2(float *dx, const float *dy, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(dx + i, mul(load(dy + i), gelu_slope(load(x + i))));
    size_t n = count - i;
    if (n > 0)
        store_part(dx + i, mul(load_part(dy + i, n), gelu_slope(load_part(x + i, n))), n);
}
