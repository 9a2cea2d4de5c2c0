/* The safetensors format: 8 bytes header length, a JSON header, then the tensors' bytes. Read through
 * a mapping, so a model costs no copy until it is used. */
#ifndef VITCOD_SAFETENSORS_H
#define VITCOD_SAFETENSORS_H

#include "vitcod/tensor.h"

typedef struct vc_safetensors vc_safetensors;

typedef struct vc_metadata {
    const char *key;
    const char *value;
} vc_metadata;

/* VC_EFORMAT when header, shapes, dtypes and offsets disagree with each other or with the file's
 * size; the tensors must cover the data without gap or overlap, as the format demands. */
vc_status vc_safetensors_open(vc_safetensors **out, const char *path);
void vc_safetensors_close(vc_safetensors *file);

const char *vc_safetensors_path(const vc_safetensors *file);
size_t vc_safetensors_count(const vc_safetensors *file);
const vc_named_tensor *vc_safetensors_at(const vc_safetensors *file, size_t index);
const vc_tensor *vc_safetensors_find(const vc_safetensors *file, const char *name); /* or NULL */

/* The tensor `name` with exactly this dtype and shape, or a message that says what was found. */
vc_status vc_safetensors_get(const vc_tensor **out, const vc_safetensors *file, const char *name,
                             vc_dtype dtype, size_t rank, const size_t *shape);

/* An entry of __metadata__, or NULL. */
const char *vc_safetensors_metadata(const vc_safetensors *file, const char *key);

/* Tensors keep their order in the file and start at multiples of 64 bytes of the file wherever
 * their sizes allow it. */
vc_status vc_safetensors_write(const char *path, const vc_named_tensor *tensors, size_t count,
                               const vc_metadata *metadata, size_t metadata_count);

#endif
