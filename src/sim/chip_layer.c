/* A layer's attention on a chip of any kind, and what a plan becomes on a chip that does not
 * reorder. */
#include <stdlib.h>

#include "chip_impl.h"

vc_status vc__layer_run(vc__machine *m, const vc_attention_sizes *sizes, const vc_plan_layer *plan,
                        const vc_chip_values *values)
{
    const vc_chip_kind *kind = m->config->kind;
    const vc_pattern_options how = {.split = VC_PATTERN_BY_PLAN, .plan_order = 1};
    vc__chip_layer a = {.machine = m, .sizes = *sizes};
    if (values && !kind->takes_values)
        return vc_fail(VC_EINVAL, "the dataflow %s takes no data, wanted vitcod", kind->name);
    if (plan && plan->pooling.count > 0 && !kind->takes_summaries)
        return vc_fail(VC_EUNSUPPORTED, "the dataflow %s computes no summaries, wanted vitcod",
                       kind->name);
    if (plan && plan->pooling.query && plan->pooling.dim != sizes->head_dim)
        return vc_fail(VC_EINVAL, "layer %d is pooled by queries of %zu values, wanted %zu",
                       m->layer, plan->pooling.dim, sizes->head_dim);
    VC_TRY(plan ? vc_pattern_open(&a.pattern, plan, &how)
                : vc_pattern_open_whole(&a.pattern, sizes->heads, sizes->queries, sizes->keys));
    a.keys = sizes->keys + vc_pattern_summaries(&a.pattern);
    vc__columns columns = {.of = malloc(sizes->keys * sizeof *columns.of)};
    a.columns = &columns;
    if (values && values->key_parts) {
        *values->key_parts = (vc_key_parts){1, 1};
        a.key_parts = values->key_parts;
    }
    vc_status status =
        columns.of ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a head's columns");
    if (status == VC_OK && values)
        status = vc__flow_open(&a.flow, sizes, &a.pattern, values);
    if (status == VC_OK)
        status = kind->run(&a);
    vc__flow_close(a.flow);
    free(columns.of);
    vc_pattern_close(&a.pattern);
    return status;
}

static int has_summaries(const vc_plan *plan)
{
    for (size_t l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].pooling.count > 0)
            return 1;
    return 0;
}

vc_status vc_chip_plan(const vc_plan **out, vc_plan *room, const vc_chip_config *c,
                       const vc_plan *plan)
{
    const int drop = has_summaries(plan) && !c->kind->takes_summaries;
    *room = (vc_plan){0};
    *out = c->steps.prune ? plan : NULL;
    if (!*out || (c->steps.reorder && !drop))
        return VC_OK;
    *out = room;
    VC_TRY(c->steps.reorder ? vc_plan_copy(room, plan) : vc_plan_plain(room, plan));
    if (drop)
        vc_plan_drop_summaries(room);
    return VC_OK;
}

const char *vc_chip_summaries(const vc_chip_config *c, const vc_plan *plan)
{
    if (!plan || !has_summaries(plan))
        return NULL;
    if (!c->steps.prune)
        return c->kind->adapt ? "left out: it prunes in its own way"
                              : "left out: its attention is dense";
    return c->kind->takes_summaries ? "computed" : "left out: the mask's entries alone";
}
