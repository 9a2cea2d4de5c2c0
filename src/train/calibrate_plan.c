/* From averaged attention to a plan in one step. */
#include <stdlib.h>
#include <string.h>

#include "vitcod/calibrate.h"
#include "vitcod/kept_share.h"
#include "vitcod/polarize.h"

int vc_plan_recipe_weighs(const vc_plan_recipe *recipe)
{
    return strcmp(recipe->rule, "budget") == 0;
}

static vc_status mean_of(float **out, const vc_attention_stats *s)
{
    const size_t count = s->layers * s->heads * s->queries * s->keys;
    *out = malloc(count * sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
    vc_attention_stats_mean(*out, s);
    return VC_OK;
}

/* To at most 1, as attention has it. */
static void normalise(float *maps, size_t count)
{
    float highest = 0.0f;
    for (size_t i = 0; i < count; i++)
        highest = maps[i] > highest ? maps[i] : highest;
    for (size_t i = 0; i < count && highest > 0.0f; i++)
        maps[i] /= highest;
}

static vc_maps maps_of(const vc_attention_stats *s, const float *values)
{
    return (vc_maps){s->layers, s->heads, s->queries, s->keys, values};
}

static vc_status make_mask(vc_mask *out, double *sparsity, const vc_dense_stats *stats,
                           const vc_plan_recipe *recipe, const char *path)
{
    const int weighs = vc_plan_recipe_weighs(recipe);
    const vc_attention_stats *s = weighs ? &stats->scores : &stats->attention;
    vc_prune_options how = vc_prune_options_default();
    vc_prune_report report = {0};
    float *mean;
    VC_TRY(mean_of(&mean, s));
    if (weighs)
        normalise(mean, s->layers * s->heads * s->queries * s->keys);
    const vc_maps maps = maps_of(s, mean);
    how.rule = weighs ? "threshold" : recipe->rule;
    how.sparsity = recipe->sparsity;
    const vc_status status = vc_prune(out, &report, &maps, &how, path);
    *sparsity = report.sparsity;
    free(mean);
    return status;
}

static vc_status add_residual(vc_plan *plan, const vc_dense_stats *stats, const char *path)
{
    float *mean;
    VC_TRY(mean_of(&mean, &stats->attention));
    const vc_maps maps = maps_of(&stats->attention, mean);
    const vc_status status = vc_plan_add_kept_shares(plan, &maps, 1, path);
    free(mean);
    return status;
}

vc_status vc_calibrate_plan(vc_plan *out, double *sparsity, const vc_dense_stats *stats,
                            const vc_plan_recipe *recipe, const char *path)
{
    vc_mask mask;
    *out = (vc_plan){0};
    VC_TRY(make_mask(&mask, sparsity, stats, recipe, path));
    vc_status status = vc_polarize(out, &mask, recipe->threshold, path);
    vc_mask_close(&mask);
    if (status == VC_OK && recipe->residual)
        status = add_residual(out, stats, path);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}
