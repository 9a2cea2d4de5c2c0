#include "make_autoencoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/coder_setup.h"
#include "vitcod/file.h"
#include "vitcod/npy.h"
#include "vitcod/weights.h"

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

/* Names are those of tensors: of a file from elsewhere they must not lead out of the folder. */
static vc_status export_tensor(const char *folder, const vc_named_tensor *t)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s.npy", folder, t->name);
    if (strchr(t->name, '/') || length >= (int)sizeof path)
        return vc_fail(VC_EINVAL, "%s: '%s' is no name of a file", folder, t->name);
    if (access(path, F_OK) == 0 && !vc_npy_is(path))
        return vc_fail(VC_EINVAL, "%s: is there and is no npy array: wanted another folder", path);
    return vc_npy_write(path, &t->tensor);
}

vc_status cli_export_autoencoder(const char *folder, const char *path)
{
    vc_tensor_file *file;
    size_t found = 0;
    VC_TRY(vc_weights_open(&file, path, VC_WEIGHTS_ANY));
    vc_status status = vc_directory_make(folder);
    for (size_t i = 0; status == VC_OK && i < vc_tensor_file_count(file); i++) {
        const vc_named_tensor *t = vc_tensor_file_at(file, i);
        if (!strstr(t->name, ".encoder_") && !strstr(t->name, ".decoder_"))
            continue;
        status = export_tensor(folder, t);
        found++;
    }
    vc_tensor_file_close(file);
    if (status == VC_OK && found == 0)
        return vc_fail(VC_EFORMAT, "%s: no auto-encoder is inside, wanted one to export", path);
    return status;
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
