#include <math.h>
#include <string.h>

#include "strided_impl.h"

void vc__strided_sort_kernel(float *out, const float *weight, size_t outputs, size_t channels)
{
    enum { KERNEL = 3 };
    for (size_t o = 0; o < outputs; o++, weight += channels * KERNEL, out += channels * KERNEL)
        for (size_t i = 0; i < channels; i++)
            for (size_t k = 0; k < KERNEL; k++)
                out[k * channels + i] = weight[i * KERNEL + k];
}

/* By the running statistics. */
static void settled_norm(const vc__strided_normed *n, const vc__strided_batch_norm *w, size_t rows,
                         size_t width)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < width; c++) {
            const double by =
                w->weight[c] / sqrt((double)w->variance[c] + (double)VC__STRIDED_BATCH_EPS);
            n->out[r * width + c] =
                (float)((n->in[r * width + c] - (double)w->mean[c]) * by + w->bias[c]);
        }
}

/* By the batch's own statistics, or the running ones. */
static void batch_norm(const vc__strided_normed *n, const vc__strided_batch_norm *w, size_t rows,
                       size_t width, int own)
{
    if (own)
        vc_batchnorm_forward(n->out, n->mean, n->variance, n->in, w->weight, w->bias, NULL, rows,
                             width, VC__STRIDED_BATCH_EPS);
    else
        settled_norm(n, w, rows, width);
}

/* x (B, tokens, C) += positions (tokens, C) */
static void add_positions(float *x, const float *positions, size_t batch, size_t values)
{
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < values; i++)
            x[b * values + i] += positions[i];
}

static void embed(vc_acts *acts, const vc_model *model, const float *poses, size_t batch, int own)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_weights *w = vc__strided_weights_of(model);
    const vc__strided_acts *a = vc__strided_acts_of(acts);
    const size_t rows = batch * c->frames, values = c->frames * c->width;
    const vc_linear product = {c->inputs, c->width, w->embed_w, w->embed_b};
    float *x = a->blocks[0].input;
    vc_linear_forward(a->embedded.in, poses, &product, rows, NULL);
    if (a->poses)
        memcpy(a->poses, poses, rows * c->inputs * sizeof *poses);
    batch_norm(&a->embedded, &w->embed_norm, rows, c->width, own);
    vc_relu_forward(x, a->embedded.out, rows * c->width);
    add_positions(x, w->positions, batch, values);
}

static void attend(vc_acts *acts, const vc_model *model, size_t block, size_t batch,
                   const vc_tap *tap)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_block *w = &vc__strided_weights_of(model)->blocks[block];
    const vc__strided_block_acts *a = &vc__strided_acts_of(acts)->blocks[block];
    const size_t rows = batch * vc__strided_tokens(c, block), width = c->width;
    vc_deviation_norm_forward(a->norm1, a->mean1, a->rstd1, a->input, w->norm[0].gain,
                              w->norm[0].shift, rows, width, VC__STRIDED_EPS);
    for (size_t i = 0; i < 3; i++) {
        const vc_linear product = {width, width, w->weight[i], w->bias[i]};
        vc_linear_forward_in(acts->half, a->qkv[i], a->norm1, &product, rows, NULL);
    }
    const vc__attention_io attention = {.q = a->qkv[0],
                                        .k = a->qkv[1],
                                        .v = a->qkv[2],
                                        .encoded = {a->encoded[0], a->encoded[1]},
                                        .decoded = {a->decoded[0], a->decoded[1]},
                                        .probs = a->probs,
                                        .out = a->attention,
                                        .shape = vc__strided_attention_shape(c, block, batch)};
    vc__attention_forward(acts, model, block, &attention, tap);
}

typedef struct branch {
    const vc_acts *acts;
    size_t block, which; /* 0: attention, 1: feed-forward */
    size_t batch, rows;
} branch;

/* out = in + the branch, whose last product takes x; with stochastic depth, in + what the branch
 * counts in each sequence. */
static void add_branch(float *out, const float *x, const vc_linear *last, const float *in,
                       const branch *b)
{
    const float *counts = vc_acts_branch(b->acts, b->block, b->which);
    vc_linear_forward_in(b->acts->half, out, x, last, b->rows, counts ? NULL : in);
    if (counts)
        vc_scale_images(out, out, counts, in, b->batch, b->rows / b->batch * last->outputs);
}

static void feed_forward(vc_acts *acts, const vc_model *model, size_t block, float *output,
                         size_t batch)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_block *w = &vc__strided_weights_of(model)->blocks[block];
    const vc__strided_acts *all = vc__strided_acts_of(acts);
    const vc__strided_block_acts *a = &all->blocks[block];
    const size_t rows = batch * vc__strided_tokens(c, block), width = c->width;
    const vc_linear fc1 = {width, c->hidden, w->fc1_w, w->fc1_b};
    vc_deviation_norm_forward(a->norm2, a->mean2, a->rstd2, a->middle, w->norm[1].gain,
                              w->norm[1].shift, rows, width, VC__STRIDED_EPS);
    vc_linear_forward_in(acts->half, a->hidden, a->norm2, &fc1, rows, NULL);
    vc_relu_forward(a->active, a->hidden, rows * c->hidden);
    if (block < c->vanilla) {
        const vc_linear fc2 = {c->hidden, width, w->fc2_w, w->fc2_b};
        add_branch(output, a->active, &fc2, a->middle, &(branch){acts, block, 1, batch, rows});
        return;
    }
    const vc_span windows = vc__strided_span(c, block), kept = vc__strided_short(c, block);
    const size_t left = batch * vc_span_tokens(&windows);
    const vc_linear fc2 = {windows.kernel * c->hidden, width, all->kernel, w->fc2_b};
    vc__strided_sort_kernel(all->kernel, w->fc2_w, width, c->hidden);
    vc_spans_gather(a->windows, a->active, batch, &windows);
    vc_spans_gather(a->kept, a->middle, batch, &kept);
    add_branch(output, a->windows, &fc2, a->kept, &(branch){acts, block, 1, batch, left});
}

static void run_block(vc_acts *acts, const vc_model *model, size_t block, size_t batch,
                      const vc_tap *tap)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_weights *w = vc__strided_weights_of(model);
    const vc__strided_acts *all = vc__strided_acts_of(acts);
    const vc__strided_block_acts *a = &all->blocks[block];
    const size_t rows = batch * vc__strided_tokens(c, block),
                 place = block >= c->vanilla ? block - c->vanilla : VC__STRIDED_PLACES;
    const vc_linear proj = {c->width, c->width, w->blocks[block].weight[3],
                            w->blocks[block].bias[3]};
    if (place < VC__STRIDED_PLACES)
        add_positions(a->input, w->places[place], batch, rows / batch * c->width);
    attend(acts, model, block, batch, tap);
    add_branch(a->middle, a->attention, &proj, a->input, &(branch){acts, block, 0, batch, rows});
    feed_forward(acts, model, block,
                 block + 1 < vc__strided_blocks(c) ? all->blocks[block + 1].input : all->last.in,
                 batch);
}

/* The poses of all frames, which only training looks at. */
static void make_frames(vc_acts *acts, const vc_model *model, size_t batch)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_head *w = &vc__strided_weights_of(model)->frames;
    const vc__strided_acts *a = vc__strided_acts_of(acts);
    const size_t rows = batch * c->frames;
    const vc_linear product = {c->width, c->outputs, w->weight, w->bias};
    memcpy(a->frames.in, a->blocks[c->vanilla].input, rows * c->width * sizeof *a->frames.in);
    batch_norm(&a->frames, &w->norm, rows, c->width, !acts->settled);
    vc_linear_forward(acts->frames, a->frames.out, &product, rows, NULL);
}

static void run(vc_acts *acts, const vc_model *model, const float *poses, size_t batch,
                const vc_tap *tap, int observing)
{
    const int own = observing && !acts->settled;
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_weights *w = vc__strided_weights_of(model);
    const vc__strided_acts *a = vc__strided_acts_of(acts);
    const vc_linear head = {c->width, c->outputs, w->head.weight, w->head.bias};
    embed(acts, model, poses, batch, own);
    for (size_t b = 0; b < vc__strided_blocks(c); b++) {
        if (observing && b == c->vanilla)
            make_frames(acts, model, batch);
        run_block(acts, model, b, batch, tap);
    }
    batch_norm(&a->last, &w->head.norm, batch, c->width, own);
    vc_linear_forward(acts->logits, a->last.out, &head, batch, NULL);
}

void vc__strided_forward(vc_acts *acts, const vc_model *model, const float *poses, size_t batch,
                         const vc_tap *tap)
{
    run(acts, model, poses, batch, tap, 0);
}

void vc__strided_observe(vc_acts *acts, const vc_model *model, const float *poses, size_t batch)
{
    run(acts, model, poses, batch, NULL, 1);
}

static void settle(const vc__strided_batch_norm *w, const vc__strided_normed *n, size_t rows,
                   size_t width)
{
    vc_batchnorm_settle(w->mean, w->variance, n->mean, n->variance, rows, width,
                        VC__STRIDED_MOMENTUM);
}

void vc__strided_settle(vc_model *model, const vc_acts *acts, size_t batch)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const vc__strided_weights *w = vc__strided_weights_of(model);
    const vc__strided_acts *a = vc__strided_acts_of(acts);
    settle(&w->embed_norm, &a->embedded, batch * c->frames, c->width);
    settle(&w->frames.norm, &a->frames, batch * c->frames, c->width);
    settle(&w->head.norm, &a->last, batch, c->width);
}
