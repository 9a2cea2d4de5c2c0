#include "deit_impl.h"

/* The most scores, H * T^2, of one image in one attention: 8 GiB, and what 32 bits can count. */
static const size_t most_scores = (size_t)1 << 31;

static vc_status check_image(const vc__deit_config *c)
{
    enum { MOST = 1 << 14 };
    char image[VC_EXTENT_TEXT], patch[VC_EXTENT_TEXT];
    vc_extent_words(image, c->image);
    if (c->image.height > MOST || c->image.width > MOST)
        return vc_fail(VC_EINVAL, "an image of %s pixels, wanted at most %d", image, MOST);
    if (c->image.height % c->patch.height != 0 || c->image.width % c->patch.width != 0)
        return vc_fail(VC_EINVAL, "an image of %s pixels, wanted a multiple of the patches' %s",
                       image, vc_extent_words(patch, c->patch));
    size_t tokens = vc__deit_tokens(c);
    if (tokens * tokens > most_scores / c->heads)
        return vc_fail(
            VC_EINVAL,
            "an image of %s pixels makes %zu tokens, whose attention in %zu heads has more "
            "than the %zu scores that are supported",
            image, tokens, c->heads, most_scores);
    return VC_OK;
}

vc__deit_config vc__deit_config_default(void)
{
    return (vc__deit_config){.image = {224, 224},
                             .patch = {16, 16},
                             .channels = 3,
                             .classes = 1000,
                             .width = 192,
                             .depth = 12,
                             .heads = 3,
                             .hidden = 768,
                             .mean = {0.485f, 0.456f, 0.406f}, /* ImageNet's, as in timm */
                             .std = {0.229f, 0.224f, 0.225f}};
}

static vc_status check_switches(const vc__deit_config *c)
{
    if (c->registers > 1 << 10)
        return vc_fail(VC_EINVAL, "%zu registers, wanted at most %d", c->registers, 1 << 10);
    if (c->unplaced > vc__deit_prefix_tokens(c))
        return vc_fail(VC_EINVAL,
                       "%zu tokens without a position, wanted at most the %zu before the patches'",
                       c->unplaced, vc__deit_prefix_tokens(c));
    if (c->distilled && (c->without_class || c->pool != VC__DEIT_POOL_CLASS))
        return vc_fail(VC_EINVAL, "a distillation token, wanted a class token that is classified "
                                  "beside it");
    if (c->projection && (c->classes == 0 || c->distilled))
        return vc_fail(VC_EINVAL, "a projection, wanted one head that makes it");
    if (c->distilled && c->representation)
        return vc_fail(VC_EINVAL, "two heads, wanted one behind pre_logits");
    if (c->representation > 1 << 20)
        return vc_fail(VC_EINVAL, "pre_logits of %zu values, wanted at most %d", c->representation,
                       1 << 20);
    if (c->mlp == VC__DEIT_SWIGLU && c->hidden % 2 != 0)
        return vc_fail(VC_EINVAL, "SwiGLU on %zu values, wanted an even number", c->hidden);
    if (c->without_class && c->output == VC__DEIT_CLASS)
        return vc_fail(VC_EINVAL,
                       "features of a class token (cls), which the model has not: wanted "
                       "pool or tokens");
    if (c->fc_norm && c->output == VC__DEIT_TOKENS)
        return vc_fail(VC_EINVAL,
                       "features of all tokens (tokens), whose last norm takes their mean "
                       "(fc_norm): wanted cls or pool");
    if (c->without_class && c->pool == VC__DEIT_POOL_CLASS)
        return vc_fail(VC_EINVAL, "no class token to classify, wanted the mean of the patches'");
    if (!(c->eps >= 0.0 && c->eps < 1.0))
        return vc_fail(VC_EINVAL, "norms with an epsilon of %g, wanted 0 or more, below 1", c->eps);
    return VC_OK;
}

vc_status vc__deit_config_check(const vc__deit_config *c)
{
    char image[VC_EXTENT_TEXT], patch[VC_EXTENT_TEXT];
    if (!c->image.height || !c->image.width || !c->patch.height || !c->patch.width ||
        !c->channels || !c->width || !c->depth || !c->heads || !c->hidden)
        return vc_fail(VC_EINVAL,
                       "a DeiT needs every size above 0: image %s, patch %s, channels "
                       "%zu, width %zu, depth %zu, heads %zu, hidden %zu",
                       vc_extent_words(image, c->image), vc_extent_words(patch, c->patch),
                       c->channels, c->width, c->depth, c->heads, c->hidden);
    if (c->width > 1 << 16 || c->hidden > 1 << 20 || c->depth > 1024 || c->classes > 1 << 24)
        return vc_fail(
            VC_EINVAL,
            "width %zu, hidden %zu, depth %zu or classes %zu is beyond what is supported", c->width,
            c->hidden, c->depth, c->classes);
    if (c->width % c->heads != 0)
        return vc_fail(VC_EINVAL, "a width of %zu is not divisible by %zu heads", c->width,
                       c->heads);
    if (c->channels > VC_MODEL_CHANNELS)
        return vc_fail(VC_EINVAL, "%zu image channels, wanted at most %d", c->channels,
                       VC_MODEL_CHANNELS);
    VC_TRY(check_switches(c));
    VC_TRY(vc__check_coders(c->compressed_heads, c->heads));
    return check_image(c);
}

size_t vc__deit_class_tokens(const vc__deit_config *config)
{
    return (size_t)(config->without_class ? 0 : 1) + (size_t)(config->distilled ? 1 : 0);
}

size_t vc__deit_prefix_tokens(const vc__deit_config *config)
{
    return vc__deit_class_tokens(config) + config->registers;
}

size_t vc__deit_classifiers(const vc__deit_config *config)
{
    return config->distilled ? 2 : 1;
}

vc_extent vc__deit_grid(const vc__deit_config *config)
{
    return (vc_extent){config->image.height / config->patch.height,
                       config->image.width / config->patch.width};
}

vc_patches vc__deit_patches(const vc__deit_config *config)
{
    return (vc_patches){config->channels, config->image, config->patch};
}

size_t vc__deit_patch_values(const vc__deit_config *config)
{
    return config->channels * vc_extent_area(config->patch);
}

static size_t patches(const vc__deit_config *config)
{
    return vc_extent_area(vc__deit_grid(config));
}

size_t vc__deit_tokens(const vc__deit_config *config)
{
    return patches(config) + vc__deit_prefix_tokens(config);
}

size_t vc__deit_positions(const vc__deit_config *config)
{
    return vc__deit_tokens(config) - config->unplaced;
}

vc__deit_reading vc__deit_reading_of(const vc__deit_config *c)
{
    vc__deit_reading r = {.output = c->output, .count = vc__deit_classifiers(c), .norm = 1};
    if (c->output == VC__DEIT_LOGITS && c->classes == 0)
        r.output = VC__DEIT_POOLED;
    if (r.output == VC__DEIT_TOKENS) {
        r.count = vc__deit_tokens(c);
    } else if (r.output == VC__DEIT_CLASS) {
        r.count = 1;
        r.norm = !c->fc_norm; /* which is for what is pooled */
    } else if (c->pool == VC__DEIT_POOL_AVERAGE) {
        r.first = vc__deit_prefix_tokens(c);
        r.count = patches(c);
        r.mean_first = c->fc_norm;
        r.mean_last = !c->fc_norm;
    }
    r.normed = r.mean_first ? 1 : r.count;
    return r;
}

size_t vc__deit_outputs(const vc__deit_config *c)
{
    const vc__deit_reading r = vc__deit_reading_of(c);
    if (r.output == VC__DEIT_LOGITS)
        return c->classes;
    return r.output == VC__DEIT_TOKENS ? r.count * c->width : c->width;
}

size_t vc__deit_inner(const vc__deit_config *config)
{
    return config->mlp == VC__DEIT_SWIGLU ? config->hidden / 2 : config->hidden;
}

size_t vc__deit_features(const vc__deit_config *config)
{
    return config->representation ? config->representation : config->width;
}

float vc__deit_eps(const vc__deit_config *config)
{
    return config->eps > 0.0 ? (float)config->eps : 1e-6f;
}

vc_attention_shape vc__deit_attention_shape(const vc__deit_config *c, size_t batch)
{
    size_t tokens = vc__deit_tokens(c);
    return (vc_attention_shape){.batch = batch,
                                .heads = c->heads,
                                .queries = tokens,
                                .keys = tokens,
                                .head_dim = c->width / c->heads,
                                .value_dim = c->width / c->heads,
                                .q_stride = (c->compressed_heads[0] ? 1 : 3) * c->width,
                                .k_stride = (c->compressed_heads[1] ? 1 : 3) * c->width,
                                .v_stride = 3 * c->width,
                                .out_stride = c->width};
}
