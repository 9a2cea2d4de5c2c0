/* Checks every index of a layer from a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

/* The beginning of messages, before the name of a member: "PATH: vitcod.plan.layers.3.". */
typedef struct place {
    const char *path, *prefix;
    size_t index;
} place;

static vc_status check_permutation(const int32_t *order, size_t count, const place *at,
                                   const char *what)
{
    unsigned char *seen = calloc(count, 1);
    if (!seen)
        return vc_fail(VC_ENOMEM, "%s: out of memory", at->path);
    vc_status status = VC_OK;
    for (size_t i = 0; i < count && status == VC_OK; i++) {
        if (order[i] < 0 || (size_t)order[i] >= count || seen[order[i]])
            status = vc_fail(VC_EFORMAT, "%s: %slayers.%zu.%s is not a permutation of %zu tokens",
                             at->path, at->prefix, at->index, what, count);
        else
            seen[order[i]] = 1;
    }
    free(seen);
    return status;
}

static vc_status check_columns(const vc_plan_layer *layer, size_t kept, const place *at)
{
    size_t starts = layer->heads * (layer->keys + 1);
    int32_t previous = 0;
    for (size_t i = 0; i < starts; i++) {
        int32_t start = layer->column_start[i];
        int opens_head = i % (layer->keys + 1) == 0;
        if (start < previous || (size_t)start > kept || (opens_head && start != previous))
            return vc_fail(VC_EFORMAT,
                           "%s: %slayers.%zu.column_start does not ascend from 0 to %zu", at->path,
                           at->prefix, at->index, kept);
        if (!opens_head)
            for (int32_t k = previous; k < start; k++)
                if (layer->rows[k] < 0 || (size_t)layer->rows[k] >= layer->queries ||
                    (k > previous && layer->rows[k] <= layer->rows[k - 1]))
                    return vc_fail(VC_EFORMAT,
                                   "%s: %slayers.%zu.rows[%d] is %d, wanted ascending "
                                   "rows below %zu",
                                   at->path, at->prefix, at->index, k, layer->rows[k],
                                   layer->queries);
        previous = start;
    }
    if ((size_t)previous != kept)
        return vc_fail(VC_EFORMAT, "%s: %slayers.%zu.rows has %zu values, wanted %d", at->path,
                       at->prefix, at->index, kept, previous);
    return VC_OK;
}

/* The softmax of a row without an entry is undefined. Rows are marked entry by entry, since a small
 * file may speak of a map that is too large to be written out. */
static vc_status check_rows(const vc_plan_layer *layer, const place *at)
{
    vc_status status = VC_OK;
    uint8_t *keeps = malloc(layer->queries);
    if (!keeps)
        return vc_fail(VC_ENOMEM, "%s: out of memory", at->path);
    for (size_t h = 0; h < layer->heads && status == VC_OK; h++) {
        const int32_t *starts = layer->column_start + h * (layer->keys + 1);
        memset(keeps, 0, layer->queries);
        for (int32_t k = starts[0]; k < starts[layer->keys]; k++)
            keeps[layer->rows[k]] = 1;
        for (size_t q = 0; q < layer->queries && status == VC_OK; q++)
            if (!keeps[q])
                status = vc_fail(
                    VC_EINVAL,
                    "%s: %slayers.%zu: head %zu row %zu keeps no entry, wanted at least one",
                    at->path, at->prefix, at->index, h,
                    (size_t)layer->query_order[h * layer->queries + q]);
    }
    free(keeps);
    return status;
}

static vc_status check_shares(const vc_plan_layer *layer, const place *at)
{
    for (size_t r = 0; layer->kept_share && r < layer->heads * layer->queries; r++)
        if (!(layer->kept_share[r] >= 0.0f && layer->kept_share[r] <= 1.0f))
            return vc_fail(VC_EFORMAT, "%s: %slayers.%zu.kept_share[%zu] is %g, wanted 0 to 1",
                           at->path, at->prefix, at->index, r, (double)layer->kept_share[r]);
    return VC_OK;
}

vc_status vc__plan_layer_check(const vc_plan_layer *layer, size_t kept, const char *path,
                               const char *prefix, size_t index)
{
    const place at = {path, prefix, index};
    const vc_tensor maps = {.rank = 3, .shape = {layer->heads, layer->queries, layer->keys}};
    if (vc_tensor_count(&maps) > PTRDIFF_MAX)
        return vc_fail(VC_EUNSUPPORTED, "%s: %slayers.%zu has more scores than can be counted",
                       path, prefix, index);
    for (size_t h = 0; h < layer->heads; h++) {
        if (layer->global_tokens[h] < 0 || (size_t)layer->global_tokens[h] > layer->keys)
            return vc_fail(VC_EFORMAT, "%s: %slayers.%zu.global_tokens[%zu] is %d, wanted 0 to %zu",
                           path, prefix, index, h, layer->global_tokens[h], layer->keys);
        VC_TRY(check_permutation(layer->query_order + h * layer->queries, layer->queries, &at,
                                 "query_order"));
        VC_TRY(
            check_permutation(layer->key_order + h * layer->keys, layer->keys, &at, "key_order"));
    }
    VC_TRY(check_columns(layer, kept, &at));
    VC_TRY(check_shares(layer, &at));
    char name[VC_PLAN_NAME];
    snprintf(name, sizeof name, "%slayers.%zu", prefix, index);
    VC_TRY(vc__plan_summaries_check(layer, path, name));
    return check_rows(layer, &at);
}
