/* One run in several processes, each with its share of every batch. */
#ifndef VC_TOGETHER_H
#define VC_TOGETHER_H

#include "train_impl.h"

enum { VC__TOGETHER_SUMS = 7 };

/* Gradients are summed from the end of the flat block on, while the backward pass still computes
 * those before. */
typedef struct vc__together {
    size_t ranks;
    float *values;                  /* (count) the gradients */
    size_t count, begun;            /* sums from here to the end have begun */
    double sums[VC__TOGETHER_SUMS]; /* of losses, hits and interruptions */
    int lost;                       /* another process is gone: sums may still be on their way */
    const volatile sig_atomic_t *interrupted;
} vc__together;

void vc__together_open(vc__together *out, vc_grads *grads, const vc_model *model,
                       const volatile sig_atomic_t *interrupted);

/* To be called before a backward pass: makes the squared distances of the auto-encoders those of
 * the whole batch. */
vc_status vc__together_begin(vc__together *together, vc_acts *acts, const vc_model *model);
/* To be called after it: makes the gradients those of the whole batch, the losses its means and the
 * hits its sums. `stop` tells whether any process was interrupted. */
vc_status vc__together_end(vc__together *together, vc_loss *loss, int *stop);
/* Replaces running statistics, which each process moved by its own share, by their mean. */
vc_status vc__together_settle(vc__together *together, vc_model *model);

#endif
