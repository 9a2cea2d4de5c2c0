#include <math.h>
#include <string.h>

#include "kernels_impl.h"

void vc__to_bf16_ref(uint16_t *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        if (isnan(x[i]))
            y[i] = (uint16_t)(bits >> 16 | 64); /* a NaN remains a (quiet) NaN */
        else
            y[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

void vc__quantize_rows_ref(uint8_t *y, float *scale, const float *x, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
        float most = 0.0f;
        for (size_t i = 0; i < columns; i++)
            most = fmaxf(most, fabsf(x[i]));
        scale[r] = most > 0.0f ? most / 127.0f : 1.0f;
        const float factor = most > 0.0f ? 127.0f / most : 1.0f;
        for (size_t i = 0; i < columns; i++)
            y[i] = (uint8_t)(lrintf(x[i] * factor) + VC_ZERO_POINT);
    }
}

void vc__dequantize_row_ref(float *y, const int32_t *x, float scale, const float *scales,
                            const int32_t *offset, const float *bias, int add, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float value = fmaf((float)(x[i] - offset[i]), scale * scales[i], bias[i]);
        y[i] = add ? y[i] + value : value;
    }
}
