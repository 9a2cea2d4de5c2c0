/* Masks, or a plan with summaries, from the statistics in a file. */
#include "vitcod/distill.h"

#include <string.h>

/* Masks of their groups, with names; they stay those of `pruned`. */
static vc_status name_masks(vc_mask_set *out, const vc_statistics *s, const vc_pruned *pruned)
{
    VC_TRY(vc_mask_set_open(out, s->groups));
    memcpy(out->names, s->names, s->groups * sizeof *out->names);
    memcpy(out->masks, pruned->masks, s->groups * sizeof *out->masks);
    return VC_OK;
}

static void forget_masks(vc_mask_set *set)
{
    memset(set->masks, 0, set->count * sizeof *set->masks);
    vc_mask_set_close(set);
}

static vc_status make_plan(vc_plan *out, const vc_statistics *s, const vc_pruned *pruned,
                           const char *path)
{
    VC_TRY(vc_plan_of_masks(out, pruned->masks, s->groups));
    const vc_status status =
        vc_plan_add_summaries(out, pruned->summaries, s->maps, s->groups, path);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}

static vc_status write_pruned(vc_prune_result *result, const vc_statistics *s,
                              const vc_pruned *pruned, const vc_plan_recipe *recipe,
                              const char *path, const char *output)
{
    const int has_plan = pruned->summaries && recipe->summaries;
    vc_plan plan = {0};
    vc_mask_set set;
    VC_TRY(name_masks(&set, s, pruned));
    vc_status status = has_plan ? make_plan(&plan, s, pruned, path) : VC_OK;
    if (status == VC_OK)
        status = has_plan ? vc_plan_write(output, &plan) : vc_mask_set_write(output, &set);
    if (status == VC_OK)
        vc_prune_result_shared(result, &set, has_plan ? &plan : NULL, recipe->rule, pruned->text,
                               output);
    result->class_token_kept = s->prefix_tokens > 0;
    vc_plan_close(&plan);
    forget_masks(&set);
    return status;
}

vc_status vc_prune_statistics(vc_prune_result *result, const vc_plan_recipe *recipe,
                              const char *path, const char *output)
{
    vc_statistics statistics;
    vc_pruned pruned;
    VC_TRY(vc_statistics_read(&statistics, path, NULL));
    vc_status status = vc_plan_recipe_prune(&pruned, &statistics, recipe, path);
    if (status == VC_OK) {
        status = write_pruned(result, &statistics, &pruned, recipe, path, output);
        vc_pruned_close(&pruned);
    }
    vc_statistics_close(&statistics);
    return status;
}
