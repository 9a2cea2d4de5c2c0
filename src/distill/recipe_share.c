#include "recipe_share.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/prune.h"

/* Of which `auto` takes one for each layer; {0, 0}: no summaries. */
static const vc_summary_grid candidates[] = {{0, 0, 0, 0.0}, {1, 1, 0, 0.0}, {2, 2, 0, 0.0},
                                             {3, 3, 0, 0.0}, {4, 4, 0, 0.0}, {1, 1, 1, 0.0},
                                             {2, 2, 1, 0.0}, {3, 3, 1, 0.0}, {4, 4, 1, 0.0}};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* The same for the layers of a model: of one column, as frames are, or one row, runs, as many as
 * the square has blocks. */
static void list_candidates(vc_summary_grid out[CANDIDATES], const vc_model_config *config)
{
    const vc_extent grid = vc_model_layer(config, 0).grid;
    memcpy(out, candidates, sizeof candidates);
    for (size_t i = 0; i < CANDIDATES; i++) {
        const size_t blocks = out[i].y * out[i].x;
        if (grid.width == 1 || grid.height == 1) {
            out[i].y = grid.width == 1 ? blocks : blocks > 0;
            out[i].x = grid.width == 1 ? blocks > 0 : blocks;
        }
    }
}

static int is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

int vc_plan_recipe_measures(const vc_plan_recipe *recipe)
{
    return is_word(recipe->rule, VC_RULE_MEASURED);
}

vc_status vc_plan_recipe_settle(vc_plan_recipe *recipe, const char **residual)
{
    const int measured = is_word(recipe->rule, VC_RULE_MEASURED),
              auto_ = is_word(recipe->summaries, VC_SUMMARIES_AUTO);
    if (recipe->summaries && !auto_ && vc_summary_grids_parse(NULL, 0, recipe->summaries) != VC_OK)
        return VC_EINVAL;
    if (auto_ && recipe->rule && !measured)
        return vc_fail(VC_EINVAL, "summaries are chosen by rule measured alone, and the rule is %s",
                       recipe->rule);
    if (!recipe->summaries && !*residual && (!recipe->rule || measured))
        recipe->summaries = VC_SUMMARIES_AUTO;
    if (is_word(recipe->summaries, "none"))
        recipe->summaries = NULL;
    if (!*residual)
        *residual = recipe->summaries || measured ? "none" : "mean";
    recipe->residual = is_word(*residual, "mean");
    if (recipe->residual && (recipe->summaries || measured))
        return vc_fail(VC_EINVAL, "residual mean does not go together with %s",
                       recipe->summaries ? "summaries, which stand in for what is pruned too"
                                         : "rule measured");
    if (!recipe->rule)
        recipe->rule = recipe->summaries ? VC_RULE_MEASURED : VC_PRUNE_BUDGET;
    return VC_OK;
}

/* The recipe's grids, layer by layer; to be freed. */
static vc_status read_grids(vc_summary_grid **out, size_t layers, const vc_plan_recipe *recipe)
{
    *out = calloc(layers, sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    const vc_status status =
        vc_summary_grids_parse(*out, layers, recipe->summaries ? recipe->summaries : "none");
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
        VC_TRY(vc_layer_pooling(&pooling, vc_model_layer(config, l).grid,
                                vc_model_prefix_tokens(config), l, grids[l]));
        vc_pooling_close(&pooling);
        while (g < *count && !vc_summary_grid_equal(grids[g], grids[l]))
            g++;
        if (g == *count)
            grids[(*count)++] = grids[l];
    }
    return VC_OK;
}

/* With the queries, where some are pooled by them. */
static vc_status summarize(vc_dense_stats *stats, const vc_summary_grid *grids, size_t count,
                           vc_source *source, const vc_look *how)
{
    int queried = 0;
    for (size_t g = 0; g < count; g++)
        queried |= grids[g].queried;
    if (queried)
        VC_TRY(vc_dense_stats_query(stats, source, VC_QUERY_IMAGES, how));
    return vc_dense_stats_summarize(stats, grids, count);
}

vc_status vc_plan_recipe_summarize(vc_dense_stats *stats, const vc_plan_recipe *recipe,
                                   vc_source *source, const vc_look *how)
{
    vc_summary_grid *grids, all[CANDIDATES];
    size_t count = 0;
    if (!recipe->summaries && !vc_plan_recipe_measures(recipe))
        return VC_OK;
    list_candidates(all, &stats->model->config);
    if (is_word(recipe->summaries, VC_SUMMARIES_AUTO))
        return summarize(stats, all, CANDIDATES, source, how);
    VC_TRY(read_grids(&grids, vc_model_layers(&stats->model->config), recipe));
    vc_status status = find_kinds(grids, &count, &stats->model->config);
    if (status == VC_OK)
        status = summarize(stats, grids, count, source, how);
    free(grids);
    return status;
}

static double share_of(const vc_summary_stats *const *stats, size_t layers)
{
    double all = 0.0, summaries = 0.0;
    for (size_t l = 0; l < layers; l++) {
        const double rows = (double)(stats[l]->heads * stats[l]->queries);
        all += rows * (double)stats[l]->keys;
        summaries += (double)vc_pooling_scores(&stats[l]->pooling, stats[l]->heads,
                                               stats[l]->queries, stats[l]->keys);
    }
    return summaries / all;
}

static vc_status refuse_kind(const vc_statistics *s, size_t layer, vc_summary_grid grid,
                             const char *path)
{
    char wanted[VC_SUMMARY_TEXT], has[VC_SUMMARY_TEXT];
    const vc_summary_kinds *k = &s->kinds;
    vc_pooling pooling;
    vc_summary_grids_text(wanted, &grid, 1);
    vc_summary_grids_text(has, k->grids, k->count);
    for (size_t g = 0; g < k->count; g++)
        if (vc_summary_grid_equal(k->grids[g], grid) && grid.y > 0) {
            size_t group = 0, first = 0;
            while (layer >= first + s->maps[group].layers)
                first += s->maps[group++].layers;
            VC_TRY(vc_layer_pooling(&pooling, s->tokens[group], s->prefix_tokens, layer, grid));
            vc_pooling_close(&pooling);
        }
    return vc_fail(VC_EINVAL,
                   "%s: nothing is averaged of summaries %s%s%s, wanted `vitcod "
                   "attention --summary` with them",
                   path, wanted, k->count ? ", but of " : "", k->count ? has : "");
}

/* Each layer's place among the kinds of the statistics; behind them: to be chosen. */
static vc_status find_choices(size_t *choice, const vc_statistics *s, const vc_plan_recipe *recipe,
                              const char *path)
{
    vc_summary_grid *grids;
    const vc_summary_kinds *k = &s->kinds;
    vc_status status = VC_OK;
    for (size_t l = 0; l < k->layers; l++)
        choice[l] = k->count;
    if (is_word(recipe->summaries, VC_SUMMARIES_AUTO))
        return VC_OK;
    VC_TRY(read_grids(&grids, k->layers, recipe));
    for (size_t l = 0; status == VC_OK && l < k->layers; l++) {
        for (choice[l] = 0; choice[l] < k->count; choice[l]++)
            if (vc_summary_grid_equal(k->grids[choice[l]], grids[l]))
                break;
        if (!vc_summary_kinds_find(k, l, grids[l]))
            status = refuse_kind(s, l, grids[l], path);
    }
    free(grids);
    return status;
}

vc_status vc_statistics_summaries(const vc_summary_stats **out, const vc_statistics *s,
                                  const char *summaries, const char *path)
{
    const vc_plan_recipe recipe = {.summaries = summaries};
    const size_t layers = s->kinds.layers;
    if (is_word(summaries, VC_SUMMARIES_AUTO))
        return vc_fail(VC_EINVAL,
                       "%s: summaries auto are chosen with what is pruned, wanted a grid", path);
    size_t *choice = calloc(layers + 1, sizeof *choice);
    vc_status status = choice ? find_choices(choice, s, &recipe, path)
                              : vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    for (size_t l = 0; status == VC_OK && l < layers; l++)
        out[l] = vc_summary_kinds_find(&s->kinds, l, s->kinds.grids[choice[l]]);
    free(choice);
    return status;
}

static vc_status share_out(vc__recipe_share *out, size_t *choice, const vc_head_curves *curves,
                           const vc_plan_recipe *recipe)
{
    size_t heads = 0;
    double loss;
    for (size_t l = 0; l < curves->layer_count; l++)
        heads += curves->layers[l].heads;
    out->kept = calloc(heads, sizeof *out->kept);
    if (!out->kept)
        return vc_fail(VC_ENOMEM, "out of memory for %zu heads", heads);
    return vc_head_curves_share(out->kept, choice, &loss, curves, recipe->sparsity);
}

static vc_status take_choices(vc__recipe_share *out, const size_t *choice, const vc_statistics *s,
                              const vc_plan_recipe *recipe)
{
    const size_t layers = s->kinds.layers;
    vc_summary_grid *grids = calloc(layers, sizeof *grids);
    out->summaries = calloc(layers, sizeof *out->summaries);
    if (!grids || !out->summaries) {
        free(grids);
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    }
    for (size_t l = 0; l < layers; l++) {
        grids[l] = s->kinds.grids[choice[l]];
        out->summaries[l] = vc_summary_kinds_find(&s->kinds, l, grids[l]);
    }
    vc_summary_grids_text(out->text, grids, layers);
    free(grids);
    out->share = share_of(out->summaries, layers);
    if (out->share <= 1.0 - recipe->sparsity)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "summaries alone are %.2f %% of the scores, and a sparsity of %g leaves %.2f %%",
                   100.0 * out->share, recipe->sparsity, 100.0 * (1.0 - recipe->sparsity));
}

vc_status vc__recipe_share_open(vc__recipe_share *out, const vc_statistics *s,
                                const vc_plan_recipe *recipe, const char *path)
{
    const int measures = vc_plan_recipe_measures(recipe);
    *out = (vc__recipe_share){0};
    if (!recipe->summaries && !measures)
        return VC_OK;
    if (measures && !s->measured)
        return vc_fail(VC_EINVAL,
                       "%s: heads are not measured, which rule measured goes by, wanted what "
                       "`vitcod attention --rule measured` writes",
                       path);
    size_t *choice = calloc(s->kinds.layers + 1, sizeof *choice);
    vc_status status = choice ? find_choices(choice, s, recipe, path)
                              : vc_fail(VC_ENOMEM, "out of memory for %zu layers", s->kinds.layers);
    assert(measures || !is_word(recipe->summaries, VC_SUMMARIES_AUTO)); /* it is settled */
    if (status == VC_OK && measures)
        status = share_out(out, choice, &s->curves, recipe);
    if (status == VC_OK)
        status = take_choices(out, choice, s, recipe);
    free(choice);
    if (status != VC_OK)
        vc__recipe_share_close(out);
    return status;
}

void vc__recipe_share_close(vc__recipe_share *share)
{
    free((void *)share->summaries);
    free(share->kept);
    share->summaries = NULL;
    share->kept = NULL;
}
