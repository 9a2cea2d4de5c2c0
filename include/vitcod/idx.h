/* IDX, the format of MNIST and its relatives, plain or gzipped: two zero bytes, a type (8: unsigned
 * byte, the only one in use for images), the rank, big-endian sizes, then the values. */
#ifndef VITCOD_IDX_H
#define VITCOD_IDX_H

#include "vitcod/tensor.h"

/* Reads the whole file; out->data is the caller's to free(). */
vc_status vc_idx_read(vc_tensor *out, const char *path);

#endif
