#include "vitcod/kept_share.h"

#include <stdlib.h>

#include "maps_of_plan.h"
#include "vitcod/memory_limit.h"

vc_status vc__maps_fit_plan(const vc_plan *plan, const vc_maps *maps, size_t count,
                            const char *path)
{
    size_t layer = 0;
    for (size_t g = 0; g < count; g++)
        for (size_t l = 0; l < maps[g].layers; l++, layer++) {
            const vc_plan_layer *p = layer < plan->layer_count ? &plan->layers[layer] : NULL;
            if (p && p->heads == maps[g].heads && p->queries == maps[g].queries &&
                p->keys == maps[g].keys)
                continue;
            return vc_fail(VC_EINVAL,
                           "%s: attention (%zu, %zu, %zu) of layer %zu does not fit the plan", path,
                           maps[g].heads, maps[g].queries, maps[g].keys, layer);
        }
    if (layer == plan->layer_count)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: attention of %zu layers does not fit a plan of %zu", path, layer,
                   plan->layer_count);
}

static vc_status add_to_layer(vc_plan_layer *p, const float *attention)
{
    const size_t rows = p->heads * p->queries, keys = p->keys;
    uint8_t *pruned = vc_memory_take(rows, keys, "the mask of a layer");
    free(p->kept_share);
    p->kept_share = vc_memory_take(rows, sizeof *p->kept_share, "the kept shares of a layer");
    if (!pruned || !p->kept_share) {
        free(pruned);
        return VC_ENOMEM;
    }
    vc_plan_layer_mask(pruned, p);
    for (size_t r = 0; r < rows; r++) {
        double all = 0.0, kept = 0.0;
        for (size_t k = 0; k < keys; k++) {
            all += (double)attention[r * keys + k];
            kept += pruned[r * keys + k] ? 0.0 : (double)attention[r * keys + k];
        }
        p->kept_share[r] = all > 0.0 && kept < all ? (float)(kept / all) : 1.0f;
    }
    free(pruned);
    return VC_OK;
}

vc_status vc_plan_add_kept_shares(vc_plan *plan, const vc_maps *maps, size_t count,
                                  const char *path)
{
    VC_TRY(vc__maps_fit_plan(plan, maps, count, path));
    for (size_t g = 0, layer = 0; g < count; g++)
        for (size_t l = 0; l < maps[g].layers; l++, layer++)
            VC_TRY(
                add_to_layer(&plan->layers[layer],
                             maps[g].values + l * maps[g].heads * maps[g].queries * maps[g].keys));
    return VC_OK;
}
