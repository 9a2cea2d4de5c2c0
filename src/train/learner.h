/* What training has to know of an architecture: one row each, chosen in grads.c. */
#ifndef VC_LEARNER_H
#define VC_LEARNER_H

#include "train_impl.h"

typedef struct vc__learner {
    /* Gradients of activations in the arena, which may only be counting. */
    void (*place)(vc_grads *grads, const vc_model *model, size_t batch);
    /* The views of the flat block, whose blocks are allocated. */
    vc_status (*bind)(vc_grads *grads, const vc_model *model);
    void (*release)(vc_grads *grads);
    /* As vc_model_backward_taught. */
    vc_distances (*backward)(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                             size_t batch, float reconstruction, const vc_lesson *lesson);
    /* As vc__first_not_finite, in the activations; 0: all are finite. */
    int (*find)(char place[VC__PLACE_ROOM], const vc_model *model, const vc_acts *acts);
    size_t least_share; /* images that each process must have in a step */
    int drops_alike;    /* stochastic depth: every branch as often, else growing with the depth */
} vc__learner;

extern const vc__learner vc__deit_learner, vc__levit_learner;
const vc__learner *vc__learner_of(const vc_model *model);

/* grads->classified: the gradient of one head's logits. */
void vc__classifier_gradient(vc_grads *grads, const vc_model *model, size_t head, size_t batch);

/* What reaches a branch (0 or 1 of a layer) of dy (batch, image), the stream's gradient; `scaled` has room for it. */
const float *vc__branch_gradient(float *scaled, const float *dy, const vc_acts *acts, size_t layer,
                                 size_t branch, size_t batch, size_t image);

/* Tells that the parameters from `first` on are done: they lie in the order in which they are used. */
void vc__ready(const vc_grads *grads, const float *first);

/* One attention: what lay between the projections, and where the gradients go. */
typedef struct vc__attend_grads {
    const float *q, *k, *v; /* as projected */
    const float *encoded[2], *decoded[2], *probs;
    float *dq, *dk, *dv;
    float *dout;    /* with a residual it is changed */
    float *dscores; /* as in vc_attention_backward */
    vc_attention_shape shape;
} vc__attend_grads;

/* `coders`: the gradients of the auto-encoders. The reconstruction loss, weight * ||x - x'||, has the gradient weight *
 * (x - x') / ||x - x'||, to both sides. */
void vc__attend_backward(vc_grads *grads, const vc__attend_grads *attention,
                         const vc_coder coders[2], const vc_acts *acts, const vc_model *model,
                         size_t layer, float reconstruction);

#endif
