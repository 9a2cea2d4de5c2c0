/* Inside the statistics of the dense model: those of summaries. */
#ifndef VC_DENSE_SUMMARIES_H
#define VC_DENSE_SUMMARIES_H

#include "vitcod/distill.h"

/* vc_tap.scores, with the statistics as context */
void vc__add_summaries(void *context, size_t layer, const vc_attention *attention,
                       const float *probs);

#endif
