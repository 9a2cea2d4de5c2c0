/* What a file is, told from its first bytes, for those who wanted another. */
#ifndef VC_FILE_KIND_IMPL_H
#define VC_FILE_KIND_IMPL_H

#include "vitcod/file.h"

/* VC_EFORMAT "PATH: is WHAT, wanted ..." for a file of a kind that is known, else VC_OK. */
vc_status vc__file_refuse_known(const char *path, const vc_mapped_file *file, const char *wanted);

#endif
