/* Shared by the files that read npy. */
#ifndef VC_NPY_IMPL_H
#define VC_NPY_IMPL_H

#include "vitcod/npy.h"

/* What a header says of the values behind it. */
typedef struct vc__npy_layout {
    vc_tensor tensor;         /* as it is in memory; without data */
    char kind;                /* b, i, u or f */
    size_t width;             /* bytes of a value in the file */
    int big_endian, fortran;  /* the first index runs fastest */
    size_t first, data_bytes; /* where the values are */
} vc__npy_layout;

int vc__npy_begins(const unsigned char *bytes, size_t length);

/* VC_EFORMAT also where data is missing or left over. */
vc_status vc__npy_parse(vc__npy_layout *out, const unsigned char *bytes, size_t length,
                        const char *path);

/* 1 if values can be used where they lie in the file. */
int vc__npy_as_it_is(const vc__npy_layout *layout, const unsigned char *bytes);

/* Returns new memory with the values in C order, in this machine's byte order, in the tensor's
 * dtype. `*room` is what must be freed. */
vc_status vc__npy_convert(void **room, const vc__npy_layout *layout, const unsigned char *bytes,
                          const char *path);

/* An array of an npz archive by its name without .npy, NULL for the only one, inflated into new
 * memory. */
vc_status vc__npz_read(unsigned char **room, size_t *length, const vc_mapped_file *file,
                       const char *path, const char *member);
int vc__npz_is(const vc_mapped_file *file);

#endif
