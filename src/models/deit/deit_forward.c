#include <string.h>

#include "deit_impl.h"

/* out (count, C) = the tokens, with the positions from `at` on, where they have some. */
static void place_tokens(float *out, const float *tokens, size_t count, size_t at,
                         const vc_model *model)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t placed = vc__deit_prefix_tokens(c) - c->unplaced;
    const float *positions = vc__deit_weights_of(model)->pos_embed + at * c->width;
    for (size_t t = 0; t < count; t++)
        for (size_t i = t * c->width; i < (t + 1) * c->width; i++)
            out[i] = tokens[i] + (at + t < placed ? positions[i] : 0.0f);
}

/* Class tokens, registers, patches, positions: the first residual stream. */
void vc__deit_embed(vc_acts *acts, const vc_model *model, const float *images, size_t batch)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    size_t tokens = vc__deit_tokens(c), prefix = vc__deit_prefix_tokens(c), width = c->width;
    size_t patches = tokens - prefix, patch_values = vc__deit_patch_values(c);
    const size_t classes = vc__deit_class_tokens(c);
    const vc__deit_acts *a = vc__deit_acts_of(acts);
    float *stream = a->embedded ? a->embedded : a->layers[0].input;
    const vc_linear patch = {
        .inputs = patch_values, .outputs = width, .weight = w->patch_w, .bias = w->patch_b};
    const vc_patches shape = vc__deit_patches(c);
    vc_patches_gather(a->patches, images, batch, &shape);
    for (size_t b = 0; b < batch; b++) {
        float *x = stream + b * tokens * width;
        if (w->cls_token)
            place_tokens(x, w->cls_token, 1, 0, model);
        if (w->dist_token)
            place_tokens(x + (classes - 1) * width, w->dist_token, 1, classes - 1, model);
        if (w->reg_token)
            place_tokens(x + classes * width, w->reg_token, c->registers, classes, model);
        vc_linear_forward(x + prefix * width, a->patches + b * patches * patch_values, &patch,
                          patches, w->pos_embed + (prefix - c->unplaced) * width);
    }
    if (a->embedded)
        vc_layernorm_forward(a->layers[0].input, a->embedded_mean, a->embedded_rstd, a->embedded,
                             w->norm_pre_w, w->norm_pre_b, batch * tokens, width, vc__deit_eps(c));
}

void vc__deit_attend(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                     const vc_tap *tap)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    vc__attention_io attention = {.q = a->qkv,
                                  .k = a->qkv + c->width,
                                  .v = a->qkv + 2 * c->width,
                                  .encoded = {a->encoded[0], a->encoded[1]},
                                  .decoded = {a->decoded[0], a->decoded[1]},
                                  .probs = a->probs,
                                  .out = a->attention,
                                  .shape = vc__deit_attention_shape(c, batch)};
    attention.shape.q_stride = attention.shape.k_stride = 3 * c->width;
    vc__attention_forward(acts, model, layer, &attention, tap);
}

typedef struct branch {
    const vc_acts *acts;
    size_t layer, which; /* 0: attention, 1: MLP */
    size_t batch, rows;
} branch;

/* out = in + the branch, whose last product takes x, times LayerScale; with stochastic depth, in +
 * what the branch counts in each image. */
static void add_branch(float *out, const float *x, const vc_linear *last, const float *in,
                       const vc_model *model, const branch *b)
{
    const float *counts = vc_acts_branch(b->acts, b->layer, b->which);
    const float *scale = vc__deit_weights_of(model)->blocks[b->layer].scale[b->which];
    float *made = scale ? vc__deit_acts_of(b->acts)->layers[b->layer].branch[b->which] : out;
    const float *added = counts ? NULL : in;
    vc_linear_forward_in(b->acts->half, made, x, last, b->rows, scale ? NULL : added);
    if (scale)
        vc_scale_channels(out, made, scale, added, b->rows, last->outputs);
    if (counts)
        vc_scale_images(out, out, counts, in, b->batch, b->rows / b->batch * last->outputs);
}

/* Norm and QKV; `rows` tokens of all images together. */
void vc__deit_project(vc_acts *acts, const vc_model *model, size_t layer, size_t rows)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t width = c->width;
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const vc_linear qkv = {width, 3 * width, w->qkv_w, w->qkv_b};
    vc_layernorm_forward(a->norm1, a->mean1, a->rstd1, a->input, w->norm1_w, w->norm1_b, rows,
                         width, vc__deit_eps(c));
    vc_linear_forward_in(acts->half, a->qkv, a->norm1, &qkv, rows, NULL);
}

void vc__deit_unproject(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                        size_t rows)
{
    const size_t width = vc__deit_sizes_of(&model->config)->width;
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const vc_linear proj = {width, width, w->proj_w, w->proj_b};
    add_branch(a->middle, a->attention, &proj, a->input, model,
               &(branch){acts, layer, 0, batch, rows});
}

void vc__deit_hidden(vc_acts *acts, const vc_model *model, size_t layer, size_t rows)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const vc_linear fc1 = {c->width, c->hidden, w->fc1_w, w->fc1_b};
    vc_layernorm_forward(a->norm2, a->mean2, a->rstd2, a->middle, w->norm2_w, w->norm2_b, rows,
                         c->width, vc__deit_eps(c));
    vc_linear_forward_in(acts->half, a->fc1, a->norm2, &fc1, rows, NULL);
    vc__deit_activate(a->gelu, a->fc1, c, rows);
}

void vc__deit_mlp(vc_acts *acts, const vc_model *model, size_t layer, size_t batch, size_t rows)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    float *output = layer + 1 < c->depth ? vc__deit_acts_of(acts)->layers[layer + 1].input
                                         : vc__deit_acts_of(acts)->tokens;
    const vc_linear fc2 = {vc__deit_inner(c), c->width, w->fc2_w, w->fc2_b};
    vc__deit_hidden(acts, model, layer, rows);
    add_branch(output, a->gelu, &fc2, a->middle, model, &(branch){acts, layer, 1, batch, rows});
}

static void block(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                  const vc_tap *tap)
{
    const size_t rows = batch * vc__deit_tokens(vc__deit_sizes_of(&model->config));
    vc__deit_project(acts, model, layer, rows);
    vc__deit_attend(acts, model, layer, batch, tap);
    vc__deit_unproject(acts, model, layer, batch, rows);
    vc__deit_mlp(acts, model, layer, batch, rows);
}

void vc__deit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap)
{
    vc__deit_embed(acts, model, images, batch);
    for (size_t l = 0; l < vc__deit_sizes_of(&model->config)->depth; l++)
        block(acts, model, l, batch, tap);
    vc__deit_classify(acts, model, batch, NULL);
}
