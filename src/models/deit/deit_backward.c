#include <string.h>

#include "deit_impl.h"

static void attend_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                            size_t layer, size_t batch, float reconstruction)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const size_t width = c->width;
    float *dqkv = g->qkv;
    vc__attention_grads attention = {.q = a->qkv,
                                     .k = a->qkv + width,
                                     .v = a->qkv + 2 * width,
                                     .encoded = {a->encoded[0], a->encoded[1]},
                                     .decoded = {a->decoded[0], a->decoded[1]},
                                     .probs = a->probs,
                                     .dq = dqkv,
                                     .dk = dqkv + width,
                                     .dv = dqkv + 2 * width,
                                     .dout = g->attention,
                                     .shape = vc__deit_attention_shape(c, batch)};
    attention.shape.q_stride = attention.shape.k_stride = 3 * width;
    vc__attention_backward(grads, &attention, g->views.blocks[layer].coder, acts, model, layer,
                           reconstruction);
}

/* The gradient of what a branch's last product makes; `scaled` has room for it. */
static const float *branch_gradient(float *scaled, vc_grads *grads, const vc_acts *acts,
                                    const vc_model *model, size_t layer, size_t which, size_t batch)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t tokens = vc__deit_tokens(c);
    const float *scale = vc__deit_weights_of(model)->blocks[layer].scale[which];
    const float *dy =
        vc__branch_gradient(scaled, g->stream, acts, layer, which, batch, tokens * c->width);
    if (!scale)
        return dy;
    vc_scale_channels_backward(scaled, g->views.blocks[layer].scale[which], dy,
                               vc__deit_acts_of(acts)->layers[layer].branch[which], scale,
                               batch * tokens, c->width);
    return scaled;
}

/* Returns the distance of the heads from the lesson's, where it wants that. */
static double block_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                             size_t layer, size_t batch, float reconstruction,
                             const vc_lesson *lesson)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    double distance = 0.0;
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_block *d = &g->views.blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    size_t rows = batch * vc__deit_tokens(c), width = c->width, hidden = c->hidden;
    const vc_linear qkv = {width, 3 * width, w->qkv_w, w->qkv_b};
    const vc_linear proj = {width, width, w->proj_w, w->proj_b};
    const vc_linear fc1 = {width, hidden, w->fc1_w, w->fc1_b};
    const vc_linear fc2 = {vc__deit_inner(c), width, w->fc2_w, w->fc2_b};
    float *dinner = g->gated ? g->gated : g->mlp;
    vc__deit_make_again(acts, model, layer, batch);

    const float *dy = branch_gradient(g->attention, grads, acts, model, layer, 1, batch);
    vc_linear_backward_in(acts->half, dinner, d->fc2_w, d->fc2_b, dy, a->gelu, &fc2, rows);
    const int whole =
        vc__deit_activate_backward(acts->half, g->mlp, d->fc1_b, dinner, a->fc1, c, rows);
    vc_linear_backward_in(acts->half, g->norm, d->fc1_w, whole ? NULL : d->fc1_b,
                          whole && acts->half ? NULL : g->mlp, a->norm2, &fc1, rows);
    vc_layernorm_backward(g->stream, d->norm2_w, d->norm2_b, g->norm, a->middle, a->mean2, a->rstd2,
                          w->norm2_w, rows, width);
    dy = branch_gradient(g->norm, grads, acts, model, layer, 0, batch);
    vc_linear_backward_in(acts->half, g->attention, d->proj_w, d->proj_b, dy, a->attention, &proj,
                          rows);
    if (lesson && lesson->attention > 0.0f)
        distance = vc__attention_distance(g->attention, acts, lesson->teacher, model, layer, batch,
                                          lesson->attention);
    attend_backward(grads, acts, model, layer, batch, reconstruction);
    vc_linear_backward_in(acts->half, g->norm, d->qkv_w, d->qkv_b, g->qkv, a->norm1, &qkv, rows);
    vc_layernorm_backward(g->stream, d->norm1_w, d->norm1_b, g->norm, a->input, a->mean1, a->rstd1,
                          w->norm1_w, rows, width);
    return distance;
}

/* grad (T, C): of one image's tokens at the start. */
static void prefix_backward(vc__deit_weights *d, const vc__deit_config *c, const float *grad)
{
    const size_t width = c->width, classes = vc__deit_class_tokens(c);
    for (size_t i = 0; d->cls_token && i < width; i++)
        d->cls_token[i] += grad[i];
    for (size_t i = 0; d->dist_token && i < width; i++)
        d->dist_token[i] += grad[(classes - 1) * width + i];
    for (size_t i = 0; i < c->registers * width; i++)
        d->reg_token[i] += grad[classes * width + i];
}

/* Positions, whose first `placed` belong to tokens of the prefix. */
static void positions_backward(float *dpositions, const float *grad, const vc__deit_config *c,
                               size_t batch)
{
    const size_t width = c->width, tokens = vc__deit_tokens(c), prefix = vc__deit_prefix_tokens(c),
                 placed = prefix - c->unplaced;
    if (c->unplaced == 0) {
        vc_column_sum(dpositions, grad, batch, tokens * width);
        return;
    }
    for (size_t b = 0; b < batch; b++) {
        const float *image = grad + b * tokens * width;
        vc_column_sum(dpositions, image, 1, placed * width);
        vc_column_sum(dpositions + placed * width, image + prefix * width, 1,
                      (tokens - prefix) * width);
    }
}

static void embed_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                           size_t batch)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    const vc__deit_acts *a = vc__deit_acts_of(acts);
    size_t tokens = vc__deit_tokens(c), prefix = vc__deit_prefix_tokens(c), width = c->width;
    size_t patches = tokens - prefix;
    const float *stream = g->stream;
    if (a->embedded) {
        memset(g->norm, 0, batch * tokens * width * sizeof(float));
        vc_layernorm_backward(g->norm, g->views.norm_pre_w, g->views.norm_pre_b, g->stream,
                              a->embedded, a->embedded_mean, a->embedded_rstd, w->norm_pre_w,
                              batch * tokens, width);
        stream = g->norm;
    }
    positions_backward(g->views.pos_embed, stream, c, batch);
    for (size_t b = 0; b < batch; b++) {
        const float *grad = stream + b * tokens * width;
        prefix_backward(&g->views, c, grad);
        memcpy(g->patches + b * patches * width, grad + prefix * width,
               patches * width * sizeof(float));
    }
    const vc_linear patch = {.inputs = vc__deit_patch_values(c),
                             .outputs = width,
                             .weight = w->patch_w,
                             .bias = w->patch_b};
    vc_linear_backward(NULL, g->views.patch_w, g->views.patch_b, g->patches, a->patches, &patch,
                       batch * patches);
}

vc_distances vc__deit_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                               size_t batch, float reconstruction, const vc_lesson *lesson)
{
    const double depth = (double)vc__deit_sizes_of(&model->config)->depth;
    vc_distances sum = {0};
    vc__deit_classify_backward(grads, acts, model, batch);
    vc__ready(grads, vc__deit_gain(&vc__deit_grads_of(grads)->views));
    for (size_t l = vc__deit_sizes_of(&model->config)->depth; l-- > 0;) {
        if (lesson && lesson->features > 0.0f)
            sum.features +=
                vc__feature_distance(vc__deit_grads_of(grads)->stream, acts, lesson->teacher, model,
                                     l, batch, lesson->features);
        sum.attention += block_backward(grads, acts, model, l, batch, reconstruction, lesson);
        vc__ready(grads, vc__deit_grads_of(grads)->views.blocks[l].norm1_w);
    }
    embed_backward(grads, acts, model, batch);
    vc__ready(grads, grads->values);
    return (vc_distances){sum.features / depth, sum.attention / depth};
}
