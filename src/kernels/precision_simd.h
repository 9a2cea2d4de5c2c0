#include "simd.h"

static inline void to_bf16(uint16_t *y, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES)
        store_bf16_of_two(y + i, load(x + i), load(x + i + LANES));
    for (; i < count; i += LANES) {
        const size_t n = lanes_left(count, i);
        store_bf16(y + i, load_last(x + i, n, 0), n);
    }
}

#define UNROLL _Pragma("GCC unroll 8")
enum { ABREAST = 4 /* rows at a time: each is a chain of maxima that wait for each other */ };

static inline __attribute__((always_inline)) void
quantize_some(uint8_t *y, float *scale, const float *x, size_t columns, const size_t rows)
{
    const size_t whole = columns / LANES * LANES, n = columns - whole;
    vec most[ABREAST];
    UNROLL
    for (size_t r = 0; r < rows; r++)
        most[r] = splat(0.0f);
    for (size_t i = 0; i < whole; i += LANES) {
        UNROLL
        for (size_t r = 0; r < rows; r++)
            most[r] = maximum(most[r], absolute(load(x + r * columns + i)));
    }
    for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
        const float largest = max_of(maximum(most[r], absolute(load_part(x + whole, n))));
        scale[r] = largest > 0.0f ? largest / 127.0f : 1.0f;
        const vec factor = splat(largest > 0.0f ? 127.0f / largest : 1.0f);
        size_t i = 0;
        for (; i + 4 * LANES <= whole; i += 4 * LANES)
            store_bytes_of_four(y + i, mul(load(x + i), factor), mul(load(x + i + LANES), factor),
                                mul(load(x + i + 2 * LANES), factor),
                                mul(load(x + i + 3 * LANES), factor), VC_ZERO_POINT);
        for (; i < whole; i += LANES)
            store_bytes(y + i, mul(load(x + i), factor), VC_ZERO_POINT, LANES);
        if (n > 0)
            store_bytes(y + whole, mul(load_part(x + whole, n), factor), VC_ZERO_POINT, n);
    }
}

static inline void quantize_rows(uint8_t *y, float *scale, const float *x, size_t rows,
                                 size_t columns)
{
    size_t r = 0;
    for (; r + ABREAST <= rows; r += ABREAST)
        quantize_some(y + r * columns, scale + r, x + r * columns, columns, ABREAST);
    for (; r < rows; r++)
        quantize_some(y + r * columns, scale + r, x + r * columns, columns, 1);
}

static inline void dequantize_row(float *y, const int32_t *x, float scale, const float *scales,
                                  const int32_t *offset, const float *bias, int add_to,
                                  size_t count)
{
    const vec s = splat(scale);
    for (size_t i = 0; i < count; i += LANES) {
        const size_t n = lanes_left(count, i);
        vec v = difference_of(x + i, offset + i, n);
        v = muladd(v, mul(s, load_part(scales + i, n)), load_part(bias + i, n));
        if (add_to)
            v = add(v, load_part(y + i, n));
        store_part(y + i, v, n);
    }
}
