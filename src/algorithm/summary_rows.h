/* The attention that one row would give to the summaries of its layer. */
#ifndef VC_SUMMARY_ROWS_H
#define VC_SUMMARY_ROWS_H

#include "vitcod/summaries.h"

/* out (G, H * D): the pooled keys of one image, and the weights (H, entries) that pool them. */
void vc__pool_keys(double *out, float *weights, const vc_summary_stats *stats,
                   const vc_summary_scores *scores, size_t image);

/* out (G): exp(q . kbar / sqrt(D)) / Z of row (h * Tq + i) of an image, whose pooled keys (G, H *
 * D) are `pooled`. */
void vc__summary_row(double *out, size_t row, size_t image, const double *pooled,
                     const vc_summary_stats *stats, const vc_summary_scores *scores);

#endif
