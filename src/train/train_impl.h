/* Shared inside the train room. */
#ifndef VC_TRAIN_IMPL_H
#define VC_TRAIN_IMPL_H

#include "vitcod/train.h"

/* Names everything that decides the course of a run: options, data, the model's sizes and attention, the teacher. Not the
 * weights, which a checkpoint brings. */
uint64_t vc__train_fingerprint(const vc_model *model, const vc_source *data,
                               const vc_train_options *options);

/* VC_EINVAL for options out of range, or that do not fit the model, the data or each other. */
vc_status vc__check_training(const vc_model *model, const vc_source *data,
                             const vc_train_options *options);

/* Whether the student is compared with more than the teacher's logits. */
int vc__looks_inside(const vc_train_options *options);

enum { VC__PLACE_ROOM = 128 };

/* Names what is not finite, of several what came first in the step: "in the parameter ...", "in what block 3 takes",
 * "in the gradient of ..."; empty: all is (divergence.c). */
void vc__first_not_finite(char place[VC__PLACE_ROOM], const vc_model *model, const vc_acts *acts,
                          const vc_grads *grads);

/* The distance of what leaves block `layer`, or its heads, from the teacher's; to dx `weight` times its
 * share of the gradient is added (features.c). */
double vc__feature_distance(float *dx, const vc_acts *acts, const vc_acts *teacher,
                            const vc_model *model, size_t layer, size_t batch, float weight);
double vc__attention_distance(float *dx, const vc_acts *acts, const vc_acts *teacher,
                              const vc_model *model, size_t layer, size_t batch, float weight);

int vc__is_finite(const float *x, size_t count);

/* VC_EUNSUPPORTED for weights that lie in a file. */
vc_status vc__check_trainable(const vc_model *model);

#endif
