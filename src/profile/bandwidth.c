#include <stdlib.h>
#include <unistd.h>

#include "vitcod/clock.h"
#include "vitcod/memory_limit.h"
#include "vitcod/profile.h"

enum { LEAST = 1 << 24, MOST = 1 << 26 /* values of an array */, RUNS = 5 };

/* Three arrays are four times the last cache that the system tells of. */
static size_t count_values(void)
{
    const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    const size_t wanted = cache > 0 ? 4 * (size_t)cache / 3 / sizeof(float) : 0;
    return wanted < LEAST ? LEAST : wanted > MOST ? MOST : wanted;
}

double vc_profile_bandwidth(int threads)
{
    double best = 0.0;
    const size_t count = count_values();
    float *memory = vc_memory_take(3 * count, sizeof *memory, "arrays to measure the memory by");
    if (!memory)
        return 0.0;
    float *a = memory, *b = a + count, *c = b + count;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < count; i++) {
        a[i] = 0.0f;
        b[i] = 1.0f;
        c[i] = 2.0f;
    }
    for (int r = 0; r < RUNS; r++) {
        const double start = vc_clock_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (size_t i = 0; i < count; i++)
            a[i] = b[i] + 0.5f * c[i];
        const double seconds = vc_clock_seconds() - start,
                     rate = 3.0 * (double)count * (double)sizeof *memory / seconds;
        best = rate > best ? rate : best;
        float *first = a; /* the next run reads what this one wrote, so that none is left out */
        a = b;
        b = c;
        c = first;
    }
    free(memory);
    return best;
}
