#include "vitcod/mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/file_kind.h"
#include "vitcod/memory_limit.h"
#include "vitcod/npy.h"

vc_status vc_mask_open(vc_mask *out, size_t layers, size_t heads, size_t queries, size_t keys)
{
    *out = (vc_mask){.layers = layers, .heads = heads, .queries = queries, .keys = keys};
    const vc_tensor maps = {.rank = 4, .shape = {layers, heads, queries, keys}};
    out->pruned = vc_memory_take(vc_tensor_count(&maps), 1, "a mask");
    if (!out->pruned)
        return VC_ENOMEM;
    memset(out->pruned, 0, vc_tensor_count(&maps));
    return VC_OK;
}

void vc_mask_close(vc_mask *mask)
{
    free(mask->pruned);
    *mask = (vc_mask){0};
}

/* What a value says of its entry: kept (0), pruned (1), pruned as what is added to scores (2). */
static int kind_of(double value)
{
    return value == 0.0 ? 0 : value == 1.0 ? 1 : value == -INFINITY ? 2 : -1;
}

static vc_status take_values(uint8_t *pruned, const vc_tensor *tensor, const char *path)
{
    const size_t count = vc_tensor_count(tensor);
    size_t first[3] = {count, count, count}; /* where each kind of value comes first */
    for (size_t i = 0; i < count; i++) {
        const double value = vc_tensor_value(tensor, i);
        const int kind = kind_of(value);
        if (kind < 0 && vc_file_kind_of(path) == VC_FILE_MAPS)
            VC_TRY(vc_file_refuse_path(path, "a mask"));
        if (kind < 0)
            return vc_fail(VC_EFORMAT,
                           "%s: %g at flat index %zu, wanted a mask of 0 and 1 (pruned), or of 0 "
                           "and -inf",
                           path, value, i);
        first[kind] = first[kind] == count ? i : first[kind];
        if (first[1] < count && first[2] < count)
            return vc_fail(VC_EFORMAT,
                           "%s: 1 at flat index %zu and -inf at %zu, wanted a mask of 0 and 1 "
                           "(pruned), or of 0 and -inf",
                           path, first[1], first[2]);
        pruned[i] = kind != 0;
    }
    return VC_OK;
}

static vc_status copy_values(vc_mask *out, const vc_tensor *tensor, const char *path)
{
    char text[VC_SHAPE_TEXT];
    const size_t *shape = tensor->shape;
    if (tensor->rank != 4 || vc_tensor_count(tensor) == 0)
        return vc_fail(VC_EFORMAT, "%s: %s %s, wanted a mask (layers, heads, queries, keys)", path,
                       vc_dtype_name(tensor->dtype), vc_shape_text(text, tensor->rank, shape));
    VC_TRY(vc_mask_open(out, shape[0], shape[1], shape[2], shape[3]));
    const vc_status status = take_values(out->pruned, tensor, path);
    if (status != VC_OK)
        vc_mask_close(out);
    return status;
}

vc_status vc_mask_read(vc_mask *out, const char *path)
{
    return vc_mask_read_member(out, path, NULL);
}

vc_status vc_mask_read_member(vc_mask *out, const char *path, const char *member)
{
    *out = (vc_mask){0};
    vc_npy npy;
    VC_TRY(vc_npy_open_member(&npy, path, member));
    vc_status status = copy_values(out, &npy.tensor, path);
    vc_npy_close(&npy);
    return status;
}

vc_status vc_mask_write(const char *path, const vc_mask *mask)
{
    vc_tensor tensor = {.dtype = VC_BOOL,
                        .rank = 4,
                        .shape = {mask->layers, mask->heads, mask->queries, mask->keys},
                        .data = mask->pruned};
    return vc_npy_write(path, &tensor);
}

uint8_t *vc_mask_head(const vc_mask *mask, size_t layer, size_t head)
{
    return mask->pruned + (layer * mask->heads + head) * mask->queries * mask->keys;
}

size_t vc_mask_kept(const vc_mask *mask)
{
    size_t count = mask->layers * mask->heads * mask->queries * mask->keys, kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += !mask->pruned[i];
    return kept;
}

vc_status vc_mask_check_rows(const vc_mask *mask, const char *path)
{
    size_t rows = mask->layers * mask->heads * mask->queries;
    for (size_t row = 0; row < rows; row++)
        if (!memchr(mask->pruned + row * mask->keys, 0, mask->keys)) {
            size_t head = row / mask->queries;
            return vc_fail(VC_EINVAL,
                           "%s: layer %zu head %zu row %zu keeps no entry, wanted at least one",
                           path, head / mask->heads, head % mask->heads, row % mask->queries);
        }
    return VC_OK;
}
