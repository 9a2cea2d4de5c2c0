/* A dense row-major array, as .npy and safetensors files hold it. The struct does not own
 * `data`. */
#ifndef VITCOD_TENSOR_H
#define VITCOD_TENSOR_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_MAX_RANK = 8, VC_SHAPE_TEXT = 160 };

/* Name, bytes per value, name in safetensors, name in .npy (NULL: .npy cannot hold the type). */
#define VC_DTYPE_MAP(X)                                                                            \
    X(F32, 4, "F32", "<f4")                                                                        \
    X(F64, 8, "F64", "<f8")                                                                        \
    X(F16, 2, "F16", "<f2")                                                                        \
    X(BF16, 2, "BF16", NULL)                                                                       \
    X(I64, 8, "I64", "<i8")                                                                        \
    X(I32, 4, "I32", "<i4")                                                                        \
    X(I8, 1, "I8", "|i1")                                                                          \
    X(U8, 1, "U8", "|u1")                                                                          \
    X(BOOL, 1, "BOOL", "|b1")

typedef enum vc_dtype {
#define VC_DTYPE_ENUM(name, bytes, safetensors, npy) VC_##name,
    VC_DTYPE_MAP(VC_DTYPE_ENUM)
#undef VC_DTYPE_ENUM
        VC_DTYPE_COUNT
} vc_dtype;

typedef struct vc_tensor {
    vc_dtype dtype;
    size_t rank;
    size_t shape[VC_MAX_RANK];
    void *data;
} vc_tensor;

typedef struct vc_named_tensor {
    const char *name;
    vc_tensor tensor;
} vc_named_tensor;

size_t vc_dtype_bytes(vc_dtype dtype);
const char *vc_dtype_name(vc_dtype dtype); /* as in safetensors: "F32" */

/* Number of values; 1 for rank 0. Returns SIZE_MAX when the product does not fit. */
size_t vc_tensor_count(const vc_tensor *tensor);

/* One value of any dtype; of I64 rounded above 2^53. */
double vc_tensor_value(const vc_tensor *tensor, size_t index);

/* 1 if the tensor has this dtype, rank and shape, else 0. */
int vc_tensor_has(const vc_tensor *tensor, vc_dtype dtype, size_t rank, const size_t *shape);

/* Writes "(4, 3, 224, 224)" for messages; returns `text`. */
const char *vc_shape_text(char text[VC_SHAPE_TEXT], size_t rank, const size_t *shape);

/* VC_EINVAL if a float32 tensor holds a NaN or an infinity; the message names the position. */
vc_status vc_tensor_check_finite(const vc_tensor *tensor, const char *path, const char *name);

#ifdef __cplusplus
}
#endif

#endif
