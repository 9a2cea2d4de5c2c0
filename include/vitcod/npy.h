/* NumPy's .npy format, versions 1 to 3 (NEP 1), and .npz archives of one array. Written is little
 * endian in C order. */
#ifndef VITCOD_NPY_H
#define VITCOD_NPY_H

#include "vitcod/file.h"
#include "vitcod/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_npy {
    vc_tensor tensor; /* read only; points into `file` where values lie there as memory has them */
    vc_mapped_file file;
    unsigned char *inflated; /* of an archive */
    void *values;            /* converted */
} vc_npy;

/* Floats, integers and booleans in any byte order and in C or Fortran order, handed out in C order.
 * Integers of 16 bits and unsigned ones of 32 and 64 become I32 and I64. VC_EFORMAT for a wrong
 * magic number, another dtype, a file whose length is not what its header says, and an archive that
 * is unsound or has several arrays. */
vc_status vc_npy_open(vc_npy *out, const char *path);
void vc_npy_close(vc_npy *npy);

vc_status vc_npy_write(const char *path, const vc_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif
