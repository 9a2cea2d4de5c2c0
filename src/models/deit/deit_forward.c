#include <string.h>

#include "deit_impl.h"

/* Class tokens, patches, positions: the first residual stream. */
void vc__deit_embed(vc_acts *acts, const vc_model *model, const float *images, size_t batch)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    size_t tokens = vc__deit_tokens(c), prefix = vc__deit_prefix_tokens(c), width = c->width;
    size_t patches = tokens - prefix, patch_values = c->channels * c->patch * c->patch;
    const vc__deit_acts *a = vc__deit_acts_of(acts);
    float *stream = a->layers[0].input;
    const vc_linear patch = {
        .inputs = patch_values, .outputs = width, .weight = w->patch_w, .bias = w->patch_b};
    vc_patches_gather(a->patches, images, batch, c->channels, c->image, c->patch);
    for (size_t b = 0; b < batch; b++) {
        float *x = stream + b * tokens * width;
        memcpy(x, w->pos_embed, prefix * width * sizeof(float));
        for (size_t i = 0; i < width; i++)
            x[i] += w->cls_token[i];
        for (size_t i = 0; c->distilled && i < width; i++)
            x[width + i] += w->dist_token[i];
        vc_linear_forward(x + prefix * width, a->patches + b * patches * patch_values, &patch,
                          patches, w->pos_embed + prefix * width);
    }
}

static void attend(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
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

/* out = in + the branch, whose last product takes x; with stochastic depth, in + what the branch
 * counts in each image. */
static void add_branch(float *out, const float *x, const vc_linear *last, const float *in,
                       const branch *b)
{
    const float *counts = vc_acts_branch(b->acts, b->layer, b->which);
    vc_linear_forward_in(b->acts->half, out, x, last, b->rows, counts ? NULL : in);
    if (counts)
        vc_scale_images(out, out, counts, in, b->batch, b->rows / b->batch * last->outputs);
}

/* Norm and QKV; `rows` tokens of all images together. */
void vc__deit_project(vc_acts *acts, const vc_model *model, size_t layer, size_t rows)
{
    const size_t width = vc__deit_sizes_of(&model->config)->width;
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const vc_linear qkv = {width, 3 * width, w->qkv_w, w->qkv_b};
    vc_layernorm_forward(a->norm1, a->mean1, a->rstd1, a->input, w->norm1_w, w->norm1_b, rows,
                         width, VC__DEIT_EPS);
    vc_linear_forward_in(acts->half, a->qkv, a->norm1, &qkv, rows, NULL);
}

void vc__deit_unproject(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                        size_t rows)
{
    const size_t width = vc__deit_sizes_of(&model->config)->width;
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const vc_linear proj = {width, width, w->proj_w, w->proj_b};
    add_branch(a->middle, a->attention, &proj, a->input, &(branch){acts, layer, 0, batch, rows});
}

void vc__deit_mlp(vc_acts *acts, const vc_model *model, size_t layer, size_t batch, size_t rows)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const size_t width = c->width, hidden = c->hidden;
    float *output = layer + 1 < c->depth ? vc__deit_acts_of(acts)->layers[layer + 1].input
                                         : vc__deit_acts_of(acts)->tokens;
    const vc_linear fc1 = {width, hidden, w->fc1_w, w->fc1_b};
    const vc_linear fc2 = {hidden, width, w->fc2_w, w->fc2_b};
    vc_layernorm_forward(a->norm2, a->mean2, a->rstd2, a->middle, w->norm2_w, w->norm2_b, rows,
                         width, VC__DEIT_EPS);
    vc_linear_forward_in(acts->half, a->fc1, a->norm2, &fc1, rows, NULL);
    vc_gelu_forward(a->gelu, a->fc1, rows * hidden);
    add_branch(output, a->gelu, &fc2, a->middle, &(branch){acts, layer, 1, batch, rows});
}

static void block(vc_acts *acts, const vc_model *model, size_t layer, size_t batch,
                  const vc_tap *tap)
{
    const size_t rows = batch * vc__deit_tokens(vc__deit_sizes_of(&model->config));
    vc__deit_project(acts, model, layer, rows);
    attend(acts, model, layer, batch, tap);
    vc__deit_unproject(acts, model, layer, batch, rows);
    vc__deit_mlp(acts, model, layer, batch, rows);
}

/* Final norm and heads, each on its own prefix token: nothing else is read. */
void vc__deit_classify(vc_acts *acts, const vc_model *model, size_t batch)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    vc__deit_acts *a = vc__deit_acts_of(acts);
    size_t tokens = vc__deit_tokens(c), classifiers = vc__deit_classifiers(c), width = c->width;
    for (size_t b = 0; b < batch; b++)
        memcpy(a->class_in + b * classifiers * width, a->tokens + b * tokens * width,
               classifiers * width * sizeof(float));
    vc_layernorm_forward(a->class_norm, a->class_mean, a->class_rstd, a->class_in, w->norm_w,
                         w->norm_b, batch * classifiers, width, VC__DEIT_EPS);
    for (size_t k = 0; k < classifiers; k++) {
        float *in = a->head_in + k * batch * width;
        for (size_t b = 0; b < batch; b++)
            memcpy(in + b * width, a->class_norm + (b * classifiers + k) * width,
                   width * sizeof(float));
        const vc_linear head = {.inputs = width,
                                .outputs = c->classes,
                                .weight = k == 0 ? w->head_w : w->head_dist_w,
                                .bias = k == 0 ? w->head_b : w->head_dist_b};
        vc_linear_forward(a->head_out + k * batch * c->classes, in, &head, batch, NULL);
    }
    const float *first = a->head_out, *second = a->head_out + batch * c->classes;
    for (size_t i = 0; i < batch * c->classes; i++)
        acts->logits[i] = classifiers == 1 ? first[i] : 0.5f * (first[i] + second[i]);
}

void vc__deit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap)
{
    vc__deit_embed(acts, model, images, batch);
    for (size_t l = 0; l < vc__deit_sizes_of(&model->config)->depth; l++)
        block(acts, model, l, batch, tap);
    vc__deit_classify(acts, model, batch);
}
