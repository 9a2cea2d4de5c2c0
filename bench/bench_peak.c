/* The machine's float32 FMA peak, per thread count: what every GF/s in here is a share of. Prints GF/s.
 * usage: bench_peak [THREADS] */
#include <immintrin.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/clock.h"

enum { CHAINS = 12, ROUNDS = 4000000 }; /* enough chains to hide an FMA's latency on two ports */

static float spin(float seed)
{
    __m512 x[CHAINS], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(seed);
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
        sum += _mm512_reduce_add_ps(x[c]);
    return sum;
}

int main(int argc, char **argv)
{
    if (!__builtin_cpu_supports("avx512f")) {
        fputs("bench_peak: this CPU has no AVX-512\n", stderr);
        return 1;
    }
    if (argc > 1)
        omp_set_num_threads(atoi(argv[1]));
    double best = 0.0;
    float keep = 0.0f;
    for (int repeat = 0; repeat < 5; repeat++) {
        int threads = 1;
        double start = vc_clock_seconds();
#pragma omp parallel reduction(+ : keep)
        {
            threads = omp_get_num_threads();
            keep += spin(1e-3f);
        }
        double seconds = vc_clock_seconds() - start;
        double flops = 2.0 * 16 * CHAINS * (double)ROUNDS * threads / seconds;
        best = flops > best ? flops : best;
    }
    printf("%.1f\n", best * 1e-9);
    return keep == 12345.0f; /* keeps the loop alive */
}
