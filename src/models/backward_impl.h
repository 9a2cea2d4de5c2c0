/* What the backward passes of the families share. */
#ifndef VC_BACKWARD_IMPL_H
#define VC_BACKWARD_IMPL_H

#include "vitcod/gradients.h"

/* grads->classified: the gradient of one head's logits. */
void vc__classifier_gradient(vc_grads *grads, const vc_model *model, size_t head, size_t batch);

/* What reaches a branch (0 or 1 of a layer) of dy (batch, image), the stream's gradient;
 * `scaled` has room for it. */
const float *vc__branch_gradient(float *scaled, const float *dy, const vc_acts *acts, size_t layer,
                                 size_t branch, size_t batch, size_t image);

/* Tells that the parameters from `first` on are done: they lie in the order in which they are
 * used. */
void vc__ready(const vc_grads *grads, const float *first);

/* One attention: what lay between the projections, and where the gradients go. */
typedef struct vc__attention_grads {
    const float *q, *k, *v; /* as projected */
    const float *encoded[2], *decoded[2], *probs;
    float *dq, *dk, *dv;
    float *dout;    /* with a residual it is changed */
    float *dscores; /* as in vc_attention_backward */
    vc_attention_shape shape;
} vc__attention_grads;

/* `coders`: the gradients of the auto-encoders. The reconstruction loss, weight * ||x - x'||,
 * has the gradient weight * (x - x') / ||x - x'||, to both sides. */
void vc__attention_backward(vc_grads *grads, const vc__attention_grads *attention,
                            const vc_coder coders[2], const vc_acts *acts, const vc_model *model,
                            size_t layer, float reconstruction);

/* The distance of what leaves block `layer`, or its heads, from the teacher's; to dx `weight`
 * times its share of the gradient is added (block_distance.c). */
double vc__feature_distance(float *dx, const vc_acts *acts, const vc_acts *teacher,
                            const vc_model *model, size_t layer, size_t batch, float weight);
double vc__attention_distance(float *dx, const vc_acts *acts, const vc_acts *teacher,
                              const vc_model *model, size_t layer, size_t batch, float weight);

#endif
