/* DeiT as one of the families. */
#include <stdlib.h>
#include <string.h>

#include "deit_impl.h"

static vc_status check(const vc_model_config *config)
{
    return vc__deit_config_check(vc__deit_sizes_of(config));
}

static vc_model_input input(const vc_model_config *config)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    const int classifies = vc__deit_reading_of(c).output == VC__DEIT_LOGITS;
    vc_model_input out = {.height = c->image.height,
                          .width = c->image.width,
                          .channels = c->channels,
                          .classes = classifies && !c->projection ? c->classes : 0,
                          .classifiers = classifies ? vc__deit_classifiers(c) : 0,
                          .outputs = vc__deit_outputs(c)};
    memcpy(out.mean, c->mean, sizeof out.mean);
    memcpy(out.std, c->std, sizeof out.std);
    return out;
}

static size_t layers(const vc_model_config *config)
{
    return vc__deit_sizes_of(config)->depth;
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    size_t tokens = vc__deit_tokens(c), head_dim = c->width / c->heads;
    (void)index;
    return (vc_attention_layer){.heads = c->heads,
                                .queries = tokens,
                                .keys = tokens,
                                .head_dim = head_dim,
                                .value_dim = head_dim,
                                .width = c->width,
                                .compressed = {c->compressed_heads[0], c->compressed_heads[1]},
                                .grid = vc__deit_grid(c),
                                .compressible = 1};
}

static size_t prefix_tokens(const vc_model_config *config)
{
    return vc__deit_prefix_tokens(vc__deit_sizes_of(config));
}

static void set_input(vc_model_config *config, const vc_model_input *input)
{
    vc__deit_config *c = vc__deit_sizes_in(config);
    c->image = (vc_extent){input->height, input->width};
    c->channels = input->channels;
    if (c->output == VC__DEIT_LOGITS && (input->classes > 0 || !c->projection)) {
        c->classes = input->classes;
        c->projection = 0;
    }
    memcpy(c->mean, input->mean, sizeof c->mean);
    memcpy(c->std, input->std, sizeof c->std);
}

static vc_status compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    vc__deit_config *c = vc__deit_sizes_in(config);
    if (compressed > c->heads)
        return vc_fail(VC_EINVAL, "%zu compressed heads, wanted at most the model's %zu",
                       compressed, c->heads);
    vc__set_coders(c->compressed_heads, compressed ? compressed : (c->heads + 1) / 2, of);
    return VC_OK;
}

static void plain(vc_model_config *out, const vc_plain_sizes *sizes)
{
    vc__deit_config *c = vc__deit_sizes_in(out);
    *c = vc__deit_config_default();
    c->patch = sizes->patch ? vc_square(sizes->patch) : c->patch;
    c->width = sizes->width ? sizes->width : c->width;
    c->depth = sizes->depth ? sizes->depth : c->depth;
    c->heads = sizes->heads ? sizes->heads : c->heads;
    c->hidden = sizes->hidden ? sizes->hidden : 4 * c->width;
    c->distilled = sizes->distilled;
}

static vc_status features(vc_model_config *config, const char *what)
{
    vc__deit_config *c = vc__deit_sizes_in(config);
    if (strcmp(what, "cls") == 0)
        c->output = VC__DEIT_CLASS;
    else if (strcmp(what, "pool") == 0)
        c->output = VC__DEIT_POOLED;
    else if (strcmp(what, "tokens") == 0)
        c->output = VC__DEIT_TOKENS;
    else
        return vc_fail(VC_EINVAL, "features '%s', wanted cls, pool or tokens", what);
    return VC_OK;
}

/* What it has otherwise than a DeiT. */
static void describe_switches(json_t **out, const vc__deit_config *c)
{
    const struct {
        const char *name;
        int on;
    } switches[] = {{"projection", c->projection},
                    {"without_class_token", c->without_class},
                    {"fc_norm", c->fc_norm},
                    {"norm_pre", c->norm_pre},
                    {"layer_scale", c->layer_scale},
                    {"without_qkv_bias", c->without_qkv_bias},
                    {"without_patch_bias", c->without_patch_bias}};
    if (c->mlp != VC__DEIT_GELU)
        vc_json_set(out, "activation",
                    json_string(c->mlp == VC__DEIT_SWIGLU ? "swiglu" : "quick_gelu"));
    if (c->representation)
        vc_json_set(out, "pre_logits", json_integer((json_int_t)c->representation));
    if (c->registers)
        vc_json_set(out, "registers", json_integer((json_int_t)c->registers));
    if (c->unplaced)
        vc_json_set(out, "positions", json_integer((json_int_t)vc__deit_positions(c)));
    if (c->pool != VC__DEIT_POOL_CLASS)
        vc_json_set(out, "global_pool", json_string(vc__deit_pool_word(c->pool)));
    if (vc__deit_eps(c) != 1e-6f)
        vc_json_set(out, "norm_eps", json_real(c->eps));
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (switches[i].on)
            vc_json_set(out, switches[i].name, json_true());
}

static void set_sides(json_t **out, const char *height, const char *width, vc_extent e)
{
    vc_json_set(out, height, json_integer((json_int_t)e.height));
    vc_json_set(out, width, json_integer((json_int_t)e.width));
}

static void describe_sides(json_t **out, const vc__deit_config *c)
{
    if (vc_extent_is_square(c->patch))
        vc_json_set(out, "patch", json_integer((json_int_t)c->patch.height));
    else
        set_sides(out, "patch_height", "patch_width", c->patch);
    if (!vc_extent_is_square(vc__deit_grid(c)))
        set_sides(out, "grid_rows", "grid_columns", vc__deit_grid(c));
}

static json_t *describe(const vc_model_config *config)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    json_t *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:s}", "tokens",
                            (json_int_t)vc__deit_tokens(c), "width", (json_int_t)c->width, "depth",
                            (json_int_t)c->depth, "heads", (json_int_t)c->heads, "hidden",
                            (json_int_t)c->hidden, "distilled", c->distilled, "compressed_heads",
                            (json_int_t)vc_model_coded_width(c->compressed_heads), "compressed_of",
                            vc_model_coded_word(c->compressed_heads));
    describe_sides(&out, c);
    describe_switches(&out, c);
    return out;
}

static vc_status allocate(vc_model *model)
{
    vc__deit_weights *w = model->state = calloc(1, sizeof *w);
    if (w)
        w->blocks = calloc(vc__deit_sizes_of(&model->config)->depth, sizeof *w->blocks);
    return w && w->blocks ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static void walk(vc__walk *walker, vc_model *model)
{
    vc__deit_walk(walker, vc__deit_sizes_of(&model->config), vc__deit_weights_of(model));
}

static vc_status resample(float *out, const vc_model *model, const vc_tensor *from)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t others = vc__deit_prefix_tokens(c) - c->unplaced;
    return vc__resample_positions(out, vc__deit_grid(c), from->data, c->file_grid, others,
                                  c->width);
}

/* As many tokens may be another grid. */
static int resamples(const vc_model_config *config)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    return !vc_extent_equal(c->file_grid, vc__deit_grid(c));
}

static void release(vc_model *model)
{
    vc__deit_weights *w = vc__deit_weights_of(model);
    if (w)
        free(w->blocks);
    free(w);
}

static const vc_coder *coder(const vc_model *model, size_t index)
{
    return vc__deit_weights_of(model)->blocks[index].coder;
}

static vc_rows rows_of(const vc_model *model, const float *data, size_t width, size_t stride)
{
    const size_t tokens = vc__deit_tokens(vc__deit_sizes_of(&model->config));
    return (vc_rows){data, tokens, width, stride, tokens, 0};
}

static vc__values values(const vc_acts *acts, const vc_model *model, size_t index)
{
    const size_t width = vc__deit_sizes_of(&model->config)->width;
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[index];
    return (vc__values){.values = rows_of(model, a->qkv + 2 * width, width, 3 * width),
                        .entering = rows_of(model, a->input, width, width),
                        .projection = vc__deit_weights_of(model)->blocks[index].proj_w,
                        .scale = vc__deit_weights_of(model)->blocks[index].scale[0]};
}

/* Of the last block nothing has an effect but what classifiers read: the class tokens, or the
 * patches'. */
static vc_rows block_rows(const vc_model *model, const float *data, size_t block)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    vc_rows rows = rows_of(model, data, c->width, c->width);
    const vc__deit_reading reading = vc__deit_reading_of(c);
    if (block + 1 == c->depth) {
        rows.first = reading.first;
        rows.read = reading.count;
    }
    return rows;
}

static vc_rows block_output(const vc_acts *acts, const vc_model *model, size_t index)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_acts *a = vc__deit_acts_of(acts);
    return block_rows(model, index + 1 < c->depth ? a->layers[index + 1].input : a->tokens, index);
}

static vc_rows heads_output(const vc_acts *acts, const vc_model *model, size_t index)
{
    return block_rows(model, vc__deit_acts_of(acts)->layers[index].attention, index);
}

static size_t norms(const vc_model_config *config)
{
    return 2 * vc__deit_sizes_of(config)->depth;
}

/* Before QKV and before the MLP, block by block. */
static vc_model_norm_view norm(const vc_model *model, const vc_acts *acts, size_t index)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[index / 2];
    const vc__deit_layer_acts *a = acts ? &vc__deit_acts_of(acts)->layers[index / 2] : NULL;
    vc_model_norm_view out = {w->norm1_w, w->norm1_b, w->qkv_w, c->width, 3 * c->width, {0}};
    if (index % 2)
        out = (vc_model_norm_view){w->norm2_w, w->norm2_b, w->fc1_w, c->width, c->hidden, {0}};
    if (a)
        out.output = rows_of(model, index % 2 ? a->norm2 : a->norm1, c->width, c->width);
    return out;
}

vc_model_config vc__deit_model(const vc__deit_config *sizes)
{
    vc_model_config config = {.family = &vc__deit};
    *vc__deit_sizes_in(&config) = *sizes;
    return config;
}

vc_status vc__deit_create(vc_model **out, const vc__deit_config *sizes, uint64_t seed)
{
    const vc_model_config config = vc__deit_model(sizes);
    return vc_model_create(out, &config, seed);
}

vc__deit_weights vc__deit_views(const vc_model *model, float *values, vc__deit_block *blocks)
{
    vc__deit_weights views = {.blocks = blocks};
    vc__walk bind = vc__family_walk(model, values);
    vc__deit_walk(&bind, vc__deit_sizes_of(&model->config), &views);
    return views;
}

const vc__family vc__deit = {
    .name = "deit",
    .title = "DeiT",
    .number = 0,
    .check = check,
    .input = input,
    .set_input = set_input,
    .oblong = 1,
    .preset_name = vc__deit_preset_name,
    .preset = vc__deit_preset,
    .layers = layers,
    .layer = layer,
    .prefix_tokens = prefix_tokens,
    .compress = compress,
    .describe = describe,
    .plain = plain,
    .features = features,
    .recognise = vc__deit_recognise,
    .writes_heads = 1,
    .metadata = vc__deit_metadata,
    .read_config = vc__deit_read_config,
    .allocate = allocate,
    .walk = walk,
    .resamples = resamples,
    .resample = resample,
    .release = release,
    .coder = coder,
    .place = vc__deit_place,
    .values = values,
    .block_output = block_output,
    .heads_output = heads_output,
    .norms = norms,
    .norm = norm,
    .forward = vc__deit_forward,
    .forward_tokens = vc__deit_forward_tokens,
    .place_grads = vc__deit_place_grads,
    .backward = vc__deit_backward,
    .not_finite = vc__deit_not_finite,
    .makes_again = 1,
    .blocks = vc__deit_blocks,
};
