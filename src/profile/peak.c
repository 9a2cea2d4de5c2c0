/* What the machine can do at most: loops of nothing but multiply-adds, on registers. */
#include <immintrin.h>
#include <omp.h>

#include "vitcod/clock.h"
#include "vitcod/profile.h"

enum { ROUNDS = 1000000, CHAINS = 12 /* enough to hide the latency of two ports */ };
/* clang-format off */
#define TARGET_FP32 __attribute__((target("avx512f")))
#define TARGET_BF16 __attribute__((target("avx512f,avx512bf16")))
#define TARGET_INT8 __attribute__((target("avx512f,avx512vnni")))
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
/* clang-format on */

TARGET_FP32 static float spin_fp32(void)
{
    __m512 x[CHAINS], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        x[c] = _mm512_set1_ps((float)c);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            x[c] = _mm512_fmadd_ps(x[c], a, b);
    }
    float sum = 0.0f;
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        sum += _mm512_cvtss_f32(x[c]);
    return sum;
}

TARGET_BF16 static float spin_bf16(void)
{
    __m512 x[CHAINS];
    const __m512bh a = (__m512bh)_mm512_set1_epi16(0x3c23), b = (__m512bh)_mm512_set1_epi16(0x3c24);
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        x[c] = _mm512_set1_ps((float)c);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            x[c] = _mm512_dpbf16_ps(x[c], a, b);
    }
    float sum = 0.0f;
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        sum += _mm512_cvtss_f32(x[c]);
    return sum;
}

TARGET_INT8 static float spin_int8(void)
{
    __m512i x[CHAINS], a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(-1);
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        x[c] = _mm512_set1_epi32(c);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            x[c] = _mm512_dpbusd_epi32(x[c], a, b);
    }
    int sum = 0;
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        sum += _mm512_cvtsi512_si32(x[c]);
    return (float)sum;
}

TARGET_AVX2 static float spin_avx2(void)
{
    __m256 x[CHAINS], a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        x[c] = _mm256_set1_ps((float)c);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            x[c] = _mm256_fmadd_ps(x[c], a, b);
    }
    float sum = 0.0f;
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++)
        sum += _mm256_cvtss_f32(x[c]);
    return sum;
}

typedef struct spinner {
    float (*run)(void);
    double macs; /* of one instruction */
} spinner;

static spinner spinner_of(vc_precision precision)
{
    const int wide = __builtin_cpu_supports("avx512f");
    if (precision == VC_IN_BF16 && __builtin_cpu_supports("avx512bf16"))
        return (spinner){spin_bf16, 32.0};
    if (precision == VC_IN_INT8 && __builtin_cpu_supports("avx512vnni"))
        return (spinner){spin_int8, 64.0};
    if (precision == VC_IN_FP32 && wide)
        return (spinner){spin_fp32, 16.0};
    if (precision == VC_IN_FP32 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (spinner){spin_avx2, 8.0};
    return (spinner){0};
}

double vc_profile_peak(vc_precision precision, int threads)
{
    const spinner spin = spinner_of(precision);
    double best = 0.0;
    volatile float keep = 0.0f; /* or the loops are left out */
    for (int repeat = 0; spin.run && repeat < 5; repeat++) {
        int started = 1;
        float sum = 0.0f;
        const double start = vc_clock_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
        {
            started = omp_get_num_threads();
            sum += spin.run();
        }
        const double seconds = vc_clock_seconds() - start;
        const double rate = spin.macs * CHAINS * (double)ROUNDS * started / seconds;
        best = rate > best ? rate : best;
        keep = keep + sum;
    }
    return 2.0 * best;
}
