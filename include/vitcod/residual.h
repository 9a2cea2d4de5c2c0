/* The residual of pruned attention: what the pruned entries of a row would have added is estimated as the mean
 * of all values. With kept_share m, the share of a row's mean attention that its kept entries hold,
 * out = m * (attention over the kept entries) + (1 - m) * (mean of the values); m is fixed per row. Not in
 * the paper. One head of one image, on the calling thread. */
#ifndef VITCOD_RESIDUAL_H
#define VITCOD_RESIDUAL_H

#include <stddef.h>

/* mean (dim) of v's rows, `stride` floats apart. */
void vc_residual_mean(float *mean, const float *v, size_t stride, size_t keys, size_t dim);

/* out row i = kept_share[i] * out row i + (1 - kept_share[i]) * mean. */
void vc_residual_add(float *out, size_t stride, const float *kept_share, const float *mean,
                     size_t rows, size_t dim);

/* Backward: the mean's gradient dmean (dim), and dout scaled to the gradient of the sparse attention. */
void vc_residual_scale(float *dmean, float *dout, size_t stride, const float *kept_share,
                       size_t rows, size_t dim);

/* Backward: the mean's gradient onto dv. */
void vc_residual_spread(float *dv, size_t stride, const float *dmean, size_t keys, size_t dim);

#endif
