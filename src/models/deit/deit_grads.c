/* Gradients of a DeiT's activations, and where a forward pass went wrong. */
#include <stdio.h>

#include "deit_impl.h"

void vc__deit_place_grads(vc_grads *grads, const vc_model *model, size_t batch)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    vc__deit_grads made = {0}, *g = &made;
    vc_arena *arena = &grads->arena;
    size_t tokens = vc__deit_tokens(c), rows = batch * tokens,
           normed = batch * vc__deit_reading_of(c).normed;
    g->stream = vc_arena_floats(arena, rows * c->width);
    g->norm = vc_arena_floats(arena, rows * c->width);
    g->qkv = vc_arena_floats(arena, rows * 3 * c->width);
    g->attention = vc_arena_floats(arena, rows * c->width);
    g->mlp = vc_arena_floats(arena, rows * c->hidden);
    g->gated = c->mlp == VC__DEIT_SWIGLU ? vc_arena_floats(arena, rows * c->hidden / 2) : NULL;
    g->head = vc_arena_floats(arena, batch * vc__deit_features(c));
    g->pooled = c->representation ? vc_arena_floats(arena, batch * c->width) : NULL;
    g->class_norm = vc_arena_floats(arena, normed * c->width);
    g->class_in = vc_arena_floats(arena, normed * c->width);
    g->patches = vc_arena_floats(arena, batch * (tokens - vc__deit_prefix_tokens(c)) * c->width);
    vc__deit_block *blocks = vc_arena_take(arena, c->depth * sizeof *blocks);
    grads->state = vc_arena_take(arena, sizeof made);
    if (!grads->state)
        return;
    made.views = vc__deit_views(model, grads->values, blocks);
    *vc__deit_grads_of(grads) = made;
}

/* In the order of the forward pass. With VC_KEEP_LEAST only what blocks take is there. */
int vc__deit_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t values = acts->batch * vc__deit_tokens(c) * c->width;
    for (size_t l = 0; l < c->depth; l++) {
        const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[l];
        const char *what = !vc_all_finite(a->input, values)       ? "takes"
                           : acts->keep == VC_KEEP_LEAST          ? NULL
                           : !vc_all_finite(a->qkv, 3 * values)   ? "makes of Q, K and V"
                           : !vc_all_finite(a->attention, values) ? "attends to"
                           : !vc_all_finite(a->middle, values)    ? "gives to its MLP"
                                                                  : NULL;
        if (what) {
            snprintf(place, VC_PLACE_ROOM, "in what block %zu %s", l, what);
            return 1;
        }
    }
    return 0;
}
