#include "simd.h"

/* exp of a negative number alone, which cannot overflow. */
static inline vec silu_gate(vec x)
{
    vec e = exponential(sub(splat(0.0f), absolute(x)));
    vec over = divide(splat(1.0f), add(splat(1.0f), e));
    return select_sign(x, over, mul(e, over));
}

static inline vec silu(vec x)
{
    return mul(x, silu_gate(x));
}

static inline vec silu_slope(vec x)
{
    vec gate = silu_gate(x);
    return mul(gate, muladd(x, sub(splat(1.0f), gate), splat(1.0f)));
}

static inline void silu_forward(float *y, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, silu(load(x + i)));
    if (i < count)
        store_part(y + i, silu(load_part(x + i, count - i)), count - i);
}

static inline void silu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(dx + i, mul(load(dy + i), silu_slope(load(x + i))));
    size_t n = count - i;
    if (n > 0)
        store_part(dx + i, mul(load_part(dy + i, n), silu_slope(load_part(x + i, n))), n);
}
