#include <stdlib.h>

#include "vitcod/clock.h"
#include "vitcod/profile.h"

enum { VALUES = 1 << 24 /* 64 MiB an array */, RUNS = 5 };

double vc_profile_bandwidth(int threads)
{
    double best = 0.0;
    float *memory = malloc(3 * (size_t)VALUES * sizeof *memory);
    if (!memory)
        return 0.0;
    float *a = memory, *b = a + VALUES, *c = b + VALUES;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < VALUES; i++) {
        a[i] = 0.0f;
        b[i] = 1.0f;
        c[i] = 2.0f;
    }
    for (int r = 0; r < RUNS; r++) {
        const double start = vc_clock_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (size_t i = 0; i < VALUES; i++)
            a[i] = b[i] + 0.5f * c[i];
        const double seconds = vc_clock_seconds() - start,
                     rate = 3.0 * VALUES * sizeof *memory / seconds;
        best = rate > best ? rate : best;
        float *first = a; /* the next run reads what this one wrote, so that none is left out */
        a = b;
        b = c;
        c = first;
    }
    free(memory);
    return best;
}
