/* Which of vitcod's own files one is. */
#ifndef VC_FILE_KIND_IMPL_H
#define VC_FILE_KIND_IMPL_H

#include "vitcod/file_kind.h"
#include "vitcod/tensor.h"

/* Of an npy file the array gets dtype and shape, of others rank 0. */
vc_file_kind vc__file_own(vc_tensor *array, const vc_mapped_file *file);

/* What a file of this kind is called, and whether it is YAML. */
const char *vc__file_kind_what(vc_file_kind kind);
int vc__file_kind_is_yaml(vc_file_kind kind);

/* The part of a file that is looked at, if it is text: it begins in ASCII, and goes on in that or
 * beyond it, with line ends. Else 0. */
size_t vc__file_text_length(const vc_mapped_file *file);

#endif
