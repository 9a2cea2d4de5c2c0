/* What a comparison or a sweep is about: models, their plans and maps, by what people call them. */
#ifndef VITCOD_SUBJECT_H
#define VITCOD_SUBJECT_H

#include "vitcod/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A preset by timm's name, without a plan; or the model's file that `name` stands for, which lies
 * at `path` (NULL: there is none), with the plan inside it, which may be none: no layers. `is_file`
 * tells which. The caller closes the plan. */
vc_status vc_subject_model(vc_model_config *config, vc_plan *plan, int *is_file, const char *name,
                           const char *path);

/* A file that is there, and no preset's name. */
int vc_subject_is_file(const char *name);

/* The plan of a mask's file or folder (vc_mask_set_read). */
vc_status vc_subject_mask(vc_plan *out, const char *path, size_t threshold);

/* The plan of a model's mask at a sparsity: FOLDER/ARCH/0.9.npy, FOLDER/ARCH/0.9/ (LeViT), or where
 * ViTCoD has it, FOLDER/deit_tiny_lowrank_0.9/info_0.9.npy and FOLDER/levit_128_lowrank/masks/0.9/.
 * VC_EINVAL naming the places where it is not. */
vc_status vc_subject_plan(vc_plan *out, const vc_model_config *model, const char *folder,
                          const char *arch, double sparsity, size_t threshold);

/* Whether there is one, which need not mean that it can be read. */
int vc_subject_has_mask(const char *folder, const char *arch, double sparsity);

/* What files about a model are called: the last part of a path, without `.safetensors`. */
void vc_subject_stem(char out[256], const char *model);

/* Where a model's attention maps are: FOLDER/ARCH.npy or FOLDER/ARCH; 0: neither is there. */
int vc_subject_maps(char *out, size_t room, const char *folder, const char *arch);

#ifdef __cplusplus
}
#endif

#endif
