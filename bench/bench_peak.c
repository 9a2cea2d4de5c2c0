/* The peak of this machine in GF/s of float32, of which other benchmarks give a share.
 *
 * usage: bench_peak [THREADS] */
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/profile.h"
#include "vitcod/threads.h"

int main(int argc, char **argv)
{
    const double peak = vc_profile_peak(VC_IN_FP32, argc > 1 ? atoi(argv[1]) : vc_threads_count());
    if (peak <= 0.0) {
        fputs("bench_peak: this CPU has neither AVX-512 nor AVX2 with FMA\n", stderr);
        return 1;
    }
    printf("%.1f\n", 1e-9 * peak);
    return 0;
}
