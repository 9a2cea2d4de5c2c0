/* LeViT's forward pass of training: BatchNorm on the batch's own statistics, everything kept.
 * Mirrors levit_forward.c. */
#include <string.h>

#include "levit_impl.h"

static void use_parameters(vc__levit_normed_acts *n, const vc__levit_normed *w)
{
    n->weight = w->weight;
    n->norm_w = w->norm_w;
    n->norm_b = w->norm_b;
}

/* A convolution's inputs (channels, 3, 3) as windows hold them. */
static void use_kernel(vc__levit_normed_acts *n, const vc__levit_normed *w, size_t outputs,
                       size_t channels)
{
    enum { WINDOW = 9 };
    const size_t inputs = WINDOW * channels;
    use_parameters(n, w);
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            n->sorted[o * inputs + i % WINDOW * channels + i / WINDOW] = w->weight[o * inputs + i];
    n->weight = n->sorted;
}

static void use_sorted(vc__levit_normed_acts *n, const vc__levit_normed *w, const size_t *order,
                       size_t outputs, size_t inputs)
{
    for (size_t o = 0; o < outputs; o++) {
        memcpy(n->sorted + o * inputs, w->weight + order[o] * inputs, inputs * sizeof(float));
        n->sorted_w[o] = w->norm_w[order[o]];
        n->sorted_b[o] = w->norm_b[order[o]];
    }
    n->weight = n->sorted;
    n->norm_w = n->sorted_w;
    n->norm_b = n->sorted_b;
}

static void run_normed(vc_half *half, float *y, const vc__levit_normed_acts *n, const float *x,
                       size_t inputs, size_t outputs, size_t rows, const float *residual)
{
    const vc_linear product = {inputs, outputs, n->weight, NULL};
    vc_linear_forward_in(half, n->product, x, &product, rows, NULL);
    vc_batchnorm_forward(y, n->mean, n->variance, n->product, n->norm_w, n->norm_b, residual, rows,
                         outputs, VC__LEVIT_EPS);
}

typedef struct branch {
    const vc_acts *acts;
    size_t block, which;    /* 0: attention, 1: MLP */
    size_t inputs, outputs; /* of its last product */
    size_t batch, rows;
} branch;

/* out = in + the branch, whose last product takes x; with stochastic depth, in + what the branch
 * counts in each image. */
static void add_branch(float *out, const vc__levit_normed_acts *n, const float *x, const float *in,
                       const branch *b)
{
    const float *counts = vc_acts_branch(b->acts, b->block, b->which);
    run_normed(b->acts->half, out, n, x, b->inputs, b->outputs, b->rows, counts ? NULL : in);
    if (counts)
        vc_scale_images(out, out, counts, in, b->batch, b->rows / b->batch * b->outputs);
}

static void stem(vc_acts *acts, const vc_model *model, const float *images, size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    vc__levit_kept *k = vc__levit_kept_of(acts);
    const float *from = images;
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const vc_window window = vc__levit_window(c, i);
        const size_t side = vc_window_side(&window), rows = batch * side * side;
        use_kernel(&k->stem[i], &vc__levit_weights_of(model)->stem[i], c->stem[i], window.channels);
        vc_windows_gather(k->windows[i], from, batch, &window);
        run_normed(acts->half, k->stem_out[i], &k->stem[i], k->windows[i], 9 * window.channels,
                   c->stem[i], rows, NULL);
        if (i + 1 < VC__LEVIT_STEM)
            vc__levit_activate(model, k->stem_active[i], k->stem_out[i], rows * c->stem[i]);
        from = k->stem_active[i];
    }
}

static void attend(vc_acts *acts, const vc_model *model, size_t index, const vc__levit_shape *s,
                   size_t batch)
{
    vc__levit_kept *k = vc__levit_kept_of(acts);
    const vc__levit_block_acts *a = &k->blocks[index];
    const float *keys = s->subsampling ? a->projected : a->projected + s->keys;
    const vc__attention_io attention = {.q = s->subsampling ? a->queries : a->projected,
                                        .k = keys,
                                        .v = keys + s->keys,
                                        .encoded = {a->encoded[0], a->encoded[1]},
                                        .decoded = {a->decoded[0], a->decoded[1]},
                                        .probs = a->probs,
                                        .out = a->attention,
                                        .bias = model->restriction ? k->arranged_bias : k->bias,
                                        .shape = vc__levit_attention_shape(s, batch)};
    vc__levit_expand_biases(k->bias, vc__levit_weights_of(model)->blocks[index].biases, s);
    if (model->restriction)
        vc_pattern_arrange(k->arranged_bias, k->bias, vc_model_pattern(model, index));
    vc__attention_forward(acts, model, index, &attention, NULL);
}

static void block(vc_acts *acts, const vc_model *model, size_t index, const float *x, size_t batch)
{
    const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&model->config), index);
    const vc__levit_block *w = &vc__levit_weights_of(model)->blocks[index];
    vc__levit_block_acts *a = &vc__levit_kept_of(acts)->blocks[index];
    const size_t in = batch * s.side_in * s.side_in, out = batch * s.side_out * s.side_out;
    const size_t hidden = s.attention.hidden;
    use_sorted(&a->in, &w->in, vc__levit_folded_of(model)->blocks[index].order, s.projected,
               s.width_in);
    use_parameters(&a->proj, &w->proj);
    use_parameters(&a->fc1, &w->fc1);
    use_parameters(&a->fc2, &w->fc2);
    run_normed(acts->half, a->projected, &a->in, x, s.width_in, s.projected, in, NULL);
    if (s.subsampling) {
        use_parameters(&a->q, &w->q);
        vc_tokens_subsample(a->thinned, x, batch, s.side_in, 2, s.width_in);
        run_normed(acts->half, a->queries, &a->q, a->thinned, s.width_in, s.keys, out, NULL);
    }
    attend(acts, model, index, &s, batch);
    vc__levit_activate(model, a->active, a->attention, out * s.values);
    if (s.subsampling) /* without a residual path it is never left out */
        run_normed(acts->half, a->middle, &a->proj, a->active, s.values, s.width_out, out, NULL);
    else
        add_branch(a->middle, &a->proj, a->active, x,
                   &(branch){acts, index, 0, s.values, s.width_out, batch, out});
    run_normed(acts->half, a->fc1_out, &a->fc1, a->middle, s.width_out, hidden, out, NULL);
    vc__levit_activate(model, a->hidden, a->fc1_out, out * hidden);
    add_branch(a->output, &a->fc2, a->hidden, a->middle,
               &(branch){acts, index, 1, hidden, s.width_out, batch, out});
}

static void classify(vc_acts *acts, const vc_model *model, const float *x, size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const vc__levit_head *const heads[] = {&vc__levit_weights_of(model)->head,
                                           &vc__levit_weights_of(model)->head_dist};
    const size_t side = vc__levit_side(c, VC__LEVIT_STAGES - 1), classes = c->classes;
    const size_t width = c->stages[VC__LEVIT_STAGES - 1].width, classifiers = c->distilled ? 2 : 1;
    vc__levit_kept *k = vc__levit_kept_of(acts);
    vc_tokens_mean(k->mean, x, batch, side * side, width);
    for (size_t i = 0; i < classifiers; i++) {
        const vc_linear product = {width, classes, heads[i]->weight, heads[i]->bias};
        vc_batchnorm_forward(k->head_in[i], k->head_mean[i], k->head_variance[i], k->mean,
                             heads[i]->norm_w, heads[i]->norm_b, NULL, batch, width, VC__LEVIT_EPS);
        vc_linear_forward(acts->head_logits + i * batch * classes, k->head_in[i], &product, batch,
                          NULL);
    }
    const float *first = acts->head_logits, *second = first + batch * classes;
    for (size_t i = 0; i < batch * classes; i++)
        acts->logits[i] = classifiers == 1 ? first[i] : 0.5f * (first[i] + second[i]);
}

void vc__levit_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch)
{
    const float *x = vc__levit_kept_of(acts)->stem_out[VC__LEVIT_STEM - 1];
    stem(acts, model, images, batch);
    for (size_t b = 0; b < vc__levit_blocks(vc__levit_sizes_of(&model->config)); b++) {
        block(acts, model, b, x, batch);
        x = vc__levit_kept_of(acts)->blocks[b].output;
    }
    classify(acts, model, x, batch);
}
