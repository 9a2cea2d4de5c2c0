/* A checkpoint under other names, put together tensor by tensor. */
#ifndef VC_RENAMING_H
#define VC_RENAMING_H

#include "vitcod/arena.h"
#include "vitcod/tensor_file.h"

enum { VC__TENSOR_NAME = 128, VC__RENAMING_METADATA = 16, VC__RENAMING_NOTES = 12 };

typedef struct vc__renaming {
    const vc_tensor_file *from;
    vc_arena arena;
    vc_named_tensor *tensors; /* NULL in the pass that only counts */
    size_t count, room;
    vc_metadata metadata[VC__RENAMING_METADATA];
    size_t metadata_count;
    const char *notes[VC__RENAMING_NOTES];
    size_t note_count;
} vc__renaming;

/* What adds all tensors of `from`; run twice, to count and to place. `context` is the caller's. */
typedef vc_status (*vc__rename_all)(vc__renaming *to, void *context);

/* Puts what `all` adds in the place of *file, with at most `per_tensor` tensors for each of the
 * file's. On failure *file stays. */
vc_status vc__rename(vc_tensor_file **file, vc__rename_all all, void *context, size_t per_tensor);

/* Adds a tensor; the name is copied. */
void vc__rename_add(vc__renaming *to, const char *name, const vc_tensor *tensor);
/* Room for a tensor's values; NULL in the pass that only counts. */
float *vc__rename_floats(vc__renaming *to, size_t count);
/* Metadata and notes; a key is not copied. */
void vc__rename_say(vc__renaming *to, const char *key, const char *value);
void vc__rename_note(vc__renaming *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
