/* Folding an auto-encoder into the weights before it. */
#include "vitcod/autoencoder.h"

enum { MOST_HEADS = 64 };

/* Computes decoder times encoder (H, H) and its bias (H): decoded = mix x + shift, over heads. */
static void compose(double *mix, double *shift, const vc_autoencoder *ae)
{
    const size_t heads = ae->heads, compressed = ae->compressed;
    for (size_t o = 0; o < heads; o++) {
        shift[o] = ae->decoder_b[o];
        for (size_t z = 0; z < compressed; z++)
            shift[o] += (double)ae->decoder_w[o * compressed + z] * ae->encoder_b[z];
        for (size_t i = 0; i < heads; i++) {
            double sum = 0.0;
            for (size_t z = 0; z < compressed; z++)
                sum += (double)ae->decoder_w[o * compressed + z] * ae->encoder_w[z * heads + i];
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

vc_status vc_autoencoder_fold(float *weight, float *bias, size_t inputs, const vc_autoencoder *ae)
{
    double mix[MOST_HEADS * MOST_HEADS], shift[MOST_HEADS];
    if (ae->heads > MOST_HEADS)
        return vc_fail(VC_EUNSUPPORTED, "an auto-encoder of %zu heads, wanted at most %d",
                       ae->heads, MOST_HEADS);
    compose(mix, shift, ae);
    for (size_t d = 0; d < ae->head_dim; d++)
        mix_rows(weight + d * inputs, bias + d, mix, shift, ae->heads, ae->head_dim, inputs);
    return VC_OK;
}
