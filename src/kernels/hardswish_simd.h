#include "simd.h"

static inline vec hardswish(vec x)
{
    vec gate = minimum(maximum(add(x, splat(3.0f)), splat(0.0f)), splat(6.0f));
    return mul(x, mul(gate, splat(1.0f / 6.0f)));
}

/* The slope. At the two points where it jumps, it is that of the outer, flat or straight, side. */
static inline vec hardswish_slope(vec x)
{
    vec inside = muladd(x, splat(1.0f / 3.0f), splat(0.5f));
    vec right = select_sign(sub(x, splat(3.0f)), splat(1.0f), inside);
    return select_sign(sub(splat(-3.0f), x), splat(0.0f), right);
}

static inline void hardswish_forward(float *y, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, hardswish(load(x + i)));
    if (i < count)
        store_part(y + i, hardswish(load_part(x + i, count - i)), count - i);
}

static inline void hardswish_backward(float *dx, const float *dy, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(dx + i, mul(load(dy + i), hardswish_slope(load(x + i))));
    size_t n = count - i;
    if (n > 0)
        store_part(dx + i, mul(load_part(dy + i, n), hardswish_slope(load_part(x + i, n))), n);
}
