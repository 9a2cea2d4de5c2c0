/* The ways to compute attention, a file each, and what a plan becomes on a chip that does not reorder. */
#include "rivals.h"

typedef vc_status run_attention(vc__chip_layer *attention);

static run_attention *const dataflows[VC_DATAFLOW_COUNT] = {
    [VC_DATAFLOW_VITCOD] = vc__vitcod,
    [VC_DATAFLOW_SYSTOLIC] = vc__systolic,
    [VC_DATAFLOW_SANGER] = vc__sanger,
    [VC_DATAFLOW_SPATTEN] = vc__spatten,
};

vc_status vc__dataflow_run(vc__machine *m, const vc_attention_sizes *sizes,
                           const vc_plan_layer *plan, const vc_chip_values *values)
{
    vc__chip_layer a = {.machine = m, .sizes = *sizes};
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

vc_status vc_chip_plan(const vc_plan **out, vc_plan *room, const vc_chip_config *c,
                       const vc_plan *plan)
{
    *room = (vc_plan){0};
    *out = c->steps.prune ? plan : NULL;
    if (!*out || c->steps.reorder)
        return VC_OK;
    *out = room;
    return vc_plan_plain(room, plan);
}
