#include "make_autoencoder.h"

#include "vitcod/coder_setup.h"
#include "vitcod/file.h"

static json_t *widths_json(const vc_model_config *coded)
{
    json_t *list = json_array();
    for (size_t l = 0; l < vc_model_layers(coded); l++) {
        const vc_attention_layer layer = vc_model_layer(coded, l);
        json_array_append_new(list,
                              json_integer((json_int_t)vc_model_coded_width(layer.compressed)));
    }
    return list;
}

static vc_status collect_and_write(json_t *result, vc_coder_setup *setup,
                                   const cli_autoencoder_options *o, const vc_model *model)
{
    const vc_tap tap = vc_coder_setup_tap(setup);
    const vc_attention_layer first = vc_model_layer(&setup->coded, 0);
    VC_TRY(vc_file_try(o->output));
    json_object_set_new(result, "compressed_heads", widths_json(&setup->coded));
    json_object_set_new(result, "compressed_of",
                        json_string(vc_model_coded_word(first.compressed)));
    VC_TRY(cli_tap_data(result, model, &o->data, "collecting Q and K", &tap));
    return vc_coder_setup_write(o->output, setup);
}

vc_status cli_make_autoencoder(json_t *result, const cli_autoencoder_options *o)
{
    vc_coder_setup setup;
    vc_model *model;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    json_object_set_new(result, "autoencoder", cli_text(o->output));
    vc_status status = vc_coder_setup_open(&setup, &model->config, o->compressed, o->coded);
    if (status == VC_OK) {
        status = collect_and_write(result, &setup, o, model);
        vc_coder_setup_close(&setup);
    }
    vc_model_close(model);
    return status;
}
