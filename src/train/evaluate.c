#include <math.h>
#include <stdlib.h>

#include "vitcod/clock.h"
#include "vitcod/train.h"

static const char *name_of(const vc_dataset *data)
{
    return data->path ? data->path : "data";
}

vc_batch_options vc_model_batch_options(const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    vc_batch_options options = {0};
    for (size_t i = 0; i < input.channels; i++) {
        options.mean[i] = input.mean[i];
        options.std[i] = input.std[i];
    }
    return options;
}

vc_status vc_model_check_data(const vc_model *model, const vc_dataset *data)
{
    const vc_model_input input = vc_model_input_of(&model->config), *c = &input;
    const char *path = name_of(data);
    if (data->channels != c->channels || data->height != c->image || data->width != c->image)
        return vc_fail(VC_EINVAL, "%s: images are %zu x %zu x %zu, the model wants %zu x %zu x %zu",
                       path, data->channels, data->height, data->width, c->channels, c->image,
                       c->image);
    if (data->classes > c->classes)
        return vc_fail(VC_EINVAL, "%s: labels go up to %zu, the model has classes 0 to %zu", path,
                       data->classes - 1, c->classes - 1);
    return VC_OK;
}

vc_status vc_evaluate(vc_evaluation *out, const vc_model *model, const vc_dataset *data,
                      vc_acts *acts, size_t limit, const vc_tap *tap, vc_progress *progress)
{
    *out = (vc_evaluation){0};
    VC_TRY(vc_model_check_data(model, data));
    const vc_model_input input = vc_model_input_of(&model->config), *c = &input;
    size_t total = limit > 0 && limit < data->count ? limit : data->count;
    float *x = malloc(acts->batch * c->channels * c->image * c->image * sizeof *x);
    int32_t *y = malloc(acts->batch * sizeof *y);
    uint32_t *indices = malloc(acts->batch * sizeof *indices);
    vc_status status = x && y && indices ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    const vc_batch_options plain = vc_model_batch_options(model);
    double started = vc_clock_seconds();
    for (size_t done = 0; status == VC_OK && done < total;) {
        size_t n = total - done < acts->batch ? total - done : acts->batch;
        for (size_t i = 0; i < n; i++)
            indices[i] = (uint32_t)(done + i);
        vc_batch_load(x, y, data, indices, n, &plain);
        vc_model_forward(acts, model, x, n, tap);
        vc_loss loss = vc_cross_entropy(NULL, acts->logits, y, n, c->classes, 0.0f);
        if (!isfinite(loss.task)) {
            status =
                vc_fail(VC_EINVAL, "%s: images %zu to %zu: the loss is %g, wanted a finite number",
                        name_of(data), done, done + n - 1, loss.task);
            break;
        }
        out->loss += loss.task * (double)n;
        out->top1 += loss.top1;
        out->top5 += loss.top5;
        done += n;
        if (progress) {
            progress->total = total;
            vc_progress_update(progress, done, NULL);
        }
    }
    out->images = total;
    out->loss /= (double)total;
    out->seconds = vc_clock_seconds() - started;
    free(x);
    free(y);
    free(indices);
    return status;
}
