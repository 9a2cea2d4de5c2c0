/* A plan in token order. */
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

static void number(int32_t *order, size_t heads, size_t tokens)
{
    for (size_t i = 0; i < heads * tokens; i++)
        order[i] = (int32_t)(i % tokens);
}

static vc_status plain_layer(vc_plan *out, const vc_plan_layer *from)
{
    const size_t heads = from->heads, queries = from->queries, keys = from->keys;
    const vc__plan_member *share = &vc__plan_members[VC__KEPT_SHARE];
    vc_mask mask;
    VC_TRY(vc_mask_open(&mask, 1, heads, queries, keys));
    vc_plan_layer_mask(mask.pruned, from);
    int32_t *room = calloc(heads * (queries + keys + 1), sizeof *room);
    vc_status status = room ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a layer's order");
    if (status == VC_OK) {
        const vc_token_order order = {room, room + heads * queries,
                                      room + heads * (queries + keys)};
        number(order.queries, heads, queries);
        number(order.keys, heads, keys);
        status = vc_plan_assemble(out, &mask, &order, queries);
    }
    free(room);
    vc_mask_close(&mask);
    if (status != VC_OK || !from->kept_share)
        return status;
    status = vc__plan_array_open(&out->layers[0], share, 0);
    if (status == VC_OK)
        memcpy(out->layers[0].kept_share, from->kept_share,
               heads * queries * sizeof *from->kept_share);
    else
        vc_plan_close(out);
    return status;
}

vc_status vc_plan_plain(vc_plan *out, const vc_plan *plan)
{
    *out = (vc_plan){0};
    for (size_t l = 0; l < plan->layer_count; l++) {
        vc_plan layer;
        vc_status status = plain_layer(&layer, &plan->layers[l]);
        if (status == VC_OK)
            status = vc_plan_append(out, &layer);
        if (status != VC_OK) {
            vc_plan_close(out);
            return status;
        }
        out->threshold = out->layers[l].queries;
    }
    return VC_OK;
}
