/* What stands in for the pruned entries of a plan that is made of masks. */
#include <stdlib.h>

#include "vitcod/distill.h"
#include "vitcod/kept_share.h"

static vc_status take_summaries(vc_stand_in *out, const char *summaries, const char *path)
{
    VC_TRY(vc_statistics_read(&out->statistics, path, NULL));
    out->path = path;
    out->summaries = calloc(out->statistics.kinds.layers + 1, sizeof *out->summaries);
    if (!out->summaries)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", out->statistics.kinds.layers);
    return vc_statistics_summaries(out->summaries, &out->statistics, summaries, path);
}

vc_status vc_stand_in_open(vc_stand_in *out, const vc_plan *plan, const char *maps,
                           const char *summaries, const char *statistics)
{
    *out = (vc_stand_in){.plan = plan};
    vc_status status = VC_OK;
    if (maps) {
        out->path = maps;
        status = vc_map_set_read(&out->maps, maps);
    } else if (summaries) {
        status = take_summaries(out, summaries, statistics);
    }
    if (status != VC_OK)
        vc_stand_in_close(out);
    return status;
}

vc_status vc_stand_in_complete(const void *context, vc_plan *plan)
{
    const vc_stand_in *s = context;
    if (s->plan)
        VC_TRY(vc_plan_copy_rest(plan, s->plan));
    if (s->summaries)
        return vc_plan_add_summaries(plan, s->summaries, s->statistics.maps, s->statistics.groups,
                                     s->path);
    return s->path ? vc_plan_add_kept_shares(plan, s->maps.maps, s->maps.files.count, s->path)
                   : VC_OK;
}

void vc_stand_in_close(vc_stand_in *s)
{
    vc_map_set_close(&s->maps);
    vc_statistics_close(&s->statistics);
    free((void *)s->summaries);
    *s = (vc_stand_in){0};
}
