/* The sizes of a DeiT, told from a checkpoint. */
#include <stdio.h>
#include <string.h>

#include "deit_impl.h"

int vc__deit_recognise(const vc_tensor_file *file)
{
    return vc_tensor_file_find(file, "cls_token") || vc_tensor_file_find(file, "pos_embed");
}

static vc_status read_heads(vc__deit_config *config, const vc_tensor_file *file,
                            const vc_model_options *options)
{
    const char *guessed = vc_tensor_file_metadata(file, "guessed");
    VC_TRY(vc__read_count(&config->heads, file, "num_heads"));
    if (config->heads && options->heads && options->heads != config->heads &&
        !(guessed && strstr(guessed, "num_heads")))
        return vc_fail(VC_EINVAL, "%s: has %zu heads, --heads wants %zu", vc_tensor_file_path(file),
                       config->heads, options->heads);
    if (options->heads)
        config->heads = options->heads;
    if (config->heads)
        return VC_OK;
    if (config->width % 64 != 0)
        return vc_fail(VC_EFORMAT,
                       "%s: width %zu is no multiple of DeiT's 64 values per head, and neither "
                       "metadata 'num_heads' nor --heads says how many heads there are",
                       vc_tensor_file_path(file), config->width);
    config->heads = config->width / 64;
    return VC_OK;
}

static vc_status read_sizes(vc__deit_config *config, const vc_tensor_file *file,
                            const vc_model_options *options)
{
    const char *path = vc_tensor_file_path(file);
    const size_t *patch = NULL, *positions = NULL, *fc1 = NULL, *head = NULL;
    VC_TRY(vc__find_shape(&patch, file, "patch_embed.proj.weight", 4));
    VC_TRY(vc__find_shape(&positions, file, "pos_embed", 3));
    VC_TRY(vc__find_shape(&fc1, file, "blocks.0.mlp.fc1.weight", 2));
    VC_TRY(vc__find_shape(&head, file, "head.weight", 2));
    *config = vc__deit_config_default();
    config->width = patch[0];
    config->channels = patch[1];
    config->patch = patch[2];
    config->hidden = fc1[0];
    config->classes = head[0];
    config->distilled = vc_tensor_file_find(file, "dist_token") != NULL;
    config->heads = 0;
    for (config->depth = 0;; config->depth++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%zu.norm1.weight", config->depth);
        if (!vc_tensor_file_find(file, name))
            break;
    }
    size_t class_tokens = vc__deit_prefix_tokens(config);
    size_t tokens = positions[1] > class_tokens ? positions[1] - class_tokens : 0;
    size_t grid = vc__side_of(tokens);
    if (grid == 0 || grid * grid != tokens)
        return vc_fail(VC_EFORMAT, "%s: 'pos_embed' has %zu tokens, wanted %zu and a square number",
                       path, positions[1], class_tokens);
    config->image = grid * config->patch;
    if (config->channels > VC_MODEL_CHANNELS)
        return vc_fail(VC_EFORMAT, "%s: %zu image channels, wanted at most %d", path,
                       config->channels, VC_MODEL_CHANNELS);
    VC_TRY(vc__read_normalisation(config->mean, config->std, file, config->channels));
    return read_heads(config, file, options);
}

vc_status vc__deit_read_config(vc_model_config *out, const vc_tensor_file *file,
                               const vc_tensor_file *autoencoder, const vc_model_options *options)
{
    static const char *const encoders[2] = {"blocks.0.attn.encoder_q.weight",
                                            "blocks.0.attn.encoder_k.weight"};
    vc__deit_config *c = vc__deit_sizes_in(out);
    size_t *compressed = c->compressed_heads;
    VC_TRY(read_sizes(c, file, options));
    if (options->image_size)
        c->image = options->image_size;
    VC_TRY(vc__read_coders(compressed, autoencoder ? autoencoder : file, encoders, c->heads));
    if (autoencoder && !compressed[0] && !compressed[1])
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s' or '%s'", vc_tensor_file_path(autoencoder),
                       encoders[0], encoders[1]);
    return VC_OK;
}
