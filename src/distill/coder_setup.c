#include "vitcod/coder_setup.h"

#include <stdlib.h>

vc_status vc_coder_setup_open(vc_coder_setup *out, const vc_model_config *config, size_t compressed,
                              vc_coded coded)
{
    const size_t count = 2 * vc_model_layers(config);
    *out = (vc_coder_setup){.config = config, .coded = *config};
    VC_TRY(vc_model_compress(&out->coded, compressed, coded));
    out->moments = calloc(count, sizeof *out->moments);
    vc_status status = out->moments ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; status == VC_OK && i < count; i++)
        status = vc_head_moments_open(&out->moments[i], vc_model_layer(config, i / 2).heads);
    if (status != VC_OK)
        vc_coder_setup_close(out);
    return status;
}

void vc_coder_setup_close(vc_coder_setup *setup)
{
    for (size_t i = 0; setup->moments && i < 2 * vc_model_layers(setup->config); i++)
        vc_head_moments_close(&setup->moments[i]);
    free(setup->moments);
    *setup = (vc_coder_setup){0};
}

static void add_query_key(void *context, size_t layer, const float *q, const float *k,
                          size_t stride, size_t batch)
{
    vc_coder_setup *c = context;
    const vc_attention_layer l = vc_model_layer(c->config, layer);
    size_t tokens = batch * l.queries;
    vc_head_moments_add(&c->moments[2 * layer], q, stride, tokens, l.head_dim);
    vc_head_moments_add(&c->moments[2 * layer + 1], k, stride, tokens, l.head_dim);
}

vc_tap vc_coder_setup_tap(vc_coder_setup *setup)
{
    return (vc_tap){.query_key = add_query_key, .context = setup};
}

/* Makes a model of the same sizes, of which only the auto-encoder is filled and written. */
vc_status vc_coder_setup_write(const char *path, const vc_coder_setup *c)
{
    const vc_model_config *coded = &c->coded;
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
