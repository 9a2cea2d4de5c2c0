#include "vitcod/distill.h"

static vc_status make_plans(vc_stage_plans *out, const vc_dense_stats *stats,
                            const vc_head_curves *curves, const vc_stage_recipe *recipe,
                            const char *path)
{
    for (size_t s = 0; s < recipe->count; s++) {
        vc_plan_recipe one = recipe->plan;
        one.sparsity = recipe->sparsities[s];
        VC_TRY(vc_plan_recipe_make(&out->plans[s], &out->last, stats, curves, &one, path));
        out->count++;
    }
    return VC_OK;
}

static vc_status write_curves(const char *path, const vc_head_curves *curves,
                              const vc_dense_stats *stats)
{
    json_t *all = vc_head_curves_json(curves), *choices = json_array();
    for (size_t g = 0; g < stats->grid_count; g++) {
        char text[VC_SUMMARY_TEXT];
        vc_summary_grids_text(text, &stats->grids[g], 1);
        vc_json_append(&choices, json_string(text));
    }
    vc_json_set(&all, "summaries", choices);
    vc_json_set(&all, "verb", json_string("calibrate --curves")); /* a report knows it by that */
    const vc_status status = all ? vc_json_write(path, all)
                                 : vc_fail(VC_ENOMEM, "out of memory for the curves of heads");
    json_decref(all);
    return status;
}

/* By curves of heads, where the recipe wants them. */
static vc_status measure_and_make(vc_stage_plans *out, const vc_dense_stats *stats,
                                  vc_source *learn, const vc_stage_recipe *recipe,
                                  const vc_look *how, const char *path)
{
    const vc_plan_recipe *plan = &recipe->plan;
    vc_head_curves curves;
    if (!vc_plan_recipe_measures(plan))
        return make_plans(out, stats, NULL, recipe, path);
    VC_TRY(vc_measure_heads(&curves, stats, stats->model, learn,
                            plan->curve_images ? plan->curve_images : VC_CURVE_IMAGES, how));
    vc_status status = plan->curves ? write_curves(plan->curves, &curves, stats) : VC_OK;
    if (status == VC_OK)
        status = make_plans(out, stats, &curves, recipe, path);
    vc_head_curves_close(&curves);
    return status;
}

vc_status vc_stage_plans_make(vc_stage_plans *out, vc_seen *seen, const vc_model *teacher,
                              vc_source *learn, const vc_stage_recipe *recipe, const vc_look *how,
                              const char *path)
{
    const int prunes = recipe->count > 0;
    const size_t count = vc_source_count(learn), most = recipe->plan.images;
    vc_dense_stats stats = {0};
    vc_source *looked;
    vc_status status = VC_OK;
    *out = (vc_stage_plans){0};
    VC_TRY(vc_source_spread(&looked, learn, most > 0 && most < count ? most : count));
    if (prunes)
        status = vc_dense_stats_open(&stats, teacher, how->batch,
                                     vc_plan_recipe_weighs(&recipe->plan), recipe->plan.residual);
    if (status == VC_OK && prunes)
        status = vc_plan_recipe_summarize(&stats, &recipe->plan, learn, how);
    if (status == VC_OK)
        status = vc_dense_look(prunes ? &stats : NULL, seen, teacher, looked, how);
    if (status == VC_OK && prunes)
        status = measure_and_make(out, &stats, learn, recipe, how, path);
    vc_dense_stats_close(&stats);
    vc_source_close(looked);
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
