#include <math.h>
#include <string.h>

#include "strided_impl.h"

/* By the running statistics, which are constants. dx may be dy. */
static void settled_backward(float *dx, const vc__strided_batch_norm *d, const float *dy,
                             const vc__strided_normed *n, const vc__strided_batch_norm *w,
                             size_t rows, size_t width)
{
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < width; c++) {
        const double by = 1.0 / sqrt((double)w->variance[c] + (double)VC__STRIDED_BATCH_EPS);
        double dweight = 0.0, dbias = 0.0;
        for (size_t r = c; r < rows * width; r += width) {
            dweight += dy[r] * (n->in[r] - (double)w->mean[c]) * by;
            dbias += dy[r];
            dx[r] = (float)(dy[r] * by * w->weight[c]);
        }
        d->weight[c] += (float)dweight;
        d->bias[c] += (float)dbias;
    }
}

static void norm_backward(float *dx, const vc__strided_batch_norm *d, const float *dy,
                          const vc__strided_normed *n, const vc__strided_batch_norm *w, size_t rows,
                          size_t width, int settled)
{
    if (settled)
        settled_backward(dx, d, dy, n, w, rows, width);
    else
        vc_batchnorm_backward(dx, d->weight, d->bias, dy, n->in, n->mean, n->variance, w->weight,
                              rows, width, VC__STRIDED_BATCH_EPS);
}

/* dx (rows, C) of what a BatchNorm and the product behind it take. */
static void head_backward(float *dx, const vc__strided_head *d, const float *dy,
                          const vc__strided_normed *n, const vc__strided_head *w,
                          const vc__strided_config *c, size_t rows, int settled)
{
    const vc_linear product = {c->width, c->outputs, w->weight, w->bias};
    vc_linear_backward(dx, d->weight, d->bias, dy, n->out, &product, rows);
    norm_backward(dx, &d->norm, dx, n, &w->norm, rows, c->width, settled);
}

static void add(float *to, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += x[i];
}

/* As vc__strided_sort_kernel lays them out, back and added. */
static void add_kernel(float *dweight, const float *sorted, size_t outputs, size_t channels)
{
    enum { KERNEL = 3 };
    for (size_t o = 0; o < outputs; o++, dweight += channels * KERNEL, sorted += channels * KERNEL)
        for (size_t i = 0; i < channels; i++)
            for (size_t k = 0; k < KERNEL; k++)
                dweight[i * KERNEL + k] += sorted[k * channels + i];
}

/* The convolution, and the short path beside it: g->hidden gets the gradient of what ReLU makes,
 * g->stream becomes that of all frames. */
static void stride_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                            size_t block, size_t batch)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_block *w = &vc__strided_weights_of(model)->blocks[block];
    const vc__strided_block *d = &g->views.blocks[block];
    const vc__strided_acts *all = vc__strided_acts_of(acts);
    const size_t width = c->width, rows = batch * vc__strided_tokens(c, block),
                 left = vc__strided_tokens(c, block + 1);
    const vc_span windows = vc__strided_span(c, block), kept = vc__strided_short(c, block);
    const vc_linear fc2 = {windows.kernel * c->hidden, width, all->kernel, w->fc2_b};
    const float *dy =
        vc__branch_gradient(g->attention, g->stream, acts, block, 1, batch, left * width);
    vc__strided_sort_kernel(all->kernel, w->fc2_w, width, c->hidden);
    memset(g->kernel, 0, width * fc2.inputs * sizeof *g->kernel);
    vc_linear_backward_in(acts->half, g->windows, g->kernel, d->fc2_b, dy,
                          all->blocks[block].windows, &fc2, batch * left);
    add_kernel(d->fc2_w, g->kernel, width, c->hidden);
    vc_spans_gather_backward(g->hidden, g->windows, batch, &windows);
    vc_spans_gather_backward(g->spread, g->stream, batch, &kept);
    memcpy(g->stream, g->spread, rows * width * sizeof *g->stream);
}

static void feed_forward_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                  size_t block, size_t batch)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_block *w = &vc__strided_weights_of(model)->blocks[block];
    const vc__strided_block *d = &g->views.blocks[block];
    const vc__strided_block_acts *a = &vc__strided_acts_of(acts)->blocks[block];
    const size_t width = c->width, tokens = vc__strided_tokens(c, block), rows = batch * tokens;
    const vc_linear fc1 = {width, c->hidden, w->fc1_w, w->fc1_b};
    const vc_linear fc2 = {c->hidden, width, w->fc2_w, w->fc2_b};
    if (block < c->vanilla) {
        const float *dy =
            vc__branch_gradient(g->attention, g->stream, acts, block, 1, batch, tokens * width);
        vc_linear_backward_in(acts->half, g->hidden, d->fc2_w, d->fc2_b, dy, a->active, &fc2, rows);
    } else {
        stride_backward(grads, acts, model, block, batch);
    }
    vc_relu_backward(g->hidden, g->hidden, a->hidden, rows * c->hidden);
    vc_linear_backward_in(acts->half, g->normed[0], d->fc1_w, d->fc1_b, g->hidden, a->norm2, &fc1,
                          rows);
    vc_deviation_norm_backward(g->stream, d->norm[1].gain, d->norm[1].shift, g->normed[0],
                               a->middle, a->mean2, a->rstd2, w->norm[1].gain, rows, width,
                               VC__STRIDED_EPS);
}

/* From g->attention, the gradient of the heads' outputs, to g->normed[0], that of their norm. */
static void heads_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                           size_t block, size_t batch, float reconstruction)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_block *w = &vc__strided_weights_of(model)->blocks[block];
    const vc__strided_block *d = &g->views.blocks[block];
    const vc__strided_block_acts *a = &vc__strided_acts_of(acts)->blocks[block];
    const size_t width = c->width, rows = batch * vc__strided_tokens(c, block);
    const vc__attention_grads attention = {.q = a->qkv[0],
                                           .k = a->qkv[1],
                                           .v = a->qkv[2],
                                           .encoded = {a->encoded[0], a->encoded[1]},
                                           .decoded = {a->decoded[0], a->decoded[1]},
                                           .probs = a->probs,
                                           .dq = g->qkv[0],
                                           .dk = g->qkv[1],
                                           .dv = g->qkv[2],
                                           .dout = g->attention,
                                           .shape = vc__strided_attention_shape(c, block, batch)};
    vc__attention_backward(grads, &attention, d->coder, acts, model, block, reconstruction);
    for (size_t i = 0; i < 3; i++) {
        const vc_linear product = {width, width, w->weight[i], w->bias[i]};
        vc_linear_backward_in(acts->half, g->normed[i > 0], d->weight[i], d->bias[i], g->qkv[i],
                              a->norm1, &product, rows);
        if (i > 0)
            add(g->normed[0], g->normed[1], rows * width);
    }
}

/* Returns the distance of the heads from the lesson's, where it wants that. */
static double block_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                             size_t block, size_t batch, float reconstruction,
                             const vc_lesson *lesson)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_block *w = &vc__strided_weights_of(model)->blocks[block];
    const vc__strided_block *d = &g->views.blocks[block];
    const vc__strided_block_acts *a = &vc__strided_acts_of(acts)->blocks[block];
    const size_t width = c->width, tokens = vc__strided_tokens(c, block), rows = batch * tokens;
    const vc_linear proj = {width, width, w->weight[3], w->bias[3]};
    double distance = 0.0;
    feed_forward_backward(grads, acts, model, block, batch);
    const float *dy =
        vc__branch_gradient(g->normed[0], g->stream, acts, block, 0, batch, tokens * width);
    vc_linear_backward_in(acts->half, g->attention, d->weight[3], d->bias[3], dy, a->attention,
                          &proj, rows);
    if (lesson && lesson->attention > 0.0f)
        distance = vc__attention_distance(g->attention, acts, lesson->teacher, model, block, batch,
                                          lesson->attention);
    heads_backward(grads, acts, model, block, batch, reconstruction);
    vc_deviation_norm_backward(g->stream, d->norm[0].gain, d->norm[0].shift, g->normed[0], a->input,
                               a->mean1, a->rstd1, w->norm[0].gain, rows, width, VC__STRIDED_EPS);
    vc__ready(grads, d->norm[0].gain);
    return distance;
}

/* Positions that were added to what a block takes. */
static void place_backward(vc_grads *grads, const vc_model *model, size_t block, size_t batch)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    if (block < c->vanilla || block == vc__strided_blocks(c) ||
        block - c->vanilla >= VC__STRIDED_PLACES)
        return;
    float *dplaces = g->views.places[block - c->vanilla];
    vc_column_sum(dplaces, g->stream, batch, vc__strided_tokens(c, block) * c->width);
    vc__ready(grads, dplaces);
}

/* What the head over all frames adds to the gradient of what the vanilla blocks make. */
static void frames_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                            size_t batch)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const size_t rows = batch * c->frames;
    head_backward(g->normed[0], &g->views.frames, grads->dframes,
                  &vc__strided_acts_of(acts)->frames, &vc__strided_weights_of(model)->frames, c,
                  rows, acts->settled);
    add(g->stream, g->normed[0], rows * c->width);
    vc__ready(grads, g->views.frames.norm.weight);
}

static void embed_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                           size_t batch)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_weights *w = vc__strided_weights_of(model);
    const vc__strided_acts *a = vc__strided_acts_of(acts);
    const size_t rows = batch * c->frames, width = c->width;
    const vc_linear product = {c->inputs, width, w->embed_w, w->embed_b};
    float *dx = g->normed[0];
    vc_column_sum(g->views.positions, g->stream, batch, c->frames * width);
    vc_relu_backward(dx, g->stream, a->embedded.out, rows * width);
    norm_backward(dx, &g->views.embed_norm, dx, &a->embedded, &w->embed_norm, rows, width,
                  acts->settled);
    vc_linear_backward(NULL, g->views.embed_w, g->views.embed_b, dx, a->poses, &product, rows);
}

vc_distances vc__strided_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                  size_t batch, float reconstruction, const vc_lesson *lesson)
{
    vc__strided_grads *g = vc__strided_grads_of(grads);
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const double blocks = (double)vc__strided_blocks(c);
    vc_distances sum = {0};
    head_backward(g->stream, &g->views.head, grads->dlogits, &vc__strided_acts_of(acts)->last,
                  &vc__strided_weights_of(model)->head, c, batch, acts->settled);
    vc__ready(grads, g->views.head.norm.weight);
    for (size_t b = vc__strided_blocks(c); b-- > 0;) {
        /* what leaves a block is compared with the next one's positions in it; the head over all
         * frames is before these */
        if (lesson && lesson->features > 0.0f)
            sum.features += vc__feature_distance(g->stream, acts, lesson->teacher, model, b, batch,
                                                 lesson->features);
        place_backward(grads, model, b + 1, batch);
        if (b + 1 == c->vanilla)
            frames_backward(grads, acts, model, batch);
        sum.attention += block_backward(grads, acts, model, b, batch, reconstruction, lesson);
    }
    embed_backward(grads, acts, model, batch);
    vc__ready(grads, grads->values);
    return (vc_distances){sum.features / blocks, sum.attention / blocks};
}
