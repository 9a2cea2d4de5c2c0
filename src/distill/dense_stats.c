/* Running the dense model over images: classes and averaged attention. */
#include <stdlib.h>

#include "dense_summaries.h"
#include "vitcod/comm.h"
#include "vitcod/image_array.h"
#include "vitcod/loss.h"
#include "vitcod/npy.h"

static vc_status open_stats(vc_attention_stats *out, const vc_model *model, size_t group)
{
    const vc_attention_group g = vc_model_group(&model->config, group);
    const vc_attention_layer l = vc_model_layer(&model->config, g.first);
    return vc_attention_stats_open(out, g.count, l.heads, l.queries, l.keys);
}

/* One room for all layers: that of the largest. */
static vc_status open_weighed(vc_dense_stats *out, const vc_model_config *config, size_t batch)
{
    size_t norms = 0, products = 0;
    for (size_t i = 0; i < vc_model_layers(config); i++) {
        const vc_attention_layer l = vc_model_layer(config, i);
        norms = l.heads * l.keys > norms ? l.heads * l.keys : norms;
        if (l.heads * l.queries * l.keys > products)
            products = l.heads * l.queries * l.keys;
    }
    out->norms = malloc(batch * norms * sizeof *out->norms);
    out->products = malloc(batch * products * sizeof *out->products);
    return out->norms && out->products
               ? VC_OK
               : vc_fail(VC_ENOMEM, "out of memory for a batch of %zu images", batch);
}

/* No images: what the others have is passed on. */
static void add_in_turn(vc_attention_stats *stats, const vc_dense_stats *all, size_t at,
                        const float *probs, size_t batch)
{
    const size_t count = stats->heads * stats->queries * stats->keys;
    double *sum = stats->sum + at * count;
    vc_turn_take(&all->turns, sum, count);
    vc_attention_stats_add(stats, at, probs, batch);
    vc_turn_pass(&all->turns, sum, count);
}

/* In the order of a forward pass. */
static void relay(void *context)
{
    vc_dense_stats *s = context;
    for (size_t i = 0; i < vc_model_layers(&s->model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&s->model->config, i);
        const size_t at = i - vc_model_group(&s->model->config, l.group).first;
        for (size_t g = 0; g < s->kinds.count; g++) {
            const vc_summary_stats *k = &s->kinds.stats[g * s->kinds.layers + i];
            const size_t count = k->heads * k->queries * k->pooling.count;
            vc_turn_take(&s->turns, k->sum, count);
            vc_turn_pass(&s->turns, k->sum, count);
        }
        add_in_turn(&s->attention[l.group], s, at, NULL, 0);
        if (s->weighed)
            add_in_turn(&s->scores[l.group], s, at, NULL, 0);
    }
}

vc_status vc_dense_stats_open(vc_dense_stats *out, const vc_model *model, size_t batch, int weighed,
                              int centred)
{
    char those[VC_FAMILIES_TEXT];
    *out = (vc_dense_stats){.model = model,
                            .groups = vc_model_groups(&model->config),
                            .weighed = weighed,
                            .centred = centred,
                            .turns = {.relay = relay, .context = out}};
    if (weighed && !vc_model_can(&model->config, VC_ABILITY_VALUES))
        return vc_fail(VC_EUNSUPPORTED, "norms of values want %s, this is a %s",
                       vc_families_that_can(those, VC_ABILITY_VALUES),
                       vc_model_family(&model->config));
    for (size_t g = 0; g < out->groups; g++) {
        VC_TRY(open_stats(&out->attention[g], model, g));
        if (weighed)
            VC_TRY(open_stats(&out->scores[g], model, g));
    }
    return weighed ? open_weighed(out, &model->config, batch) : VC_OK;
}

void vc_dense_stats_close(vc_dense_stats *stats)
{
    for (size_t g = 0; g < stats->groups; g++) {
        vc_attention_stats_close(&stats->attention[g]);
        vc_attention_stats_close(&stats->scores[g]);
    }
    free(stats->norms);
    free(stats->products);
    vc_summary_kinds_close(&stats->kinds);
    free(stats->queries);
    *stats = (vc_dense_stats){0};
}

static void weigh_probs(float *products, const float *probs, const float *norms,
                        const vc_attention_layer *l, size_t batch)
{
    for (size_t r = 0; r < batch * l->heads * l->queries; r++)
        for (size_t k = 0; k < l->keys; k++)
            products[r * l->keys + k] =
                probs[r * l->keys + k] * norms[r / l->queries * l->keys + k];
}

static void add_layer(void *context, const vc_acts *acts, size_t layer, const float *probs,
                      size_t batch)
{
    vc_dense_stats *s = context;
    const vc_attention_layer l = vc_model_layer(&s->model->config, layer);
    const size_t at = layer - vc_model_group(&s->model->config, l.group).first;
    add_in_turn(&s->attention[l.group], s, at, probs, batch);
    if (!s->weighed)
        return;
    if (s->status == VC_OK)
        s->status = vc_model_value_norms(s->norms, acts, s->model, layer, batch, s->centred);
    if (s->status == VC_OK)
        weigh_probs(s->products, probs, s->norms, &l, batch);
    /* Even after a failure: other processes wait for it. */
    add_in_turn(&s->scores[l.group], s, at, s->products, s->status == VC_OK ? batch : 0);
}

void vc_dense_stats_add_maps(void *stats, size_t layer, const float *maps, size_t images)
{
    vc_dense_stats *s = stats;
    const vc_attention_layer l = vc_model_layer(&s->model->config, layer);
    const size_t at = layer - vc_model_group(&s->model->config, l.group).first;
    vc_attention_stats_add_sums(&s->attention[l.group], at, maps, images);
}

vc_tap vc_dense_stats_tap(vc_dense_stats *stats)
{
    return (vc_tap){.attention = add_layer,
                    .scores = stats->kinds.count ? vc__add_summaries : NULL,
                    .context = stats};
}

/* ---- several processes */

vc_status vc__share_sums(const vc_turns *turns, double *sums, size_t count, uint64_t *images)
{
    double all = (double)*images;
    VC_TRY(vc_turns_share(turns, sums, count));
    VC_TRY(vc_comm_sum(&all, 1, NULL));
    *images = (uint64_t)all;
    return VC_OK;
}

static vc_status share(vc_attention_stats *s, const vc_turns *turns)
{
    return vc__share_sums(turns, s->sum, s->layers * s->heads * s->queries * s->keys, &s->images);
}

vc_status vc_dense_stats_share(vc_dense_stats *stats)
{
    const vc_summary_kinds *kinds = &stats->kinds;
    for (size_t g = 0; g < stats->groups; g++) {
        VC_TRY(share(&stats->attention[g], &stats->turns));
        if (stats->weighed)
            VC_TRY(share(&stats->scores[g], &stats->turns));
    }
    for (size_t i = 0; i < kinds->count * kinds->layers; i++) {
        vc_summary_stats *s = &kinds->stats[i];
        VC_TRY(vc__share_sums(&stats->turns, s->sum, s->heads * s->queries * s->pooling.count,
                              &s->images));
    }
    return VC_OK;
}

/* ---- files */

static vc_status write_mean(const char *path, const vc_attention_stats *stats)
{
    size_t count = stats->layers * stats->heads * stats->queries * stats->keys;
    float *mean = malloc(count * sizeof *mean);
    if (!mean)
        return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
    vc_attention_stats_mean(mean, stats);
    const vc_tensor tensor = {
        VC_F32, 4, {stats->layers, stats->heads, stats->queries, stats->keys}, mean};
    vc_status status = vc_npy_write(path, &tensor);
    free(mean);
    return status;
}

static vc_status write_groups(const char *path, const char *prefix, const vc_model *model,
                              const vc_attention_stats *stats)
{
    for (size_t g = 0; g < vc_model_groups(&model->config); g++) {
        char file[VC_GROUP_PATH];
        VC_TRY(vc_group_file_name(file, path, prefix, vc_model_group(&model->config, g).name));
        VC_TRY(write_mean(file, &stats[g]));
    }
    return VC_OK;
}

vc_status vc_dense_stats_write(const vc_dense_stats *stats, const char *maps, const char *scores)
{
    VC_TRY(write_groups(maps, "attention_score", stats->model, stats->attention));
    return scores ? write_groups(scores, "score", stats->model, stats->scores) : VC_OK;
}

/* ---- running over images */

static vc_status look_at_images(vc_dense_stats *stats, size_t *images, uint8_t *seen,
                                vc_image_walk *walk, const vc_look *how)
{
    const size_t classes = vc_model_input_of(&walk->model->config).classes;
    const size_t all = vc_source_count(walk->source);
    const size_t ranks = how->together ? (size_t)vc_comm_size() : 1;
    const vc_tap tap = stats ? vc_dense_stats_tap(stats) : (vc_tap){0};
    for (;;) {
        VC_TRY(vc_image_walk_next(walk, stats ? &tap : NULL));
        if (stats)
            VC_TRY(stats->status);
        if (walk->batch.count == 0)
            return VC_OK;
        for (size_t i = 0; classes > 0 && i < walk->batch.count; i++)
            seen[vc_first_class(walk->acts.logits + i * classes, classes)] = 1;
        *images += walk->batch.count;
        const size_t done = *images * ranks; /* the others are as far, about */
        if (how->progress)
            vc_progress_update(how->progress, done < all ? done : all, NULL);
    }
}

/* How many images all processes have seen, and which classes. */
static vc_status share_seen(size_t *images, uint8_t *seen, size_t classes)
{
    double *all = malloc((classes + 1) * sizeof *all);
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory for %zu classes", classes);
    for (size_t c = 0; c < classes; c++)
        all[c] = (double)seen[c];
    all[classes] = (double)*images;
    const vc_status status = vc_comm_sum(all, classes + 1, NULL);
    for (size_t c = 0; c < classes; c++)
        seen[c] = all[c] > 0.0;
    *images = (size_t)all[classes];
    free(all);
    return status;
}

static vc_status look_together(vc_dense_stats *stats, size_t *images, uint8_t *seen,
                               vc_image_walk *walk, const vc_look *how)
{
    if (stats)
        walk->turns = &stats->turns;
    VC_TRY(look_at_images(stats, images, seen, walk, how));
    if (!how->together)
        return VC_OK;
    VC_TRY(share_seen(images, seen, vc_model_input_of(&walk->model->config).classes));
    return stats ? vc_dense_stats_share(stats) : VC_OK;
}

vc_status vc_dense_look(vc_dense_stats *stats, vc_seen *out, const vc_model *model,
                        vc_source *source, const vc_look *how)
{
    const size_t classes = vc_model_input_of(&model->config).classes;
    vc_image_walk walk = {0};
    *out = (vc_seen){0};
    uint8_t *seen = calloc(classes + 1, 1);
    if (how->progress)
        how->progress->total = vc_source_count(source);
    vc_status status = seen ? vc_image_walk_open(&walk, model, source, how)
                            : vc_fail(VC_ENOMEM, "out of memory for %zu classes", classes);
    if (status == VC_OK)
        status = look_together(stats, &out->images, seen, &walk, how);
    if (status == VC_OK && out->images == 0)
        status = vc_fail(VC_EFORMAT, "of %zu %s to learn from none can be read",
                         vc_source_count(source), vc_source_unit(source, vc_source_count(source)));
    for (size_t c = 0; seen && c < classes; c++)
        if (seen[c]) {
            out->classes++;
            out->last_class = c;
        }
    vc_image_walk_close(&walk);
    free(seen);
    return status;
}

vc_status vc_dense_look_at_array(vc_dense_stats *stats, const float *images, size_t count,
                                 size_t batch)
{
    const vc_tap tap = vc_dense_stats_tap(stats);
    const size_t values = vc_model_image_values(&stats->model->config);
    const size_t ranks = (size_t)vc_comm_size(), rank = (size_t)vc_comm_rank();
    vc_turns_begin(&stats->turns, count, batch, ranks > 1);
    if (ranks == 1)
        return vc_tap_images(stats->model, images, count, batch, &tap);
    for (size_t at = rank * batch; at < count; at += ranks * batch) {
        vc_turns_reach(&stats->turns, at);
        VC_TRY(vc_tap_images(stats->model, images + at * values,
                             count - at < batch ? count - at : batch, batch, &tap));
        VC_TRY(stats->status);
    }
    return VC_OK;
}
