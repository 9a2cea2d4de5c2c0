/* The auto-encoder of Q, K or both, set up over images: what `autoencoder` does, and `calibrate` on its way. */
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

/* Writes options->output; adds "autoencoder", "compressed_heads" and "compressed_of" to the result. */
vc_status cli_make_autoencoder(json_t *result, const cli_autoencoder_options *options);

#endif
