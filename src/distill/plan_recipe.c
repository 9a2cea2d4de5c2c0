/* Making a plan from averaged attention in one call. */
#include <stdio.h>
#include <string.h>

#include "means.h"
#include "recipe_share.h"
#include "vitcod/kept_share.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"

enum { MESSAGE = 512 };

int vc_plan_recipe_weighs(const vc_plan_recipe *recipe)
{
    return vc_prune_is_budget(recipe->rule);
}

/* One threshold or cut for all heads. */
static vc_status prune_alike(vc_mask *out, const vc__means *m, const vc_plan_recipe *recipe,
                             int keep_class_token, double summaries, const char *path)
{
    vc_prune_options how = vc_prune_options_default();
    vc_prune_report report = {0};
    how.rule = vc_plan_recipe_weighs(recipe) ? "threshold" : recipe->rule;
    how.sparsity = recipe->sparsity + summaries;
    how.keep_class_token = keep_class_token;
    const vc_status status = vc_prune_groups(out, &report, m->maps, NULL, m->count, &how, path);
    if (status == VC_OK || summaries <= 0.0)
        return status;
    char why[MESSAGE];
    snprintf(why, sizeof why, "%s", vc_last_error());
    return vc_fail(status,
                   "a sparsity of %g and summaries of %.2f %% of the scores leave %.2f %% for "
                   "entries: %s",
                   recipe->sparsity, 100.0 * summaries, 100.0 * (1.0 - how.sparsity), why);
}

static vc_status make_masks(vc_mask *out, const vc_dense_stats *stats, const vc_plan_recipe *recipe,
                            const vc__recipe_share *share, const char *path)
{
    const size_t prefix = vc_model_prefix_tokens(&stats->model->config);
    vc__means m;
    VC_TRY(vc__means_open(&m, vc_plan_recipe_weighs(recipe) ? stats->scores : stats->attention,
                          stats->groups));
    const vc_status status = strcmp(recipe->rule, VC_RULE_MEASURED) == 0
                                 ? vc_prune_heads(out, m.maps, m.count, share->kept, prefix)
                                 : prune_alike(out, &m, recipe, prefix > 0, share->share, path);
    vc__means_close(&m);
    return status;
}

/* What stands in for the pruned entries. */
static vc_status add_rest(vc_plan *plan, const vc_dense_stats *stats, const vc_plan_recipe *recipe,
                          const vc__recipe_share *share, const char *path)
{
    vc__means m;
    if (!recipe->residual && !share->summaries)
        return VC_OK;
    VC_TRY(vc__means_open(&m, stats->attention, stats->groups));
    const vc_status status =
        recipe->residual ? vc_plan_add_kept_shares(plan, m.maps, m.count, path)
                         : vc_plan_add_summaries(plan, share->summaries, m.maps, m.count, path);
    vc__means_close(&m);
    return status;
}

static vc_status make_plan(vc_plan *out, const vc_dense_stats *stats, const vc_plan_recipe *recipe,
                           const vc__recipe_share *share, const char *path)
{
    vc_mask masks[VC_MOST_GROUPS] = {{0}};
    VC_TRY(make_masks(masks, stats, recipe, share, path));
    vc_status status = vc_polarize_groups(out, masks, stats->groups, recipe->threshold, path);
    for (size_t g = 0; g < stats->groups; g++)
        vc_mask_close(&masks[g]);
    return status == VC_OK ? add_rest(out, stats, recipe, share, path) : status;
}

vc_status vc_plan_recipe_make(vc_plan *out, vc_plan_made *made, const vc_dense_stats *stats,
                              const vc_head_curves *curves, const vc_plan_recipe *recipe,
                              const char *path)
{
    vc__recipe_share share;
    *out = (vc_plan){0};
    *made = (vc_plan_made){0};
    VC_TRY(vc__recipe_share_open(&share, stats, curves, recipe));
    const vc_status status = make_plan(out, stats, recipe, &share, path);
    if (status == VC_OK) {
        made->sparsity = 1.0 - vc_plan_kept_share(out);
        if (vc_plan_count(out).summaries > 0)
            memcpy(made->summaries, share.text, sizeof share.text);
    } else
        vc_plan_close(out);
    vc__recipe_share_close(&share);
    return status;
}
