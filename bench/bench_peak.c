/* The machine's float32 FMA peak, per thread count: what every GF/s in here is a share of. Prints GF/s.
 * usage: bench_peak [THREADS] */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/clock.h"

enum { LANES = 16, MOST_CHAINS = 12, ROUNDS = 4000000 };
typedef float vec __attribute__((vector_size(4 * LANES)));

/* Enough chains to hide an FMA's latency on two ports, few enough to stay in registers. */
static inline __attribute__((always_inline)) float spin(float seed, const int chains)
{
    vec x[MOST_CHAINS], a = (vec){0} + 0.999f, b = (vec){0} + seed;
#pragma GCC unroll 12
    for (int c = 0; c < chains; c++)
        x[c] = (vec){0} + (float)c;
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int c = 0; c < chains; c++)
            x[c] = x[c] * a + b;
    }
    float sum = 0.0f;
    for (int c = 0; c < chains; c++)
        for (int i = 0; i < LANES; i++)
            sum += x[c][i];
    return sum;
}

enum { CHAINS_AVX512 = 12, CHAINS_AVX2 = 6 /* of two registers each */ };

__attribute__((target("avx512f"))) static float spin_avx512(float seed)
{
    return spin(seed, CHAINS_AVX512);
}

__attribute__((target("avx2,fma"))) static float spin_avx2(float seed)
{
    return spin(seed, CHAINS_AVX2);
}

int main(int argc, char **argv)
{
    int wide = __builtin_cpu_supports("avx512f");
    if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) {
        fputs("bench_peak: this CPU has neither AVX-512 nor AVX2 with FMA\n", stderr);
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
            keep += wide ? spin_avx512(1e-3f) : spin_avx2(1e-3f);
        }
        double seconds = vc_clock_seconds() - start;
        double chains = wide ? CHAINS_AVX512 : CHAINS_AVX2;
        double flops = 2.0 * LANES * chains * (double)ROUNDS * threads / seconds;
        best = flops > best ? flops : best;
    }
    printf("%.1f\n", best * 1e-9);
    return keep == 12345.0f; /* keeps the loop alive */
}
