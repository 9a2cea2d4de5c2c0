/* DeiT as one of the architectures. */
#include <stdlib.h>
#include <string.h>

#include "deit_impl.h"

static vc_status check(const vc_model_config *config)
{
    return vc_deit_config_check(&config->deit);
}

static vc_model_input input(const vc_model_config *config)
{
    const vc_deit_config *c = &config->deit;
    vc_model_input out = {.image = c->image,
                          .channels = c->channels,
                          .classes = c->classes,
                          .classifiers = c->distilled ? 2 : 1};
    memcpy(out.mean, c->mean, sizeof out.mean);
    memcpy(out.std, c->std, sizeof out.std);
    return out;
}

static size_t layers(const vc_model_config *config)
{
    return config->deit.depth;
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    const vc_deit_config *c = &config->deit;
    size_t tokens = vc_deit_tokens(c), head_dim = c->width / c->heads;
    (void)index;
    return (vc_attention_layer){.heads = c->heads,
                                .queries = tokens,
                                .keys = tokens,
                                .head_dim = head_dim,
                                .value_dim = head_dim,
                                .compressed = {c->compressed_heads[0], c->compressed_heads[1]},
                                .compressible = 1};
}

static size_t groups(const vc_model_config *config)
{
    (void)config;
    return 1;
}

static vc_attention_group group(const vc_model_config *config, size_t index)
{
    (void)index;
    return (vc_attention_group){.count = config->deit.depth};
}

static void resize(vc_model_config *config, size_t image)
{
    config->deit.image = image;
}

static vc_status compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    vc_deit_config *c = &config->deit;
    if (compressed > c->heads)
        return vc_fail(VC_EINVAL, "%zu compressed heads, wanted at most the model's %zu",
                       compressed, c->heads);
    vc__set_coders(c->compressed_heads, compressed ? compressed : (c->heads + 1) / 2, of);
    return VC_OK;
}

static vc_status allocate(vc_model *model)
{
    model->deit.blocks = calloc(model->config.deit.depth, sizeof *model->deit.blocks);
    return model->deit.blocks ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static void walk(vc__walk *walker, vc_model *model)
{
    vc__deit_walk(walker, &model->config.deit, &model->deit);
}

static vc_status resample(float *out, const vc_model *model, const vc_tensor *from)
{
    const vc_deit_config *c = &model->config.deit;
    size_t others = vc_deit_class_tokens(c), grid = vc__side_of(from->shape[1] - others);
    return vc__resample_positions(out, c->image / c->patch, from->data, grid, others, c->width);
}

static void release(vc_model *model)
{
    free(model->deit.blocks);
}

static const vc_coder *coder(const vc_model *model, size_t index)
{
    return model->deit.blocks[index].coder;
}

static const float *bias(const vc_model *model, size_t index)
{
    (void)model;
    (void)index;
    return NULL;
}

vc_deit_weights vc_deit_views(const vc_model *model, float *values, vc_block_weights *blocks)
{
    vc_deit_weights views = {.blocks = blocks};
    vc__walk bind = {.values = values};
    vc__deit_walk(&bind, &model->config.deit, &views);
    return views;
}

const vc__architecture vc__deit = {
    .name = "deit",
    .check = check,
    .input = input,
    .layers = layers,
    .layer = layer,
    .groups = groups,
    .group = group,
    .resize = resize,
    .compress = compress,
    .recognise = vc__deit_recognise,
    .read_config = vc__deit_read_config,
    .allocate = allocate,
    .walk = walk,
    .resample = resample,
    .release = release,
    .coder = coder,
    .bias = bias,
    .place = vc__deit_place,
    .forward = vc__deit_forward,
    .lower = vc__deit_lower,
};
