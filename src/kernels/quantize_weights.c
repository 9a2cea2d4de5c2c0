#include <math.h>

#include "vitcod/product.h"

void vc_quantize_weights(int8_t *out, float *scale, const float *weight, size_t outputs,
                         size_t inputs)
{
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < outputs; o++) {
        const float *w = weight + o * inputs;
        float most = 0.0f;
        for (size_t i = 0; i < inputs; i++)
            most = fmaxf(most, fabsf(w[i]));
        scale[o] = most > 0.0f ? most / 127.0f : 1.0f;
        for (size_t i = 0; i < inputs; i++)
            out[o * inputs + i] = (int8_t)lrintf(w[i] / scale[o]);
    }
}
