/* Making a plan from averaged attention in one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static vc_status prune_alike(vc_mask *out, const vc_maps *maps, const vc_statistics *s,
                             const vc_plan_recipe *recipe, double summaries, const char *path)
{
    vc_prune_options how = vc_prune_options_default();
    vc_prune_report report = {0};
    how.rule = vc_plan_recipe_weighs(recipe) ? "threshold" : recipe->rule;
    how.sparsity = recipe->sparsity + summaries;
    how.keep_class_token = s->prefix_tokens > 0;
    const vc_status status = vc_prune_groups(out, &report, maps, NULL, s->groups, &how, path);
    if (status == VC_OK || summaries <= 0.0)
        return status;
    char why[MESSAGE];
    snprintf(why, sizeof why, "%s", vc_last_error());
    return vc_fail(status,
                   "a sparsity of %g and summaries of %.2f %% of the scores leave %.2f %% for "
                   "entries: %s",
                   recipe->sparsity, 100.0 * summaries, 100.0 * (1.0 - how.sparsity), why);
}

static vc_status make_masks(vc_mask *out, const vc_statistics *s, const vc_plan_recipe *recipe,
                            const vc__recipe_share *share, const char *path)
{
    if (vc_plan_recipe_measures(recipe))
        return vc_prune_heads(out, s->maps, s->groups, share->kept, s->prefix_tokens);
    if (!vc_plan_recipe_weighs(recipe))
        return prune_alike(out, s->maps, s, recipe, share->share, path);
    if (!s->scores[0].values)
        return vc_fail(VC_EINVAL,
                       "%s: holds no scores that rule budget prunes, wanted those of `vitcod "
                       "attention --rule budget`",
                       path);
    return prune_alike(out, s->scores, s, recipe, share->share, path);
}

vc_status vc_plan_recipe_prune(vc_pruned *out, const vc_statistics *s, const vc_plan_recipe *recipe,
                               const char *path)
{
    vc__recipe_share share;
    *out = (vc_pruned){.groups = s->groups};
    VC_TRY(vc__recipe_share_open(&share, s, recipe, path));
    vc_status status = make_masks(out->masks, s, recipe, &share, path);
    if (status == VC_OK) {
        memcpy(out->text, share.text, sizeof out->text);
        out->summaries = share.summaries;
        share.summaries = NULL;
    }
    vc__recipe_share_close(&share);
    return status;
}

void vc_pruned_close(vc_pruned *pruned)
{
    for (size_t g = 0; g < pruned->groups; g++)
        vc_mask_close(&pruned->masks[g]);
    free((void *)pruned->summaries);
    *pruned = (vc_pruned){0};
}

/* What stands in for the pruned entries. */
static vc_status add_rest(vc_plan *plan, const vc_statistics *s, const vc_plan_recipe *recipe,
                          const vc_pruned *pruned, const char *path)
{
    if (recipe->residual)
        return vc_plan_add_kept_shares(plan, s->maps, s->groups, path);
    return pruned->summaries
               ? vc_plan_add_summaries(plan, pruned->summaries, s->maps, s->groups, path)
               : VC_OK;
}

vc_status vc_plan_recipe_make(vc_plan *out, vc_plan_made *made, const vc_statistics *s,
                              const vc_plan_recipe *recipe, const char *path)
{
    vc_pruned pruned;
    *out = (vc_plan){0};
    *made = (vc_plan_made){0};
    VC_TRY(vc_plan_recipe_prune(&pruned, s, recipe, path));
    vc_status status = vc_polarize_groups(out, pruned.masks, s->groups, recipe->threshold, path);
    if (status == VC_OK)
        status = add_rest(out, s, recipe, &pruned, path);
    if (status == VC_OK) {
        made->sparsity = 1.0 - vc_plan_kept_share(out);
        if (vc_plan_count(out).summaries > 0)
            memcpy(made->summaries, pruned.text, sizeof pruned.text);
    } else
        vc_plan_close(out);
    vc_pruned_close(&pruned);
    return status;
}
