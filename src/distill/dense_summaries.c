/* Statistics of summaries, beside averaged attention. */
#include "dense_summaries.h"

#include <stdlib.h>

/* ---- queries */

/* Where a layer's queries begin among those of all. */
static size_t first_query(const vc_model_config *config, size_t layer)
{
    size_t first = 0;
    for (size_t i = 0; i < layer; i++) {
        const vc_attention_layer l = vc_model_layer(config, i);
        first += l.heads * l.head_dim;
    }
    return first;
}

static void add_queries(void *context, size_t layer, const vc_attention *a, const float *probs)
{
    vc_dense_stats *s = context;
    const size_t prefix = vc_model_prefix_tokens(&s->model->config), tokens = a->shape.queries;
    const size_t width = a->shape.heads * a->shape.head_dim;
    double *sum = s->queries + first_query(&s->model->config, layer);
    (void)probs;
    vc_turn_take(&s->turns, sum, width);
    for (size_t b = 0; b < a->shape.batch; b++)
        for (size_t t = prefix; t < tokens; t++)
            for (size_t i = 0; i < width; i++)
                sum[i] += (double)a->q[(b * tokens + t) * a->shape.q_stride + i] /
                          (double)(tokens - prefix);
    vc_turn_pass(&s->turns, sum, width);
    if (layer == 0)
        s->query_images += a->shape.batch;
}

static void relay_queries(void *context)
{
    vc_dense_stats *s = context;
    const vc_model_config *config = &s->model->config;
    for (size_t i = 0; i < vc_model_layers(config); i++) {
        const vc_attention_layer l = vc_model_layer(config, i);
        double *sum = s->queries + first_query(config, i);
        vc_turn_take(&s->turns, sum, l.heads * l.head_dim);
        vc_turn_pass(&s->turns, sum, l.heads * l.head_dim);
    }
}

static vc_status look_for_queries(vc_dense_stats *stats, vc_source *images, const vc_look *how)
{
    const vc_tap tap = {.scores = add_queries, .context = stats};
    vc_image_walk walk;
    const vc_model_config *config = &stats->model->config;
    VC_TRY(vc_image_walk_open(&walk, stats->model, images, how));
    const vc_turns turns = stats->turns;
    stats->turns.relay = relay_queries;
    walk.turns = &stats->turns;
    vc_status status = VC_OK;
    do
        status = vc_image_walk_next(&walk, &tap);
    while (status == VC_OK && walk.batch.count > 0);
    vc_image_walk_close(&walk);
    if (status == VC_OK && how->together)
        status = vc__share_sums(&stats->turns, stats->queries,
                                first_query(config, vc_model_layers(config)), &stats->query_images);
    stats->turns = turns;
    if (status == VC_OK && stats->query_images == 0)
        return vc_fail(VC_EFORMAT, "of %zu %s to average queries over none can be read",
                       vc_source_count(images), vc_source_unit(images, vc_source_count(images)));
    return status;
}

vc_status vc_dense_stats_query(vc_dense_stats *stats, vc_source *source, size_t images,
                               const vc_look *how)
{
    const vc_model_config *config = &stats->model->config;
    vc_look quiet = *how; /* broken images are told by whoever looks at all */
    vc_source *some;
    stats->queries = calloc(first_query(config, vc_model_layers(config)), sizeof *stats->queries);
    if (!stats->queries)
        return vc_fail(VC_ENOMEM, "out of memory for the queries of all heads");
    VC_TRY(vc_source_spread(&some, source, images));
    quiet.on_broken = NULL;
    quiet.progress = NULL;
    const vc_status status = look_for_queries(stats, some, &quiet);
    vc_source_close(some);
    return status;
}

static vc_status set_query(vc_pooling *pooling, const vc_dense_stats *stats, size_t layer)
{
    const vc_attention_layer l = vc_model_layer(&stats->model->config, layer);
    const size_t count = l.heads * l.head_dim;
    if (!stats->queries)
        return vc_fail(VC_EINVAL, "summaries pooled by queries, without queries");
    const double *sum = stats->queries + first_query(&stats->model->config, layer);
    pooling->query = malloc(count * sizeof *pooling->query);
    if (!pooling->query)
        return vc_fail(VC_ENOMEM, "out of memory for %zu queries", l.heads);
    pooling->dim = l.head_dim;
    for (size_t i = 0; i < count; i++)
        pooling->query[i] = (float)(sum[i] / (double)stats->query_images);
    return VC_OK;
}

/* ---- statistics of all layers */

static vc_status open_one(vc_summary_stats *out, const vc_dense_stats *stats, size_t layer,
                          vc_summary_grid grid)
{
    const vc_attention_layer l = vc_model_layer(&stats->model->config, layer);
    vc_pooling pooling;
    vc_status status = vc_layer_pooling(&pooling, l.grid,
                                        vc_model_prefix_tokens(&stats->model->config), layer, grid);
    if (status != VC_OK && status != VC_ENOMEM)
        return VC_OK; /* not in this layer */
    if (status == VC_OK && grid.queried)
        status = set_query(&pooling, stats, layer);
    if (status == VC_OK)
        status = vc_summary_stats_open(out, l.heads, l.queries, l.keys, &pooling);
    vc_pooling_close(&pooling);
    return status;
}

vc_status vc_dense_stats_summarize(vc_dense_stats *stats, const vc_summary_grid *grids,
                                   size_t count)
{
    const size_t layers = vc_model_layers(&stats->model->config);
    vc_summary_kinds *kinds = &stats->kinds;
    if (count > VC_MOST_SUMMARY_KINDS)
        return vc_fail(VC_EINVAL, "summaries of %zu kinds, wanted at most %d", count,
                       VC_MOST_SUMMARY_KINDS);
    kinds->stats = calloc(count * layers, sizeof *kinds->stats);
    if (!kinds->stats)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    kinds->layers = layers;
    for (size_t g = 0; g < count; g++) {
        kinds->grids[kinds->count++] = grids[g];
        for (size_t l = 0; l < layers; l++)
            VC_TRY(open_one(&kinds->stats[g * layers + l], stats, l, grids[g]));
    }
    return VC_OK;
}

void vc__add_summaries(void *context, size_t layer, const vc_attention *attention,
                       const float *probs)
{
    vc_dense_stats *s = context;
    const vc_summary_kinds *kinds = &s->kinds;
    const vc_summary_scores scores = {.batch = attention->shape.batch,
                                      .head_dim = attention->shape.head_dim,
                                      .q = attention->q,
                                      .k = attention->k,
                                      .q_stride = attention->shape.q_stride,
                                      .k_stride = attention->shape.k_stride,
                                      .bias = attention->bias,
                                      .probs = probs,
                                      .turns = &s->turns};
    for (size_t g = 0; g < kinds->count; g++) {
        const vc_status status =
            vc_summary_stats_add(&kinds->stats[g * kinds->layers + layer], &scores);
        s->status = s->status == VC_OK ? status : s->status;
    }
}
