/* Shared between the files of DeiT. */
#ifndef VC_DEIT_IMPL_H
#define VC_DEIT_IMPL_H

#include "model_impl.h"

void vc__deit_walk(vc__walk *walk, const vc_deit_config *config, vc_deit_weights *weights);
int vc__deit_recognise(const vc_tensor_file *file);
vc_status vc__deit_read_config(vc_model_config *out, const vc_tensor_file *file,
                               const vc_tensor_file *autoencoder, const vc_model_options *options);
void vc__deit_place(vc_acts *acts, const vc_model *model);
void vc__deit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap);
vc_status vc__deit_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan);

#endif
