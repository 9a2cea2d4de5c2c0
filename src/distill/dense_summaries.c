/* Statistics of summaries, beside averaged attention. */
#include "dense_summaries.h"

#include <math.h>
#include <stdlib.h>

vc_status vc_model_pooling(vc_pooling *out, const vc_model_config *config, size_t layer,
                           vc_summary_grid grid)
{
    const size_t prefix = vc_model_prefix_tokens(config);
    const size_t tokens = vc_model_layer(config, layer).keys - prefix;
    const size_t side = (size_t)lround(sqrt((double)tokens));
    *out = (vc_pooling){0};
    if (grid.y == 0)
        return VC_OK;
    if (side * side != tokens)
        return vc_fail(VC_EUNSUPPORTED,
                       "layer %zu: %zu tokens are no square, which summaries are blocks of", layer,
                       tokens);
    if (grid.y > side || grid.x > side)
        return vc_fail(VC_EINVAL, "layer %zu: %zu x %zu tokens have no %zu x %zu blocks", layer,
                       side, side, grid.y, grid.x);
    return vc_pooling_grid(out, side, side, prefix, grid);
}

static vc_status open_one(vc_summary_stats *out, const vc_model_config *config, size_t layer,
                          vc_summary_grid grid)
{
    const vc_attention_layer l = vc_model_layer(config, layer);
    vc_pooling pooling;
    vc_status status = vc_model_pooling(&pooling, config, layer, grid);
    if (status != VC_OK && status != VC_ENOMEM)
        return VC_OK; /* not in this layer */
    if (status == VC_OK)
        status = vc_summary_stats_open(out, l.heads, l.queries, l.keys, &pooling);
    vc_pooling_close(&pooling);
    return status;
}

vc_status vc_dense_stats_summarize(vc_dense_stats *stats, const vc_summary_grid *grids,
                                   size_t count)
{
    const size_t layers = vc_model_layers(&stats->model->config);
    if (count > VC_DENSE_MOST_GRIDS)
        return vc_fail(VC_EINVAL, "summaries of %zu kinds, wanted at most %d", count,
                       VC_DENSE_MOST_GRIDS);
    stats->summaries = calloc(count * layers, sizeof *stats->summaries);
    if (!stats->summaries)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    for (size_t g = 0; g < count; g++) {
        stats->grids[stats->grid_count++] = grids[g];
        for (size_t l = 0; l < layers; l++)
            VC_TRY(open_one(&stats->summaries[g * layers + l], &stats->model->config, l, grids[g]));
    }
    return VC_OK;
}

void vc__close_summaries(vc_dense_stats *stats)
{
    for (size_t i = 0;
         stats->summaries && i < stats->grid_count * vc_model_layers(&stats->model->config); i++)
        vc_summary_stats_close(&stats->summaries[i]);
    free(stats->summaries);
}

const vc_summary_stats *vc_dense_stats_summaries(const vc_dense_stats *stats, size_t layer,
                                                 vc_summary_grid grid)
{
    const size_t layers = vc_model_layers(&stats->model->config);
    for (size_t g = 0; g < stats->grid_count; g++) {
        const vc_summary_stats *found = &stats->summaries[g * layers + layer];
        if (stats->grids[g].y == grid.y && stats->grids[g].x == grid.x)
            return found->heads ? found : NULL;
    }
    return NULL;
}

void vc__add_summaries(void *context, size_t layer, const vc_attention *attention,
                       const float *probs)
{
    vc_dense_stats *s = context;
    const size_t layers = vc_model_layers(&s->model->config);
    const vc_summary_scores scores = {.batch = attention->shape.batch,
                                      .head_dim = attention->shape.head_dim,
                                      .q = attention->q,
                                      .k = attention->k,
                                      .q_stride = attention->shape.q_stride,
                                      .k_stride = attention->shape.k_stride,
                                      .bias = attention->bias,
                                      .probs = probs};
    for (size_t g = 0; s->status == VC_OK && g < s->grid_count; g++)
        s->status = vc_summary_stats_add(&s->summaries[g * layers + layer], &scores);
}
