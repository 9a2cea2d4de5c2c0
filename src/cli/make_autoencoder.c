#include "make_autoencoder.h"

#include <stdlib.h>

#include "vitcod/coder_setup.h"
#include "vitcod/file.h"

static const vc_field fields[] = {
    {VC_FIELD_LIST(cli_autoencoder, compressed_heads, layers, "compressed_heads", "",
                   "heads after compression, by layer; 0: none")},
    {VC_FIELD(cli_autoencoder, compressed_of, "", "qk, q or k")},
};
const vc_record cli_autoencoder_record = VC_RECORD("auto-encoder", cli_autoencoder, fields);

void cli_autoencoder_free(cli_autoencoder *a)
{
    free(a->compressed_heads);
    cli_images_free(&a->seen);
    *a = (cli_autoencoder){0};
}

static vc_status list_widths(cli_autoencoder *out, const vc_model_config *coded)
{
    const size_t layers = vc_model_layers(coded);
    out->compressed_heads = calloc(layers, sizeof *out->compressed_heads);
    if (!out->compressed_heads)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (; out->layers < layers; out->layers++)
        out->compressed_heads[out->layers] =
            vc_model_coded_width(vc_model_layer(coded, out->layers).compressed);
    out->compressed_of = vc_model_coded_word(vc_model_layer(coded, 0).compressed);
    return VC_OK;
}

static vc_status collect_and_write(cli_autoencoder *out, vc_coder_setup *setup,
                                   const cli_autoencoder_options *o, const vc_model *model)
{
    const vc_tap tap = vc_coder_setup_tap(setup);
    VC_TRY(vc_file_try(o->output));
    VC_TRY(list_widths(out, &setup->coded));
    VC_TRY(cli_tap_data(&out->seen, model, &o->data, "collecting Q and K", &tap));
    return vc_coder_setup_write(o->output, setup);
}

vc_status cli_make_autoencoder(cli_autoencoder *out, const cli_autoencoder_options *o)
{
    vc_coder_setup setup;
    vc_model *model;
    *out = (cli_autoencoder){0};
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    vc_status status = vc_coder_setup_open(&setup, &model->config, o->compressed, o->coded);
    if (status == VC_OK) {
        status = collect_and_write(out, &setup, o, model);
        vc_coder_setup_close(&setup);
    }
    vc_model_close(model);
    return status;
}
