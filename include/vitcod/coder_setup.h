/* ViTCoD's auto-encoders of a model, set up over images that need no labels: before anything
 * learns they are the best affine maps of their rank (autoencoder_setup.h). */
#ifndef VITCOD_CODER_SETUP_H
#define VITCOD_CODER_SETUP_H

#include "vitcod/autoencoder_setup.h"
#include "vitcod/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_coder_setup {
    const vc_model_config *config; /* the model's, which must stay */
    vc_model_config coded;         /* the same with auto-encoders */
    vc_head_moments *moments;      /* (L, 2): of Q, of K */
} vc_coder_setup;

/* `compressed` heads (0: ViTCoD's half) of what `coded` says. VC_EINVAL as vc_model_compress. */
vc_status vc_coder_setup_open(vc_coder_setup *out, const vc_model_config *config, size_t compressed,
                              vc_coded coded);
void vc_coder_setup_close(vc_coder_setup *setup);

/* Adds what a forward pass of the model sees. */
vc_tap vc_coder_setup_tap(vc_coder_setup *setup);

/* Writes the auto-encoders alone (vc_model_write_autoencoder). VC_EINVAL without images. */
vc_status vc_coder_setup_write(const char *path, const vc_coder_setup *setup);

#ifdef __cplusplus
}
#endif

#endif
