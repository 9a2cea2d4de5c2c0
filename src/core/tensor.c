#include "vitcod/tensor.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
    size_t bytes;
    const char *name;
} dtypes[VC_DTYPE_COUNT] = {
#define VC_DTYPE_ROW(name, bytes, safetensors, npy) {bytes, safetensors},
    VC_DTYPE_MAP(VC_DTYPE_ROW)
#undef VC_DTYPE_ROW
};

size_t vc_dtype_bytes(vc_dtype dtype)
{
    return dtypes[dtype].bytes;
}

const char *vc_dtype_name(vc_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t vc_tensor_count(const vc_tensor *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(count, tensor->shape[i], &count))
            return SIZE_MAX;
    return count;
}

int vc_tensor_has(const vc_tensor *tensor, vc_dtype dtype, size_t rank, const size_t *shape)
{
    if (tensor->dtype != dtype || tensor->rank != rank)
        return 0;
    for (size_t i = 0; i < rank; i++)
        if (tensor->shape[i] != shape[i])
            return 0;
    return 1;
}

const char *vc_shape_text(char text[VC_SHAPE_TEXT], size_t rank, const size_t *shape)
{
    size_t used = (size_t)snprintf(text, VC_SHAPE_TEXT, "(");
    for (size_t i = 0; i < rank && used + 24 < VC_SHAPE_TEXT; i++)
        used +=
            (size_t)snprintf(text + used, VC_SHAPE_TEXT - used, "%s%zu", i ? ", " : "", shape[i]);
    snprintf(text + used, VC_SHAPE_TEXT - used, ")");
    return text;
}

/* Whole models are read by this, so without a branch for each value. */
static int are_finite(const float *values, size_t count)
{
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return bad == 0;
}

vc_status vc_tensor_check_finite(const vc_tensor *tensor, const char *path, const char *name)
{
    assert(tensor->dtype == VC_F32);
    const float *values = tensor->data;
    size_t count = vc_tensor_count(tensor);
    if (are_finite(values, count))
        return VC_OK;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return vc_fail(VC_EINVAL, "%s: '%s' holds %f at flat index %zu, wanted finite numbers",
                           path, name, (double)values[i], i);
    return VC_OK;
}
