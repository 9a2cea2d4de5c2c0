/* Gradients of a Strided Transformer's activations, and where a forward pass went wrong. */
#include <stdio.h>

#include "strided_impl.h"

static size_t largest_windows(const vc__strided_config *c, size_t batch)
{
    size_t most = 0;
    for (size_t b = c->vanilla; b < vc__strided_blocks(c); b++) {
        const vc_span span = vc__strided_span(c, b);
        const size_t count = batch * vc_span_tokens(&span) * span.kernel * span.channels;
        most = count > most ? count : most;
    }
    return most;
}

static void bind_views(vc__strided_grads *g, vc_grads *grads, const vc_model *model,
                       vc__strided_block *blocks)
{
    vc__walk walk = vc__family_walk(model, grads->values);
    g->views.blocks = blocks;
    vc__strided_walk(&walk, vc__strided_sizes_of(&model->config), &g->views);
}

void vc__strided_place_grads(vc_grads *grads, const vc_model *model, size_t batch)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const size_t rows = batch * c->frames, values = rows * c->width,
                 kernel = vc__strided_span(c, c->vanilla).kernel;
    vc__strided_grads made = {0}, *g = &made;
    vc_arena *arena = &grads->arena;
    float **const of_tokens[] = {&g->stream, &g->spread, &g->normed[0], &g->normed[1],
                                 &g->qkv[0], &g->qkv[1], &g->qkv[2],    &g->attention};
    for (size_t i = 0; i < sizeof of_tokens / sizeof *of_tokens; i++)
        *of_tokens[i] = vc_arena_floats(arena, values);
    g->hidden = vc_arena_floats(arena, rows * c->hidden);
    g->windows = vc_arena_floats(arena, largest_windows(c, batch));
    g->kernel = vc_arena_floats(arena, c->width * kernel * c->hidden);
    vc__strided_block *blocks = vc_arena_take(arena, vc__strided_blocks(c) * sizeof *blocks);
    grads->state = vc_arena_take(arena, sizeof made);
    if (!grads->state)
        return;
    bind_views(g, grads, model, blocks);
    *vc__strided_grads_of(grads) = made;
}

static const char *not_finite_in(const vc__strided_block_acts *a, size_t values, size_t hidden)
{
    if (!vc_all_finite(a->input, values))
        return "takes";
    for (size_t i = 0; i < 3; i++)
        if (!vc_all_finite(a->qkv[i], values))
            return "makes of Q, K and V";
    return !vc_all_finite(a->attention, values) ? "attends to"
           : !vc_all_finite(a->middle, values)  ? "gives to its MLP"
           : !vc_all_finite(a->hidden, hidden)  ? "makes in its MLP"
                                                : NULL;
}

/* In the order of the forward pass. */
int vc__strided_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    for (size_t b = 0; b < vc__strided_blocks(c); b++) {
        const size_t rows = acts->batch * vc__strided_tokens(c, b);
        const char *what =
            not_finite_in(&vc__strided_acts_of(acts)->blocks[b], rows * c->width, rows * c->hidden);
        if (what) {
            snprintf(place, VC_PLACE_ROOM, "in what block %zu %s", b, what);
            return 1;
        }
    }
    return 0;
}
