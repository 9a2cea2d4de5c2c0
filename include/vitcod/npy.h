/* NumPy's .npy format, versions 1 to 3 (NEP 1), and .npz archives. Written is little endian in C
 * order. */
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
/* The same of an array in an archive of several, by its name without .npy; NULL: the only one. */
vc_status vc_npy_open_member(vc_npy *out, const char *path, const char *member);
void vc_npy_close(vc_npy *npy);

/* What an archive holds: of the first VC_NPZ_NAMES arrays the names without .npy, empty for what is
 * no array or has a longer name. count 0: the file is no archive. */
enum { VC_NPZ_NAMES = 32, VC_NPZ_NAME = 64 };
typedef struct vc_npz_names {
    size_t count;
    char names[VC_NPZ_NAMES][VC_NPZ_NAME];
} vc_npz_names;
vc_status vc_npz_list(vc_npz_names *out, const char *path);

/* Whether a file begins as npy, or is an archive called .npz; it may still be damaged. */
int vc_npy_is(const char *path);

vc_status vc_npy_write(const char *path, const vc_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif
