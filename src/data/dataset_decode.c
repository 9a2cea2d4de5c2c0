/* Encoded images as a data set in memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/loader.h"

static vc_status take_batches(vc_dataset *out, vc_loader *loader)
{
    const size_t values = out->channels * out->height * out->width;
    vc_loaded batch;
    for (;;) {
        VC_TRY(vc_loader_next(&batch, loader));
        if (batch.count == 0)
            return VC_OK;
        for (size_t i = 0; i < batch.count; i++, out->count++) {
            uint8_t *to = out->images + out->count * values;
            for (size_t k = 0; k < values; k++)
                to[k] = (uint8_t)lrintf(255.0f * batch.x[i * values + k]);
            out->labels[out->count] = batch.labels[i];
        }
    }
}

vc_status vc_dataset_decode(vc_dataset *out, vc_source *source, const vc_loader_options *options)
{
    vc_loader_options plain = *options;
    vc_loader *loader;
    *out = (vc_dataset){.channels = options->channels,
                        .height = options->size,
                        .width = options->size,
                        .classes = vc_source_classes(source)};
    for (size_t c = 0; c < VC_MAX_CHANNELS; c++) {
        plain.mean[c] = 0.0f;
        plain.std[c] = 1.0f;
    }
    plain.training = NULL;
    VC_TRY(vc_loader_open(&loader, source, &plain));
    const size_t most = vc_loader_total(loader), values = out->channels * out->height * out->width;
    out->images = malloc(most * values + 1);
    out->labels = malloc((most + 1) * sizeof *out->labels);
    vc_status status = out->images && out->labels
                           ? take_batches(out, loader)
                           : vc_fail(VC_ENOMEM, "out of memory for %zu images", most);
    vc_loader_close(loader);
    if (status == VC_OK && out->count == 0)
        status = vc_fail(VC_EFORMAT, "all of %zu images are broken", most);
    if (status != VC_OK)
        vc_dataset_close(out);
    return status;
}
