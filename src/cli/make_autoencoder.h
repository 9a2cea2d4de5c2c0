/* The auto-encoder of Q, K or both, set up over images: what `autoencoder` does, and `calibrate`
 * on its way. */
#ifndef VC_MAKE_AUTOENCODER_H
#define VC_MAKE_AUTOENCODER_H

#include "open_data.h"
#include "open_model.h"

typedef struct cli_autoencoder_options {
    cli_model_options model;
    cli_data_options data;
    const char *output;
    size_t compressed; /* heads; 0: ViTCoD's */
    vc_coded coded;
} cli_autoencoder_options;

typedef struct cli_autoencoder {
    size_t *compressed_heads; /* by layer; 0 between stages */
    size_t layers;
    const char *compressed_of;
    cli_images seen;
} cli_autoencoder;

/* Heads and what they are of. */
extern const vc_record cli_autoencoder_record;

/* Writes options->output. */
vc_status cli_make_autoencoder(cli_autoencoder *out, const cli_autoencoder_options *options);
void cli_autoencoder_free(cli_autoencoder *autoencoder);

#endif
