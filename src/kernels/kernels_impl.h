/* Shared by the files of the kernels: the declarations of all implementations. */
#ifndef VC_KERNELS_IMPL_H
#define VC_KERNELS_IMPL_H

#include "vitcod/kernels.h"

#define VC_KERNEL(name, ref, avx2, avx512, args)                                                   \
    void ref args;                                                                                 \
    void avx2 args;                                                                                \
    void avx512 args;
#include "vitcod/kernels.def"
#undef VC_KERNEL

#endif
