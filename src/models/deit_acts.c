#include <stdlib.h>

#include "model_impl.h"
#include "vitcod/threads.h"

static size_t probs_count(const vc_model *model, size_t layer, size_t batch)
{
    size_t tokens = vc_deit_tokens(&model->config);
    if (model->sparse)
        return batch * model->sparse[layer].probs_per_image;
    return batch * model->config.heads * tokens * tokens;
}

static size_t largest_probs(const vc_model *model, size_t batch)
{
    size_t most = 0;
    for (size_t l = 0; l < model->config.depth; l++) {
        size_t count = probs_count(model, l, batch);
        most = count > most ? count : most;
    }
    return most;
}

static vc_layer_acts place_layer(vc_arena *arena, const vc_deit_config *c, size_t rows,
                                 size_t probs)
{
    vc_layer_acts acts = {
        .mean1 = vc_arena_floats(arena, rows),
        .rstd1 = vc_arena_floats(arena, rows),
        .norm1 = vc_arena_floats(arena, rows * c->width),
        .qkv = vc_arena_floats(arena, rows * 3 * c->width),
        .probs = vc_arena_floats(arena, probs),
        .attention = vc_arena_floats(arena, rows * c->width),
        .mean2 = vc_arena_floats(arena, rows),
        .rstd2 = vc_arena_floats(arena, rows),
        .norm2 = vc_arena_floats(arena, rows * c->width),
        .fc1 = vc_arena_floats(arena, rows * c->hidden),
        .gelu = vc_arena_floats(arena, rows * c->hidden),
    };
    if (c->compressed_heads) {
        size_t head_dim = c->width / c->heads;
        acts.encoded = vc_arena_floats(arena, rows * 2 * c->compressed_heads * head_dim);
        acts.decoded = vc_arena_floats(arena, rows * 2 * c->width);
    }
    return acts;
}

/* Kept: each layer has buffers of its own. Else all layers share one set, and the residual stream
 * is updated in place. */
static void place(vc_acts *acts, const vc_model *model)
{
    const vc_deit_config *c = &model->config;
    vc_arena *arena = &acts->arena;
    size_t batch = acts->batch, tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c);
    size_t rows = batch * tokens;
    acts->patches =
        vc_arena_floats(arena, batch * (tokens - classes) * c->channels * c->patch * c->patch);
    acts->class_in = vc_arena_floats(arena, batch * classes * c->width);
    acts->class_mean = vc_arena_floats(arena, batch * classes);
    acts->class_rstd = vc_arena_floats(arena, batch * classes);
    acts->class_norm = vc_arena_floats(arena, batch * classes * c->width);
    acts->head_in = vc_arena_floats(arena, batch * classes * c->width);
    acts->head_out = vc_arena_floats(arena, batch * classes * c->classes);
    acts->logits = vc_arena_floats(arena, batch * c->classes);
    acts->scratch =
        vc_arena_floats(arena, vc_model_sparse_scratch(model) * (size_t)vc_threads_count());
    acts->distances = vc_arena_take(arena, 2 * c->depth * sizeof(double));
    vc_layer_acts shared = {0};
    if (!acts->keep)
        shared = place_layer(arena, c, rows, largest_probs(model, batch));
    acts->tokens = vc_arena_floats(arena, rows * c->width);
    for (size_t l = 0; l < c->depth; l++) {
        vc_layer_acts *layer = &acts->layers[l];
        *layer = acts->keep ? place_layer(arena, c, rows, probs_count(model, l, batch)) : shared;
        layer->input = acts->keep ? vc_arena_floats(arena, rows * c->width) : acts->tokens;
        layer->middle = acts->keep ? vc_arena_floats(arena, rows * c->width) : acts->tokens;
    }
}

vc_status vc_acts_open(vc_acts *out, const vc_model *model, size_t batch, int keep)
{
    *out = (vc_acts){.batch = batch, .keep = keep};
    out->layers = calloc(model->config.depth, sizeof *out->layers);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "out of memory");
    place(out, model);
    vc_status status = vc_arena_reserve(&out->arena);
    if (status != VC_OK) {
        vc_acts_close(out);
        return status;
    }
    place(out, model);
    return VC_OK;
}

void vc_acts_close(vc_acts *acts)
{
    free(acts->layers);
    vc_arena_close(&acts->arena);
    *acts = (vc_acts){0};
}
