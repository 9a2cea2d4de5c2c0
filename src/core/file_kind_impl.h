/* Which of vitcod's own files one is. */
#ifndef VC_FILE_KIND_IMPL_H
#define VC_FILE_KIND_IMPL_H

#include "vitcod/file_kind.h"
#include "vitcod/tensor.h"

/* Of an npy file the array gets dtype and shape, of others rank 0. */
vc_file_kind vc__file_own(vc_tensor *array, const vc_mapped_file *file);

#endif
