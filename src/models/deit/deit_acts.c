#include "deit_impl.h"

static size_t largest_probs(const vc_model *model, size_t batch)
{
    size_t most = 0;
    for (size_t l = 0; l < vc__deit_sizes_of(&model->config)->depth; l++) {
        size_t count = vc__probs_count(model, l, batch);
        most = count > most ? count : most;
    }
    return most;
}

static vc__deit_layer_acts place_layer(vc_arena *arena, const vc__deit_config *c, size_t rows,
                                       size_t probs)
{
    vc__deit_layer_acts acts = {
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
        .gelu = vc_arena_floats(arena, rows * vc__deit_inner(c)),
    };
    for (size_t i = 0; i < 2 && c->layer_scale; i++)
        acts.branch[i] = vc_arena_floats(arena, rows * c->width);
    for (size_t i = 0; i < 2; i++)
        if (c->compressed_heads[i]) {
            size_t encoded = c->compressed_heads[i] * (c->width / c->heads);
            acts.encoded[i] = vc_arena_floats(arena, rows * encoded);
            acts.decoded[i] = vc_arena_floats(arena, rows * c->width);
        }
    return acts;
}

/* Kept: each layer has buffers of its own. Else all layers share one set, and the residual stream
 * is updated in place. */
void vc__deit_place(vc_acts *acts, const vc_model *model)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    vc_arena *arena = &acts->arena;
    vc__deit_acts made = {0}, *a = &made;
    acts->state = vc_arena_take(arena, sizeof made);
    size_t batch = acts->batch, tokens = vc__deit_tokens(c), classifiers = vc__deit_classifiers(c);
    size_t rows = batch * tokens, normed = batch * vc__deit_reading_of(c).normed;
    a->patches = vc_arena_floats(arena, batch * (tokens - vc__deit_prefix_tokens(c)) * c->channels *
                                            c->patch * c->patch);
    if (c->norm_pre) {
        a->embedded = vc_arena_floats(arena, rows * c->width);
        a->embedded_mean = vc_arena_floats(arena, rows);
        a->embedded_rstd = vc_arena_floats(arena, rows);
    }
    a->class_in = vc_arena_floats(arena, normed * c->width);
    a->class_mean = vc_arena_floats(arena, normed);
    a->class_rstd = vc_arena_floats(arena, normed);
    a->class_norm = vc_arena_floats(arena, normed * c->width);
    a->pooled = c->representation ? vc_arena_floats(arena, batch * c->width) : NULL;
    a->head_in = vc_arena_floats(arena, batch * classifiers * vc__deit_features(c));
    a->head_out = vc_arena_floats(arena, batch * classifiers * vc__deit_outputs(c));
    acts->head_logits = a->head_out;
    a->layers = vc_arena_take(arena, c->depth * sizeof *a->layers);
    vc__deit_layer_acts shared = {0};
    if (!acts->keep)
        shared = place_layer(arena, c, rows, largest_probs(model, batch));
    a->tokens = vc_arena_floats(arena, rows * c->width);
    for (size_t l = 0; l < c->depth; l++) {
        vc__deit_layer_acts layer =
            acts->keep ? place_layer(arena, c, rows, vc__probs_count(model, l, batch)) : shared;
        layer.input = acts->keep ? vc_arena_floats(arena, rows * c->width) : a->tokens;
        layer.middle = acts->keep ? vc_arena_floats(arena, rows * c->width) : a->tokens;
        if (a->layers)
            a->layers[l] = layer;
    }
    if (acts->state)
        *vc__deit_acts_of(acts) = made;
}
