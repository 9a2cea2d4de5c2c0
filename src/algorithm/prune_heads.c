/* Masks that keep a given number of entries of each head. */
#include <stdlib.h>
#include <string.h>

#include "entry_order.h"
#include "vitcod/head_curves.h"

static vc_status prune_group(vc_mask *out, const vc_maps *m, const uint64_t *kept,
                             size_t prefix_tokens)
{
    const size_t entries = m->queries * m->keys;
    VC_TRY(vc_mask_open(out, m->layers, m->heads, m->queries, m->keys));
    int32_t *order = malloc(entries * sizeof *order);
    vc_status status = order ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu entries", entries);
    memset(out->pruned, 1, m->layers * m->heads * entries);
    for (size_t h = 0; status == VC_OK && h < m->layers * m->heads; h++) {
        size_t forced;
        status = vc__entry_order(order, &forced, m->values + h * entries, m->queries, m->keys,
                                 prefix_tokens);
        const size_t count = kept[h] > forced ? (size_t)kept[h] : forced;
        for (size_t i = 0; status == VC_OK && i < count && i < entries; i++)
            out->pruned[h * entries + (size_t)order[i]] = 0;
    }
    free(order);
    return status;
}

vc_status vc_prune_heads(vc_mask *out, const vc_maps *maps, size_t count, const uint64_t *kept,
                         size_t prefix_tokens)
{
    vc_status status = VC_OK;
    for (size_t g = 0; g < count; g++)
        out[g] = (vc_mask){0};
    for (size_t g = 0; status == VC_OK && g < count; g++) {
        status = prune_group(&out[g], &maps[g], kept, prefix_tokens);
        kept += maps[g].layers * maps[g].heads;
    }
    for (size_t g = 0; status != VC_OK && g < count; g++)
        vc_mask_close(&out[g]);
    return status;
}
