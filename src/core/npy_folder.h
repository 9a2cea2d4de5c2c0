/* A folder of npy files as a file of tensors. */
#ifndef VC_NPY_FOLDER_H
#define VC_NPY_FOLDER_H

#include "vitcod/tensor_file.h"

/* Whether a folder holds npy files that are called as parameters are: NAME.weight.npy, or .bias. */
int vc__npy_folder_is(const char *path);

/* All its npy files; VC_EFORMAT for one that is broken. */
vc_status vc__npy_folder_open(vc_tensor_file **out, const char *path);

#endif
