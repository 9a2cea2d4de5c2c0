#include "kernels_impl.h"

#include "precision_simd.h"

void vc__to_bf16_avx512(uint16_t *y, const float *x, size_t count)
{
    to_bf16(y, x, count);
}

void vc__quantize_rows_avx512(uint8_t *y, float *scale, const float *x, size_t rows, size_t columns)
{
    quantize_rows(y, scale, x, rows, columns);
}

void vc__dequantize_row_avx512(float *y, const int32_t *x, float scale, const float *scales,
                               const int32_t *offset, const float *bias, int add, size_t count)
{
    dequantize_row(y, x, scale, scales, offset, bias, add, count);
}
