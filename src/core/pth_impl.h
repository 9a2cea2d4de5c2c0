/* Which files are PyTorch's. */
#ifndef VC_PTH_IMPL_H
#define VC_PTH_IMPL_H

#include "vitcod/file.h"

/* 1 if the file is a zip archive or in one of the formats that PyTorch used before. */
int vc__pth_begins(const vc_mapped_file *file);

#endif
