/* What `simulate` says. */
#include "simulate.h"

static const vc_field fields[] = {
    {VC_FIELD(simulated, plan_hash, "", "of the plan, where there is one"), VC_KNOWN},
    {VC_FIELD(simulated, method, "", "kept entries alone, with summaries, a residual, or dense"),
     VC_KNOWN},
    {VC_FIELD(simulated, kind, "", "timeline, bound, control or list")},
    {VC_FIELD_INLINE(simulated, timeline, &vc_timeline_record), VC_WHEN(simulated, is_timeline)},
    {VC_FIELD_INLINE(simulated, bound, &vc_bounds_record), VC_WHEN(simulated, is_bound)},
    {VC_FIELD_INLINE(simulated, control, &vc_control_record), VC_WHEN(simulated, is_control)},
    {VC_FIELD_INLINE(simulated, list, &vc_catalogue_record), VC_WHEN(simulated, is_list)},
};
const vc_record simulate_record = VC_RECORD("simulate", simulated, fields);

void simulate_print(const void *result)
{
    const simulated *r = result;
    if (r->is_timeline)
        vc_timeline_print(stdout, &r->timeline);
    else if (r->is_list)
        vc_catalogue_print(stdout, &r->list);
    else if (r->is_bound)
        vc_bounds_print(stdout, &r->bound);
    else
        vc_control_print(stdout, &r->control);
}
