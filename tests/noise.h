/* Numbers that are computed from a name, in the same way here and in tools/golden. */
#ifndef VC_TEST_NOISE_H
#define VC_TEST_NOISE_H

#include <string.h>

#include "vitcod/hash.h"

/* Values in -1 .. 1 that depend on the name and the flat index alone. */
static inline void noise(float *out, const char *name, size_t count)
{
    uint64_t seed = vc_hash(VC_HASH_START, name, strlen(name)) % 4294967296u;
    for (size_t i = 0; i < count; i++) {
        uint64_t x = (i * 2654435761u + seed) % 4294967296u;
        for (int round = 0; round < 2; round++) {
            x ^= x >> 16;
            x = x * 0x45d9f3bu % 4294967296u;
        }
        x ^= x >> 16;
        out[i] = (float)((double)x / 2147483648.0 - 1.0);
    }
}

#endif
