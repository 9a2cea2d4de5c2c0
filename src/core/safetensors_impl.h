/* Which files are safetensors. */
#ifndef VC_SAFETENSORS_IMPL_H
#define VC_SAFETENSORS_IMPL_H

#include "vitcod/file.h"

/* 1 if the file begins as safetensors do, sound or not. */
int vc__safetensors_begins(const vc_mapped_file *file);

#endif
