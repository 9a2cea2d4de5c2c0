/* One run in several processes, each with its share of every batch. */
#ifndef VC_TOGETHER_H
#define VC_TOGETHER_H

#include "train_impl.h"

enum { VC__TOGETHER_SUMS = 7 };

/* Gradients are summed from the end of the flat block on, while the backward pass still computes
 * those before. */
typedef struct vc__together {
    size_t ranks;
    size_t parts;   /* of a batch, in all processes; 0: one in each, which are added in any order */
    float *total;   /* (count) the gradients of parts so far, with several parts */
    double *losses; /* (parts, VC__TOGETHER_SUMS) */
    size_t part;    /* of this process, that comes next */
    float *values;  /* (count) the gradients */
    size_t count, begun;            /* sums from here to the end have begun */
    double sums[VC__TOGETHER_SUMS]; /* of losses, hits and interruptions */
    int lost;                       /* another process is gone: sums may still be on their way */
    const volatile sig_atomic_t *interrupted;
} vc__together;

vc_status vc__together_open(vc__together *out, vc_grads *grads, const vc_model *model, size_t parts,
                            const volatile sig_atomic_t *interrupted);
void vc__together_close(vc__together *together);

/* The parts of a batch that are this process's. */
size_t vc__together_own(const vc__together *together);

/* To be called before a backward pass: makes the squared distances of the auto-encoders those of
 * the whole batch. */
vc_status vc__together_begin(vc__together *together, vc_acts *acts, const vc_model *model);
/* To be called after it: makes the gradients those of the whole batch, the losses its means and the
 * hits its sums; of several parts after the last, and before that it keeps them. `stop` tells
 * whether any process was interrupted. */
vc_status vc__together_end(vc__together *together, vc_loss *loss, int *stop);
/* Replaces running statistics, which each process moved by its own share, by their mean. */
vc_status vc__together_settle(vc__together *together, vc_model *model);

#endif
