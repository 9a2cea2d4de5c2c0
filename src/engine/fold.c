/* Folding into the weights of products. */
#include <math.h>
#include <stdlib.h>

#include "engine_impl.h"

#define LOG2_E 1.4426950408889634

vc_status vc__fold_bias(float **out, const vc_model *model, size_t layer)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    const float *bias = vc_model_bias(model, layer);
    const size_t count = l.heads * l.queries * l.keys;
    *out = NULL;
    if (!bias)
        return VC_OK;
    *out = malloc(count * sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (float)(LOG2_E * bias[i]);
    return VC_OK;
}

float *vc__scaled_copy(const vc_linear *linear, const float *scale)
{
    const size_t n = linear->outputs, k = linear->inputs;
    float *weight = calloc(n * (k + 1), sizeof *weight), *bias = weight + n * k;
    for (size_t o = 0; weight && o < n; o++) {
        const float by = scale ? scale[o] : 1.0f;
        for (size_t i = 0; i < k; i++)
            weight[o * k + i] = by * linear->weight[o * k + i];
        bias[o] = linear->bias ? by * linear->bias[o] : 0.0f;
    }
    return weight;
}

vc_status vc__fold_scores(vc_linear *q, vc_linear *k, const vc_attention_layer *l,
                          const vc_coder *coder)
{
    vc_linear *const parts[] = {q, k};
    vc_autoencoder ae[2];
    vc_model_autoencoders(ae, l, coder, 0, 1);
    for (size_t i = 0; i < 2; i++)
        if (parts[i] && l->compressed[i])
            VC_TRY(vc_autoencoder_fold((float *)parts[i]->weight, (float *)parts[i]->bias,
                                       parts[i]->inputs, &ae[i]));
    if (!q)
        return VC_OK;
    const size_t rows = l->heads * l->head_dim;
    const double scale = LOG2_E / sqrt((double)l->head_dim);
    float *weight = (float *)q->weight, *bias = (float *)q->bias;
    for (size_t i = 0; i < rows * q->inputs; i++)
        weight[i] = (float)(scale * weight[i]);
    for (size_t i = 0; bias && i < rows; i++)
        bias[i] = (float)(scale * bias[i]);
    return VC_OK;
}
