#include <immintrin.h>
#include <string.h>

#include "resize_impl.h"

enum { BLOCK = 32 };

/* Weighted sums of pixels, one with the high and one with the low halves of the weights. */
typedef struct sums {
    __m256i high, low;
} sums;

/* A pair of neighbouring 16-bit weights, repeated in every 32-bit lane. */
static inline __m256i pair_of(const int16_t *weights)
{
    int32_t both;
    memcpy(&both, weights, sizeof both);
    return _mm256_set1_epi32(both);
}

static inline sums add_products(sums s, __m256i pixels, __m256i high, __m256i low)
{
    s.high = _mm256_add_epi32(s.high, _mm256_madd_epi16(pixels, high));
    s.low = _mm256_add_epi32(s.low, _mm256_madd_epi16(pixels, low));
    return s;
}

/* The sums, rounded but not clipped to 8 bits yet. */
static inline __m256i values_of(sums s)
{
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(s.high, VC__HALF_BITS), s.low);
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(1 << (VC__WEIGHT_BITS - 1)));
    return _mm256_srai_epi32(sum, VC__WEIGHT_BITS);
}

static inline void store_rgb(uint8_t *out, int32_t rgb)
{
    memcpy(out, &rgb, 2);
    out[2] = (uint8_t)(rgb >> 16);
}

/* Computes one RGB pixel in each of two rows, four taps at a time. A read of four pixels takes 16
 * bytes, though only 12 are needed. */
static inline void resize_pixel(uint8_t *out_a, uint8_t *out_b, const uint8_t *a, const uint8_t *b,
                                const int16_t *high, const int16_t *low, size_t taps)
{
    /* r0 r1 g0 g1 b0 b1 - -, and the same of pixels 2 and 3, each widened to 16 bits */
    const __m256i first_two =
        _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 0, -1, 3, -1, 1,
                         -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
    const __m256i last_two =
        _mm256_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1, 6, -1, 9, -1,
                         7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    sums s = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t t = 0; t < taps; t += VC__TAPS_STEP) {
        __m256i both = _mm256_loadu2_m128i((const __m128i *)(const void *)(b + 3 * t),
                                           (const __m128i *)(const void *)(a + 3 * t));
        s = add_products(s, _mm256_shuffle_epi8(both, first_two), pair_of(high + t),
                         pair_of(low + t));
        s = add_products(s, _mm256_shuffle_epi8(both, last_two), pair_of(high + t + 2),
                         pair_of(low + t + 2));
    }
    __m256i words = _mm256_packs_epi32(values_of(s), values_of(s));
    __m256i bytes = _mm256_packus_epi16(words, words);
    store_rgb(out_a, _mm_cvtsi128_si32(_mm256_castsi256_si128(bytes)));
    store_rgb(out_b, _mm_cvtsi128_si32(_mm256_extracti128_si256(bytes, 1)));
}

static size_t whole_steps(size_t taps)
{
    return (taps + VC__TAPS_STEP - 1) / VC__TAPS_STEP * VC__TAPS_STEP;
}

/* Number of outputs before the first whose 16-byte reads would go beyond the row. */
static size_t outputs_inside(const vc__taps *taps, size_t width)
{
    size_t x = 0;
    while (x < taps->count && 3 * (taps->first[x] + whole_steps(taps->used[x])) + 4 <= 3 * width)
        x++;
    return x;
}

static vc__taps taps_from(const vc__taps *taps, size_t start)
{
    vc__taps rest = *taps;
    rest.count -= start;
    rest.first += start;
    rest.used += start;
    rest.weight += start * taps->stride;
    rest.high += start * taps->stride;
    rest.low += start * taps->stride;
    return rest;
}

/* Grey is left to the reference: it is rare, and a third of the work. */
void vc__resize_rows_avx2(uint8_t *out, const uint8_t *in, size_t rows, size_t width,
                          size_t channels, const vc__taps *taps)
{
    if (channels != 3) {
        vc__resize_rows_ref(out, in, rows, width, channels, taps);
        return;
    }
    size_t inside = outputs_inside(taps, width);
    const vc__taps rest = taps_from(taps, inside);
    for (size_t y = 0; y < rows; y += 2) {
        size_t other = y + 1 < rows ? y + 1 : y;
        const uint8_t *a = in + 3 * y * width, *b = in + 3 * other * width;
        uint8_t *out_a = out + 3 * y * taps->count, *out_b = out + 3 * other * taps->count;
        for (size_t x = 0; x < inside; x++)
            resize_pixel(out_a + 3 * x, out_b + 3 * x, a + 3 * taps->first[x],
                         b + 3 * taps->first[x], taps->high + x * taps->stride,
                         taps->low + x * taps->stride, taps->used[x]);
        vc__resize_rows_ref(out_a + 3 * inside, a, 1, width, 3, &rest);
        vc__resize_rows_ref(out_b + 3 * inside, b, 1, width, 3, &rest);
    }
}

/* Computes 32 bytes of an output row. */
static inline void resize_block(uint8_t *out, const uint8_t *in, size_t row_bytes,
                                const int16_t *high, const int16_t *low, size_t taps)
{
    const __m256i zero = _mm256_setzero_si256();
    sums s[4] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
    for (size_t t = 0; t < taps; t += 2) {
        /* Rows are taken in pairs. If their number is odd, the last one is paired with itself, with
         * weight 0. */
        const uint8_t *even = in + t * row_bytes, *odd = t + 1 < taps ? even + row_bytes : even;
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)even);
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)odd);
        __m256i ab = _mm256_unpacklo_epi8(a, b), ab_end = _mm256_unpackhi_epi8(a, b);
        __m256i h = pair_of(high + t), l = pair_of(low + t);
        s[0] = add_products(s[0], _mm256_unpacklo_epi8(ab, zero), h, l);
        s[1] = add_products(s[1], _mm256_unpackhi_epi8(ab, zero), h, l);
        s[2] = add_products(s[2], _mm256_unpacklo_epi8(ab_end, zero), h, l);
        s[3] = add_products(s[3], _mm256_unpackhi_epi8(ab_end, zero), h, l);
    }
    /* The order of lanes that unpacking made is undone by packing. */
    __m256i start = _mm256_packs_epi32(values_of(s[0]), values_of(s[1]));
    __m256i end = _mm256_packs_epi32(values_of(s[2]), values_of(s[3]));
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_packus_epi16(start, end));
}

void vc__resize_columns_avx2(uint8_t *out, const uint8_t *in, size_t base, size_t row_bytes,
                             const vc__taps *taps)
{
    if (row_bytes < BLOCK) {
        vc__resize_columns_ref(out, in, base, row_bytes, taps);
        return;
    }
    for (size_t y = 0; y < taps->count; y++) {
        const uint8_t *from = in + (taps->first[y] - base) * row_bytes;
        for (size_t i = 0; i < row_bytes; i += BLOCK) {
            /* The last block ends where the row ends, so some of its bytes may be computed
             * twice. */
            size_t at = i + BLOCK <= row_bytes ? i : row_bytes - BLOCK;
            resize_block(out + y * row_bytes + at, from + at, row_bytes,
                         taps->high + y * taps->stride, taps->low + y * taps->stride,
                         taps->used[y]);
        }
    }
}
