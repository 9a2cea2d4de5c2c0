/* A file of named tensors as another one: under other names, in other shapes. */
#ifndef VITCOD_TENSOR_FILE_CHANGE_H
#define VITCOD_TENSOR_FILE_CHANGE_H

#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Other names, shapes or values for what a file holds. */
typedef struct vc_tensor_file_change {
    const vc_named_tensor *tensors; /* (count) all that there are from now on */
    size_t count;
    const vc_metadata *metadata; /* (metadata_count) in addition, before the file's own */
    size_t metadata_count;
    const char *const *notes; /* (note_count) in addition, behind the file's own; copied */
    size_t note_count;
    void *memory; /* holds the names, texts and values that are not the file's; NULL: none */
    void (*release)(void *memory);
} vc_tensor_file_change;

/* Puts a changed file in the place of *file, which lives on behind it. `memory` is released with
 * the file, or at once on failure, which leaves *file as it was. VC_EFORMAT for two tensors of one
 * name, VC_ENOMEM. */
vc_status vc_tensor_file_change_to(vc_tensor_file **file, const vc_tensor_file_change *change);

#ifdef __cplusplus
}
#endif

#endif
