#include "walk.h"

#include <stdlib.h>

vc_status vc__walk_images_open(vc__walk_images *out, const vc_model *model, const vc_dataset *data,
                               size_t batch)
{
    const vc_model_input in = vc_model_input_of(&model->config);
    *out = (vc__walk_images){.model = model, .data = data};
    out->x = malloc(batch * in.channels * in.image * in.image * sizeof *out->x);
    out->y = malloc(batch * sizeof *out->y);
    out->order = malloc((data->count + 1) * sizeof *out->order);
    if (!out->x || !out->y || !out->order)
        return vc_fail(VC_ENOMEM, "out of memory for batches of %zu images", batch);
    for (size_t i = 0; i < data->count; i++)
        out->order[i] = (uint32_t)i;
    return vc_acts_open(&out->acts, model, batch, 0);
}

void vc__walk_images_close(vc__walk_images *walk)
{
    vc_acts_close(&walk->acts);
    free(walk->x);
    free(walk->y);
    free(walk->order);
    *walk = (vc__walk_images){0};
}

int vc__walk_images_next(vc__walk_images *w, const vc_tap *tap)
{
    const vc_batch_options plain = vc_model_batch_options(w->model);
    w->first += w->count;
    const size_t left = w->data->count - w->first;
    w->count = left < w->acts.batch ? left : w->acts.batch;
    if (w->count == 0) {
        w->first = 0;
        return 0;
    }
    vc_batch_load(w->x, w->y, w->data, w->order + w->first, w->count, &plain);
    vc_model_forward(&w->acts, w->model, w->x, w->count, tap);
    return 1;
}
