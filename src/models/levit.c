/* LeViT as one of the architectures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "levit_impl.h"

static vc_status check(const vc_model_config *config)
{
    return vc_levit_config_check(&config->levit);
}

static vc_model_input input(const vc_model_config *config)
{
    const vc_levit_config *c = &config->levit;
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
    return vc__levit_blocks(&config->levit);
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    const vc_levit_config *c = &config->levit;
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc_levit_attention *a = vc__levit_attention_of(c, place);
    const vc__levit_span span = vc__levit_span_of(c, place);
    const size_t *z = c->stages[place.stage].compressed_heads;
    return (vc_attention_layer){
        .heads = a->heads,
        .queries = span.side_out * span.side_out,
        .keys = span.side_in * span.side_in,
        .head_dim = a->key_dim,
        .value_dim = a->value_dim,
        .compressed = {place.subsampling ? 0 : z[0], place.subsampling ? 0 : z[1]},
        .compressible = !place.subsampling,
        .group = 2 * place.stage - (place.subsampling ? 1 : 0)};
}

/* dpt0, subsample0, dpt1, subsample1, dpt2: ViTCoD's names. */
static size_t groups(const vc_model_config *config)
{
    (void)config;
    return 2 * VC_LEVIT_STAGES - 1;
}

static vc_attention_group group(const vc_model_config *config, size_t index)
{
    vc_attention_group out = {.count = 1};
    size_t stage = index / 2;
    for (size_t s = 0; s < stage; s++)
        out.first += config->levit.stages[s].depth + 1;
    if (index % 2)
        out.first += config->levit.stages[stage].depth;
    else
        out.count = config->levit.stages[stage].depth;
    snprintf(out.name, sizeof out.name, "%s%zu", index % 2 ? "subsample" : "dpt", stage);
    return out;
}

static void resize(vc_model_config *config, size_t image)
{
    config->levit.image = image;
}

/* ViTCoD's widths: half, rounded up, but 4 of 6. */
static vc_status compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    if (compressed)
        return vc_fail(VC_EINVAL,
                       "a LeViT has other heads in every stage: wanted ViTCoD's widths, half of "
                       "the heads, instead of %zu",
                       compressed);
    for (size_t s = 0; s < VC_LEVIT_STAGES; s++) {
        vc_levit_stage *stage = &config->levit.stages[s];
        const size_t width = stage->own.heads == 6 ? 4 : (stage->own.heads + 1) / 2;
        vc__set_coders(stage->compressed_heads, width, of);
    }
    return VC_OK;
}

static vc_status allocate(vc_model *model)
{
    size_t blocks = vc__levit_blocks(&model->config.levit);
    model->levit.blocks = calloc(blocks, sizeof *model->levit.blocks);
    return model->levit.blocks ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static void walk(vc__walk *walker, vc_model *model)
{
    vc__levit_walk(walker, &model->config.levit, &model->levit);
}

static vc_status finish(vc_model *model)
{
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        int variance = strstr(param->name, "running_var") != NULL;
        for (size_t i = 0; variance && i < param->count; i++)
            if (param->data[i] < 0.0f)
                return vc_fail(VC_EINVAL, "'%s' holds %g, wanted variances of 0 or more",
                               param->name, (double)param->data[i]);
    }
    VC_TRY(vc__levit_check_indices(model));
    VC_TRY(vc__levit_fold(model));
    for (size_t p = 0; p < model->param_count; p++)
        vc_model_forget(model, model->params[p].data, model->params[p].count);
    return VC_OK;
}

static void release(vc_model *model)
{
    free(model->levit.blocks);
    vc_arena_close(&model->folded);
}

static const vc_coder *coder(const vc_model *model, size_t index)
{
    return model->levit.blocks[index].coder;
}

static const float *bias(const vc_model *model, size_t index)
{
    return model->levit_folded.blocks[index].bias;
}

vc_levit_weights vc_levit_views(const vc_model *model, float *values, vc_levit_block *blocks)
{
    vc_levit_weights views = {.blocks = blocks};
    vc__walk bind = {.values = values};
    vc__levit_walk(&bind, &model->config.levit, &views);
    return views;
}

const vc__architecture vc__levit = {
    .name = "levit",
    .check = check,
    .input = input,
    .layers = layers,
    .layer = layer,
    .groups = groups,
    .group = group,
    .resize = resize,
    .compress = compress,
    .recognise = vc__levit_recognise,
    .read_config = vc__levit_read_config,
    .allocate = allocate,
    .walk = walk,
    .finish = finish,
    .release = release,
    .coder = coder,
    .bias = bias,
    .place = vc__levit_place_acts,
    .forward = vc__levit_forward,
    .observe = vc__levit_observe,
    .settle = vc__levit_settle,
    .refresh = vc__levit_refresh,
    .lower = vc__levit_lower,
};
