/* LeViT as one of the families. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "levit_impl.h"

static vc_status check(const vc_model_config *config)
{
    return vc__levit_config_check(vc__levit_sizes_of(config));
}

static vc_model_input input(const vc_model_config *config)
{
    const vc__levit_config *c = vc__levit_sizes_of(config);
    vc_model_input out = {.height = c->image,
                          .width = c->image,
                          .channels = c->channels,
                          .classes = c->classes,
                          .classifiers = c->distilled ? 2 : 1,
                          .outputs = c->classes};
    memcpy(out.mean, c->mean, sizeof out.mean);
    memcpy(out.std, c->std, sizeof out.std);
    return out;
}

static size_t layers(const vc_model_config *config)
{
    return vc__levit_blocks(vc__levit_sizes_of(config));
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    const vc__levit_config *c = vc__levit_sizes_of(config);
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc__levit_attention *a = vc__levit_attention_of(c, place);
    const vc__levit_span span = vc__levit_span_of(c, place);
    const size_t *z = c->stages[place.stage].compressed_heads;
    return (vc_attention_layer){
        .heads = a->heads,
        .queries = span.side_out * span.side_out,
        .keys = span.side_in * span.side_in,
        .head_dim = a->key_dim,
        .value_dim = a->value_dim,
        .width = span.width_out,
        .grid = vc_square(span.side_in),
        .compressed = {place.subsampling ? 0 : z[0], place.subsampling ? 0 : z[1]},
        .compressible = !place.subsampling,
        .group = 2 * place.stage - (place.subsampling ? 1 : 0)};
}

/* dpt0, subsample0, dpt1, subsample1, dpt2: ViTCoD's names. */
static size_t groups(const vc_model_config *config)
{
    (void)config;
    return 2 * VC__LEVIT_STAGES - 1;
}

static vc_attention_group group(const vc_model_config *config, size_t index)
{
    vc_attention_group out = {.count = 1};
    size_t stage = index / 2;
    for (size_t s = 0; s < stage; s++)
        out.first += vc__levit_sizes_of(config)->stages[s].depth + 1;
    if (index % 2)
        out.first += vc__levit_sizes_of(config)->stages[stage].depth;
    else
        out.count = vc__levit_sizes_of(config)->stages[stage].depth;
    snprintf(out.name, sizeof out.name, "%s%zu", index % 2 ? "subsample" : "dpt", stage);
    return out;
}

static void set_input(vc_model_config *config, const vc_model_input *input)
{
    vc__levit_config *c = vc__levit_sizes_in(config);
    c->image = input->width;
    c->channels = input->channels;
    c->classes = input->classes;
    memcpy(c->mean, input->mean, sizeof c->mean);
    memcpy(c->std, input->std, sizeof c->std);
}

/* ViTCoD's widths: half, rounded up, but 4 of 6. */
static vc_status compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    if (compressed)
        return vc_fail(VC_EINVAL,
                       "a LeViT has other heads in every stage: wanted ViTCoD's widths, half of "
                       "the heads, instead of %zu",
                       compressed);
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        vc__levit_stage *stage = &vc__levit_sizes_in(config)->stages[s];
        const size_t width = stage->own.heads == 6 ? 4 : (stage->own.heads + 1) / 2;
        vc__set_coders(stage->compressed_heads, width, of);
    }
    return VC_OK;
}

static const char *activation(const vc_model_config *config)
{
    return vc__levit_sizes_of(config)->silu ? "silu" : "hardswish";
}

static size_t metadata(vc_metadata *entries, vc__family_text *texts, const vc_model_config *config)
{
    (void)texts;
    entries[0] = (vc_metadata){"activation", activation(config)};
    entries[1] = (vc_metadata){VC__BATCH_NORM, VC__FOLDED};
    return vc__levit_sizes_of(config)->folded ? 2 : 1;
}

static int folded(const vc_model_config *config)
{
    return vc__levit_sizes_of(config)->folded;
}

static json_t *describe(const vc_model_config *config)
{
    const vc__levit_config *c = vc__levit_sizes_of(config);
    json_t *stages = json_array();
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        const vc__levit_stage *stage = &c->stages[s];
        size_t side = vc__levit_side(c, s);
        vc_json_append(
            &stages,
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "tokens", (json_int_t)(side * side),
                      "width", (json_int_t)stage->width, "depth", (json_int_t)stage->depth, "heads",
                      (json_int_t)stage->own.heads, "hidden", (json_int_t)stage->own.hidden,
                      "compressed_heads", (json_int_t)vc_model_coded_width(stage->compressed_heads),
                      "compressed_of", vc_model_coded_word(stage->compressed_heads)));
    }
    return json_pack("{s:o, s:b, s:s}", "stages", stages, "distilled", c->distilled, "activation",
                     activation(config));
}

static vc_status allocate(vc_model *model)
{
    size_t blocks = vc__levit_blocks(vc__levit_sizes_of(&model->config));
    vc__levit_state *state = model->state = calloc(1, sizeof *state);
    if (state)
        state->weights.blocks = calloc(blocks, sizeof *state->weights.blocks);
    return state && state->weights.blocks ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static void walk(vc__walk *walker, vc_model *model)
{
    vc__levit_walk(walker, vc__levit_sizes_of(&model->config), vc__levit_weights_of(model));
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
    vc__levit_state *state = model->state;
    if (!state)
        return;
    free(state->weights.blocks);
    vc_arena_close(&state->arena);
    free(state);
}

static const vc_coder *coder(const vc_model *model, size_t index)
{
    return vc__levit_weights_of(model)->blocks[index].coder;
}

static const float *bias(const vc_model *model, size_t index)
{
    return vc__levit_folded_of(model)->blocks[index].bias;
}

vc_model_config vc__levit_model(const vc__levit_config *sizes)
{
    vc_model_config config = {.family = &vc__levit};
    *vc__levit_sizes_in(&config) = *sizes;
    return config;
}

vc__levit_weights vc__levit_views(const vc_model *model, float *values, vc__levit_block *blocks)
{
    vc__levit_weights views = {.blocks = blocks};
    vc__walk bind = vc__family_walk(model, values);
    vc__levit_walk(&bind, vc__levit_sizes_of(&model->config), &views);
    return views;
}

const vc__family vc__levit = {
    .name = "levit",
    .title = "LeViT",
    .number = 1,
    .check = check,
    .input = input,
    .set_input = set_input,
    .preset_name = vc__levit_preset_name,
    .preset = vc__levit_preset,
    .layers = layers,
    .layer = layer,
    .groups = groups,
    .group = group,
    .compress = compress,
    .describe = describe,
    .metadata = metadata,
    .folded = folded,
    .adapt = vc__levit_unfold,
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
    .place_grads = vc__levit_place_grads,
    .backward = vc__levit_backward,
    .not_finite = vc__levit_not_finite,
    .least_share = 2, /* the heads' norms want a deviation */
    .drops_alike = 1,
    .blocks = vc__levit_blocks_of,
};
