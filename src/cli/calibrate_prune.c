/* What calibration looks at, and what it prunes by it. */
#include <stdio.h>

#include "calibrate.h"
#include "open_plan.h"

/* ---- images */

vc_status calibrate_open_images(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    VC_TRY(cli_open_source(&r->images, &o->data, 0));
    VC_TRY(vc_source_split(&r->learn, &r->held, r->images, o->data.limit, o->hold_back));
    const size_t learn = vc_source_count(r->learn), held = vc_source_count(r->held);
    if (learn < o->how.train.batch || held == 0)
        return vc_fail(VC_EINVAL,
                       "%s: %zu images to learn from and %zu held back, wanted at least a batch "
                       "of %zu and one",
                       o->data.path, learn, held, o->how.train.batch);
    return VC_OK;
}

vc_look calibrate_look(const calibrate_run *r, cli_broken_images *broken, vc_progress *progress)
{
    vc_look how = vc_look_default();
    *broken = (cli_broken_images){r->broken, progress};
    how.batch = r->o->how.train.batch;
    how.crop_fraction = r->o->data.crop_fraction;
    how.on_broken = cli_on_broken;
    how.context = broken;
    how.progress = progress;
    return how;
}

/* ---- plans */

static vc_status make_plans(calibrate_run *r, json_t *result, const vc_dense_stats *stats)
{
    const calibrate_options *o = r->o;
    double sparsity = 0.0;
    for (size_t s = 0; s < o->stage_count; s++) {
        vc_plan_recipe recipe = o->recipe;
        recipe.sparsity = o->stages[s];
        VC_TRY(vc_plan_recipe_make(&r->plans[s], &sparsity, stats, &recipe, o->model.path));
        r->plan_count++;
    }
    json_object_set_new(result, "sparsity", json_real(sparsity));
    return VC_OK;
}

static vc_status read_plan(calibrate_run *r, json_t *result, const char *path)
{
    vc_plan *plan = &r->plans[r->plan_count];
    VC_TRY(vc_plan_read(plan, path));
    r->plan_count++;
    json_object_set_new(result, "sparsity", json_real(1.0 - vc_plan_kept_share(plan)));
    return vc_model_check_plan(&r->student->config, plan, path);
}

static vc_status look_at(const calibrate_run *r, vc_dense_stats *stats, vc_seen *seen)
{
    cli_broken_images broken;
    vc_progress progress = vc_progress_begin("attention", vc_source_count(r->learn));
    const vc_look how = calibrate_look(r, &broken, &progress);
    const vc_status status = vc_dense_look(stats, seen, r->teacher, r->learn, &how);
    vc_progress_end(&progress);
    return status;
}

static void note_seen(json_t *result, const vc_seen *seen)
{
    json_object_set_new(result, "classes_seen", json_integer((json_int_t)seen->classes));
    if (seen->classes == 1)
        fprintf(stderr,
                "warning: the model sees class %zu in all %zu images; what it learns from one "
                "class may not hold for others\n",
                seen->last_class, seen->images);
}

vc_status calibrate_prune(calibrate_run *r, json_t *result)
{
    const calibrate_options *o = r->o;
    const int prunes = o->stage_count > 0;
    vc_dense_stats stats = {0};
    vc_seen seen;
    vc_status status = VC_OK;
    if (prunes)
        status = vc_dense_stats_open(&stats, r->teacher, o->how.train.batch,
                                     vc_plan_recipe_weighs(&o->recipe), o->recipe.residual);
    if (status == VC_OK)
        status = look_at(r, prunes ? &stats : NULL, &seen);
    if (status == VC_OK && prunes)
        status = make_plans(r, result, &stats);
    vc_dense_stats_close(&stats);
    VC_TRY(status);
    if (o->model.plan)
        VC_TRY(read_plan(r, result, o->model.plan));
    if (o->plan_output && r->plan_count > 0)
        VC_TRY(vc_plan_write(o->plan_output, &r->plans[r->plan_count - 1]));
    note_seen(result, &seen);
    return VC_OK;
}
