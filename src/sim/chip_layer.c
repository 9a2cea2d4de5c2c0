/* A layer's attention on a chip of any kind, and what a plan becomes on a chip that does not
 * reorder. */
#include "chip_impl.h"

vc_status vc__layer_run(vc__machine *m, const vc_attention_sizes *sizes, const vc_plan_layer *plan,
                        const vc_chip_values *values)
{
    const vc_chip_kind *kind = m->config->kind;
    const vc_pattern_options how = {.split = VC_PATTERN_BY_PLAN, .plan_order = 1};
    vc__chip_layer a = {.machine = m, .sizes = *sizes};
    if (values && !kind->takes_values)
        return vc_fail(VC_EINVAL, "the dataflow %s takes no data, wanted vitcod", kind->name);
    if (plan && plan->pooling.count > 0)
        return vc_fail(VC_EUNSUPPORTED, "a chip does not compute summaries");
    if (values && plan && plan->kept_share)
        return vc_fail(VC_EUNSUPPORTED, "data is not sent through a plan with a residual");
    VC_TRY(
        plan ? vc_pattern_open(&a.pattern, plan, &how)
             : vc_pattern_open_whole(&a.pattern, sizes->heads, sizes->queries, sizes->keys));
    vc_status status = values ? vc__flow_open(&a.flow, sizes, &a.pattern, values) : VC_OK;
    if (status == VC_OK)
        status = kind->run(&a);
    vc__flow_close(a.flow);
    vc_pattern_close(&a.pattern);
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
