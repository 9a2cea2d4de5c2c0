/* LeViT's backward pass; mirrors levit_observe.c. The gradient of the tokens lies in
 * stream[*now]. */
#include "levit_backward_impl.h"

static void add_to(float *y, const float *x, size_t count)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

/* From the heads' logits to the tokens that leave the last block. */
static void classify_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                              size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const size_t side = vc__levit_side(c, VC__LEVIT_STAGES - 1);
    const size_t width = c->stages[VC__LEVIT_STAGES - 1].width;
    const vc__levit_head *const heads[] = {&vc__levit_weights_of(model)->head,
                                           &vc__levit_weights_of(model)->head_dist};
    vc__levit_grads *g = vc__levit_grads_of(grads);
    const vc__levit_head *const d[] = {&g->views.head, &g->views.head_dist};
    const vc__levit_kept *k = vc__levit_kept_of(acts);
    for (size_t i = 0; i < (c->distilled ? 2 : 1); i++) {
        const vc_linear product = {width, c->classes, heads[i]->weight, heads[i]->bias};
        float *mean = i == 0 ? g->mean : g->head_mean;
        vc__classifier_gradient(grads, model, i, batch);
        vc_linear_backward(g->head_in, d[i]->weight, d[i]->bias, grads->classified, k->head_in[i],
                           &product, batch);
        vc_batchnorm_backward(mean, d[i]->norm_w, d[i]->norm_b, g->head_in, k->mean,
                              k->head_mean[i], k->head_variance[i], heads[i]->norm_w, batch, width,
                              VC__LEVIT_EPS);
        if (i > 0)
            add_to(g->mean, g->head_mean, batch * width);
    }
    vc_tokens_mean_backward(g->stream[0], g->mean, batch, side * side, width);
}

static void attend_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                            size_t index, const vc__levit_shape *s, size_t batch,
                            float reconstruction)
{
    vc__levit_grads *g = vc__levit_grads_of(grads);
    const vc__levit_block *d = &g->views.blocks[index];
    const vc__levit_block_acts *a = &vc__levit_kept_of(acts)->blocks[index];
    const size_t k = s->subsampling ? 0 : s->keys, v = k + s->keys;
    const vc__attention_grads attention = {.q = s->subsampling ? a->queries : a->projected,
                                           .k = a->projected + k,
                                           .v = a->projected + v,
                                           .encoded = {a->encoded[0], a->encoded[1]},
                                           .decoded = {a->decoded[0], a->decoded[1]},
                                           .probs = a->probs,
                                           .dq = s->subsampling ? g->queries : g->projected,
                                           .dk = g->projected + k,
                                           .dv = g->projected + v,
                                           .dout = g->attention,
                                           .dscores = g->scores,
                                           .shape = vc__levit_attention_shape(s, batch)};
    vc__attention_backward(grads, &attention, d->coder, acts, model, index, reconstruction);
    vc__biases_backward(d->biases, g, s, vc_model_pattern(model, index), batch);
}

/* stream[now] from the MLP's output to its input; stream[!now] is scratch. */
static void mlp_backward(vc__levit_grads *g, size_t now, const vc_acts *acts, const vc_model *model,
                         size_t index, const vc__levit_shape *s, size_t batch, size_t rows)
{
    const vc__levit_block *d = &g->views.blocks[index];
    const vc__levit_block_acts *a = &vc__levit_kept_of(acts)->blocks[index];
    vc_half *half = acts->half;
    const size_t hidden = s->attention.hidden, width = s->width_out;
    const vc__normed_layer fc1 = {&a->fc1, a->middle, rows, width, hidden, half};
    const vc__normed_layer fc2 = {&a->fc2, a->hidden, rows, hidden, width, half};
    const float *dy = vc__branch_gradient(g->product, g->stream[now], acts, index, 1, batch,
                                          rows / batch * width);
    vc__normed_backward(g->hidden, &d->fc2, g->product, dy, &fc2);
    vc__levit_activate_backward(model, g->hidden, g->hidden, a->fc1_out, rows * hidden);
    vc__normed_backward(g->stream[!now], &d->fc1, g->hidden, g->hidden, &fc1);
    add_to(g->stream[now], g->stream[!now], rows * width);
}

static void block_backward(vc_grads *grads, size_t *now, const vc_acts *acts, const vc_model *model,
                           size_t index, size_t batch, float reconstruction)
{
    const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&model->config), index);
    const vc__levit_kept *k = vc__levit_kept_of(acts);
    const vc__levit_block_acts *a = &k->blocks[index];
    const float *x = index > 0 ? k->blocks[index - 1].output : k->stem_out[VC__LEVIT_STEM - 1];
    const size_t in = batch * s.side_in * s.side_in, out = batch * s.side_out * s.side_out;
    vc__levit_grads *g = vc__levit_grads_of(grads);
    const vc__levit_block *d = &g->views.blocks[index];
    const vc__normed_layer proj = {&a->proj, a->active, out, s.values, s.width_out, acts->half};
    const vc__normed_layer project = {&a->in, x, in, s.width_in, s.projected, acts->half};
    const vc__normed_layer q = {&a->q, a->thinned, out, s.width_in, s.keys, acts->half};
    float *dx = g->stream[!*now];

    mlp_backward(g, *now, acts, model, index, &s, batch, out);
    const float *dy = g->stream[*now];
    if (!s.subsampling)
        dy = vc__branch_gradient(g->product, dy, acts, index, 0, batch, out / batch * s.width_out);
    vc__normed_backward(g->attention, &d->proj, g->product, dy, &proj);
    vc__levit_activate_backward(model, g->attention, g->attention, a->attention, out * s.values);
    attend_backward(grads, acts, model, index, &s, batch, reconstruction);
    vc__sorted_backward(dx, &d->in, g, g->projected, g->projected, &project,
                        vc__levit_folded_of(model)->blocks[index].order);
    if (!s.subsampling) {
        add_to(g->stream[*now], dx, in * s.width_in);
        return;
    }
    vc__normed_backward(g->thinned, &d->q, g->queries, g->queries, &q);
    vc_tokens_subsample_backward(dx, g->thinned, batch, s.side_in, 2, s.width_in);
    *now = !*now;
}

static void stem_backward(vc__levit_grads *g, size_t now, const vc_acts *acts,
                          const vc_model *model, size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const vc__levit_kept *k = vc__levit_kept_of(acts);
    for (size_t i = VC__LEVIT_STEM; i-- > 0;) {
        const vc_window window = vc__levit_window(c, i);
        const size_t side = vc_window_side(&window);
        const vc__normed_layer convolution = {&k->stem[i],         k->windows[i],
                                              batch * side * side, 9 * window.channels,
                                              c->stem[i],          acts->half};
        vc__kernel_backward(i > 0 ? g->windows : NULL, &g->views.stem[i], g, g->stream[now],
                            g->stream[now], &convolution, window.channels);
        if (i == 0)
            break; /* nobody wants the images' gradient */
        now = !now;
        vc_windows_gather_backward(g->stream[now], g->windows, batch, &window);
        vc__levit_activate_backward(model, g->stream[now], g->stream[now], k->stem_out[i - 1],
                                    batch * window.side * window.side * window.channels);
    }
}

vc_distances vc__levit_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                size_t batch, float reconstruction, const vc_lesson *lesson)
{
    size_t now = 0;
    (void)lesson; /* only a family with VC_ABILITY_BLOCKS is given one */
    classify_backward(grads, acts, model, batch);
    vc__ready(grads, vc__levit_grads_of(grads)->views.head.norm_w);
    for (size_t b = vc_model_layers(&model->config); b-- > 0;) {
        block_backward(grads, &now, acts, model, b, batch, reconstruction);
        vc__ready(grads, vc__levit_grads_of(grads)->views.blocks[b].biases);
    }
    stem_backward(vc__levit_grads_of(grads), now, acts, model, batch);
    vc__ready(grads, grads->values);
    return (vc_distances){0};
}
