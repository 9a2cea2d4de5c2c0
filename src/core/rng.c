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
    uint64_t unbiased_from = -limit % limit; /* 2^64 mod limit: smaller draws are repeated */
    uint64_t value;
    do
        value = vc_rng_u64(rng);
    while (value < unbiased_from);
    return value % limit;
}

double vc_rng_normal(vc_rng *rng)
{
    /* Box-Muller gives two values; the second is dropped so that a stream has no hidden state. */
    double radius = sqrt(-2.0 * log(1.0 - vc_rng_uniform(rng)));
    return radius * cos(6.283185307179586 * vc_rng_uniform(rng));
}

/* The method of Marsaglia and Tsang, for a shape of at least 1: the cube of a scaled normal number,
 * accepted with a probability that makes its density that of a gamma variable. */
static double gamma_from_one(vc_rng *rng, double shape)
{
    const double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x = vc_rng_normal(rng), t = 1.0 + c * x, v = t * t * t;
        if (t <= 0.0)
            continue;
        if (log(1.0 - vc_rng_uniform(rng)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

/* The logarithm of a gamma variable. For a shape below 1 it is that of shape + 1 times u^(1 /
 * shape); adding logarithms avoids the underflow of this product. */
static double log_gamma_draw(vc_rng *rng, double shape)
{
    if (shape >= 1.0)
        return log(gamma_from_one(rng, shape));
    const double larger = log(gamma_from_one(rng, shape + 1.0));
    return larger + log(1.0 - vc_rng_uniform(rng)) / shape;
}

double vc_rng_gamma(vc_rng *rng, double shape)
{
    return exp(log_gamma_draw(rng, shape));
}

double vc_rng_beta(vc_rng *rng, double a, double b)
{
    const double x = log_gamma_draw(rng, a), y = log_gamma_draw(rng, b);
    return 1.0 / (1.0 + exp(y - x));
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
