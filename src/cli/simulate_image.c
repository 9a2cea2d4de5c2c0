/* What a model computes attention from for an image, for `simulate --functional --image`. */
#include <stdio.h>

#include "simulate.h"
#include "vitcod/attention.h"
#include "vitcod/evaluate.h"

typedef struct taking {
    vc_functional *to;
    const vc_workload *workload;
    vc_status status;
} taking;

static void take(void *context, size_t layer, const vc_attention *a)
{
    taking *t = context;
    const vc_functional_rows rows = {
        a->q, a->k, a->v, a->shape.q_stride, a->shape.k_stride, a->shape.v_stride};
    if (t->status == VC_OK)
        t->status = vc_functional_take(t->to, t->workload, layer, &rows);
}

typedef struct broken {
    char message[512];
} broken;

static void on_broken(void *context, size_t index, const char *name, const char *message)
{
    broken *b = context;
    (void)index;
    (void)name;
    snprintf(b->message, sizeof b->message, "%s", message);
}

static vc_status run_image(taking *t, const vc_model *model, const char *path)
{
    const vc_source_options how = {.upright = 1};
    broken why = {""};
    vc_look look = vc_look_default();
    vc_source *source;
    vc_image_walk walk;
    look.batch = 1;
    look.on_broken = on_broken;
    look.context = &why;
    VC_TRY(vc_source_of_files(&source, &path, 1, &how));
    if (vc_source_count(source) != 1) {
        const size_t count = vc_source_count(source);
        vc_source_close(source);
        return vc_fail(VC_EINVAL, "%s: %zu images, wanted one", path, count);
    }
    vc_status status = vc_image_walk_open(&walk, model, source, &look);
    if (status == VC_OK) {
        const vc_tap tap = {.operands = take, .context = t};
        status = vc_image_walk_next(&walk, &tap);
        if (walk.batch.count == 0 && why.message[0])
            status = vc_fail(VC_EFORMAT, "%s", why.message);
        vc_image_walk_close(&walk);
    }
    vc_source_close(source);
    return status == VC_OK ? t->status : status;
}

vc_status simulate_take_image(void *context, vc_functional *functional, const vc_workload *workload)
{
    const simulate_image *i = context;
    taking t = {functional, workload, VC_OK};
    cli_model_options how = *i->how;
    vc_model *model;
    how.mask = NULL;
    how.plan = "none";
    VC_TRY(cli_open_model(&model, &how, CLI_RUN));
    vc_status status = i->plan ? vc_model_use_plan(model, i->plan, i->path) : VC_OK;
    if (status == VC_OK)
        status = run_image(&t, model, i->image);
    vc_model_close(model);
    return status;
}
