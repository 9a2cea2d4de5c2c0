/* The backward pass of a model. */
#ifndef VITCOD_GRADIENTS_H
#define VITCOD_GRADIENTS_H

#include "vitcod/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The distance of a student from its teacher inside the model: the mean over the L blocks, the
 * images and the tokens of ||x - t||^2 / ||t||^2; of the last block, over those tokens that the
 * classifiers read, since a sparse model may well drop what has no effect. Both models must have
 * the same depth, tokens and width, and both forward passes must have kept everything. */
typedef struct vc_distances {
    double features;  /* of what leaves each block */
    double attention; /* of the heads' outputs, before the projection */
} vc_distances;

typedef struct vc_grads {
    float *values;  /* the flat block, laid out as the model's parameters */
    float *dlogits; /* (B, outputs) to be set before a backward pass */
    /* (classifiers, B, outputs) of acts->head_logits, in addition to what comes from dlogits; 0
     * unless set */
    float *dhead_logits;
    /* (B, frames, outputs) of acts->frames, of a model of poses; 0 unless set */
    float *dframes;
    void *state; /* the family's: views on the flat block, gradients of activations */
    float *decoded[2], *encoded[2]; /* of Q and K */
    float *classified;              /* (B, outputs) of one head */
    /* of one layer, as vc_attention_gradients has them; the caller may set them to NULL: not
     * wanted */
    float *summary_bias, *pool_weights, *pool_query;
    float *scratch;
    vc_arena arena;
    /* Called by the backward pass when the flat block from `from` to its end will not change any
     * more; may be NULL. */
    void (*on_ready)(void *context, size_t from);
    /* Called with what a layer's attention was computed from, probs, and the gradient of its heads'
     * outputs, (B, Tq, H, Dv) with out_stride; may be NULL. */
    void (*on_heads)(void *context, size_t layer, const vc_attention *attention, const float *probs,
                     const float *dout);
    void *context;
} vc_grads;

/* VC_EUNSUPPORTED for weights that are in a mapped file, and without VC_ABILITY_LEARNS. */
vc_status vc_model_check_trainable(const vc_model *model);

vc_status vc_grads_open(vc_grads *out, const vc_model *model, size_t batch);
void vc_grads_close(vc_grads *grads);
void vc_grads_clear(vc_grads *grads, const vc_model *model);

/* Adds the gradients of the parameters, given grads->dlogits and the activations of
 * vc_model_observe. `reconstruction` is the weight of the auto-encoder's loss (ViTCoD: 1e-4). */
void vc_model_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model, size_t batch,
                       float reconstruction);

typedef struct vc_lesson {
    const vc_acts *teacher;
    float features, attention; /* weights of the distances; 0: not looked at */
} vc_lesson;

/* The same with the gradient of the weighted distances. Returns the distances without weights. */
vc_distances vc_model_backward_taught(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                      size_t batch, float reconstruction, const vc_lesson *lesson);

/* ---- properties of a model that training needs */

/* How many images each process must have in a step: two if BatchNorm needs a deviation. */
size_t vc_model_least_share(const vc_model_config *config);

/* Stochastic depth (Huang et al. 2016): the share of images for which a branch of `layer` is left
 * out, if it is `most` for the last block. */
double vc_model_drop_share(const vc_model_config *config, double most, size_t layer);

int vc_all_finite(const float *x, size_t count);

/* Names the first activation that is not finite, in the order of the forward pass: "in what
 * block 3 takes"; 0: all are finite. */
enum { VC_PLACE_ROOM = 128 };
int vc_model_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts);

#ifdef __cplusplus
}
#endif

#endif
