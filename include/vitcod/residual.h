/* The residual of pruned attention. It estimates what the pruned entries of a row would have added
 * as the mean of all values: with kept_share m, the share of a row's averaged attention that its
 * kept entries hold, out = m * (attention over the kept entries) + (1 - m) * (mean of the values).
 * m is fixed per row. This is not in the paper. All functions work on one head of one image, on the
 * calling thread. */
#ifndef VITCOD_RESIDUAL_H
#define VITCOD_RESIDUAL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* mean (dim) of v's rows, `stride` floats apart. */
void vc_residual_mean(float *mean, const float *v, size_t stride, size_t keys, size_t dim);

/* out row i = kept_share[i] * out row i + (1 - kept_share[i]) * mean. */
void vc_residual_add(float *out, size_t stride, const float *kept_share, const float *mean,
                     size_t rows, size_t dim);

/* Backward: computes the mean's gradient dmean (dim), and scales dout to the gradient of the
 * attention over the kept entries. */
void vc_residual_scale(float *dmean, float *dout, size_t stride, const float *kept_share,
                       size_t rows, size_t dim);

/* Backward: adds the part of dv that comes from the mean's gradient. */
void vc_residual_spread(float *dv, size_t stride, const float *dmean, size_t keys, size_t dim);

#ifdef __cplusplus
}
#endif

#endif
