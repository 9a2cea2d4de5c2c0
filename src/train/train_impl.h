/* Shared by the files of training. */
#ifndef VC_TRAIN_IMPL_H
#define VC_TRAIN_IMPL_H

#include "vitcod/train.h"

/* Everything that decides the course of a run, by name: the options, and hashes of the data, the
 * sizes and attention of the model, and the teacher. Weights are not included: a checkpoint holds
 * them. NULL: out of memory. */
json_t *vc__train_settings(const vc_model *model, const vc_source *data,
                           const vc_train_options *options);

/* VC_EINVAL for options that are out of range, or do not fit the model, the data or each other. */
vc_status vc__check_training(const vc_model *model, vc_source *data,
                             const vc_train_options *options);

/* 1 if the student is compared with more of the teacher than its logits. */
int vc__looks_inside(const vc_train_options *options);

/* Names what is not finite, and of several the first of the step: "in the parameter ...", "in what
 * block 3 takes", "in the gradient of ..."; empty if all is finite (divergence.c). */
void vc__first_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts,
                          const vc_grads *grads);

#endif
