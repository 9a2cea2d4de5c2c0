#include "vitcod/distill.h"

static vc_status make_plans(vc_stage_plans *out, const vc_dense_stats *stats,
                            const vc_stage_recipe *recipe, const char *path)
{
    for (size_t s = 0; s < recipe->count; s++) {
        vc_plan_recipe one = recipe->plan;
        one.sparsity = recipe->sparsities[s];
        VC_TRY(vc_plan_recipe_make(&out->plans[s], &out->sparsity, stats, &one, path));
        out->count++;
    }
    return VC_OK;
}

vc_status vc_stage_plans_make(vc_stage_plans *out, vc_seen *seen, const vc_model *teacher,
                              vc_source *learn, const vc_stage_recipe *recipe, const vc_look *how,
                              const char *path)
{
    const int prunes = recipe->count > 0;
    vc_dense_stats stats = {0};
    vc_status status = VC_OK;
    *out = (vc_stage_plans){0};
    if (prunes)
        status = vc_dense_stats_open(&stats, teacher, how->batch,
                                     vc_plan_recipe_weighs(&recipe->plan), recipe->plan.residual);
    if (status == VC_OK && prunes)
        status = vc_plan_recipe_summarize(&stats, &recipe->plan);
    if (status == VC_OK)
        status = vc_dense_look(prunes ? &stats : NULL, seen, teacher, learn, how);
    if (status == VC_OK && prunes)
        status = make_plans(out, &stats, recipe, path);
    vc_dense_stats_close(&stats);
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
    plans->sparsity = 1.0 - vc_plan_kept_share(plan);
    return vc_model_check_plan(student, plan, path);
}

void vc_stage_plans_close(vc_stage_plans *plans)
{
    for (size_t s = 0; s < plans->count; s++)
        vc_plan_close(&plans->plans[s]);
    *plans = (vc_stage_plans){0};
}
