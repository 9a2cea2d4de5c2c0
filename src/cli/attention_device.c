/* Attention that a device averages: `vitcod attention --device`. */
#include "attention.h"
#include "together.h"
#include "vitcod/device.h"
#include "vitcod/engine_pass.h"
#include "vitcod/image_array.h"

int attention_has_device(const attention_options *o)
{
    const vc_backend *backend = NULL;
    size_t index;
    return o->device && vc_device_find(&backend, &index, o->device) == VC_OK &&
           backend != vc_backend_at(0);
}

vc_status attention_on_device(cli_images *seen, const attention_options *o, const vc_model *model,
                              vc_dense_stats *stats, const float *input, size_t images)
{
    vc_maps_pass pass;
    vc_engine_options how = vc_engine_options_default();
    VC_TRY(cli_check_alone("--device averages"));
    VC_TRY(vc_device_find(&how.backend, &how.device, o->device));
    how.batch = o->data.batch;
    cli_note_precision(VC_IN_FP32);
    cli_note_device(o->device);
    VC_TRY(vc_maps_pass_open(&pass, model, &how, vc_dense_stats_add_maps, stats));
    const vc_runner runner = vc_maps_runner(&pass);
    const vc_status status = input ? vc_run_images(NULL, &runner, model, input, images)
                                   : cli_run_some(seen, model, &o->data, "attention", &runner);
    vc_maps_pass_close(&pass);
    return status;
}
