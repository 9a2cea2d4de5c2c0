/* Shared between the files of DeiT. */
#ifndef VC__DEIT_IMPL_H
#define VC__DEIT_IMPL_H

#include "backward_impl.h"
#include "deit.h"
#include "model_impl.h"
#include "vitcod/blocks.h"

void vc__deit_walk(vc__walk *walk, const vc__deit_config *config, vc__deit_weights *weights);
const char *vc__deit_preset_name(size_t index);
void vc__deit_preset(vc_model_config *out, size_t index);
int vc__deit_recognise(const vc_tensor_file *file);
vc_status vc__deit_read_config(vc_model_config *out, const vc_tensor_file *file,
                               const vc_tensor_file *autoencoder, const vc_model_options *options);
const char *vc__deit_pool_word(vc__deit_pool pool); /* timm's: token, avg */
size_t vc__deit_metadata(vc_metadata *entries, vc__family_text *texts,
                         const vc_model_config *config);
void vc__deit_place(vc_acts *acts, const vc_model *model);
void vc__deit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap);
void vc__deit_forward_tokens(vc_acts *acts, const vc_model *model, const float *image,
                             vc__tokens *tokens);
/* The parts of the forward pass. `rows`: tokens of all images together. */
void vc__deit_embed(vc_acts *acts, const vc_model *model, const float *images, size_t batch);
/* Makes again what acts->keep did not keep of a layer. */
void vc__deit_make_again(const vc_acts *acts, const vc_model *model, size_t layer, size_t batch);
void vc__deit_project(vc_acts *acts, const vc_model *model, size_t layer, size_t rows);
void vc__deit_unproject(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                        size_t rows);
void vc__deit_attend(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                     const vc_tap *tap);
void vc__deit_hidden(vc_acts *acts, const vc_model *model, size_t layer, size_t rows);
void vc__deit_mlp(vc_acts *acts, const vc_model *model, size_t layer, size_t batch, size_t rows);
/* `tokens`: what is left of them in one image, or NULL. */
/* What lies between the products of the MLP. dx may be dy where nothing is gated. */
vc_activation vc__deit_activation(const vc__deit_config *config);
void vc__deit_activate(float *y, const float *x, const vc__deit_config *config, size_t rows);
/* Returns 1 where it is vc_gelu_backward_in, which adds to db and, with half, does not write dx; 0:
 * dx is written, and db is not. */
int vc__deit_activate_backward(vc_half *half, float *dx, float *db, const float *dy, const float *x,
                               const vc__deit_config *config, size_t rows);
void vc__deit_classify(vc_acts *acts, const vc_model *model, size_t batch,
                       const vc__tokens *tokens);
/* From grads->dlogits to the gradient of the residual stream that leaves the last block. */
void vc__deit_classify_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                size_t batch);
void vc__deit_blocks(vc_block_list *list, const vc_model_config *config, const vc_model *model);

/* Gradients of activations, those that all layers share. */
typedef struct vc__deit_grads {
    vc__deit_weights views; /* of the flat block */
    float *stream, *norm, *qkv, *attention, *mlp;
    float *gated; /* of what the MLP's gates leave; NULL: `mlp` is of that too */
    float *pooled, *head, *class_norm, *class_in, *patches;
} vc__deit_grads;

static inline vc__deit_grads *vc__deit_grads_of(const vc_grads *grads)
{
    return grads->state;
}

void vc__deit_place_grads(vc_grads *grads, const vc_model *model, size_t batch);
vc_distances vc__deit_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                               size_t batch, float reconstruction, const vc_lesson *lesson);
int vc__deit_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts);

#endif
