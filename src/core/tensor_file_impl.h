/* What the readers of tensor files fill. */
#ifndef VC_TENSOR_FILE_IMPL_H
#define VC_TENSOR_FILE_IMPL_H

#include "vitcod/file.h"
#include "vitcod/tensor_file.h"

struct vc_tensor_file {
    char *path;
    vc_named_tensor *tensors; /* (count) names and values belong to the backing */
    size_t count;
    const vc_named_tensor **by_name; /* (count) in order of their names */
    vc_metadata *metadata;
    size_t metadata_count;
    vc_mapped_file mapped; /* what the values lie in, where that is a mapping */
    void *backing;         /* of the reader */
    void (*close_backing)(void *backing);
};

/* A file without tensors yet; owns `backing` from here on, even when it fails. */
vc_status vc__tensor_file_begin(vc_tensor_file **out, const char *path, void *backing,
                                void (*close_backing)(void *backing));

/* Room for so many; VC_ENOMEM. The reader then fills tensors and metadata and sets their counts. */
vc_status vc__tensor_file_reserve(vc_tensor_file *file, size_t tensors, size_t metadata);

/* Sorts the names; two tensors of one name are VC_EFORMAT. */
vc_status vc__tensor_file_finish(vc_tensor_file *file);

#endif
