#include <string.h>

#include "vitcod/product.h"

/* Of the bits without the sign, which order as the values do: whole models go through here. */
static float largest_of(const float *w, size_t count)
{
    int32_t most = 0;
    float value;
    for (size_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, w + i, sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    memcpy(&value, &most, sizeof value);
    return value;
}

void vc_quantize_weights(int8_t *out, float *scale, const float *weight, size_t outputs,
                         size_t inputs)
{
    /* Added and taken away it leaves a small number rounded to the nearest, halves to even. */
    const float rounder = 0x1.8p23f;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < outputs; o++) {
        const float *w = weight + o * inputs;
        const float most = largest_of(w, inputs);
        scale[o] = most > 0.0f ? most / 127.0f : 1.0f;
        for (size_t i = 0; i < inputs; i++)
            out[o * inputs + i] = (int8_t)((w[i] / scale[o] + rounder) - rounder);
    }
}
