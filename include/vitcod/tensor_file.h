/* A file of named tensors in any of the formats that can be read: see safetensors.h and pth.h. */
#ifndef VITCOD_TENSOR_FILE_H
#define VITCOD_TENSOR_FILE_H

#include "vitcod/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_tensor_file vc_tensor_file;

typedef struct vc_metadata {
    const char *key;
    const char *value;
} vc_metadata;

void vc_tensor_file_close(vc_tensor_file *file);

const char *vc_tensor_file_path(const vc_tensor_file *file);
/* 1: the path is that of an index, and the values lie in the files that it names. */
int vc_tensor_file_is_index(const vc_tensor_file *file);
size_t vc_tensor_file_count(const vc_tensor_file *file);
const vc_named_tensor *vc_tensor_file_at(const vc_tensor_file *file, size_t index);
const vc_tensor *vc_tensor_file_find(const vc_tensor_file *file, const char *name); /* or NULL */

/* The tensor `name`, which must have exactly this dtype and shape; otherwise the message says what
 * was found. */
vc_status vc_tensor_file_get(const vc_tensor **out, const vc_tensor_file *file, const char *name,
                             vc_dtype dtype, size_t rank, const size_t *shape);

/* Says that these values will not be needed for a while, so that their memory may be given back. A
 * mapped file is read again when the values are touched. */
void vc_tensor_file_forget(const vc_tensor_file *file, const void *values, size_t bytes);

/* Sentences on what was chosen, left out or converted when the file was opened; NULL after the
 * last. */
const char *vc_tensor_file_note(const vc_tensor_file *file, size_t index);

/* The value that the file's metadata gives for `key`, or NULL. */
const char *vc_tensor_file_metadata(const vc_tensor_file *file, const char *key);

#ifdef __cplusplus
}
#endif

#endif
