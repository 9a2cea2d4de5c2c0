/* Folding into the weights of products. */
#include <math.h>
#include <stdlib.h>

#include "engine_impl.h"

enum { MOST_HEADS = 64 };
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

/* Computes decoder times encoder (H, H) and its bias (H): decoded = mix x + shift, over heads. */
static void compose(double *mix, double *shift, const vc_coder *coder, size_t heads,
                    size_t compressed)
{
    for (size_t o = 0; o < heads; o++) {
        shift[o] = coder->decoder_b[o];
        for (size_t z = 0; z < compressed; z++)
            shift[o] += (double)coder->decoder_w[o * compressed + z] * coder->encoder_b[z];
        for (size_t i = 0; i < heads; i++) {
            double sum = 0.0;
            for (size_t z = 0; z < compressed; z++)
                sum +=
                    (double)coder->decoder_w[o * compressed + z] * coder->encoder_w[z * heads + i];
            mix[o * heads + i] = sum;
        }
    }
}

/* Mixes the rows of all heads for one value of head_dim, in place. */
static void mix_rows(float *weight, float *bias, const double *mix, const double *shift,
                     size_t heads, size_t head_dim, size_t inputs)
{
    double mixed[MOST_HEADS];
    for (size_t i = 0; i <= inputs; i++) { /* the last one is the bias */
        float *at = i < inputs ? weight + i : bias;
        const size_t stride = (i < inputs ? inputs : 1) * head_dim;
        for (size_t o = 0; o < heads; o++) {
            mixed[o] = i < inputs ? 0.0 : shift[o];
            for (size_t h = 0; h < heads; h++)
                mixed[o] += mix[o * heads + h] * at[h * stride];
        }
        for (size_t o = 0; o < heads; o++)
            at[o * stride] = (float)mixed[o];
    }
}

static void autoencode(vc_linear *x, const vc_attention_layer *l, const vc_coder *coder,
                       size_t compressed)
{
    double mix[MOST_HEADS * MOST_HEADS], shift[MOST_HEADS];
    compose(mix, shift, coder, l->heads, compressed);
    for (size_t d = 0; d < l->head_dim; d++)
        mix_rows((float *)x->weight + d * x->inputs, (float *)x->bias + d, mix, shift, l->heads,
                 l->head_dim, x->inputs);
}

vc_status vc__fold_scores(vc_linear *q, vc_linear *k, const vc_attention_layer *l,
                          const vc_coder *coder)
{
    vc_linear *const parts[] = {q, k};
    for (size_t i = 0; i < 2; i++) {
        if (!parts[i] || !l->compressed[i])
            continue;
        if (l->heads > MOST_HEADS)
            return vc_fail(VC_EUNSUPPORTED, "an auto-encoder of %zu heads, wanted at most %d",
                           l->heads, MOST_HEADS);
        autoencode(parts[i], l, &coder[i], l->compressed[i]);
    }
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
