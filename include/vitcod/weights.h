/* Weights in any of the formats in use. */
#ifndef VITCOD_WEIGHTS_H
#define VITCOD_WEIGHTS_H

#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Training loops keep two sets: the weights as they were learnt last, and averaged over steps
 * (EMA). */
typedef enum vc_weights_kind { VC_WEIGHTS_ANY, VC_WEIGHTS_RAW, VC_WEIGHTS_EMA } vc_weights_kind;

const char *vc_weights_kind_text(vc_weights_kind kind); /* "raw weights" */

/* Opens a PyTorch checkpoint by vc_pth_open, the index of a checkpoint in several files
 * (model.safetensors.index.json) with all of them, and anything else by vc_safetensors_open. The
 * file's first bytes decide, not its name.
 *
 * Where raw and averaged weights are there, `kind` chooses; VC_WEIGHTS_ANY takes the averaged ones,
 * as timm does. Prefixes of wrappers (module., _orig_mod., model., backbone., ...) are removed when
 * all names have them. F16, BF16 and F64 become F32. Whatever was chosen, removed or converted is a
 * note of the file (vc_tensor_file_note).
 *
 * VC_EFORMAT for what is no weights, which is named as what it is; VC_EINVAL for weights of the
 * other kind. */
vc_status vc_weights_open(vc_tensor_file **out, const char *path, vc_weights_kind kind);

#ifdef __cplusplus
}
#endif

#endif
