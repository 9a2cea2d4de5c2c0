#include <math.h>

#include "kernels_impl.h"

void vc__silu_forward_ref(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] / (1.0f + expf(-x[i]));
}

void vc__silu_backward_ref(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float gate = 1.0f / (1.0f + expf(-x[i]));
        dx[i] = dy[i] * gate * (1.0f + x[i] * (1.0f - gate));
    }
}
