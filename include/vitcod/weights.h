/* Weights in either of the two formats in use. */
#ifndef VITCOD_WEIGHTS_H
#define VITCOD_WEIGHTS_H

#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens a PyTorch checkpoint by vc_pth_open and anything else by vc_safetensors_open. The file's
 * first bytes decide, not its name. */
vc_status vc_weights_open(vc_tensor_file **out, const char *path);

#ifdef __cplusplus
}
#endif

#endif
