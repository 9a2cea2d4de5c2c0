/* What the commands that run a model have in common. */
#ifndef VC_OPEN_MODEL_H
#define VC_OPEN_MODEL_H

#include "cli.h"
#include "vitcod/model.h"

typedef struct cli_model_options {
    const char *path, *arch;                /* one of them */
    const char *autoencoder, *mask, *plan;  /* plan: a file, or none */
    const char *weights, *activation;       /* ema, raw; a family's; or NULL */
    const char *features;                   /* cls, pool, tokens; NULL: logits */
    const char *mean, *std, *interpolation; /* in words, or NULL: the model's own */
    double crop_pct;                        /* 0: the model's own */
    size_t heads, seed;
    vc_extent image_size; /* 0: the model's own */
    int remember;         /* 1: what is known of the file's values */
    int aside;            /* 1: not the model that a result is about, such as a teacher */
} cli_model_options;

#define CLI_WEIGHTS_OPTION(options)                                                                \
    {                                                                                              \
        "weights", "raw|ema", "which, where MODEL has both (default: ema)", CLI_TEXT,              \
            &(options).weights                                                                     \
    }

#define CLI_ARCH_OPTION(options)                                                                   \
    {                                                                                              \
        "arch", "NAME", "instead of MODEL: timm's name, with random weights", CLI_TEXT,            \
            &(options).arch, .word = vc_model_preset_name                                          \
    }

#define CLI_IMAGE_SIZE_OPTION(options)                                                             \
    {                                                                                              \
        "image-size", "N|HxW",                                                                     \
            "pixels along an image's side, or height and width as 224x384, 0 for the model's own " \
            "(default)",                                                                           \
            CLI_EXTENT, &(options).image_size                                                      \
    }

#define CLI_INPUT_OPTIONS(options)                                                                 \
    {"mean", "X,X,X", "of the channels, pixels in 0..1 (default: the model's own)", CLI_TEXT,      \
     &(options).mean},                                                                             \
        {"std", "X,X,X", "deviations of the channels (default: the model's own)", CLI_TEXT,        \
         &(options).std},                                                                          \
        {"interpolation", "bicubic|bilinear", "(default: the model's own, or bicubic)", CLI_TEXT,  \
         &(options).interpolation},                                                                \
    {                                                                                              \
        "crop-pct", "X",                                                                           \
            "share of the shorter side that is seen (default: the model's own, or 0.875)",         \
            CLI_NUMBER, &(options).crop_pct                                                        \
    }

#define CLI_TOLD_OPTIONS(options)                                                                  \
    {"activation", "WORD",                                                                         \
     "gelu, quick_gelu; a LeViT's hardswish, silu; if the file does not say", CLI_TEXT,            \
     &(options).activation},                                                                       \
    {                                                                                              \
        "heads", "N", "attention heads, where the file does not say", CLI_COUNT, &(options).heads  \
    }

#define CLI_MODEL_OPTIONS(options)                                                                 \
    {"autoencoder",                                                                                \
     "FILE",                                                                                       \
     "a file with the auto-encoder's weights",                                                     \
     CLI_TEXT,                                                                                     \
     &(options).autoencoder,                                                                       \
     .files = "safetensors"},                                                                      \
        {"mask",   "PATH",          "npy mask (L,H,T,T), true = pruned; LeViT: a folder of them",  \
         CLI_TEXT, &(options).mask, .files = "npy"},                                               \
        {"plan",                                                                                   \
         "FILE|none",                                                                              \
         "plan to run on, or none (default: the one inside MODEL, if any)",                        \
         CLI_TEXT,                                                                                 \
         &(options).plan,                                                                          \
         .files = "safetensors"},                                                                  \
        CLI_IMAGE_SIZE_OPTION(options), CLI_WEIGHTS_OPTION(options), CLI_TOLD_OPTIONS(options)

/* CLI_CONTINUE unless options exclude each other. */
int cli_check_model_options(const cli_command *command, const cli_model_options *options);

/* The same for a command whose only argument is MODEL, or which has --arch instead: takes over
 * path and seed. */
int cli_take_model(const cli_command *command, cli_model_options *options,
                   const cli_arguments *arguments, const cli_common *common);

/* What a model is opened for: to train, or to look at and to run. */
typedef enum cli_purpose { CLI_TRAIN, CLI_RUN } cli_purpose;

/* Mean, std, interpolation and crop of the options, where they are set. */
vc_status cli_set_looks(vc_model_config *config, const cli_model_options *options);

/* The sizes that options->arch names. */
vc_status cli_preset(vc_model_config *out, const cli_model_options *options);

/* Mask or plan, where there is one. */
vc_status cli_restrict_attention(vc_model *model, const cli_model_options *options);

/* Opens the model at options->path, or makes one; what was chosen, left out or converted is told on
 * stderr. With auto-encoder, mask or plan; without mask and plan on the one inside its file. */
vc_status cli_open_model(vc_model **out, const cli_model_options *options, cli_purpose purpose);

/* The same for what wants a dense model, or one under a mask. `left_out`: the path of a file whose
 * plan is left out; else it stays as it is. */
vc_status cli_open_without_plan(vc_model **out, const char **left_out,
                                const cli_model_options *options, cli_purpose purpose);
void cli_print_without_plan(const char *left_out); /* nothing for NULL */

#endif
