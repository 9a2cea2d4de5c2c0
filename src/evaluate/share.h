/* An evaluation that several processes share: what they add up at its end. */
#ifndef VC_EVALUATE_SHARE_H
#define VC_EVALUATE_SHARE_H

#include "vitcod/evaluate.h"

/* The sums of losses of all batches, each in a place of its own, so that they are added in one
 * order however many processes there are. */
typedef struct vc__batch_losses {
    double *sums; /* (count), 0 where there are no labels */
    size_t count, batch;
} vc__batch_losses;

vc_status vc__batch_losses_open(vc__batch_losses *out, size_t samples, size_t batch);
void vc__batch_losses_close(vc__batch_losses *losses);

/* Where the sum of a batch goes, whose first sample that could be read is this one. */
double *vc__batch_losses_at(vc__batch_losses *losses, size_t sample);

/* Adds up what all processes have counted, in `e` and in counts (classes; or NULL). */
vc_status vc__share_counts(vc_evaluation *e, vc_class_count *counts, size_t classes,
                           vc__batch_losses *losses);

#endif
