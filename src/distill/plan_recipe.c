/* Making a plan from averaged attention in one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe_summaries.h"
#include "vitcod/kept_share.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"

int vc_plan_recipe_weighs(const vc_plan_recipe *recipe)
{
    return vc_prune_is_budget(recipe->rule);
}

/* ---- averaged attention */

typedef struct means {
    size_t count;
    vc_maps maps[VC_MOST_GROUPS];
    float *values[VC_MOST_GROUPS];
} means;

static void close_means(means *m)
{
    for (size_t g = 0; g < m->count; g++)
        free(m->values[g]);
}

static vc_status open_means(means *m, const vc_attention_stats *stats, size_t groups)
{
    *m = (means){0};
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_stats *s = &stats[g];
        const size_t count = s->layers * s->heads * s->queries * s->keys;
        m->values[g] = malloc(count * sizeof *m->values[g]);
        m->count++;
        if (!m->values[g]) {
            close_means(m);
            return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
        }
        vc_attention_stats_mean(m->values[g], s);
        m->maps[g] = (vc_maps){s->layers, s->heads, s->queries, s->keys, m->values[g]};
    }
    return VC_OK;
}

enum { MESSAGE = 512 };

static vc_status make_masks(vc_mask *out, const vc_dense_stats *stats, const vc_plan_recipe *recipe,
                            double summaries, const char *path)
{
    const int weighs = vc_plan_recipe_weighs(recipe);
    vc_prune_options how = vc_prune_options_default();
    vc_prune_report report = {0};
    means m;
    VC_TRY(open_means(&m, weighs ? stats->scores : stats->attention, stats->groups));
    how.rule = weighs ? "threshold" : recipe->rule;
    how.sparsity = recipe->sparsity + summaries;
    how.keep_class_token = vc_model_prefix_tokens(&stats->model->config) > 0;
    const vc_status status = vc_prune_groups(out, &report, m.maps, NULL, m.count, &how, path);
    close_means(&m);
    if (status == VC_OK || summaries <= 0.0)
        return status;
    char why[MESSAGE];
    snprintf(why, sizeof why, "%s", vc_last_error());
    return vc_fail(status, "beside summaries, %.2f %% of the scores: %s", 100.0 * summaries, why);
}

/* What stands in for the pruned entries. */
static vc_status add_rest(vc_plan *plan, const vc_dense_stats *stats, const vc_plan_recipe *recipe,
                          const vc__recipe_summaries *summaries, const char *path)
{
    means m;
    if (!recipe->residual && !summaries->layers)
        return VC_OK;
    VC_TRY(open_means(&m, stats->attention, stats->groups));
    const vc_status status =
        recipe->residual ? vc_plan_add_kept_shares(plan, m.maps, m.count, path)
                         : vc_plan_add_summaries(plan, summaries->layers, m.maps, m.count, path);
    close_means(&m);
    return status;
}

static vc_status make_plan(vc_plan *out, const vc_dense_stats *stats, const vc_plan_recipe *recipe,
                           const vc__recipe_summaries *summaries, const char *path)
{
    vc_mask masks[VC_MOST_GROUPS] = {{0}};
    VC_TRY(make_masks(masks, stats, recipe, summaries->share, path));
    vc_status status = vc_polarize_groups(out, masks, stats->groups, recipe->threshold, path);
    for (size_t g = 0; g < stats->groups; g++)
        vc_mask_close(&masks[g]);
    return status == VC_OK ? add_rest(out, stats, recipe, summaries, path) : status;
}

vc_status vc_plan_recipe_make(vc_plan *out, double *sparsity, const vc_dense_stats *stats,
                              const vc_plan_recipe *recipe, const char *path)
{
    vc__recipe_summaries summaries;
    *out = (vc_plan){0};
    VC_TRY(vc__recipe_summaries_find(&summaries, stats, recipe));
    const vc_status status = make_plan(out, stats, recipe, &summaries, path);
    free((void *)summaries.layers);
    if (status == VC_OK)
        *sparsity = 1.0 - vc_plan_kept_share(out);
    else
        vc_plan_close(out);
    return status;
}
