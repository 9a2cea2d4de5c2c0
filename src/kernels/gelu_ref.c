#include <math.h>

#include "kernels_impl.h"

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x * 0.7071067811865476);
}

void vc__gelu_forward_ref(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)(x[i] * normal_cdf(x[i]));
}

void vc__gelu_backward_ref(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double density = 0.3989422804014327 * exp(-0.5 * x[i] * x[i]);
        dx[i] = (float)(dy[i] * (normal_cdf(x[i]) + x[i] * density));
    }
}
