#include "recipe_summaries.h"

#include <assert.h>
#include <stdlib.h>

static int is_same(vc_summary_grid a, vc_summary_grid b)
{
    return a.y == b.y && a.x == b.x;
}

/* The recipe's grids, layer by layer; to be freed. */
static vc_status read_grids(vc_summary_grid **out, const vc_model_config *config,
                            const vc_plan_recipe *recipe)
{
    const size_t layers = vc_model_layers(config);
    *out = calloc(layers, sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    const vc_status status = vc_summary_grids_parse(*out, layers, recipe->summaries);
    if (status != VC_OK)
        free(*out);
    return status;
}

/* Leaves the different ones in front. */
static vc_status find_kinds(vc_summary_grid *grids, size_t *count, const vc_model_config *config)
{
    for (size_t l = 0; l < vc_model_layers(config); l++) {
        vc_pooling pooling; /* only to learn whether the layer has it */
        size_t g = 0;
        VC_TRY(vc_model_pooling(&pooling, config, l, grids[l]));
        vc_pooling_close(&pooling);
        while (g < *count && !is_same(grids[g], grids[l]))
            g++;
        if (g == *count)
            grids[(*count)++] = grids[l];
    }
    return VC_OK;
}

vc_status vc_plan_recipe_summarize(vc_dense_stats *stats, const vc_plan_recipe *recipe)
{
    vc_summary_grid *grids;
    size_t count = 0;
    if (!recipe->summaries)
        return VC_OK;
    VC_TRY(read_grids(&grids, &stats->model->config, recipe));
    vc_status status = find_kinds(grids, &count, &stats->model->config);
    if (status == VC_OK)
        status = vc_dense_stats_summarize(stats, grids, count);
    free(grids);
    return status;
}

static double share_of(const vc_summary_stats *const *stats, size_t layers)
{
    double all = 0.0, summaries = 0.0;
    for (size_t l = 0; l < layers; l++) {
        const double rows = (double)(stats[l]->heads * stats[l]->queries);
        all += rows * (double)stats[l]->keys;
        summaries += rows * (double)stats[l]->pooling.count;
    }
    return summaries / all;
}

vc_status vc__recipe_summaries_find(vc__recipe_summaries *out, const vc_dense_stats *stats,
                                    const vc_plan_recipe *recipe)
{
    const size_t layers = vc_model_layers(&stats->model->config);
    vc_summary_grid *grids;
    *out = (vc__recipe_summaries){0};
    if (!recipe->summaries)
        return VC_OK;
    VC_TRY(read_grids(&grids, &stats->model->config, recipe));
    out->layers = calloc(layers, sizeof *out->layers);
    for (size_t l = 0; out->layers && l < layers; l++) {
        out->layers[l] = vc_dense_stats_summaries(stats, l, grids[l]);
        assert(out->layers[l]); /* see vc_plan_recipe_summarize */
    }
    free(grids);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    out->share = share_of(out->layers, layers);
    if (out->share <= 1.0 - recipe->sparsity)
        return VC_OK;
    free((void *)out->layers);
    return vc_fail(VC_EINVAL,
                   "summaries alone are %.2f %% of the scores, and a sparsity of %g leaves %.2f %%",
                   100.0 * out->share, recipe->sparsity, 100.0 * (1.0 - recipe->sparsity));
}
