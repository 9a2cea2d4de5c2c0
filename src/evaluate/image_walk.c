#include "vitcod/comm.h"
#include "vitcod/evaluate.h"

vc_look vc_look_default(void)
{
    return (vc_look){.batch = 16};
}

vc_status vc_image_walk_open(vc_image_walk *out, const vc_model *model, vc_source *source,
                             const vc_look *how)
{
    *out = (vc_image_walk){.model = model, .source = source};
    VC_TRY(vc_model_check_source(model, source));
    out->how = vc_model_loader_options(model);
    out->how.batch = how->batch;
    out->how.rank = how->together ? (size_t)vc_comm_rank() : 0;
    out->how.ranks = how->together ? (size_t)vc_comm_size() : 0;
    out->how.on_broken = how->on_broken;
    out->how.context = how->context;
    return vc_acts_open(&out->acts, model, how->batch, 0);
}

static void begin_anew(vc_image_walk *walk)
{
    vc_loader_close(walk->loader);
    walk->loader = NULL;
    walk->batch = (vc_loaded){0};
    walk->first = 0;
}

void vc_image_walk_close(vc_image_walk *walk)
{
    begin_anew(walk);
    vc_acts_close(&walk->acts);
    *walk = (vc_image_walk){0};
}

vc_status vc_image_walk_next(vc_image_walk *w, const vc_tap *tap)
{
    if (!w->loader)
        VC_TRY(vc_loader_open(&w->loader, w->source, &w->how));
    if (w->turns && w->first + w->batch.count == 0)
        vc_turns_begin(w->turns, vc_source_count(w->source), w->how.batch, w->how.ranks > 0);
    w->first += w->batch.count;
    VC_TRY(vc_loader_next(&w->batch, w->loader));
    if (w->turns && w->batch.count > 0)
        vc_turns_reach(w->turns, w->batch.indices[0]);
    else if (w->turns)
        vc_turns_end(w->turns);
    if (w->batch.count == 0)
        begin_anew(w);
    else
        vc_model_forward(&w->acts, w->model, w->batch.x, w->batch.count, tap);
    return VC_OK;
}
