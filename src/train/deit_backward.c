#include <string.h>

#include "deit_learner.h"

/* From dlogits to the gradient of the residual stream that leaves the last block. */
static void classify_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    const vc_deit_weights *w = &model->deit;
    size_t tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), width = c->width;
    for (size_t k = 0; k < classes; k++) {
        vc__classifier_gradient(g, model, k, batch);
        const vc_linear head = {.inputs = width,
                                .outputs = c->classes,
                                .weight = k == 0 ? w->head_w : w->head_dist_w,
                                .bias = k == 0 ? w->head_b : w->head_dist_b};
        vc_linear_backward(g->deit.head, k == 0 ? g->deit.views.head_w : g->deit.views.head_dist_w,
                           k == 0 ? g->deit.views.head_b : g->deit.views.head_dist_b, g->classified,
                           acts->deit.head_in + k * batch * width, &head, batch);
        for (size_t b = 0; b < batch; b++)
            memcpy(g->deit.class_tokens + (b * classes + k) * width, g->deit.head + b * width,
                   width * sizeof(float));
    }
    memset(g->deit.head, 0, batch * classes * width * sizeof(float));
    vc_layernorm_backward(g->deit.head, g->deit.views.norm_w, g->deit.views.norm_b,
                          g->deit.class_tokens, acts->deit.class_in, acts->deit.class_mean,
                          acts->deit.class_rstd, w->norm_w, batch * classes, width);
    memset(g->deit.stream, 0, batch * tokens * width * sizeof(float));
    for (size_t b = 0; b < batch; b++)
        memcpy(g->deit.stream + b * tokens * width, g->deit.head + b * classes * width,
               classes * width * sizeof(float));
}

static void attend_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t layer,
                            size_t batch, float reconstruction)
{
    const vc_deit_config *c = &model->config.deit;
    const vc_layer_acts *a = &acts->deit.layers[layer];
    const size_t width = c->width;
    float *dqkv = g->deit.qkv;
    vc__attend_grads attention = {.q = a->qkv,
                                  .k = a->qkv + width,
                                  .v = a->qkv + 2 * width,
                                  .encoded = {a->encoded[0], a->encoded[1]},
                                  .decoded = {a->decoded[0], a->decoded[1]},
                                  .probs = a->probs,
                                  .dq = dqkv,
                                  .dk = dqkv + width,
                                  .dv = dqkv + 2 * width,
                                  .dout = g->deit.attention,
                                  .shape = vc_deit_attention_shape(c, batch)};
    attention.shape.q_stride = attention.shape.k_stride = 3 * width;
    vc__attend_backward(g, &attention, g->deit.views.blocks[layer].coder, acts, model, layer,
                        reconstruction);
}

/* Returns the distance of the heads from the lesson's, where it wants that. */
static double block_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t layer,
                             size_t batch, float reconstruction, const vc_lesson *lesson)
{
    double distance = 0.0;
    const vc_deit_config *c = &model->config.deit;
    const vc_block_weights *w = &model->deit.blocks[layer];
    const vc_block_weights *d = &g->deit.views.blocks[layer];
    const vc_layer_acts *a = &acts->deit.layers[layer];
    size_t rows = batch * vc_deit_tokens(c), width = c->width, hidden = c->hidden;
    const vc_linear qkv = {width, 3 * width, w->qkv_w, w->qkv_b};
    const vc_linear proj = {width, width, w->proj_w, w->proj_b};
    const vc_linear fc1 = {width, hidden, w->fc1_w, w->fc1_b};
    const vc_linear fc2 = {hidden, width, w->fc2_w, w->fc2_b};

    const size_t image = rows / batch * width;
    const float *dy =
        vc__branch_gradient(g->deit.attention, g->deit.stream, acts, layer, 1, batch, image);
    vc_linear_backward_in(acts->half, g->deit.mlp, d->fc2_w, d->fc2_b, dy, a->gelu, &fc2, rows);
    vc_gelu_backward(g->deit.mlp, g->deit.mlp, a->fc1, rows * hidden);
    vc_linear_backward_in(acts->half, g->deit.norm, d->fc1_w, d->fc1_b, g->deit.mlp, a->norm2, &fc1,
                          rows);
    vc_layernorm_backward(g->deit.stream, d->norm2_w, d->norm2_b, g->deit.norm, a->middle, a->mean2,
                          a->rstd2, w->norm2_w, rows, width);
    dy = vc__branch_gradient(g->deit.norm, g->deit.stream, acts, layer, 0, batch, image);
    vc_linear_backward_in(acts->half, g->deit.attention, d->proj_w, d->proj_b, dy, a->attention,
                          &proj, rows);
    if (lesson && lesson->attention > 0.0f)
        distance = vc__attention_distance(g->deit.attention, acts, lesson->teacher, model, layer,
                                          batch, lesson->attention);
    attend_backward(g, acts, model, layer, batch, reconstruction);
    vc_linear_backward_in(acts->half, g->deit.norm, d->qkv_w, d->qkv_b, g->deit.qkv, a->norm1, &qkv,
                          rows);
    vc_layernorm_backward(g->deit.stream, d->norm1_w, d->norm1_b, g->deit.norm, a->input, a->mean1,
                          a->rstd1, w->norm1_w, rows, width);
    return distance;
}

static void embed_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    size_t tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), width = c->width;
    size_t patches = tokens - classes;
    vc_column_sum(g->deit.views.pos_embed, g->deit.stream, batch, tokens * width);
    for (size_t b = 0; b < batch; b++) {
        const float *grad = g->deit.stream + b * tokens * width;
        for (size_t i = 0; i < width; i++)
            g->deit.views.cls_token[i] += grad[i];
        for (size_t i = 0; c->distilled && i < width; i++)
            g->deit.views.dist_token[i] += grad[width + i];
        memcpy(g->deit.patches + b * patches * width, grad + classes * width,
               patches * width * sizeof(float));
    }
    const vc_linear patch = {.inputs = c->channels * c->patch * c->patch,
                             .outputs = width,
                             .weight = model->deit.patch_w,
                             .bias = model->deit.patch_b};
    vc_linear_backward(NULL, g->deit.views.patch_w, g->deit.views.patch_b, g->deit.patches,
                       acts->deit.patches, &patch, batch * patches);
}

vc_distances vc__deit_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                               size_t batch, float reconstruction, const vc_lesson *lesson)
{
    const double depth = (double)model->config.deit.depth;
    vc_distances sum = {0};
    classify_backward(grads, acts, model, batch);
    vc__ready(grads, grads->deit.views.norm_w);
    for (size_t l = model->config.deit.depth; l-- > 0;) {
        if (lesson && lesson->features > 0.0f)
            sum.features += vc__feature_distance(grads->deit.stream, acts, lesson->teacher, model,
                                                 l, batch, lesson->features);
        sum.attention += block_backward(grads, acts, model, l, batch, reconstruction, lesson);
        vc__ready(grads, grads->deit.views.blocks[l].norm1_w);
    }
    embed_backward(grads, acts, model, batch);
    vc__ready(grads, grads->values);
    return (vc_distances){sum.features / depth, sum.attention / depth};
}
