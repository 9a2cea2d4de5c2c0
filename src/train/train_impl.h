/* Shared inside the train room. */
#ifndef VC_TRAIN_IMPL_H
#define VC_TRAIN_IMPL_H

#include "vitcod/train.h"

/* Names everything that decides the course of a run: options, data, the model's sizes and
 * attention, the teacher. Not the weights, which a checkpoint brings. */
uint64_t vc__train_fingerprint(const vc_model *model, const vc_source *data,
                               const vc_train_options *options);

/* VC_EINVAL for options out of range, or that do not fit the model, the data or each other. */
vc_status vc__check_training(const vc_model *model, const vc_source *data,
                             const vc_train_options *options);

/* Whether the student is compared with more than the teacher's logits. */
int vc__looks_inside(const vc_train_options *options);

/* Names what is not finite, of several what came first in the step: "in the parameter ...", "in
 * what block 3 takes", "in the gradient of ..."; empty: all is (divergence.c). */
void vc__first_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts,
                          const vc_grads *grads);

#endif
