/* DeiT as one of the architectures that learn. */
#include <stdio.h>
#include <stdlib.h>

#include "deit_learner.h"

static void place(vc_grads *grads, const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    vc_deit_grads *g = &grads->deit;
    vc_arena *arena = &grads->arena;
    size_t tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), rows = batch * tokens;
    g->stream = vc_arena_floats(arena, rows * c->width);
    g->norm = vc_arena_floats(arena, rows * c->width);
    g->qkv = vc_arena_floats(arena, rows * 3 * c->width);
    g->attention = vc_arena_floats(arena, rows * c->width);
    g->mlp = vc_arena_floats(arena, rows * c->hidden);
    g->class_tokens = vc_arena_floats(arena, batch * classes * c->width);
    g->head = vc_arena_floats(arena, batch * classes * c->width);
    g->patches = vc_arena_floats(arena, batch * (tokens - classes) * c->width);
}

static vc_status bind(vc_grads *grads, const vc_model *model)
{
    vc_block_weights *blocks = calloc(model->config.deit.depth, sizeof *blocks);
    if (!blocks)
        return vc_fail(VC_ENOMEM, "out of memory");
    grads->deit.views = vc_deit_views(model, grads->values, blocks);
    return VC_OK;
}

static void release(vc_grads *grads)
{
    free(grads->deit.views.blocks);
}

/* In the order of the forward pass. */
static int find(char place[VC__PLACE_ROOM], const vc_model *model, const vc_acts *acts)
{
    const vc_deit_config *c = &model->config.deit;
    const size_t values = acts->batch * vc_deit_tokens(c) * c->width;
    for (size_t l = 0; l < c->depth; l++) {
        const vc_layer_acts *a = &acts->deit.layers[l];
        const char *what = !vc__is_finite(a->input, values)       ? "takes"
                           : !vc__is_finite(a->qkv, 3 * values)   ? "makes of Q, K and V"
                           : !vc__is_finite(a->attention, values) ? "attends to"
                           : !vc__is_finite(a->middle, values)    ? "gives to its MLP"
                                                                  : NULL;
        if (what) {
            snprintf(place, VC__PLACE_ROOM, "in what block %zu %s", l, what);
            return 1;
        }
    }
    return 0;
}

const vc__learner vc__deit_learner = {
    .place = place,
    .bind = bind,
    .release = release,
    .backward = vc__deit_backward,
    .find = find,
    .least_share = 1,
};
