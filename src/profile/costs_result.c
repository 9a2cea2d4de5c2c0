/* What `profile --costs` says. */
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/attention_costs.h"
#include "vitcod/isa.h"
#include "vitcod/profile.h"

static const vc_field cost_fields[] = {
    {VC_FIELD(vc_cost_result, panel, "", "precision of the panels")},
    {VC_FIELD(vc_cost_result, panel_entry, "", "an entry of a panel, kept or not")},
    {VC_FIELD(vc_cost_result, row_entry, "", "a kept entry outside the panel")},
    {VC_FIELD(vc_cost_result, row, "", "a query that has such entries at all")},
    {VC_FIELD(vc_cost_result, unit, "", "of these; empty where they were given")},
    {VC_FIELD(vc_cost_result, source, "", "measured, cached or given")},
    {VC_FIELD(vc_cost_result, cache, "", "the file that remembers them"), VC_KNOWN},
};
static const vc_record cost_record = VC_RECORD("cost", vc_cost_result, cost_fields);

static const vc_field costs_fields[] = {
    {VC_FIELD_RECORDS(vc_costs_result, costs, cost_count, "costs", &cost_record,
                      "what splits by cost go by, on heads of 64 values")},
};
const vc_record vc_costs_record = VC_RECORD("costs of attention", vc_costs_result, costs_fields);

vc_status vc_costs_result_open(vc_costs_result *out)
{
    const size_t count = vc_cpu_has_bf16() ? 2 : 1;
    *out = (vc_costs_result){.costs = calloc(count, sizeof *out->costs)};
    if (!out->costs)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        vc_attention_costs here;
        vc_cost_result *to = &out->costs[i];
        VC_TRY(vc_attention_costs_get(&here, (int)i));
        *to = (vc_cost_result){.panel = i ? "bf16" : "fp32",
                               .panel_entry = here.costs.panel_entry,
                               .row_entry = here.costs.row_entry,
                               .row = here.costs.row,
                               .unit = here.source == VC_COSTS_GIVEN ? "" : "ns",
                               .source = vc_costs_source_name(here.source)};
        snprintf(to->cache, sizeof to->cache, "%s", here.cache);
        out->cost_count++;
    }
    return VC_OK;
}
