#include "kernels_impl.h"

#include "adamw_simd.h"

void vc__adamw_step_avx2(float *param, float *m, float *v, const float *grad, size_t count,
                         const vc_adamw_coefficients *c)
{
    adamw_step(param, m, v, grad, count, c);
}
