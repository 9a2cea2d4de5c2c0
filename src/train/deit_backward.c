#include <math.h>
#include <string.h>

#include "train_impl.h"

/* From dlogits to the gradient of the residual stream that leaves the last block. */
static void classify_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    const vc_deit_weights *w = &model->deit;
    size_t tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), width = c->width;
    if (classes == 2) /* the logits are the mean of two heads */
        for (size_t i = 0; i < batch * c->classes; i++)
            g->dlogits[i] *= 0.5f;
    for (size_t k = 0; k < classes; k++) {
        const vc_linear head = {.inputs = width,
                                .outputs = c->classes,
                                .weight = k == 0 ? w->head_w : w->head_dist_w,
                                .bias = k == 0 ? w->head_b : w->head_dist_b};
        vc_linear_backward(g->head, k == 0 ? g->views.head_w : g->views.head_dist_w,
                           k == 0 ? g->views.head_b : g->views.head_dist_b, g->dlogits,
                           acts->deit.head_in + k * batch * width, &head, batch);
        for (size_t b = 0; b < batch; b++)
            memcpy(g->class_tokens + (b * classes + k) * width, g->head + b * width,
                   width * sizeof(float));
    }
    memset(g->head, 0, batch * classes * width * sizeof(float));
    vc_layernorm_backward(g->head, g->views.norm_w, g->views.norm_b, g->class_tokens,
                          acts->deit.class_in, acts->deit.class_mean, acts->deit.class_rstd,
                          w->norm_w, batch * classes, width);
    memset(g->stream, 0, batch * tokens * width * sizeof(float));
    for (size_t b = 0; b < batch; b++)
        memcpy(g->stream + b * tokens * width, g->head + b * classes * width,
               classes * width * sizeof(float));
}

/* g->decoded to g->qkv's Q and K, where they have an auto-encoder. The reconstruction loss, weight * ||x - x'||, has the gradient
 * weight * (x - x') / ||x - x'||, to both sides. */
static void autoencoder_backward(vc_grads *g, const vc_acts *acts, const vc_model *model,
                                 size_t layer, size_t batch, float weight)
{
    const vc_layer_acts *a = &acts->deit.layers[layer];
    const vc_coder *grads = g->views.blocks[layer].coder;
    const vc_attention_layer shape = vc_model_layer(&model->config, layer);
    vc_autoencoder ae[2];
    vc_model_autoencoders(ae, &shape, vc_model_coder(model, layer), 3 * model->config.deit.width,
                          batch);
    for (size_t i = 0; i < 2; i++) {
        if (!ae[i].compressed)
            continue;
        size_t at = i * model->config.deit.width;
        double norm = sqrt(acts->distances[2 * layer + i]);
        vc_autoencoder_backward(&grads[i], g->qkv + at, g->encoded[i], g->decoded[i], g->scratch,
                                a->qkv + at, a->encoded[i], a->decoded[i], &ae[i],
                                norm > 0.0 ? (float)(weight / norm) : 0.0f);
    }
}

static void attend_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t layer,
                            size_t batch, float reconstruction)
{
    const vc_deit_config *c = &model->config.deit;
    const vc_layer_acts *a = &acts->deit.layers[layer];
    const vc_attention_shape shape = vc_deit_attention_shape(c, batch);
    const float *q = a->decoded[0] ? a->decoded[0] : a->qkv;
    const float *k = a->decoded[1] ? a->decoded[1] : a->qkv + c->width;
    const float *v = a->qkv + 2 * c->width;
    float *dq = g->decoded[0] ? g->decoded[0] : g->qkv;
    float *dk = g->decoded[1] ? g->decoded[1] : g->qkv + c->width, *dv = g->qkv + 2 * c->width;
    if (model->sparse)
        vc_sparse_attention_backward(dq, dk, dv, NULL, g->scratch, g->attention, a->probs, q, k, v,
                                     &shape, &model->sparse[layer]);
    else
        vc_attention_backward(dq, dk, dv, NULL, g->scratch, g->attention, a->probs, q, k, v,
                              &shape);
    autoencoder_backward(g, acts, model, layer, batch, reconstruction);
}

/* What reaches a branch of the stream's gradient; `scaled` has room for it. */
static const float *branch_gradient(const vc_grads *g, float *scaled, const vc_acts *acts,
                                    size_t layer, size_t branch, size_t batch, size_t image)
{
    if (!acts->branches)
        return g->stream;
    vc_scale_images(scaled, g->stream, acts->branches + (2 * layer + branch) * acts->batch, NULL,
                    batch, image);
    return scaled;
}

/* Returns the distance of the heads from the lesson's, where it wants that. */
static double block_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t layer,
                             size_t batch, float reconstruction, const vc_lesson *lesson)
{
    double distance = 0.0;
    const vc_deit_config *c = &model->config.deit;
    const vc_block_weights *w = &model->deit.blocks[layer];
    const vc_block_weights *d = &g->views.blocks[layer];
    const vc_layer_acts *a = &acts->deit.layers[layer];
    size_t rows = batch * vc_deit_tokens(c), width = c->width, hidden = c->hidden;
    const vc_linear qkv = {width, 3 * width, w->qkv_w, w->qkv_b};
    const vc_linear proj = {width, width, w->proj_w, w->proj_b};
    const vc_linear fc1 = {width, hidden, w->fc1_w, w->fc1_b};
    const vc_linear fc2 = {hidden, width, w->fc2_w, w->fc2_b};

    const size_t image = rows / batch * width;
    const float *dy = branch_gradient(g, g->attention, acts, layer, 1, batch, image);
    vc_linear_backward_in(acts->half, g->mlp, d->fc2_w, d->fc2_b, dy, a->gelu, &fc2, rows);
    vc_gelu_backward(g->mlp, g->mlp, a->fc1, rows * hidden);
    vc_linear_backward_in(acts->half, g->norm, d->fc1_w, d->fc1_b, g->mlp, a->norm2, &fc1, rows);
    vc_layernorm_backward(g->stream, d->norm2_w, d->norm2_b, g->norm, a->middle, a->mean2, a->rstd2,
                          w->norm2_w, rows, width);
    dy = branch_gradient(g, g->norm, acts, layer, 0, batch, image);
    vc_linear_backward_in(acts->half, g->attention, d->proj_w, d->proj_b, dy, a->attention, &proj,
                          rows);
    if (lesson && lesson->attention > 0.0f)
        distance = vc__attention_distance(g->attention, acts, lesson->teacher, model, layer, batch,
                                          lesson->attention);
    attend_backward(g, acts, model, layer, batch, reconstruction);
    vc_linear_backward_in(acts->half, g->norm, d->qkv_w, d->qkv_b, g->qkv, a->norm1, &qkv, rows);
    vc_layernorm_backward(g->stream, d->norm1_w, d->norm1_b, g->norm, a->input, a->mean1, a->rstd1,
                          w->norm1_w, rows, width);
    return distance;
}

static void embed_backward(vc_grads *g, const vc_acts *acts, const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    size_t tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), width = c->width;
    size_t patches = tokens - classes;
    vc_column_sum(g->views.pos_embed, g->stream, batch, tokens * width);
    for (size_t b = 0; b < batch; b++) {
        const float *grad = g->stream + b * tokens * width;
        for (size_t i = 0; i < width; i++)
            g->views.cls_token[i] += grad[i];
        for (size_t i = 0; c->distilled && i < width; i++)
            g->views.dist_token[i] += grad[width + i];
        memcpy(g->patches + b * patches * width, grad + classes * width,
               patches * width * sizeof(float));
    }
    const vc_linear patch = {.inputs = c->channels * c->patch * c->patch,
                             .outputs = width,
                             .weight = model->deit.patch_w,
                             .bias = model->deit.patch_b};
    vc_linear_backward(NULL, g->views.patch_w, g->views.patch_b, g->patches, acts->deit.patches,
                       &patch, batch * patches);
}

/* Parameters lie in the order in which they are used. */
static void ready(const vc_grads *g, const float *first)
{
    if (g->on_ready)
        g->on_ready(g->context, (size_t)(first - g->values));
}

vc_distances vc_model_backward_taught(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                      size_t batch, float reconstruction, const vc_lesson *lesson)
{
    const double depth = (double)model->config.deit.depth;
    vc_distances sum = {0};
    classify_backward(grads, acts, model, batch);
    ready(grads, grads->views.norm_w);
    for (size_t l = model->config.deit.depth; l-- > 0;) {
        if (lesson && lesson->features > 0.0f)
            sum.features += vc__feature_distance(grads->stream, acts, lesson->teacher, model, l,
                                                 batch, lesson->features);
        sum.attention += block_backward(grads, acts, model, l, batch, reconstruction, lesson);
        ready(grads, grads->views.blocks[l].norm1_w);
    }
    embed_backward(grads, acts, model, batch);
    ready(grads, grads->values);
    return (vc_distances){sum.features / depth, sum.attention / depth};
}

void vc_model_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model, size_t batch,
                       float reconstruction)
{
    vc_model_backward_taught(grads, acts, model, batch, reconstruction, NULL);
}
