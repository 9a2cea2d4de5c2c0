/* The attention that one row would give to the summaries of its layer. */
#ifndef VC_SUMMARY_ROWS_H
#define VC_SUMMARY_ROWS_H

#include "vitcod/summaries.h"

/* out (G, width): the pooled rows of one image, `stride` floats apart. */
void vc__pool_rows(double *out, const float *x, size_t stride, size_t width,
                   const vc_pooling *pooling);

/* out (G): exp(q . kbar / sqrt(D)) / Z of row (h * Tq + i) of an image, whose pooled keys (G, H *
 * D) are `pooled`. */
void vc__summary_row(double *out, size_t row, size_t image, const double *pooled,
                     const vc_summary_stats *stats, const vc_summary_scores *scores);

#endif
