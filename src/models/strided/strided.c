/* The Strided Transformer as one of the families. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strided_impl.h"

static vc_status check(const vc_model_config *config)
{
    return vc__strided_check(vc__strided_sizes_of(config));
}

/* A sequence is (1, frames, values of a pose), as it is. */
static vc_model_input input(const vc_model_config *config)
{
    const vc__strided_config *c = vc__strided_sizes_of(config);
    return (vc_model_input){.height = c->frames,
                            .width = c->inputs,
                            .channels = 1,
                            .joints = c->inputs / 2,
                            .outputs = c->outputs,
                            .std = {1.0f}};
}

static size_t layers(const vc_model_config *config)
{
    return vc__strided_blocks(vc__strided_sizes_of(config));
}

/* Blocks that follow one another and have as many tokens are a group. */
static size_t group_of(const vc__strided_config *c, size_t block)
{
    size_t group = 0;
    for (size_t b = 1; b <= block; b++)
        group += vc__strided_tokens(c, b) != vc__strided_tokens(c, b - 1);
    return group;
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    const vc__strided_config *c = vc__strided_sizes_of(config);
    const size_t tokens = vc__strided_tokens(c, index), dim = c->width / c->heads;
    return (vc_attention_layer){.heads = c->heads,
                                .queries = tokens,
                                .keys = tokens,
                                .head_dim = dim,
                                .value_dim = dim,
                                .width = c->width,
                                .grid = {tokens, 1}, /* runs of frames */
                                .compressed = {c->compressed_heads[0], c->compressed_heads[1]},
                                .compressible = 1,
                                .group = group_of(c, index)};
}

static size_t groups(const vc_model_config *config)
{
    return group_of(vc__strided_sizes_of(config), layers(config) - 1) + 1;
}

static vc_attention_group group(const vc_model_config *config, size_t index)
{
    const vc__strided_config *c = vc__strided_sizes_of(config);
    vc_attention_group out = {.count = 0};
    for (size_t b = 0; b < layers(config); b++) {
        out.first += group_of(c, b) < index;
        out.count += group_of(c, b) == index;
    }
    if (groups(config) > 1)
        snprintf(out.name, sizeof out.name, "group%zu", index);
    return out;
}

static vc_status compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    vc__strided_config *c = vc__strided_sizes_in(config);
    if (compressed > c->heads)
        return vc_fail(VC_EINVAL, "%zu compressed heads, wanted at most the model's %zu",
                       compressed, c->heads);
    vc__set_coders(c->compressed_heads, compressed ? compressed : (c->heads + 1) / 2, of);
    return VC_OK;
}

static json_t *describe(const vc_model_config *config)
{
    const vc__strided_config *c = vc__strided_sizes_of(config);
    vc_metadata strides[VC__FAMILY_ENTRIES];
    vc__family_text text[VC__FAMILY_ENTRIES];
    vc__strided_metadata(strides, text, config);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:s}", "frames",
                     (json_int_t)c->frames, "joints", (json_int_t)(c->inputs / 2), "width",
                     (json_int_t)c->width, "depth", (json_int_t)vc__strided_blocks(c), "strided",
                     (json_int_t)c->strided, "heads", (json_int_t)c->heads, "hidden",
                     (json_int_t)c->hidden, "strides", strides[0].value, "compressed_heads",
                     (json_int_t)vc_model_coded_width(c->compressed_heads), "compressed_of",
                     vc_model_coded_word(c->compressed_heads));
}

static vc_status allocate(vc_model *model)
{
    vc__strided_weights *w = model->state = calloc(1, sizeof *w);
    if (w)
        w->blocks =
            calloc(vc__strided_blocks(vc__strided_sizes_of(&model->config)), sizeof *w->blocks);
    return w && w->blocks ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static void release(vc_model *model)
{
    vc__strided_weights *w = vc__strided_weights_of(model);
    if (w)
        free(w->blocks);
    free(w);
}

static void walk(vc__walk *walker, vc_model *model)
{
    vc__strided_walk(walker, vc__strided_sizes_of(&model->config), vc__strided_weights_of(model));
}

static vc_status finish(vc_model *model)
{
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        const int variance = strstr(param->name, "running_var") != NULL;
        for (size_t i = 0; variance && i < param->count; i++)
            if (param->data[i] < 0.0f)
                return vc_fail(VC_EINVAL, "'%s' holds %g, wanted variances of 0 or more",
                               param->name, (double)param->data[i]);
    }
    return VC_OK;
}

static const vc_coder *coder(const vc_model *model, size_t index)
{
    return vc__strided_weights_of(model)->blocks[index].coder;
}

static vc_rows rows_of(const vc_model *model, const float *data, size_t block)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const size_t tokens = vc__strided_tokens(c, block);
    return (vc_rows){data, tokens, c->width, c->width, tokens, 0};
}

static vc__values values(const vc_acts *acts, const vc_model *model, size_t index)
{
    const vc__strided_block_acts *a = &vc__strided_acts_of(acts)->blocks[index];
    return (vc__values){.values = rows_of(model, a->qkv[2], index),
                        .entering = rows_of(model, a->input, index),
                        .projection = vc__strided_weights_of(model)->blocks[index].weight[3]};
}

static vc_rows block_output(const vc_acts *acts, const vc_model *model, size_t index)
{
    const vc__strided_acts *a = vc__strided_acts_of(acts);
    const int last = index + 1 == vc__strided_blocks(vc__strided_sizes_of(&model->config));
    return rows_of(model, last ? a->last.in : a->blocks[index + 1].input, index + 1);
}

static vc_rows heads_output(const vc_acts *acts, const vc_model *model, size_t index)
{
    return rows_of(model, vc__strided_acts_of(acts)->blocks[index].attention, index);
}

vc_model_config vc__strided_model(const vc__strided_config *sizes)
{
    vc_model_config config = {.family = &vc__strided};
    *vc__strided_sizes_in(&config) = *sizes;
    return config;
}

const vc__family vc__strided = {
    .name = "strided_transformer",
    .title = "Strided Transformer",
    .number = 2,
    .check = check,
    .input = input,
    .preset_name = vc__strided_preset_name,
    .preset = vc__strided_preset,
    .layers = layers,
    .layer = layer,
    .groups = groups,
    .group = group,
    .compress = compress,
    .describe = describe,
    .recognise = vc__strided_recognise,
    .writes_heads = 1,
    .metadata = vc__strided_metadata,
    .read_config = vc__strided_read_config,
    .allocate = allocate,
    .walk = walk,
    .finish = finish,
    .release = release,
    .coder = coder,
    .place = vc__strided_place,
    .values = values,
    .block_output = block_output,
    .heads_output = heads_output,
    .forward = vc__strided_forward,
    .observe = vc__strided_observe,
    .settle = vc__strided_settle,
    .observes_settled = 1,
    .place_grads = vc__strided_place_grads,
    .backward = vc__strided_backward,
    .not_finite = vc__strided_not_finite,
    .least_share = 2,
    .blocks = vc__strided_blocks_of,
};
