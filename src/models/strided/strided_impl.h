/* Shared between the files of the Strided Transformer. */
#ifndef VC__STRIDED_IMPL_H
#define VC__STRIDED_IMPL_H

#include "backward_impl.h"
#include "model_impl.h"
#include "strided.h"

void vc__strided_walk(vc__walk *walk, const vc__strided_config *config,
                      vc__strided_weights *weights);
const char *vc__strided_preset_name(size_t index);
void vc__strided_preset(vc_model_config *out, size_t index);
int vc__strided_recognise(const vc_tensor_file *file);
vc_status vc__strided_read_config(vc_model_config *out, const vc_tensor_file *file,
                                  const vc_tensor_file *autoencoder,
                                  const vc_model_options *options);
size_t vc__strided_metadata(vc_metadata *entries, vc__family_text *texts,
                            const vc_model_config *config);
/* The strides that were published for so many frames; NULL: none. */
const size_t *vc__strided_published(size_t frames);
void vc__strided_place(vc_acts *acts, const vc_model *model);
void vc__strided_forward(vc_acts *acts, const vc_model *model, const float *poses, size_t batch,
                         const vc_tap *tap);
/* On the batch's own statistics, with the head over all frames. */
void vc__strided_observe(vc_acts *acts, const vc_model *model, const float *poses, size_t batch);
void vc__strided_settle(vc_model *model, const vc_acts *acts, size_t batch);
int vc__strided_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts);
void vc__strided_place_grads(vc_grads *grads, const vc_model *model, size_t batch);
vc_distances vc__strided_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                  size_t batch, float reconstruction, const vc_lesson *lesson);
void vc__strided_blocks_of(vc_block_list *list, const vc_model_config *config,
                           const vc_model *model);
/* A convolution's weights (outputs, M, 3) as (outputs, 3, M), which is how windows lie. */
void vc__strided_sort_kernel(float *out, const float *weight, size_t outputs, size_t channels);

#endif
