/* What the commands that run a model have in common. */
#ifndef VC_OPEN_MODEL_H
#define VC_OPEN_MODEL_H

#include "cli.h"
#include "vitcod/model.h"
#include "vitcod/npy.h"

typedef struct cli_model_options {
    const char *autoencoder, *mask, *plan;
    size_t heads;
} cli_model_options;

#define CLI_MODEL_OPTIONS(options)                                                                 \
    {"autoencoder", "FILE", "safetensors with the auto-encoder's weights", CLI_TEXT,               \
     &(options).autoencoder},                                                                      \
        {"mask", "PATH", "npy mask (L,H,T,T), true = pruned; LeViT: a folder of them", CLI_TEXT,   \
         &(options).mask},                                                                         \
        {"plan", "FILE", "plan from `vitcod polarize`: runs sparse", CLI_TEXT, &(options).plan},   \
    {                                                                                              \
        "heads", "N", "attention heads, where the file does not say", CLI_COUNT, &(options).heads  \
    }

/* CLI_CONTINUE unless options exclude each other. */
int cli_check_model_options(const cli_command *command, const cli_model_options *options);

/* Opens the model with auto-encoder, mask or plan. `pack`: for inference only. */
vc_status cli_open_model(vc_model **out, const char *path, const cli_model_options *options,
                         int pack);

/* Opens normalised images, float32 (N, channels, H, W) of the model's size, all finite. */
vc_status cli_open_images(vc_npy *out, const char *path, const vc_model *model);

#endif
