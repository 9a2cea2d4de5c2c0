/* Making a plan from averaged attention in one call. */
#include <stdlib.h>
#include <string.h>

#include "vitcod/distill.h"
#include "vitcod/kept_share.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"

int vc_plan_recipe_weighs(const vc_plan_recipe *recipe)
{
    return vc_prune_is_budget(recipe->rule);
}

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

static vc_status make_masks(vc_mask *out, double *sparsity, const vc_dense_stats *stats,
                            const vc_plan_recipe *recipe, const char *path)
{
    const int weighs = vc_plan_recipe_weighs(recipe);
    vc_prune_options how = vc_prune_options_default();
    vc_prune_report report = {0};
    means m;
    VC_TRY(open_means(&m, weighs ? stats->scores : stats->attention, stats->groups));
    how.rule = weighs ? "threshold" : recipe->rule;
    how.sparsity = recipe->sparsity;
    how.keep_class_token = vc_model_prefix_tokens(&stats->model->config) > 0;
    const vc_status status = vc_prune_groups(out, &report, m.maps, NULL, m.count, &how, path);
    *sparsity = report.sparsity;
    close_means(&m);
    return status;
}

static vc_status add_residual(vc_plan *plan, const vc_dense_stats *stats, const char *path)
{
    means m;
    VC_TRY(open_means(&m, stats->attention, stats->groups));
    const vc_status status = vc_plan_add_kept_shares(plan, m.maps, m.count, path);
    close_means(&m);
    return status;
}

vc_status vc_plan_recipe_make(vc_plan *out, double *sparsity, const vc_dense_stats *stats,
                              const vc_plan_recipe *recipe, const char *path)
{
    vc_mask masks[VC_MOST_GROUPS] = {{0}};
    *out = (vc_plan){0};
    VC_TRY(make_masks(masks, sparsity, stats, recipe, path));
    vc_status status = vc_polarize_groups(out, masks, stats->groups, recipe->threshold, path);
    for (size_t g = 0; g < stats->groups; g++)
        vc_mask_close(&masks[g]);
    if (status == VC_OK && recipe->residual)
        status = add_residual(out, stats, path);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}
