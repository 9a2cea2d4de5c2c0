/* Inside the statistics of the dense model: those of summaries. */
#ifndef VC_DENSE_SUMMARIES_H
#define VC_DENSE_SUMMARIES_H

#include "vitcod/distill.h"

/* vc_tap.scores, with the statistics as context */
void vc__add_summaries(void *context, size_t layer, const vc_attention *attention,
                       const float *probs);

/* After images were looked at together: sums, and how many images they are of, get to all. */
vc_status vc__share_sums(const vc_turns *turns, double *sums, size_t count, uint64_t *images);

#endif
