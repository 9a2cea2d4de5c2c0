/* What lies between the projections, the same for every architecture. */
#include <math.h>

#include "model_impl.h"

void vc_model_autoencoders(vc_autoencoder out[2], const vc_attention_layer *layer,
                           const vc_coder coder[2], size_t x_stride, size_t batch)
{
    for (size_t i = 0; i < 2; i++)
        out[i] = (vc_autoencoder){.heads = layer->heads,
                                  .compressed = layer->compressed,
                                  .head_dim = layer->head_dim,
                                  .tokens = batch * layer->queries,
                                  .x_stride = x_stride,
                                  .encoded_stride = 2 * layer->compressed * layer->head_dim,
                                  .decoded_stride = 2 * layer->heads * layer->head_dim,
                                  .encoder_w = coder[i].encoder_w,
                                  .encoder_b = coder[i].encoder_b,
                                  .decoder_w = coder[i].decoder_w,
                                  .decoder_b = coder[i].decoder_b};
}

/* Q and K through the auto-encoder; from here on attention reads what was decoded. */
static void autoencode(vc__attention *a, double distances[2], const vc_model *model, size_t layer,
                       const vc_attention_layer *l)
{
    size_t full = l->heads * l->head_dim, half = l->compressed * l->head_dim;
    vc_autoencoder ae[2];
    vc_model_autoencoders(ae, l, vc_model_coder(model, layer), a->shape.q_stride, a->shape.batch);
    distances[0] = vc_autoencoder_forward(a->encoded, a->decoded, a->q, &ae[0]);
    distances[1] = vc_autoencoder_forward(a->encoded + half, a->decoded + full, a->k, &ae[1]);
    a->q = a->decoded;
    a->k = a->decoded + full;
    a->shape.q_stride = a->shape.k_stride = 2 * full;
}

void vc__attend(vc_acts *acts, const vc_model *model, size_t layer, const vc__attention *attention,
                const vc_tap *tap)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    vc__attention a = *attention;
    if (tap && tap->query_key && l.compressible)
        tap->query_key(tap->context, layer, a.q, a.k, a.shape.q_stride, a.shape.batch);
    if (l.compressed)
        autoencode(&a, acts->distances + 2 * layer, model, layer, &l);
    if (model->sparse) {
        vc_sparse_attention_forward(a.out, a.probs, acts->scratch, a.q, a.k, a.v, &a.shape,
                                    &model->sparse[layer]);
        return;
    }
    vc_attention_forward(a.out, a.probs, acts->scratch, a.q, a.k, a.v, &a.shape,
                         model->pruned ? model->pruned[layer] : NULL, a.bias);
    if (tap && tap->attention)
        tap->attention(tap->context, acts, layer, a.probs, a.shape.batch);
}

double vc_model_reconstruction(const vc_acts *acts, const vc_model *model)
{
    double sum = 0.0;
    for (size_t l = 0; l < vc_model_layers(&model->config); l++)
        if (vc_model_layer(&model->config, l).compressed)
            sum += sqrt(acts->distances[2 * l]) + sqrt(acts->distances[2 * l + 1]);
    return sum;
}
