/* Losses on logits with their gradients, and hits (top-1, top-5), which are counted on the way. */
#ifndef VITCOD_LOSS_H
#define VITCOD_LOSS_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_loss {
    double task;                /* mean cross-entropy with label smoothing */
    double distillation;        /* divergence from the teacher, 0 without one */
    double features, attention; /* distances from the teacher's blocks, unweighted */
    double reconstruction;      /* sum over layers of ||Q - Q'|| + ||K - K'||, unweighted */
    size_t top1, top5;          /* images whose label is the first, is among the first five */
} vc_loss;

/* The class with the highest logit; of several, the one with the lowest index. */
int32_t vc_first_class(const float *logits, size_t classes);

/* The rank of the label: how many logits are higher or, with a lower index, equal. */
size_t vc_rank_of(const float *logits, size_t classes, size_t label);

typedef struct vc_ranked_class {
    size_t index;
    double probability; /* softmax over all classes */
} vc_ranked_class;

/* The `top` likeliest classes, at most all, in the order of vc_rank_of. */
vc_status vc_rank_classes(vc_ranked_class *best, size_t top, const float *logits, size_t classes);

/* Cross-entropy of logits (batch, classes) against labels smoothed by `smoothing`, and its gradient
 * unless dlogits is NULL. Hits go by vc_rank_of. */
vc_loss vc_cross_entropy(float *dlogits, const float *logits, const int32_t *labels, size_t batch,
                         size_t classes, float smoothing);

/* Labels of a mixed batch: an image counts as lambda of its own label and 1 - lambda of its
 * partner's (Zhang et al. 2018). */
typedef struct vc_labels {
    const int32_t *own, *partners; /* (batch); the same when nothing is mixed */
    double lambda;
} vc_labels;

/* The weighted mean of the cross-entropies with both labels. Hits are those of the own label. */
vc_loss vc_cross_entropy_mixed(float *dlogits, const float *logits, const vc_labels *labels,
                               size_t batch, size_t classes, float smoothing);

/* Soft distillation (Touvron et al. 2021, eq. 2): weight * temperature^2 * KL(teacher || student),
 * both logits (batch, classes) divided by the temperature. Returns the divergence without the
 * weight, and turns dlogits, unless NULL, into (1 - weight) * dlogits + the weighted gradient. */
double vc_distillation(float *dlogits, const float *logits, const float *teacher, size_t batch,
                       size_t classes, double weight, double temperature);

/* For models without classes, whose outputs are features (batch, values): the mean of 1 - cosine
 * between student and teacher, 1 where one of them is 0. Turns doutputs, unless NULL, into
 * (1 - weight) * doutputs + the weighted gradient. */
double vc_cosine_distance(float *doutputs, const float *outputs, const float *teacher, size_t batch,
                          size_t values, double weight);

/* For models of poses: the mean distance of the joints (MPJPE) of (count, joints, 3) from others,
 * in their unit. Turns dposes, unless NULL, into (1 - weight) * dposes + the weighted gradient,
 * which is 0 where a joint is where it should be. */
double vc_pose_loss(float *dposes, const float *poses, const float *wanted, size_t count,
                    size_t joints, double weight);

/* The same from the teacher's first class instead of its distribution (Touvron et al. 2021, eq. 3):
 * the mean cross-entropy with it, without smoothing. */
double vc_hard_distillation(float *dlogits, const float *logits, const float *teacher, size_t batch,
                            size_t classes, double weight);

/* The logits of a teacher, and how they are used. */
typedef struct vc_teaching {
    const float *logits;       /* (batch, classes) */
    double share, temperature; /* share: of the loss; temperature: of soft distillation */
    int hard;                  /* its first class, in place of its distribution */
} vc_teaching;

/* The loss of two heads (Touvron et al. 2021, section 4): labels teach the first, the teacher
 * teaches the second. heads (2, batch, classes) and their gradient, which may be NULL. The loss is
 * (1 - share) * cross-entropy + share * distillation; both terms are returned without their
 * weights. Hits are those of the first head. */
vc_loss vc_two_head_loss(float *dheads, const float *heads, const vc_labels *labels,
                         const vc_teaching *teaching, size_t batch, size_t classes,
                         float smoothing);

#ifdef __cplusplus
}
#endif

#endif
