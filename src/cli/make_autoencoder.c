#include "make_autoencoder.h"

#include <stdlib.h>

#include "coded.h"
#include "vitcod/autoencoder_setup.h"
#include "vitcod/file.h"

typedef struct collector {
    const vc_model_config *config;
    vc_head_moments *moments; /* (L, 2): of Q, of K */
} collector;

static void tap_query_key(void *context, size_t layer, const float *q, const float *k,
                          size_t stride, size_t batch)
{
    collector *c = context;
    const vc_attention_layer l = vc_model_layer(c->config, layer);
    size_t tokens = batch * l.queries;
    vc_head_moments_add(&c->moments[2 * layer], q, stride, tokens, l.head_dim);
    vc_head_moments_add(&c->moments[2 * layer + 1], k, stride, tokens, l.head_dim);
}

/* A model of the same sizes, of which only the auto-encoder is filled and written. */
static vc_status set_up_and_write(const collector *c, const vc_model_config *coded,
                                  const char *path)
{
    vc_model *model;
    VC_TRY(vc_model_create(&model, coded, 0));
    vc_status status = VC_OK;
    for (size_t i = 0; status == VC_OK && i < 2 * vc_model_layers(coded); i++) {
        size_t compressed = vc_model_layer(coded, i / 2).compressed[i % 2];
        const vc_coder *w = vc_model_coder(model, i / 2) + i % 2;
        if (compressed)
            status = vc_autoencoder_setup(w->encoder_w, w->encoder_b, w->decoder_w, w->decoder_b,
                                          &c->moments[i], compressed);
    }
    if (status == VC_OK)
        status = vc_model_write_autoencoder(path, model);
    vc_model_close(model);
    return status;
}

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

static vc_status collect_and_write(json_t *result, collector *c, const cli_autoencoder_options *o,
                                   const vc_model *model)
{
    vc_model_config coded = model->config;
    const vc_tap tap = {.query_key = tap_query_key, .context = c};
    VC_TRY(vc_model_compress(&coded, o->compressed, o->coded));
    VC_TRY(vc_file_try(o->output));
    json_object_set_new(result, "compressed_heads", widths_json(&coded));
    json_object_set_new(result, "compressed_of",
                        json_string(vc_model_coded_word(vc_model_layer(&coded, 0).compressed)));
    for (size_t i = 0; i < 2 * vc_model_layers(&coded); i++)
        VC_TRY(vc_head_moments_open(&c->moments[i], vc_model_layer(&coded, i / 2).heads));
    VC_TRY(cli_tap_data(result, model, &o->data, "collecting Q and K", &tap));
    return set_up_and_write(c, &coded, o->output);
}

vc_status cli_make_autoencoder(json_t *result, const cli_autoencoder_options *o)
{
    vc_model *model;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    size_t layers = vc_model_layers(&model->config);
    json_object_set_new(result, "autoencoder", cli_text(o->output));
    collector all = {&model->config, calloc(2 * layers, sizeof(vc_head_moments))};
    vc_status status = all.moments ? collect_and_write(result, &all, o, model)
                                   : vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; all.moments && i < 2 * layers; i++)
        vc_head_moments_close(&all.moments[i]);
    free(all.moments);
    vc_model_close(model);
    return status;
}
