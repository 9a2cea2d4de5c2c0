/* Masks of several models at several sparsities, below one folder. */
#ifndef VC_FIND_MASKS_H
#define VC_FIND_MASKS_H

#include "vitcod/model.h"

/* The plan of a model's mask at a sparsity: DIR/ARCH/0.9.npy, DIR/ARCH/0.9/ (LeViT), or where
 * ViTCoD has it, DIR/deit_tiny_lowrank_0.9/info_0.9.npy and DIR/levit_128_lowrank/masks/0.9/.
 * VC_EIO naming the places where it is not. */
vc_status cli_find_plan(vc_plan *out, const vc_model_config *model, const char *folder,
                        const char *arch, double sparsity, size_t threshold);

/* What files about a model are called: the last part of a path, without `.safetensors`. */
void cli_stem(char out[256], const char *model);

/* Where a model's attention maps are: FOLDER/ARCH.npy or FOLDER/ARCH; 0: neither is there. */
int cli_find_maps(char *out, size_t room, const char *folder, const char *arch);

#endif
