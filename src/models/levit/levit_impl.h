/* Shared between the files of LeViT. */
#ifndef VC__LEVIT_IMPL_H
#define VC__LEVIT_IMPL_H

#include "backward_impl.h"
#include "levit.h"
#include "model_impl.h"

/* Where an attention stands. */
typedef struct vc__levit_place {
    size_t stage, block; /* block in its stage; 0 for a subsampling one */
    int subsampling;     /* it leads from stage - 1 into stage */
} vc__levit_place;

size_t vc__levit_blocks(const vc__levit_config *config);
vc__levit_place vc__levit_place_of(const vc__levit_config *config, size_t index);
const vc__levit_attention *vc__levit_attention_of(const vc__levit_config *config,
                                                  vc__levit_place place);
/* Width and side of the tokens that go into a block, and of those that leave it. */
typedef struct vc__levit_span {
    size_t width_in, width_out, side_in, side_out;
} vc__levit_span;
vc__levit_span vc__levit_span_of(const vc__levit_config *config, vc__levit_place place);

/* The one between products: y may be x, dx may be dy. */
vc_activation vc__levit_activation(const vc__levit_config *config);
void vc__levit_activate(const vc_model *model, float *y, const float *x, size_t count);
void vc__levit_activate_backward(const vc_model *model, float *dx, const float *dy, const float *x,
                                 size_t count);

void vc__levit_walk(vc__walk *walk, const vc__levit_config *config, vc__levit_weights *weights);
const char *vc__levit_preset_name(size_t index);
void vc__levit_preset(vc_model_config *out, size_t index);
/* As vc__family.adapt: products that are convolutions, folded norms. */
vc_status vc__levit_unfold(vc_tensor_file **file);
int vc__levit_recognise(const vc_tensor_file *file);
vc_status vc__levit_read_config(vc_model_config *out, const vc_tensor_file *file,
                                const vc_tensor_file *autoencoder, const vc_model_options *options);
/* The tables of offsets that older checkpoints carry must be those that follow from the sizes. */
vc_status vc__levit_check_indices(const vc_model *model);
vc_status vc__levit_fold(vc_model *model);
/* out (H, Tq, Tk) from a block's biases. */
void vc__levit_expand_biases(float *out, const float *biases, const vc__levit_shape *shape);
void vc__levit_place_acts(vc_acts *acts, const vc_model *model);
void vc__levit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                       const vc_tap *tap);
void vc__levit_place_kept(vc__levit_kept *out, vc_acts *acts, const vc_model *model);
void vc__levit_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch);
void vc__levit_settle(vc_model *model, const vc_acts *acts, size_t batch);
void vc__levit_refresh(vc_model *model);
void vc__levit_blocks_of(vc_block_list *list, const vc_model_config *config, const vc_model *model);

/* Gradients of activations, those that all blocks share. */
typedef struct vc__levit_grads {
    vc__levit_weights views;
    float *stream[2]; /* in turn, as the forward pass of inference has them */
    float *product;   /* behind the norm that ends a branch */
    float *hidden, *attention, *projected, *queries, *thinned, *windows;
    float *scores, *biases[2]; /* (B, ...) of scores; summed over the batch; (H, Tq, Tk) */
    float *sorted, *sorted_w, *sorted_b; /* of copies of parameters, see vc__levit_normed_acts */
    float *head_in, *head_mean, *mean;
} vc__levit_grads;

static inline vc__levit_grads *vc__levit_grads_of(const vc_grads *grads)
{
    return grads->state;
}

void vc__levit_place_grads(vc_grads *grads, const vc_model *model, size_t batch);
vc_distances vc__levit_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                size_t batch, float reconstruction, const vc_lesson *lesson);
int vc__levit_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts);

#endif
