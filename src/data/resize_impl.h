/* The two passes of a resize. They use integer arithmetic, so that every instruction set gives the
 * same bytes. */
#ifndef VC_RESIZE_IMPL_H
#define VC_RESIZE_IMPL_H

#include <stddef.h>
#include <stdint.h>

/* Weights are fixed-point numbers, a little over 1 at most in size, so that a weighted sum of
 * pixels fits 32 bits; it is rounded and clipped to 8 bits. For 16-bit multipliers a weight is also
 * stored in two halves: weight = high * 2^VC__HALF_BITS + low, with 0 <= low < 2^VC__HALF_BITS. */
enum { VC__WEIGHT_BITS = 22, VC__HALF_BITS = 12, VC__TAPS_STEP = 4 };

/* Output i is the sum over t < used[i] of weights[i * stride + t] * input[first[i] + t]. */
typedef struct vc__taps {
    size_t count;    /* outputs */
    size_t stride;   /* weights per output, unused ones are 0; a multiple of VC__TAPS_STEP */
    size_t *first;   /* (count) */
    size_t *used;    /* (count) */
    int32_t *weight; /* (count, stride) */
    int16_t *high;   /* (count, stride) */
    int16_t *low;    /* (count, stride) */
} vc__taps;

/* Across: `rows` rows of `width` pixels become rows of taps->count pixels. */
typedef void vc__resize_rows(uint8_t *out, const uint8_t *in, size_t rows, size_t width,
                             size_t channels, const vc__taps *taps);

/* Down: taps->count rows of `row_bytes` bytes are made; in[0] is row `base` of the input. */
typedef void vc__resize_columns(uint8_t *out, const uint8_t *in, size_t base, size_t row_bytes,
                                const vc__taps *taps);

vc__resize_rows vc__resize_rows_ref, vc__resize_rows_avx2;
vc__resize_columns vc__resize_columns_ref, vc__resize_columns_avx2;

static inline uint8_t vc__weighted_to_pixel(int32_t sum)
{
    int32_t value = (sum + (1 << (VC__WEIGHT_BITS - 1))) >> VC__WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

#endif
