/* What plans are made from, in memory. */
#include "vitcod/statistics.h"

#include <stdlib.h>
#include <string.h>

#include "vitcod/distill.h"

/* ---- kinds of summaries */

void vc_summary_kinds_close(vc_summary_kinds *kinds)
{
    for (size_t i = 0; kinds->stats && i < kinds->count * kinds->layers; i++)
        vc_summary_stats_close(&kinds->stats[i]);
    free(kinds->stats);
    *kinds = (vc_summary_kinds){0};
}

const vc_summary_stats *vc_summary_kinds_find(const vc_summary_kinds *kinds, size_t layer,
                                              vc_summary_grid grid)
{
    for (size_t g = 0; g < kinds->count; g++) {
        const vc_summary_stats *found = &kinds->stats[g * kinds->layers + layer];
        if (vc_summary_grid_equal(kinds->grids[g], grid))
            return found->heads ? found : NULL;
    }
    return NULL;
}

vc_status vc_layer_pooling(vc_pooling *out, vc_extent tokens, size_t prefix_tokens, size_t layer,
                           vc_summary_grid grid)
{
    *out = (vc_pooling){0};
    if (grid.y == 0)
        return VC_OK;
    if (vc_extent_area(tokens) == 0)
        return vc_fail(VC_EUNSUPPORTED,
                       "layer %zu: its tokens are no grid, which summaries are blocks of", layer);
    if (grid.y > tokens.height || grid.x > tokens.width)
        return vc_fail(VC_EINVAL, "layer %zu: %zu x %zu tokens have no %zu x %zu blocks", layer,
                       tokens.height, tokens.width, grid.y, grid.x);
    return vc_pooling_grid(out, tokens.height, tokens.width, prefix_tokens, grid);
}

/* ---- the whole */

static void close_maps(vc_maps *maps)
{
    for (size_t g = 0; g < VC_MOST_GROUPS; g++)
        free((float *)maps[g].values);
}

void vc_statistics_close(vc_statistics *statistics)
{
    vc_head_curves_close(&statistics->curves);
    vc_summary_kinds_close(&statistics->kinds);
    close_maps(statistics->maps);
    close_maps(statistics->scores);
    json_decref(statistics->broken);
    *statistics = (vc_statistics){0};
}

vc_status vc_statistics_open_curves(vc_statistics *s)
{
    const vc_summary_kinds *k = &s->kinds;
    const vc_summary_stats **summaries = calloc(k->layers * k->count + 1, sizeof *summaries);
    if (!summaries)
        return vc_fail(VC_ENOMEM, "out of memory for the curves of heads");
    for (size_t g = 0; g < k->count; g++)
        for (size_t l = 0; l < k->layers; l++)
            summaries[g * k->layers + l] = vc_summary_kinds_find(k, l, k->grids[g]);
    const vc_status status =
        vc_head_curves_open(&s->curves, s->maps, s->groups, summaries, k->count, s->prefix_tokens);
    free((void *)summaries);
    return status;
}

/* ---- what was averaged */

static vc_status take_means(vc_maps *out, const vc_attention_stats *stats, size_t groups)
{
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_stats *s = &stats[g];
        const size_t count = s->layers * s->heads * s->queries * s->keys;
        float *values = malloc(count * sizeof *values);
        if (!values)
            return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
        vc_attention_stats_mean(values, s);
        out[g] = (vc_maps){s->layers, s->heads, s->queries, s->keys, values};
    }
    return VC_OK;
}

vc_status vc_dense_stats_finish(vc_statistics *out, vc_dense_stats *stats, const vc_seen *seen)
{
    const vc_model_config *config = &stats->model->config;
    *out = (vc_statistics){.model_hash = vc_model_hash(stats->model),
                           .seen = *seen,
                           .prefix_tokens = vc_model_prefix_tokens(config),
                           .groups = stats->groups,
                           .kinds = stats->kinds};
    stats->kinds = (vc_summary_kinds){0};
    out->kinds.layers = vc_model_layers(config);
    for (size_t g = 0; g < out->groups; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        memcpy(out->names[g].text, group.name, sizeof out->names[g].text);
        out->tokens[g] = vc_model_layer(config, group.first).grid;
    }
    vc_status status = take_means(out->maps, stats->attention, out->groups);
    if (status == VC_OK && stats->weighed)
        status = take_means(out->scores, stats->scores, out->groups);
    if (status != VC_OK)
        vc_statistics_close(out);
    return status;
}

/* ---- for people and pictures */

vc_status vc_statistics_write_curves(const char *path, const vc_statistics *s)
{
    json_t *all = vc_head_curves_json(&s->curves), *choices = json_array();
    for (size_t g = 0; g < s->kinds.count; g++) {
        char text[VC_SUMMARY_TEXT];
        vc_summary_grids_text(text, &s->kinds.grids[g], 1);
        vc_json_append(&choices, json_string(text));
    }
    vc_json_set(&all, "summaries", choices);
    vc_json_set(&all, "verb", json_string("calibrate --curves")); /* a report knows it by that */
    const vc_status status = all ? vc_json_write(path, all)
                                 : vc_fail(VC_ENOMEM, "out of memory for the curves of heads");
    json_decref(all);
    return status;
}
