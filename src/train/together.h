/* One run in several processes: each has its share of every batch. */
#ifndef VC_TOGETHER_H
#define VC_TOGETHER_H

#include "train_impl.h"

enum { VC__TOGETHER_SUMS = 7 };

/* Gradients are summed from the end of the flat block on while the backward pass still works on
 * what is before. */
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

/* Before a backward pass: the squared distances of the auto-encoders become those of the whole
 * batch. */
vc_status vc__together_begin(vc__together *together, vc_acts *acts, const vc_model *model);
/* After it: the gradients are the whole batch's, the losses its means, the hits its sums.
 * `stop`: whether anybody was interrupted. */
vc_status vc__together_end(vc__together *together, vc_loss *loss, int *stop);
/* Running statistics, which each process settled by its own share, become their mean. */
vc_status vc__together_settle(vc__together *together, vc_model *model);

#endif
