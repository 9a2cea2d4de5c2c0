/* The safetensors format: 8 bytes with the header's length, a JSON header, then the tensors' bytes.
 * Files are mapped, so opening a model reads none of its weights. */
#ifndef VITCOD_SAFETENSORS_H
#define VITCOD_SAFETENSORS_H

#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a file begins as one does; it may still be damaged. */
int vc_safetensors_is(const char *path);

/* VC_EFORMAT when header, shapes, dtypes and offsets disagree with each other or with the file's
 * size. As the format demands, the tensors must cover the data without gap or overlap. */
vc_status vc_safetensors_open(vc_tensor_file **out, const char *path);

/* Writes the tensors in this order or, where a value would not lie at a multiple of its size, those
 * of wider values first. Each starts at a multiple of 64 bytes of the file where the sizes of those
 * before allow it. */
vc_status vc_safetensors_write(const char *path, const vc_named_tensor *tensors, size_t count,
                               const vc_metadata *metadata, size_t metadata_count);

#ifdef __cplusplus
}
#endif

#endif
