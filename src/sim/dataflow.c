/* The ways to compute attention, a file each, and what a plan becomes on a chip that does not reorder. */
#include <stdlib.h>
#include <string.h>

#include "rivals.h"

typedef vc_status run_attention(vc__attention *attention);

static run_attention *const dataflows[VC_DATAFLOW_COUNT] = {
    [VC_DATAFLOW_VITCOD] = vc__vitcod,
    [VC_DATAFLOW_SYSTOLIC] = vc__systolic,
    [VC_DATAFLOW_SANGER] = vc__sanger,
    [VC_DATAFLOW_SPATTEN] = vc__spatten,
};

vc_status vc__dataflow_run(vc__machine *m, const vc_attention_sizes *sizes,
                           const vc_plan_layer *plan, const vc_chip_values *values)
{
    vc__attention a = {.machine = m, .sizes = *sizes};
    if (values && m->config->dataflow != VC_DATAFLOW_VITCOD)
        return vc_fail(VC_EINVAL, "the dataflow %s takes no data, wanted vitcod",
                       vc_dataflow_name(m->config->dataflow));
    if (values && plan && plan->kept_share)
        return vc_fail(VC_EUNSUPPORTED, "data is not sent through a plan with a residual");
    VC_TRY(vc__layer_map_open(&a.map, sizes, plan));
    vc_status status = values ? vc__flow_open(&a.flow, sizes, &a.map, values) : VC_OK;
    if (status == VC_OK)
        status = dataflows[m->config->dataflow](&a);
    vc__flow_close(a.flow);
    vc__layer_map_close(&a.map);
    return status;
}

/* ---- plans without an order */

static vc_status plain_layer(vc_plan *out, const vc_plan_layer *from)
{
    vc_mask mask;
    VC_TRY(vc_mask_open(&mask, 1, from->heads, from->queries, from->keys));
    vc_plan_layer_mask(mask.pruned, from);
    const size_t tokens = from->queries + from->keys;
    int32_t *room = calloc(from->heads * (tokens + 1), sizeof *room);
    vc_status status = room ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a layer's order");
    if (status == VC_OK) {
        vc_token_order order = {room, room + from->heads * from->queries,
                                room + from->heads * tokens};
        for (size_t h = 0; h < from->heads; h++) {
            for (size_t q = 0; q < from->queries; q++)
                order.queries[h * from->queries + q] = (int32_t)q;
            for (size_t k = 0; k < from->keys; k++)
                order.keys[h * from->keys + k] = (int32_t)k;
        }
        status = vc_plan_assemble(out, &mask, &order, from->queries);
    }
    if (status == VC_OK && from->kept_share) {
        const size_t bytes = from->heads * from->queries * sizeof(float);
        out->layers[0].kept_share = malloc(bytes);
        if (out->layers[0].kept_share)
            memcpy(out->layers[0].kept_share, from->kept_share, bytes);
        else
            status = vc_fail(VC_ENOMEM, "out of memory for a layer's shares");
    }
    free(room);
    vc_mask_close(&mask);
    return status;
}

static vc_status plain_plan(vc_plan *out, const vc_plan *plan)
{
    for (size_t l = 0; l < plan->layer_count; l++) {
        vc_plan layer;
        VC_TRY(plain_layer(&layer, &plan->layers[l]));
        VC_TRY(vc_plan_append(out, &layer));
    }
    return VC_OK;
}

vc_status vc_chip_plan(const vc_plan **out, vc_plan *room, const vc_chip_config *c,
                       const vc_plan *plan)
{
    *room = (vc_plan){0};
    *out = c->steps.prune ? plan : NULL;
    if (!*out || c->steps.reorder)
        return VC_OK;
    *out = room;
    return plain_plan(room, plan);
}
