/* Weights in either of the formats that are in use. */
#ifndef VITCOD_WEIGHTS_H
#define VITCOD_WEIGHTS_H

#include "vitcod/tensor_file.h"

/* vc_pth_open for what begins as a PyTorch checkpoint, else vc_safetensors_open: by the file's first
 * bytes, not by its name. */
vc_status vc_weights_open(vc_tensor_file **out, const char *path);

#endif
