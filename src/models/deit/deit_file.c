/* The sizes of a DeiT, told from a checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deit_impl.h"

int vc__deit_recognise(const vc_tensor_file *file)
{
    return vc_tensor_file_find(file, "cls_token") || vc_tensor_file_find(file, "pos_embed");
}

/* Where nobody says it: 64 values per head but in the largest ViTs of timm, which have 16 heads. 0:
 * not to be told. */
static size_t usual_heads(size_t width, const vc_tensor_file *file)
{
    static const size_t of_16[] = {1152, 1280, 1408, 1664};
    for (size_t i = 0; i < sizeof of_16 / sizeof *of_16; i++)
        if (width == of_16[i])
            return 16;
    if (vc__is_called(file, "vit_base_patch16_gap_224") ||
        vc__is_called(file, "vit_giantopt_patch16"))
        return 16;
    return width % 64 == 0 ? width / 64 : 0;
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
    config->heads = usual_heads(config->width, file);
    if (config->heads == 0)
        return vc_fail(VC_EFORMAT,
                       "%s: width %zu is no multiple of DeiT's 64 values per head, and neither "
                       "metadata 'num_heads' nor --heads says how many heads there are",
                       vc_tensor_file_path(file), config->width);
    return VC_OK;
}

static int has(const vc_tensor_file *file, const char *name)
{
    return vc_tensor_file_find(file, name) != NULL;
}

const char *vc__deit_pool_word(vc__deit_pool pool)
{
    return pool == VC__DEIT_POOL_AVERAGE ? "avg" : "token";
}

/* What classifiers read, if a file does not say it. */
static vc__deit_pool usual_pool(const vc__deit_config *c)
{
    return c->without_class || c->fc_norm ? VC__DEIT_POOL_AVERAGE : VC__DEIT_POOL_CLASS;
}

/* CLIP's, which have a norm in front, use PyTorch's. */
static double usual_eps(const vc__deit_config *c)
{
    return c->norm_pre ? 1e-5 : 1e-6;
}

/* GELU or QuickGELU: as options or the file say it, or its name, else GELU. A norm in front is
 * CLIP's, which has both, so GELU is a guess there. */
static vc_status read_activation(vc_model_config *out, const vc_tensor_file *file,
                                 const vc_model_options *options)
{
    static const char *const by_tanh[] = {
        "vit_base_patch32_siglip_gap", "vit_large_patch16_siglip_gap_512",
        "vit_giantopt_patch16_siglip_gap", "vit_so400m_patch16_siglip_gap"};
    vc__deit_config *c = vc__deit_sizes_in(out);
    const char *said = vc_tensor_file_metadata(file, "activation"), *word = options->activation;
    if (c->mlp == VC__DEIT_SWIGLU)
        return said || word ? vc_fail(VC_EINVAL,
                                      "%s: an activation is said, but its MLP is gated, "
                                      "by SwiGLU",
                                      vc_tensor_file_path(file))
                            : VC_OK;
    for (size_t i = 0; !said && !word && i < sizeof by_tanh / sizeof *by_tanh; i++)
        if (vc__is_called(file, by_tanh[i]))
            return vc_fail(VC_EUNSUPPORTED,
                           "%s: a '%s' has GELU by tanh, wanted GELU itself, or --activation gelu "
                           "for nearly the same",
                           vc_tensor_file_path(file), by_tanh[i]);
    if (said && strcmp(said, "gelu") != 0 && strcmp(said, "quick_gelu") != 0)
        return vc_fail(VC_EFORMAT, "%s: metadata 'activation' is '%s', wanted gelu or quick_gelu",
                       vc_tensor_file_path(file), said);
    if (word && strcmp(word, "gelu") != 0 && strcmp(word, "quick_gelu") != 0)
        return vc_fail(VC_EINVAL, "%s: --activation is '%s', wanted gelu or quick_gelu",
                       vc_tensor_file_path(file), word);
    if (word && said && strcmp(word, said) != 0 && !vc__was_guessed(file, "activation"))
        return vc_fail(VC_EINVAL, "%s: has %s, --activation wants %s", vc_tensor_file_path(file),
                       said, word);
    word = word ? word : said;
    const int siglip = c->without_class && !c->fc_norm && c->classes == 0; /* 2's have tanh's */
    if (!word && (c->norm_pre || siglip) && !vc__is_known(file))
        out->looks.guessed |= VC_GUESSED_ACTIVATION;
    const int quick = word ? strcmp(word, "quick_gelu") == 0 : vc__is_called(file, "quickgelu");
    c->mlp = quick ? VC__DEIT_QUICK_GELU : VC__DEIT_GELU;
    return VC_OK;
}

/* Whether the head makes an embedding, as a CLIP's does that nobody finetuned: the file says it, or
 * its name among timm's. */
static vc_status read_projection(vc__deit_config *c, const vc_tensor_file *file)
{
    const char *head = vc_tensor_file_metadata(file, "head");
    if (head && strcmp(head, "projection") != 0 && strcmp(head, "classes") != 0)
        return vc_fail(VC_EFORMAT, "%s: metadata 'head' is '%s', wanted projection or classes",
                       vc_tensor_file_path(file), head);
    if (head)
        c->projection = strcmp(head, "projection") == 0;
    else
        c->projection = c->classes > 0 && c->norm_pre && vc__is_called(file, "_clip_") &&
                        !vc__is_called(file, "_ft_in") && c->classes != 1000;
    return VC_OK;
}

/* What the tensors cannot tell. */
static vc_status read_said(vc__deit_config *c, const vc_tensor_file *file)
{
    const char *pool = vc_tensor_file_metadata(file, "global_pool"),
               *eps = vc_tensor_file_metadata(file, "norm_eps");
    char *end = NULL;
    c->pool = usual_pool(c);
    c->eps = usual_eps(c);
    if (pool && strcmp(pool, "token") != 0 && strcmp(pool, "avg") != 0)
        return vc_fail(VC_EFORMAT, "%s: metadata 'global_pool' is '%s', wanted token or avg",
                       vc_tensor_file_path(file), pool);
    if (pool)
        c->pool = strcmp(pool, "avg") == 0 ? VC__DEIT_POOL_AVERAGE : VC__DEIT_POOL_CLASS;
    if (eps)
        c->eps = strtod(eps, &end);
    if (eps && (end == eps || *end || !(c->eps > 0.0 && c->eps < 1.0)))
        return vc_fail(VC_EFORMAT, "%s: metadata 'norm_eps' is '%s', wanted above 0, below 1",
                       vc_tensor_file_path(file), eps);
    return VC_OK;
}

static vc_status read_switches(vc__deit_config *c, const vc_tensor_file *file)
{
    const char *registers = has(file, "reg_token") ? "reg_token" : "register_tokens";
    const size_t *shape = NULL;
    if (has(file, registers)) {
        VC_TRY(vc__find_shape(&shape, file, registers, 3));
        c->registers = shape[1];
    }
    if (has(file, "pre_logits.fc.weight")) {
        VC_TRY(vc__find_shape(&shape, file, "pre_logits.fc.weight", 2));
        c->representation = shape[0];
    }
    c->distilled = has(file, "dist_token");
    c->without_class = !has(file, "cls_token");
    c->fc_norm = has(file, "fc_norm.weight");
    c->norm_pre = has(file, "norm_pre.weight");
    c->layer_scale = has(file, "blocks.0.ls1.gamma") || has(file, "blocks.0.gamma_1");
    c->without_qkv_bias = !has(file, "blocks.0.attn.qkv.bias");
    c->without_patch_bias = !has(file, "patch_embed.proj.bias");
    VC_TRY(read_projection(c, file));
    return read_said(c, file);
}

/* What the file says of the size of images; {0, 0}: nothing. */
static vc_status read_said_size(vc_extent *out, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "image_size");
    *out = (vc_extent){0};
    if (!text || vc_extent_parse(out, text) == VC_OK)
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: metadata 'image_size' is '%s', wanted a side or HxW",
                   vc_tensor_file_path(file), text);
}

static int is_given(vc_extent e)
{
    return e.height > 0 || e.width > 0;
}

/* Whether positions, behind those of so many tokens of the prefix, are those of images of this
 * size. */
static int places(vc__deit_config *c, size_t positions, size_t placed, vc_extent image)
{
    c->file_grid = (vc_extent){image.height / c->patch.height, image.width / c->patch.width};
    return positions > placed && vc_extent_area(c->file_grid) == positions - placed;
}

/* Positions are those of a grid of patches behind those of the prefix: of all of it, of its class
 * tokens, or of none. The grid is what the file says, if they are so many (`said`), else a square,
 * else what is wanted. A file of a square may say that it is for other images, as timm's do. */
static vc_status read_grid(vc__deit_config *c, size_t positions, vc_extent wanted,
                           const vc_tensor_file *file)
{
    const size_t prefix = vc__deit_prefix_tokens(c),
                 placed[] = {prefix, vc__deit_class_tokens(c), 0};
    vc_extent said;
    VC_TRY(read_said_size(&said, file));
    for (size_t kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < sizeof placed / sizeof *placed; i++) {
            const size_t side = positions > placed[i] ? vc__side_of(positions - placed[i]) : 0;
            const vc_extent of[] = {said, {side * c->patch.height, side * c->patch.width}, wanted};
            if (!places(c, positions, placed[i], of[kind]))
                continue;
            c->unplaced = prefix - placed[i];
            c->image = is_given(wanted) ? wanted : is_given(said) ? said : of[kind];
            return VC_OK;
        }
    return vc_fail(VC_EFORMAT,
                   "%s: 'pos_embed' has %zu tokens, wanted %zu and a square number, or those of a "
                   "grid by metadata 'image_size', a config.json beside it or --image-size HxW",
                   vc_tensor_file_path(file), positions, prefix);
}

size_t vc__deit_metadata(vc_metadata *entries, vc__family_text *texts,
                         const vc_model_config *config)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    size_t count = 0;
    if (!vc_extent_is_square(vc__deit_grid(c))) {
        vc_extent_text(texts[count], c->image);
        entries[count] = (vc_metadata){"image_size", texts[count]};
        count++;
    }
    if (c->mlp == VC__DEIT_QUICK_GELU || (c->norm_pre && c->mlp == VC__DEIT_GELU))
        entries[count++] =
            (vc_metadata){"activation", c->mlp == VC__DEIT_QUICK_GELU ? "quick_gelu" : "gelu"};
    if (c->projection || c->norm_pre)
        entries[count++] = (vc_metadata){"head", c->projection ? "projection" : "classes"};
    if (c->pool != usual_pool(c))
        entries[count++] = (vc_metadata){"global_pool", vc__deit_pool_word(c->pool)};
    if ((double)vc__deit_eps(c) != (double)(float)usual_eps(c)) {
        snprintf(texts[count], sizeof texts[count], "%.9g", (double)vc__deit_eps(c));
        entries[count] = (vc_metadata){"norm_eps", texts[count]};
        count++;
    }
    return count;
}

static vc_status read_sizes(vc__deit_config *config, const vc_tensor_file *file,
                            const vc_model_options *options)
{
    const char *path = vc_tensor_file_path(file);
    const size_t *patch = NULL, *positions = NULL, *fc1 = NULL, *fc2 = NULL, *head = NULL;
    const int released = has(file, "blocks.0.mlp.w12.weight");
    VC_TRY(vc__find_shape(&patch, file, "patch_embed.proj.weight", 4));
    VC_TRY(vc__find_shape(&positions, file, "pos_embed", 3));
    VC_TRY(vc__find_shape(&fc1, file,
                          released ? "blocks.0.mlp.w12.weight" : "blocks.0.mlp.fc1.weight", 2));
    VC_TRY(vc__find_shape(&fc2, file,
                          released ? "blocks.0.mlp.w3.weight" : "blocks.0.mlp.fc2.weight", 2));
    if (has(file, "head.weight"))
        VC_TRY(vc__find_shape(&head, file, "head.weight", 2));
    *config = vc__deit_config_default();
    config->width = patch[0];
    config->channels = patch[1];
    config->patch = (vc_extent){patch[2], patch[3]};
    config->hidden = fc1[0];
    config->mlp = 2 * fc2[1] == fc1[0] ? VC__DEIT_SWIGLU : VC__DEIT_GELU;
    config->classes = head ? head[0] : 0;
    config->heads = 0;
    for (config->depth = 0;; config->depth++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%zu.norm1.weight", config->depth);
        if (!vc_tensor_file_find(file, name))
            break;
    }
    VC_TRY(read_switches(config, file));
    if (config->patch.height == 0 || config->patch.width == 0)
        return vc_fail(VC_EFORMAT, "%s: patches of %zu x %zu pixels, wanted 1 or more", path,
                       patch[2], patch[3]);
    VC_TRY(read_grid(config, positions[1], options->image_size, file));
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
    VC_TRY(read_activation(out, file, options));
    VC_TRY(vc__read_coders(compressed, autoencoder ? autoencoder : file, encoders, c->heads));
    if (autoencoder && !compressed[0] && !compressed[1])
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s' or '%s'", vc_tensor_file_path(autoencoder),
                       encoders[0], encoders[1]);
    return VC_OK;
}
