/* What lies between the projections, the same for every family. */
#include <math.h>

#include "model_impl.h"

void vc_model_autoencoders(vc_autoencoder out[2], const vc_attention_layer *layer,
                           const vc_coder coder[2], size_t x_stride, size_t batch)
{
    for (size_t i = 0; i < 2; i++)
        out[i] = (vc_autoencoder){.heads = layer->heads,
                                  .compressed = layer->compressed[i],
                                  .head_dim = layer->head_dim,
                                  .tokens = batch * layer->queries,
                                  .x_stride = x_stride,
                                  .encoded_stride = layer->compressed[i] * layer->head_dim,
                                  .decoded_stride = layer->heads * layer->head_dim,
                                  .encoder_w = coder[i].encoder_w,
                                  .encoder_b = coder[i].encoder_b,
                                  .decoder_w = coder[i].decoder_w,
                                  .decoder_b = coder[i].decoder_b};
}

/* Q and K through their auto-encoders; from here on attention reads what was decoded. */
static void autoencode(vc__attention_io *a, double distances[2], const vc_model *model,
                       size_t layer, const vc_attention_layer *l)
{
    const float **x[] = {&a->q, &a->k};
    size_t *strides[] = {&a->shape.q_stride, &a->shape.k_stride};
    vc_autoencoder ae[2];
    vc_model_autoencoders(ae, l, vc_model_coder(model, layer), a->shape.q_stride, a->shape.batch);
    for (size_t i = 0; i < 2; i++) {
        if (!l->compressed[i])
            continue;
        distances[i] = vc_autoencoder_forward(a->encoded[i], a->decoded[i], *x[i], &ae[i]);
        *x[i] = a->decoded[i];
        *strides[i] = ae[i].decoded_stride;
    }
}

void vc__attention_forward(vc_acts *acts, const vc_model *model, size_t layer,
                           const vc__attention_io *io, const vc_tap *tap)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    vc__attention_io a = *io;
    if (tap && tap->query_key && l.compressible)
        tap->query_key(tap->context, layer, a.q, a.k, a.shape.q_stride, a.shape.batch);
    autoencode(&a, acts->distances + 2 * layer, model, layer, &l);
    const vc_attention attention = {.shape = a.shape,
                                    .q = a.q,
                                    .k = a.k,
                                    .v = a.v,
                                    .pattern = vc_model_pattern(model, layer),
                                    .bias = a.bias};
    vc_attention_forward(a.out, a.probs, acts->scratch, &attention);
    if (tap && tap->operands)
        tap->operands(tap->context, layer, &attention);
    if (tap && tap->scores)
        tap->scores(tap->context, layer, &attention, a.probs);
    if (tap && tap->attention) {
        acts->tapped = layer + 1;
        tap->attention(tap->context, acts, layer, a.probs, a.shape.batch);
        acts->tapped = 0;
    }
}

double vc_model_reconstruction(const vc_acts *acts, const vc_model *model)
{
    double sum = 0.0;
    for (size_t i = 0; i < 2 * vc_model_layers(&model->config); i++)
        if (vc_model_layer(&model->config, i / 2).compressed[i % 2])
            sum += sqrt(acts->distances[i]);
    return sum;
}
