/* A checkpoint in several files, by their index: JSON with "weight_map", tensor to file. */
#ifndef VC_SHARDS_IMPL_H
#define VC_SHARDS_IMPL_H

#include "vitcod/file.h"
#include "vitcod/weights.h"

/* 1 if the file is JSON that has "weight_map". */
int vc__shards_begin(const vc_mapped_file *file);

/* Opens the files beside the index, by `open`. VC_EFORMAT when index and files disagree, or for a
 * file that is not beside the index. */
vc_status vc__shards_open(vc_tensor_file **out, const char *path, vc_weights_kind kind,
                          vc_status (*open)(vc_tensor_file **out, const char *path,
                                            vc_weights_kind kind));

#endif
