/* Attention that a device averages: `vitcod attention --device`. */
#include <stdlib.h>

#include "attention.h"
#include "vitcod/device.h"
#include "vitcod/engine_pass.h"
#include "vitcod/image_array.h"

typedef struct maps_pass {
    vc_engine_pass engine;
    const vc_model *model;
    vc_dense_stats *stats;
    float *maps; /* of the largest layer */
} maps_pass;

int attention_has_device(const attention_options *o)
{
    const vc_backend *backend = NULL;
    size_t index;
    return o->device && vc_device_find(&backend, &index, o->device) == VC_OK &&
           backend != vc_backend_at(0);
}

static vc_status run_and_add(void *context, const float **logits, const float *images, size_t count)
{
    maps_pass *p = context;
    *logits = p->engine.logits;
    VC_TRY(vc_engine_run(p->engine.engine, p->engine.logits, images, count));
    for (size_t i = 0; i < vc_model_layers(&p->model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&p->model->config, i);
        const size_t at = i - vc_model_group(&p->model->config, l.group).first;
        VC_TRY(vc_engine_maps(p->maps, p->engine.engine, i));
        vc_attention_stats_add_sums(&p->stats->attention[l.group], at, p->maps, count);
    }
    return VC_OK;
}

static vc_status open_pass(maps_pass *out, const vc_model *model, const attention_options *o)
{
    vc_engine_options how = vc_engine_options_default();
    size_t most = 0;
    for (size_t i = 0; i < vc_model_layers(&model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&model->config, i);
        const size_t entries = l.heads * l.queries * l.keys;
        most = entries > most ? entries : most;
    }
    VC_TRY(vc_device_find(&how.backend, &how.device, o->device));
    how.batch = o->data.batch;
    how.attention = VC_ATTENTION_MAPS;
    cli_note_precision(VC_IN_FP32);
    cli_note_device(o->device);
    VC_TRY(vc_engine_pass_open(&out->engine, model, &how));
    out->maps = malloc(most * sizeof *out->maps);
    return out->maps ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu entries of maps", most);
}

static vc_status run_array(const attention_options *o, const vc_model *model,
                           const vc_runner *runner)
{
    vc_npy input;
    VC_TRY(vc_image_array_open(&input, o->input, model));
    size_t images = input.tensor.shape[0];
    if (o->data.limit > 0 && o->data.limit < images)
        cli_note_chosen("the first %zu of --input", images = o->data.limit);
    const vc_status status = vc_run_images(NULL, runner, model, input.tensor.data, images);
    vc_npy_close(&input);
    return status;
}

vc_status attention_on_device(cli_images *seen, const attention_options *o, const vc_model *model,
                              vc_dense_stats *stats)
{
    maps_pass pass = {.model = model, .stats = stats};
    vc_status status = open_pass(&pass, model, o);
    const vc_runner runner = {run_and_add, &pass, o->data.batch};
    if (status == VC_OK)
        status = o->input ? run_array(o, model, &runner)
                          : cli_run_some(seen, model, &o->data, "attention", &runner);
    free(pass.maps);
    vc_engine_pass_close(&pass.engine);
    return status;
}
