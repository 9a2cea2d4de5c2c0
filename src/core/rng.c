#include "vitcod/rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

vc_rng vc_rng_open(uint64_t seed, uint64_t purpose, uint64_t index)
{
    uint64_t state = seed;
    state = splitmix64(&state) ^ purpose;
    state = splitmix64(&state) ^ index;
    vc_rng rng;
    for (int i = 0; i < 4; i++)
        rng.state[i] = splitmix64(&state);
    return rng;
}

uint64_t vc_rng_u64(vc_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double vc_rng_uniform(vc_rng *rng)
{
    return (double)(vc_rng_u64(rng) >> 11) * 0x1p-53;
}

uint64_t vc_rng_below(vc_rng *rng, uint64_t limit)
{
    uint64_t unbiased_from = -limit % limit; /* 2^64 mod limit values are drawn again */
    uint64_t value;
    do
        value = vc_rng_u64(rng);
    while (value < unbiased_from);
    return value % limit;
}

double vc_rng_normal(vc_rng *rng)
{
    /* Box-Muller; the second value is dropped so that a draw has no hidden state. */
    double radius = sqrt(-2.0 * log(1.0 - vc_rng_uniform(rng)));
    return radius * cos(6.283185307179586 * vc_rng_uniform(rng));
}

void vc_rng_shuffle(vc_rng *rng, uint32_t *values, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)vc_rng_below(rng, i);
        uint32_t swap = values[i - 1];
        values[i - 1] = values[j];
        values[j] = swap;
    }
}
