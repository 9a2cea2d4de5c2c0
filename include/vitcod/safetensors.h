/* The safetensors format: 8 bytes header length, a JSON header, then the tensors' bytes. Read through
 * a mapping, so a model costs no copy until it is used. */
#ifndef VITCOD_SAFETENSORS_H
#define VITCOD_SAFETENSORS_H

#include "vitcod/tensor_file.h"

/* VC_EFORMAT when header, shapes, dtypes and offsets disagree with each other or with the file's
 * size; the tensors must cover the data without gap or overlap, as the format demands. */
vc_status vc_safetensors_open(vc_tensor_file **out, const char *path);

/* Tensors keep their order in the file and start at multiples of 64 bytes of the file wherever
 * their sizes allow it. */
vc_status vc_safetensors_write(const char *path, const vc_named_tensor *tensors, size_t count,
                               const vc_metadata *metadata, size_t metadata_count);

#endif
