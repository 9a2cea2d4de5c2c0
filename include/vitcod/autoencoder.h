/* ViTCoD's auto-encoder (HPCA 2023, section IV-C): one linear map over the heads compresses Q or K
 * before it leaves the chip, another one restores it. Views are as in attention.h: token t of the
 * batch starts at x + t * stride. H heads, Z compressed heads, D values per head. */
#ifndef VITCOD_AUTOENCODER_H
#define VITCOD_AUTOENCODER_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_autoencoder {
    size_t heads, compressed, head_dim, tokens; /* tokens: of the whole batch */
    size_t x_stride, encoded_stride, decoded_stride;
    const float *encoder_w, *encoder_b; /* (Z, H), (Z) */
    const float *decoder_w, *decoder_b; /* (H, Z), (H) */
} vc_autoencoder;

/* Which tensors have an auto-encoder: none, Q, K or both (mix_head_fc_q, mix_head_fc_k and
 * mix_head_fc_qk in the published code). In arrays of two, the first belongs to Q and the second to
 * K. */
typedef enum vc_coded {
    VC_CODED_NONE = 0,
    VC_CODED_Q = 1,
    VC_CODED_K = 2,
    VC_CODED_QK = 3
} vc_coded;

/* Weights that may be written, or their gradients. */
typedef struct vc_coder {
    float *encoder_w, *encoder_b, *decoder_w, *decoder_b;
} vc_coder;

/* Computes encoded (Z, D) and decoded (H, D) of every token. Returns the squared distance between x
 * and decoded. */
double vc_autoencoder_forward(float *encoded, float *decoded, const float *x,
                              const vc_autoencoder *ae);

/* Folds encoder and decoder into the projection that makes x: weight (H * D, inputs) and bias (H *
 * D), in place. VC_EUNSUPPORTED for more than 64 heads. */
vc_status vc_autoencoder_fold(float *weight, float *bias, size_t inputs, const vc_autoencoder *ae);

/* The number of floats of scratch memory that the backward pass needs. */
size_t vc_autoencoder_scratch_floats(size_t heads, size_t compressed);

/* ddecoded holds the gradient of `decoded`. `pull` is the weight of a second loss, pull / 2 times
 * the squared distance, whose gradient reaches x both through `decoded` and directly. Overwrites dx
 * and dencoded, changes ddecoded, and adds to the gradients of the weights. */
void vc_autoencoder_backward(const vc_coder *grads, float *dx, float *dencoded, float *ddecoded,
                             float *scratch, const float *x, const float *encoded,
                             const float *decoded, const vc_autoencoder *ae, float pull);

#ifdef __cplusplus
}
#endif

#endif
