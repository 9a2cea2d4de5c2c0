#include <math.h>

#include "kernels_impl.h"

void vc__hardswish_forward_ref(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] * fminf(fmaxf(x[i] + 3.0f, 0.0f), 6.0f) / 6.0f;
}

void vc__hardswish_backward_ref(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float slope = x[i] <= -3.0f ? 0.0f : x[i] >= 3.0f ? 1.0f : x[i] / 3.0f + 0.5f;
        dx[i] = dy[i] * slope;
    }
}
