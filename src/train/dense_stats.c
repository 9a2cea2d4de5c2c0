/* What a dense model makes of images: classes, and averaged attention. */
#include <stdlib.h>

#include "vitcod/calibrate.h"

vc_status vc_dense_stats_open(vc_dense_stats *out, const vc_model *model, int weighed, int centred)
{
    const vc_attention_layer l = vc_model_layer(&model->config, 0);
    const size_t layers = vc_model_layers(&model->config);
    *out = (vc_dense_stats){.weighed = weighed, .centred = centred};
    if (vc_model_groups(&model->config) != 1)
        return vc_fail(VC_EUNSUPPORTED, "a %s has attention of several shapes, wanted one",
                       vc_architecture_name(model->config.architecture));
    VC_TRY(vc_attention_stats_open(&out->attention, layers, l.heads, l.queries, l.keys));
    return weighed ? vc_attention_stats_open(&out->scores, layers, l.heads, l.queries, l.keys)
                   : VC_OK;
}

void vc_dense_stats_close(vc_dense_stats *stats)
{
    vc_attention_stats_close(&stats->attention);
    vc_attention_stats_close(&stats->scores);
}

typedef struct look {
    const vc_model *model;
    vc_dense_stats *stats;
    vc_acts acts;
    float *x;
    int32_t *y;
    uint32_t *order;
    float *norms, *weighed; /* of a batch; NULL: not wanted */
} look;

static vc_status open_look(look *l, size_t batch, size_t images)
{
    const vc_model_input in = vc_model_input_of(&l->model->config);
    const vc_attention_layer a = vc_model_layer(&l->model->config, 0);
    const int weighed = l->stats && l->stats->weighed;
    l->x = malloc(batch * in.channels * in.image * in.image * sizeof *l->x);
    l->y = malloc(batch * sizeof *l->y);
    l->order = malloc((images + 1) * sizeof *l->order);
    if (weighed) {
        l->norms = malloc(batch * a.heads * a.keys * sizeof *l->norms);
        l->weighed = malloc(batch * a.heads * a.queries * a.keys * sizeof *l->weighed);
    }
    if (!l->x || !l->y || !l->order || (weighed && (!l->norms || !l->weighed)))
        return vc_fail(VC_ENOMEM, "out of memory for a batch of %zu images", batch);
    for (size_t i = 0; i < images; i++)
        l->order[i] = (uint32_t)i;
    return vc_acts_open(&l->acts, l->model, batch, l->stats != NULL);
}

static void close_look(look *l)
{
    vc_acts_close(&l->acts);
    free(l->x);
    free(l->y);
    free(l->order);
    free(l->norms);
    free(l->weighed);
}

static vc_status add_layer(look *l, size_t layer, size_t batch)
{
    const vc_attention_layer a = vc_model_layer(&l->model->config, layer);
    const float *probs = l->acts.deit.layers[layer].probs;
    vc_attention_stats_add(&l->stats->attention, layer, probs, batch);
    if (!l->stats->weighed)
        return VC_OK;
    VC_TRY(vc_model_value_norms(l->norms, &l->acts, l->model, layer, batch, l->stats->centred));
    for (size_t r = 0; r < batch * a.heads * a.queries; r++)
        for (size_t k = 0; k < a.keys; k++)
            l->weighed[r * a.keys + k] =
                probs[r * a.keys + k] * l->norms[r / a.queries * a.keys + k];
    vc_attention_stats_add(&l->stats->scores, layer, l->weighed, batch);
    return VC_OK;
}

static int32_t first_class(const float *logits, size_t classes)
{
    size_t first = 0;
    for (size_t c = 1; c < classes; c++)
        first = logits[c] > logits[first] ? c : first;
    return (int32_t)first;
}

static vc_status add_batch(look *l, vc_dataset *data, size_t first, size_t count)
{
    const vc_batch_options plain = vc_model_batch_options(l->model);
    vc_batch_load(l->x, l->y, data, l->order + first, count, &plain);
    vc_model_forward(&l->acts, l->model, l->x, count, NULL);
    for (size_t layer = 0; l->stats && layer < vc_model_layers(&l->model->config); layer++)
        VC_TRY(add_layer(l, layer, count));
    for (size_t i = 0; i < count; i++)
        data->labels[first + i] = first_class(l->acts.logits + i * data->classes, data->classes);
    return VC_OK;
}

vc_status vc_dense_look(vc_dense_stats *stats, vc_dataset *data, const vc_model *model,
                        size_t batch, const char *label)
{
    look l = {.model = model, .stats = stats};
    vc_progress progress = vc_progress_begin(label, data->count);
    vc_status status = open_look(&l, batch, data->count);
    data->classes = vc_model_input_of(&model->config).classes;
    for (size_t done = 0; done < data->count && status == VC_OK; done += batch) {
        const size_t left = data->count - done, count = left < batch ? left : batch;
        status = add_batch(&l, data, done, count);
        vc_progress_update(&progress, done + count, NULL);
    }
    vc_progress_end(&progress);
    close_look(&l);
    return status;
}
