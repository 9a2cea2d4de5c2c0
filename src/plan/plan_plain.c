/* Plans with tokens in their own order and without global tokens. */
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

void vc__number_tokens(int32_t *order, size_t heads, size_t tokens)
{
    for (size_t i = 0; i < heads * tokens; i++)
        order[i] = (int32_t)(i % tokens);
}

static vc_status assemble_plain(vc_plan *out, const vc_mask *mask)
{
    const size_t maps = mask->layers * mask->heads, queries = mask->queries, keys = mask->keys;
    int32_t *room = calloc(maps * (queries + keys + 1), sizeof *room);
    if (!room)
        return vc_fail(VC_ENOMEM, "out of memory for a layer's order");
    const vc_token_order order = {room, room + maps * queries, room + maps * (queries + keys)};
    vc__number_tokens(order.queries, maps, queries);
    vc__number_tokens(order.keys, maps, keys);
    const vc_status status = vc_plan_assemble(out, mask, &order, queries);
    free(room);
    return status;
}

static vc_status plain_layer(vc_plan *out, const vc_plan_layer *from)
{
    const size_t heads = from->heads, queries = from->queries, keys = from->keys;
    vc_mask mask;
    VC_TRY(vc_mask_open(&mask, 1, heads, queries, keys));
    vc_plan_layer_mask(mask.pruned, from);
    vc_status status = assemble_plain(out, &mask);
    vc_mask_close(&mask);
    if (status == VC_OK)
        status = vc__plan_copy_optional(&out->layers[0], from);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}

/* Appends `more`. Both are closed if this fails, or if `status` is a failure already. */
static vc_status append(vc_plan *out, vc_plan *more, vc_status status)
{
    if (status == VC_OK)
        status = vc_plan_append(out, more);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}

vc_status vc_plan_plain(vc_plan *out, const vc_plan *plan)
{
    *out = (vc_plan){.reordered = plan->reordered};
    for (size_t l = 0; l < plan->layer_count; l++) {
        vc_plan layer = {0};
        VC_TRY(append(out, &layer, plain_layer(&layer, &plan->layers[l])));
        out->threshold = out->layers[l].queries;
    }
    return VC_OK;
}

vc_status vc_plan_of_masks(vc_plan *out, const vc_mask *masks, size_t count)
{
    *out = (vc_plan){0};
    for (size_t g = 0; g < count; g++) {
        vc_plan group = {0};
        VC_TRY(append(out, &group, assemble_plain(&group, &masks[g])));
        out->threshold = masks[0].queries;
    }
    return VC_OK;
}
