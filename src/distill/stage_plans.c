#include "vitcod/comm.h"
#include "vitcod/distill.h"

static vc_status make_plans(vc_stage_plans *out, const vc_statistics *statistics,
                            const vc_stage_recipe *recipe, const vc_look *how, const char *path)
{
    const int writes = !how->together || vc_comm_rank() == 0;
    if (recipe->plan.curves && statistics->measured && writes)
        VC_TRY(vc_statistics_write_curves(recipe->plan.curves, statistics));
    for (size_t s = 0; s < recipe->count; s++) {
        vc_plan_recipe one = recipe->plan;
        one.sparsity = recipe->sparsities[s];
        VC_TRY(vc_plan_recipe_make(&out->plans[s], &out->last, statistics, &one, path));
        out->count++;
    }
    return VC_OK;
}

static vc_status gather_and_make(vc_stage_plans *out, vc_seen *seen, const vc_model *teacher,
                                 vc_source *learn, const vc_stage_recipe *recipe,
                                 const vc_look *how, const char *path)
{
    vc_statistics statistics;
    VC_TRY(vc_statistics_gather(&statistics, teacher, learn, &recipe->plan, &recipe->keep, how));
    *seen = statistics.seen;
    const vc_status status = make_plans(out, &statistics, recipe, how, path);
    vc_statistics_close(&statistics);
    return status;
}

static vc_status look_alone(vc_seen *seen, const vc_model *teacher, vc_source *learn, size_t most,
                            const vc_look *how)
{
    vc_source *looked;
    VC_TRY(vc_source_spread(&looked, learn, most > 0 ? most : SIZE_MAX));
    const vc_status status = vc_dense_look(NULL, seen, teacher, looked, how);
    vc_source_close(looked);
    return status;
}

vc_status vc_stage_plans_make(vc_stage_plans *out, vc_seen *seen, const vc_model *teacher,
                              vc_source *learn, const vc_stage_recipe *recipe, const vc_look *how,
                              const char *path)
{
    *out = (vc_stage_plans){0};
    if (recipe->count == 0)
        return look_alone(seen, teacher, learn, recipe->plan.images, how);
    const vc_status status = gather_and_make(out, seen, teacher, learn, recipe, how, path);
    if (status != VC_OK)
        vc_stage_plans_close(out);
    return status;
}

vc_status vc_stage_plans_add(vc_stage_plans *plans, const vc_model_config *student,
                             const char *path)
{
    vc_plan *plan = &plans->plans[plans->count];
    VC_TRY(vc_plan_read(plan, path));
    plans->count++;
    plans->last = (vc_plan_made){.sparsity = 1.0 - vc_plan_kept_share(plan)};
    return vc_model_check_plan(student, plan, path);
}

void vc_stage_plans_close(vc_stage_plans *plans)
{
    for (size_t s = 0; s < plans->count; s++)
        vc_plan_close(&plans->plans[s]);
    *plans = (vc_stage_plans){0};
}
