/* Gradients of a LeViT's activations, and where a forward pass went wrong. */
#include <stdio.h>

#include "levit_impl.h"

typedef struct sizes { /* the largest of each buffer, floats */
    size_t stream, product, hidden, attention, projected, queries, thinned, windows, scores,
        biases[2], sorted, outputs;
} sizes;

static void raise_to(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

static void measure_stem(sizes *s, const vc__levit_config *c, size_t batch)
{
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const vc_window window = vc__levit_window(c, i);
        const size_t side = vc_window_side(&window), rows = batch * side * side;
        raise_to(&s->stream, rows * c->stem[i]);
        raise_to(&s->windows, i > 0 ? rows * 9 * window.channels : 0);
        raise_to(&s->sorted, c->stem[i] * 9 * window.channels);
        raise_to(&s->outputs, c->stem[i]);
    }
}

static void measure_block(sizes *s, const vc_model *model, size_t index, size_t batch)
{
    const vc__levit_shape b = vc__levit_block_shape(vc__levit_sizes_of(&model->config), index);
    const size_t queries = b.side_out * b.side_out, keys = b.side_in * b.side_in;
    const size_t in = batch * keys, out = batch * queries;
    const size_t dense = b.attention.heads * queries * keys;
    const size_t scores = vc_model_probabilities(model, index);
    raise_to(&s->stream, out * b.width_out);
    raise_to(&s->stream, in * b.width_in);
    raise_to(&s->product, out * b.width_out);
    raise_to(&s->hidden, out * b.attention.hidden);
    raise_to(&s->attention, out * b.values);
    raise_to(&s->projected, in * b.projected);
    raise_to(&s->queries, b.subsampling ? out * b.keys : 0);
    raise_to(&s->thinned, b.subsampling ? out * b.width_in : 0);
    raise_to(&s->scores, batch * scores);
    raise_to(&s->biases[0], scores);
    raise_to(&s->biases[1], model->restriction ? dense : 0);
    raise_to(&s->sorted, b.projected * b.width_in);
    raise_to(&s->outputs, b.projected);
}

void vc__levit_place_grads(vc_grads *grads, const vc_model *model, size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const size_t width = c->stages[VC__LEVIT_STAGES - 1].width;
    vc__levit_grads made = {0}, *g = &made;
    sizes s = {0};
    measure_stem(&s, c, batch);
    for (size_t b = 0; b < vc_model_layers(&model->config); b++)
        measure_block(&s, model, b, batch);
    float **const buffers[] = {
        &g->stream[0], &g->stream[1], &g->product,  &g->hidden,  &g->attention, &g->projected,
        &g->queries,   &g->thinned,   &g->windows,  &g->scores,  &g->biases[0], &g->biases[1],
        &g->sorted,    &g->sorted_w,  &g->sorted_b, &g->head_in, &g->head_mean, &g->mean};
    const size_t counts[] = {s.stream,      s.stream,      s.product,    s.hidden,  s.attention,
                             s.projected,   s.queries,     s.thinned,    s.windows, s.scores,
                             s.biases[0],   s.biases[1],   s.sorted,     s.outputs, s.outputs,
                             batch * width, batch * width, batch * width};
    _Static_assert(sizeof buffers / sizeof *buffers == sizeof counts / sizeof *counts,
                   "each buffer has its size");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *buffers[i] = vc_arena_floats(&grads->arena, counts[i]);
    vc__levit_block *blocks =
        vc_arena_take(&grads->arena, vc_model_layers(&model->config) * sizeof *blocks);
    grads->state = vc_arena_take(&grads->arena, sizeof made);
    if (!grads->state)
        return;
    made.views = vc__levit_views(model, grads->values, blocks);
    *vc__levit_grads_of(grads) = made;
}

/* In the order of the forward pass. */
int vc__levit_not_finite(char where[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const vc__levit_kept *k = vc__levit_kept_of(acts);
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const vc_window window = vc__levit_window(c, i);
        const size_t side = vc_window_side(&window);
        if (vc_all_finite(k->stem_out[i], acts->batch * side * side * c->stem[i]))
            continue;
        snprintf(where, VC_PLACE_ROOM, "in what convolution %zu of the stem makes", i + 1);
        return 1;
    }
    for (size_t b = 0; b < vc_model_layers(&model->config); b++) {
        const vc__levit_shape s = vc__levit_block_shape(c, b);
        const vc__levit_block_acts *a = &k->blocks[b];
        const size_t in = acts->batch * s.side_in * s.side_in,
                     out = acts->batch * s.side_out * s.side_out;
        const char *what = !vc_all_finite(a->projected, in * s.projected) ? "makes of Q, K and V"
                           : !vc_all_finite(a->attention, out * s.values) ? "attends to"
                           : !vc_all_finite(a->middle, out * s.width_out) ? "gives to its MLP"
                           : !vc_all_finite(a->output, out * s.width_out) ? "gives"
                                                                          : NULL;
        if (what) {
            snprintf(where, VC_PLACE_ROOM, "in what block %zu %s", b, what);
            return 1;
        }
    }
    return 0;
}
