#include <math.h>

#include "kernels_impl.h"

void vc__product_int8_ref(float *y, const uint8_t *x, const float *scale, const vc_int8_weights *w,
                          int add, size_t rows)
{
    for (size_t r = 0; r < rows; r++, x += w->inputs, y += w->outputs)
        for (size_t o = 0; o < w->outputs; o++) {
            int32_t sum = -w->offset[o];
            for (size_t i = 0; i < w->inputs; i++)
                sum += x[i] * w->packed[vc_int8_packed_at(w->outputs, w->inputs, o, i)];
            const float value = fmaf((float)sum, scale[r] * w->scale[o], w->bias[o]);
            y[o] = add ? y[o] + value : value;
        }
}
