#ifndef VC_TEST_RANDOM_H
#define VC_TEST_RANDOM_H

#include "vitcod/rng.h"

static inline void fill(float *x, size_t count, uint64_t stream)
{
    vc_rng rng = vc_rng_open(42, stream, count);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)vc_rng_normal(&rng);
}

#endif
