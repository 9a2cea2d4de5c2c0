/* Seeded random numbers. A stream has an address of numbers (seed, purpose, index), so that what
 * one user of random numbers draws depends neither on what another drew before nor on threads. */
#ifndef VITCOD_RNG_H
#define VITCOD_RNG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* xoshiro256** 1.0 (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2021),
 * seeded through splitmix64. */
typedef struct vc_rng {
    uint64_t state[4];
} vc_rng;

vc_rng vc_rng_open(uint64_t seed, uint64_t purpose, uint64_t index);

uint64_t vc_rng_u64(vc_rng *rng);
double vc_rng_uniform(vc_rng *rng);                 /* [0, 1) */
uint64_t vc_rng_below(vc_rng *rng, uint64_t limit); /* 0 .. limit - 1, unbiased; limit > 0 */
double vc_rng_normal(vc_rng *rng);                  /* mean 0, variance 1 */

/* A gamma variable of scale 1 (Marsaglia, Tsang: A simple method for generating gamma variables,
 * 2000). For shapes far below 1 the result is sometimes too small for a double and comes out as
 * 0. */
double vc_rng_gamma(vc_rng *rng, double shape);
double vc_rng_beta(vc_rng *rng, double a, double b); /* [0, 1], whatever a and b above 0 */

void vc_rng_shuffle(vc_rng *rng, uint32_t *values, size_t count); /* Fisher-Yates */

#ifdef __cplusplus
}
#endif

#endif
