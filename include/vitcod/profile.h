/* Measurements on the machine at hand. */
#ifndef VITCOD_PROFILE_H
#define VITCOD_PROFILE_H

#include "vitcod/attention.h"
#include "vitcod/product.h"

typedef struct vc_spread {
    double median, low, high; /* low, high: quartiles */
} vc_spread;

/* Sorts the samples. */
vc_spread vc_spread_of(double *samples, size_t count);

/* Operations per second (a multiply-add is two) of registers alone, on so many threads; 0 where this CPU has no
 * instruction for the precision. */
double vc_profile_peak(vc_precision precision, int threads);

typedef struct vc_attention_times {
    vc_spread dense, sparse;   /* seconds for all layers of a batch */
    vc_spread ratio;           /* dense / sparse, pair by pair */
    double largest_difference; /* sparse against masked dense, relative to the largest output */
} vc_attention_times;

/* Times dense attention against attention on the plan, interleaved, on random Q, K, V. First the
 * sparse result is checked against dense attention under the plan's mask: a difference above 1e-4
 * is VC_EINVAL, and nothing is timed. */
vc_status vc_profile_attention(vc_attention_times *out, const vc_plan *plan, size_t head_dim,
                               size_t batch, size_t repeats, uint64_t seed);

/* Median seconds of attention on the plan in all layers, forward and backward, as training runs it: two images,
 * random Q, K, V. */
vc_status vc_profile_training_attention(double *seconds, const vc_plan *plan, size_t head_dim);

#endif
