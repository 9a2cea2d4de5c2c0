/* The inside of a tensor file, which the reader of a format fills. */
#ifndef VC_TENSOR_FILE_IMPL_H
#define VC_TENSOR_FILE_IMPL_H

#include "vitcod/file.h"
#include "vitcod/tensor_file.h"
#include "vitcod/weights.h"

struct vc_tensor_file {
    char *path;
    vc_named_tensor *tensors; /* (count) their names and values are in the backing */
    size_t count;
    const vc_named_tensor **by_name; /* (count) sorted by name */
    vc_metadata *metadata;
    size_t metadata_count;
    char **notes; /* (note_count) */
    size_t note_count;
    vc_weights_kind kind;  /* ANY: not known */
    int is_index;          /* see vc_tensor_file_is_index */
    void *made;            /* values that were converted, or NULL */
    vc_mapped_file mapped; /* the mapping that holds the values, if one does */
    void *backing;         /* memory of the reader, released with the file */
    void (*close_backing)(void *backing);
};

/* Makes a file without tensors yet. It owns `backing` from here on, even when this fails. */
vc_status vc__tensor_file_begin(vc_tensor_file **out, const char *path, void *backing,
                                void (*close_backing)(void *backing));

/* Makes room for this many tensors and metadata entries (VC_ENOMEM). The reader then fills them in
 * and sets their counts. */
vc_status vc__tensor_file_reserve(vc_tensor_file *file, size_t tensors, size_t metadata);

/* Adds a sentence to the file's notes, without its path. */
vc_status vc__tensor_file_note(vc_tensor_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sorts the names; two tensors of one name are VC_EFORMAT. */
vc_status vc__tensor_file_finish(vc_tensor_file *file);

#endif
