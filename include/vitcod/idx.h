/* IDX, the format of MNIST and data sets like it, plain or gzipped: two zero bytes, a type (8 is
 * unsigned byte, the only one used for images), the rank, the sizes as big-endian numbers, then the
 * values. */
#ifndef VITCOD_IDX_H
#define VITCOD_IDX_H

#include "vitcod/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads the whole file; out->data is the caller's to free(). */
vc_status vc_idx_read(vc_tensor *out, const char *path);

#ifdef __cplusplus
}
#endif

#endif
