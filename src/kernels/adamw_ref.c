#include <math.h>

#include "kernels_impl.h"

void vc__adamw_step_ref(float *param, float *m, float *v, const float *grad, size_t count,
                        const vc_adamw_coefficients *c)
{
    for (size_t i = 0; i < count; i++) {
        float g = grad[i] * c->grad_scale;
        m[i] = c->beta1 * m[i] + (1.0f - c->beta1) * g;
        v[i] = c->beta2 * v[i] + (1.0f - c->beta2) * g * g;
        float step = m[i] * c->correction1 / (sqrtf(v[i] * c->correction2) + c->eps);
        param[i] -= c->learning_rate * (step + c->weight_decay * param[i]);
    }
}
