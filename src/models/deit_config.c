#include "vitcod/model.h"

vc_deit_config vc_deit_config_default(void)
{
    return (vc_deit_config){.image = 224,
                            .patch = 16,
                            .channels = 3,
                            .classes = 1000,
                            .width = 192,
                            .depth = 12,
                            .heads = 3,
                            .hidden = 768,
                            .mean = {0.485f, 0.456f, 0.406f}, /* ImageNet's, as in timm */
                            .std = {0.229f, 0.224f, 0.225f}};
}

vc_status vc_deit_config_check(const vc_deit_config *c)
{
    if (!c->image || !c->patch || !c->channels || !c->classes || !c->width || !c->depth ||
        !c->heads || !c->hidden)
        return vc_fail(VC_EINVAL,
                       "a DeiT needs every size above 0: image %zu, patch %zu, channels "
                       "%zu, classes %zu, width %zu, depth %zu, heads %zu, hidden %zu",
                       c->image, c->patch, c->channels, c->classes, c->width, c->depth, c->heads,
                       c->hidden);
    if (c->image > 1 << 14 || c->width > 1 << 16 || c->hidden > 1 << 20 || c->depth > 1024 ||
        c->classes > 1 << 24)
        return vc_fail(VC_EINVAL,
                       "image %zu, width %zu, hidden %zu, depth %zu or classes %zu is "
                       "beyond what is supported",
                       c->image, c->width, c->hidden, c->depth, c->classes);
    if (c->image % c->patch != 0)
        return vc_fail(VC_EINVAL, "an image of %zu pixels is not divisible into patches of %zu",
                       c->image, c->patch);
    if (c->width % c->heads != 0)
        return vc_fail(VC_EINVAL, "a width of %zu is not divisible by %zu heads", c->width,
                       c->heads);
    if (c->channels > VC_MODEL_CHANNELS)
        return vc_fail(VC_EINVAL, "%zu image channels, wanted at most %d", c->channels,
                       VC_MODEL_CHANNELS);
    if (c->compressed_heads > c->heads)
        return vc_fail(VC_EINVAL, "an auto-encoder to %zu of %zu heads does not compress",
                       c->compressed_heads, c->heads);
    return VC_OK;
}

size_t vc_deit_class_tokens(const vc_deit_config *config)
{
    return config->distilled ? 2 : 1;
}

size_t vc_deit_tokens(const vc_deit_config *config)
{
    size_t grid = config->image / config->patch;
    return grid * grid + vc_deit_class_tokens(config);
}

vc_attention_shape vc_model_attention_shape(const vc_deit_config *c, size_t batch)
{
    size_t tokens = vc_deit_tokens(c);
    size_t qk_stride = c->compressed_heads ? 2 * c->width : 3 * c->width;
    return (vc_attention_shape){.batch = batch,
                                .heads = c->heads,
                                .queries = tokens,
                                .keys = tokens,
                                .head_dim = c->width / c->heads,
                                .value_dim = c->width / c->heads,
                                .q_stride = qk_stride,
                                .k_stride = qk_stride,
                                .v_stride = 3 * c->width,
                                .out_stride = c->width};
}

vc_qk_view vc_model_qk(const vc_layer_acts *acts, const vc_deit_config *c)
{
    if (c->compressed_heads)
        return (vc_qk_view){acts->decoded, acts->decoded + c->width, 2 * c->width};
    return (vc_qk_view){acts->qkv, acts->qkv + c->width, 3 * c->width};
}

void vc_model_autoencoders(vc_autoencoder out[2], const vc_deit_config *c,
                           const vc_block_weights *w, size_t batch)
{
    size_t head_dim = c->width / c->heads;
    out[0] = (vc_autoencoder){.heads = c->heads,
                              .compressed = c->compressed_heads,
                              .head_dim = head_dim,
                              .tokens = batch * vc_deit_tokens(c),
                              .x_stride = 3 * c->width,
                              .encoded_stride = 2 * c->compressed_heads * head_dim,
                              .decoded_stride = 2 * c->width,
                              .encoder_w = w->encoder_q_w,
                              .encoder_b = w->encoder_q_b,
                              .decoder_w = w->decoder_q_w,
                              .decoder_b = w->decoder_q_b};
    out[1] = out[0];
    out[1].encoder_w = w->encoder_k_w;
    out[1].encoder_b = w->encoder_k_b;
    out[1].decoder_w = w->decoder_k_w;
    out[1].decoder_b = w->decoder_k_b;
}
