/* Starting weights for ViTCoD's auto-encoder: the best affine map of rank c over the heads. */
#ifndef VITCOD_AUTOENCODER_SETUP_H
#define VITCOD_AUTOENCODER_SETUP_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* First and second moments of Q or K over the heads. Every pair of token and channel is a
 * sample. */
typedef struct vc_head_moments {
    size_t heads;
    double count;
    double *sum;     /* (H) */
    double *product; /* (H, H) */
} vc_head_moments;

vc_status vc_head_moments_open(vc_head_moments *out, size_t heads);
void vc_head_moments_close(vc_head_moments *moments);

/* x (tokens, H, D) with `stride` floats between tokens. */
void vc_head_moments_add(vc_head_moments *moments, const float *x, size_t stride, size_t tokens,
                         size_t head_dim);

/* encoder_w (c, H) = U^T, encoder_b (c) = -U^T mu, decoder_w (H, c) = U and decoder_b (H) = mu,
 * where mu is the mean over samples and U holds the c leading eigenvectors of the heads'
 * covariance. No affine map of rank c has a smaller squared error on the samples (Eckart, Young
 * 1936).
 *
 * The untrained mix_head of the published code instead takes six components of each image
 * separately (torch.pca_lowrank), which fixed weights cannot do. VC_EINVAL without samples. */
vc_status vc_autoencoder_setup(float *encoder_w, float *encoder_b, float *decoder_w,
                               float *decoder_b, const vc_head_moments *moments, size_t compressed);

#ifdef __cplusplus
}
#endif

#endif
