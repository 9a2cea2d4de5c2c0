/* Shared between the files of LeViT. */
#ifndef VC_LEVIT_IMPL_H
#define VC_LEVIT_IMPL_H

#include "model_impl.h"

/* Where an attention stands. */
typedef struct vc__levit_place {
    size_t stage, block; /* block in its stage; 0 for a subsampling one */
    int subsampling;     /* it leads from stage - 1 into stage */
} vc__levit_place;

size_t vc__levit_blocks(const vc_levit_config *config);
vc__levit_place vc__levit_place_of(const vc_levit_config *config, size_t index);
const vc_levit_attention *vc__levit_attention_of(const vc_levit_config *config,
                                                 vc__levit_place place);
/* Width and side of the tokens that go into a block, and of those that leave it. */
typedef struct vc__levit_span {
    size_t width_in, width_out, side_in, side_out;
} vc__levit_span;
vc__levit_span vc__levit_span_of(const vc_levit_config *config, vc__levit_place place);

void vc__levit_walk(vc__walk *walk, const vc_levit_config *config, vc_levit_weights *weights);
int vc__levit_recognise(const vc_tensor_file *file);
vc_status vc__levit_read_config(vc_model_config *out, const vc_tensor_file *file,
                                const vc_tensor_file *autoencoder, const vc_model_options *options);
/* The tables of offsets that older checkpoints carry must be those that follow from the sizes. */
vc_status vc__levit_check_indices(const vc_model *model);
vc_status vc__levit_fold(vc_model *model);
/* out (H, Tq, Tk) from a block's biases. */
void vc__levit_expand_biases(float *out, const float *biases, const vc_levit_shape *shape);
void vc__levit_place_acts(vc_acts *acts, const vc_model *model);
void vc__levit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                       const vc_tap *tap);
void vc__levit_place_kept(vc_acts *acts, const vc_model *model);
void vc__levit_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch);
void vc__levit_settle(vc_model *model, const vc_acts *acts, size_t batch);
void vc__levit_refresh(vc_model *model);
vc_status vc__levit_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan);

#endif
