#include "simd.h"

static inline void adamw_step(float *param, float *m, float *v, const float *grad, size_t count,
                              const vc_adamw_coefficients *c)
{
    vec beta1 = splat(c->beta1), beta2 = splat(c->beta2);
    for (size_t i = 0; i < count; i += LANES) {
        size_t n = count - i < LANES ? count - i : LANES;
        vec g = mul(load_part(grad + i, n), splat(c->grad_scale));
        vec first_moment = muladd(beta1, load_part(m + i, n), mul(splat(1.0f - c->beta1), g));
        vec second = muladd(beta2, load_part(v + i, n), mul(mul(splat(1.0f - c->beta2), g), g));
        vec scale = add(root(mul(second, splat(c->correction2))), splat(c->eps));
        vec step = divide(mul(first_moment, splat(c->correction1)), scale);
        vec p = load_part(param + i, n);
        step = muladd(splat(c->weight_decay), p, step);
        store_part(param + i, sub(p, mul(splat(c->learning_rate), step)), n);
        store_part(m + i, first_moment, n);
        store_part(v + i, second, n);
    }
}
