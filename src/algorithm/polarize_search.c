/* Searching for the threshold of polarization whose plan costs least. */
#include <math.h>

#include "vitcod/polarize.h"

typedef struct search {
    const vc_mask *masks;
    size_t count;
    vc_plan_cost *measure;
    void *context;
    const char *path;
    double least;
    vc_plan best;
} search;

static vc_status try_threshold(search *s, size_t threshold)
{
    vc_plan plan;
    double cost;
    VC_TRY(vc_polarize_groups(&plan, s->masks, s->count, threshold, s->path));
    const vc_status status = s->measure(s->context, &cost, &plan);
    if (status == VC_OK && cost < s->least) {
        vc_plan_close(&s->best);
        s->best = plan;
        s->least = cost;
        return VC_OK;
    }
    vc_plan_close(&plan);
    return status;
}

static vc_status search_thresholds(search *s)
{
    enum { GRID = VC_POLARIZE_GRID, FINE = VC_POLARIZE_FINE };
    _Static_assert(GRID + 1 + 2 * (FINE - 1) == VC_POLARIZE_MOST_TRIES, "the grid and around");
    const size_t queries = s->masks[0].queries;
    for (size_t i = 0; i <= GRID; i++)
        if (i == 0 || queries * i / GRID != queries * (i - 1) / GRID)
            VC_TRY(try_threshold(s, queries * i / GRID));
    if (s->least == INFINITY)
        return vc_fail(VC_EINVAL, "%s: no threshold has a finite cost", s->path);
    const size_t best = s->best.threshold, step = queries / GRID / FINE;
    for (size_t i = 1; i < FINE && step > 0; i++) {
        if (best >= i * step)
            VC_TRY(try_threshold(s, best - i * step));
        if (best + i * step <= queries)
            VC_TRY(try_threshold(s, best + i * step));
    }
    return VC_OK;
}

vc_status vc_polarize_search(vc_plan *out, double *cost, const vc_mask *masks, size_t count,
                             vc_plan_cost *measure, void *context, const char *path)
{
    search s = {masks, count, measure, context, path, INFINITY, {0}};
    const vc_status status = search_thresholds(&s);
    *out = (vc_plan){0};
    if (status != VC_OK) {
        vc_plan_close(&s.best);
        return status;
    }
    *out = s.best;
    *cost = s.least;
    return VC_OK;
}
