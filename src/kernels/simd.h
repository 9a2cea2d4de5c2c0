/* A vector of floats as wide as the instruction set of the file. The *_avx2.c and *_avx512.c files
 * share their algorithms through the *_simd.h headers; all that differs is defined here. */
#ifndef VC_SIMD_H
#define VC_SIMD_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

/* One line for each operation, so that the two instruction sets can be compared. */
/* clang-format off */
#if defined(__AVX512F__)

enum { LANES = 16 };
typedef __m512 vec;
typedef __m512i veci;

static inline __mmask16 first(size_t n) { return (__mmask16)((1u << n) - 1u); }
static inline vec load(const float *p) { return _mm512_loadu_ps(p); }
static inline void store(float *p, vec v) { _mm512_storeu_ps(p, v); }
static inline vec load_part(const float *p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
static inline void store_part(float *p, vec v, size_t n) { _mm512_mask_storeu_ps(p, first(n), v); }
static inline vec splat(float x) { return _mm512_set1_ps(x); }
static inline vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec divide(vec a, vec b) { return _mm512_div_ps(a, b); }
static inline vec muladd(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec maximum(vec a, vec b) { return _mm512_max_ps(a, b); }
static inline vec minimum(vec a, vec b) { return _mm512_min_ps(a, b); }
static inline vec root(vec a) { return _mm512_sqrt_ps(a); }
static inline vec absolute(vec a) { return _mm512_abs_ps(a); }
static inline float sum_of(vec a) { return _mm512_reduce_add_ps(a); }
static inline float first_of(vec a) { return _mm512_cvtss_f32(a); }
static inline float max_of(vec a) { return _mm512_reduce_max_ps(a); }
/* a where x >= 0, else b */
static inline vec select_sign(vec x, vec a, vec b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), a, b);
}
/* `to` in the lanes from n on, else a */
static inline vec replace_tail(vec a, float to, size_t n)
{
    return _mm512_mask_blend_ps(first(n), _mm512_set1_ps(to), a);
}
static inline vec round_nearest(vec a) { return _mm512_roundscale_ps(a, 8); }
/* `to` in the lanes whose bit is 0, else a */
static inline vec keep_bits(vec a, float to, unsigned bits)
{
    return _mm512_mask_mov_ps(_mm512_set1_ps(to), (__mmask16)bits, a);
}
/* x - y of integers, as floats */
static inline vec difference_of(const int32_t *x, const int32_t *y, size_t n)
{
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_maskz_loadu_epi32(first(n), x),
                                               _mm512_maskz_loadu_epi32(first(n), y)));
}
/* Stores n values as bytes: rounded, plus `zero`. */
static inline void store_bytes(uint8_t *p, vec a, int zero, size_t n)
{
    veci v = _mm512_add_epi32(_mm512_cvtps_epi32(a), _mm512_set1_epi32(zero));
    const __m128i bytes = _mm512_cvtusepi32_epi8(v);
    if (n == LANES)
        _mm_storeu_si128((__m128i *)(void *)p, bytes); /* with a mask it takes longer */
    else
        _mm_mask_storeu_epi8(p, first(n), bytes);
}
/* The same of four vectors at once, which takes fewer shuffles. */
static inline void store_bytes_of_four(uint8_t *p, vec a, vec b, vec c, vec d, int zero)
{
    const veci low = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b)),
               high = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d)),
               order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
               bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
    _mm512_storeu_si512(p, _mm512_add_epi8(bytes, _mm512_set1_epi8((char)zero)));
}
/* Rounded to bfloat16, ties to even, in the upper half of each lane. */
static inline veci round_bf16(vec a)
{
    veci bits = _mm512_castps_si512(a);
    veci odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    veci up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    veci nan = _mm512_or_si512(bits, _mm512_set1_epi32(64 << 16));
    return _mm512_mask_mov_epi32(up, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), nan);
}
/* Stores n values as bfloat16. */
static inline void store_bf16(uint16_t *p, vec a, size_t n)
{
    const veci up = _mm512_srli_epi32(round_bf16(a), 16);
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtepi32_epi16(up));
}
/* The same of two vectors at once, which takes fewer shuffles. */
static inline void store_bf16_of_two(uint16_t *p, vec a, vec b)
{
    const veci pairs = _mm512_packus_epi32(_mm512_srli_epi32(round_bf16(a), 16),
                                           _mm512_srli_epi32(round_bf16(b), 16)),
               order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    _mm512_storeu_si512(p, _mm512_permutexvar_epi64(order, pairs));
}
/* The sums of four vectors. */
static inline __m128 sum_of_four(vec a, vec b, vec c, vec d)
{
    vec ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    vec cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    vec s = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(s), _mm512_extractf32x8_ps(s, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}
/* a * 2^n; 0 where that is too small */
static inline vec scaled_by_power(vec a, vec n) { return _mm512_scalef_ps(a, n); }
static inline vec times_power_of_two(vec a, vec n)
{
    veci exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    veci bits = _mm512_slli_epi32(exponent, 23);
    return _mm512_mul_ps(a, _mm512_castsi512_ps(bits));
}

#else

enum { LANES = 8 };
typedef __m256 vec;
typedef __m256i veci;

static inline veci first(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vec load(const float *p) { return _mm256_loadu_ps(p); }
static inline void store(float *p, vec v) { _mm256_storeu_ps(p, v); }
static inline vec load_part(const float *p, size_t n) { return _mm256_maskload_ps(p, first(n)); }
static inline void store_part(float *p, vec v, size_t n) { _mm256_maskstore_ps(p, first(n), v); }
static inline vec splat(float x) { return _mm256_set1_ps(x); }
static inline vec add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec divide(vec a, vec b) { return _mm256_div_ps(a, b); }
static inline vec muladd(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec maximum(vec a, vec b) { return _mm256_max_ps(a, b); }
static inline vec minimum(vec a, vec b) { return _mm256_min_ps(a, b); }
static inline vec root(vec a) { return _mm256_sqrt_ps(a); }
static inline vec absolute(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline float sum_of(vec a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
static inline float first_of(vec a) { return _mm256_cvtss_f32(a); }
static inline float max_of(vec a)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}
static inline vec select_sign(vec x, vec a, vec b)
{
    return _mm256_blendv_ps(a, b, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}
static inline vec replace_tail(vec a, float to, size_t n)
{
    return _mm256_blendv_ps(_mm256_set1_ps(to), a, _mm256_castsi256_ps(first(n)));
}
static inline vec round_nearest(vec a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vec keep_bits(vec a, float to, unsigned bits)
{
    veci each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    veci kept = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), each), each);
    return _mm256_blendv_ps(_mm256_set1_ps(to), a, _mm256_castsi256_ps(kept));
}
static inline vec difference_of(const int32_t *x, const int32_t *y, size_t n)
{
    return _mm256_cvtepi32_ps(
        _mm256_sub_epi32(_mm256_maskload_epi32(x, first(n)), _mm256_maskload_epi32(y, first(n))));
}
static inline void store_bytes(uint8_t *p, vec a, int zero, size_t n)
{
    veci v = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(zero));
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
    __builtin_memcpy(p, &bytes, n);
}
static inline void store_bytes_of_four(uint8_t *p, vec a, vec b, vec c, vec d, int zero)
{
    store_bytes(p, a, zero, LANES);
    store_bytes(p + LANES, b, zero, LANES);
    store_bytes(p + 2 * LANES, c, zero, LANES);
    store_bytes(p + 3 * LANES, d, zero, LANES);
}
static inline void store_bf16(uint16_t *p, vec a, size_t n)
{
    veci bits = _mm256_castps_si256(a);
    veci odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    veci up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    veci nan = _mm256_or_si256(bits, _mm256_set1_epi32(64 << 16));
    up = _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(up), _mm256_castsi256_ps(nan),
                                              _mm256_cmp_ps(a, a, _CMP_UNORD_Q)));
    up = _mm256_srli_epi32(up, 16);
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(up), _mm256_extracti128_si256(up, 1));
    __builtin_memcpy(p, &words, n * sizeof *p);
}
static inline void store_bf16_of_two(uint16_t *p, vec a, vec b)
{
    store_bf16(p, a, LANES);
    store_bf16(p + LANES, b, LANES);
}
static inline __m128 sum_of_four(vec a, vec b, vec c, vec d)
{
    vec ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    vec cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    vec s = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}
static inline vec scaled_by_power(vec a, vec n)
{
    n = _mm256_max_ps(n, _mm256_set1_ps(-127.0f)); /* its exponent bits are 0: factor 0 */
    veci exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    veci bits = _mm256_slli_epi32(exponent, 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(bits));
}
static inline vec times_power_of_two(vec a, vec n)
{
    veci exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    veci bits = _mm256_slli_epi32(exponent, 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(bits));
}

#endif
/* clang-format on */

/* Number of values from i on, but at most one vector. */
static inline size_t lanes_left(size_t count, size_t i)
{
    return count - i < LANES ? count - i : LANES;
}

/* Loads a whole vector, or only its first n lanes. */
static inline vec load_last(const float *p, size_t n, int whole)
{
    return whole || n == LANES ? load(p) : load_part(p, n);
}
static inline void store_last(float *p, vec v, size_t n, int whole)
{
    if (whole || n == LANES)
        store(p, v);
    else
        store_part(p, v, n);
}

/* exp(x) with x = n ln 2 + r, |r| <= ln(2) / 2, and a Taylor series up to r^7 (relative error below
 * 1e-8). Below -87.3 the result is the smallest normal number instead of 0. */
static inline vec exponential(vec x)
{
    x = minimum(maximum(x, splat(-87.3f)), splat(88.3f));
    vec n = round_nearest(mul(x, splat(1.44269504f)));
    vec r = muladd(n, splat(-0.693145752f), x); /* ln 2 in two parts, for precision */
    r = muladd(n, splat(-1.42860677e-6f), r);
    vec p = splat(1.0f / 5040.0f);
    p = muladd(p, r, splat(1.0f / 720.0f));
    p = muladd(p, r, splat(1.0f / 120.0f));
    p = muladd(p, r, splat(1.0f / 24.0f));
    p = muladd(p, r, splat(1.0f / 6.0f));
    p = muladd(p, r, splat(0.5f));
    p = muladd(p, r, splat(1.0f));
    p = muladd(p, r, splat(1.0f));
    return times_power_of_two(p, n);
}

/* 2^x for x <= 0, with x = n + r, |r| <= 1 / 2, and a minimax polynomial in r with a relative error
 * of 7.5e-8 (2.5e-7 with rounding). Below 2^-126 the result may be 0. */
static inline vec power_of_two(vec x)
{
    vec n = round_nearest(x), r = sub(x, n);
    vec p = splat(1.32764713e-3f);
    p = muladd(p, r, splat(9.67554189e-3f));
    p = muladd(p, r, splat(5.55071309e-2f));
    p = muladd(p, r, splat(2.40221202e-1f));
    p = muladd(p, r, splat(6.93146944e-1f));
    p = muladd(p, r, splat(1.00000012f));
    return scaled_by_power(p, n);
}

#endif
