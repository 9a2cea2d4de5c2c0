/* NumPy's .npy format, versions 1 to 3, little endian, C order (NEP 1). */
#ifndef VITCOD_NPY_H
#define VITCOD_NPY_H

#include "vitcod/file.h"
#include "vitcod/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_npy {
    vc_tensor tensor; /* points into `file`: read only */
    vc_mapped_file file;
} vc_npy;

/* VC_EFORMAT for a wrong magic number, an unknown dtype, Fortran order, or a file whose length is
 * not what its header says. */
vc_status vc_npy_open(vc_npy *out, const char *path);
void vc_npy_close(vc_npy *npy);

vc_status vc_npy_write(const char *path, const vc_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif
