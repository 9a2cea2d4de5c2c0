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

/* `shared`: what all layers have together with VC_KEEP_LESS; NULL: nothing. */
static vc__deit_layer_acts place_layer(vc_arena *arena, const vc__deit_config *c, size_t rows,
                                       size_t probs, const vc__deit_layer_acts *shared)
{
    vc__deit_layer_acts acts = {0};
    acts.mean1 = vc_arena_floats(arena, rows);
    acts.rstd1 = vc_arena_floats(arena, rows);
    acts.norm1 = shared ? shared->norm1 : vc_arena_floats(arena, rows * c->width);
    acts.qkv = vc_arena_floats(arena, rows * 3 * c->width);
    acts.probs = shared && !probs ? shared->probs : vc_arena_floats(arena, probs);
    acts.attention = vc_arena_floats(arena, rows * c->width);
    acts.mean2 = vc_arena_floats(arena, rows);
    acts.rstd2 = vc_arena_floats(arena, rows);
    acts.norm2 = shared ? shared->norm2 : vc_arena_floats(arena, rows * c->width);
    acts.fc1 = vc_arena_floats(arena, rows * c->hidden);
    acts.gelu = shared ? shared->gelu : vc_arena_floats(arena, rows * vc__deit_inner(c));
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

static vc__deit_layer_acts place_shared(vc_acts *acts, const vc_model *model, size_t rows)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    vc_arena *arena = &acts->arena;
    const size_t probs = largest_probs(model, acts->batch);
    if (acts->keep == VC_KEEP_LESS)
        return (vc__deit_layer_acts){.norm1 = vc_arena_floats(arena, rows * c->width),
                                     .norm2 = vc_arena_floats(arena, rows * c->width),
                                     .gelu = vc_arena_floats(arena, rows * vc__deit_inner(c)),
                                     .probs = vc_model_plan(model) ? NULL
                                                                   : vc_arena_floats(arena, probs)};
    vc__deit_layer_acts shared = place_layer(arena, c, rows, probs, NULL);
    if (acts->keep == VC_KEEP_LEAST)
        shared.middle = vc_arena_floats(arena, rows * c->width);
    return shared;
}

/* Of a layer whose buffers are its own, but for those of `shared`. */
static vc__deit_layer_acts place_own(vc_acts *acts, const vc_model *model, size_t layer,
                                     size_t rows, const vc__deit_layer_acts *shared)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const int less = acts->keep == VC_KEEP_LESS;
    const size_t probs =
        less && !vc_model_plan(model) ? 0 : vc__probs_count(model, layer, acts->batch);
    vc__deit_layer_acts own = place_layer(&acts->arena, c, rows, probs, less ? shared : NULL);
    own.middle = vc_arena_floats(&acts->arena, rows * c->width);
    return own;
}

/* What is kept, each layer has in buffers of its own; the rest is in one set of buffers. Without a
 * backward pass the residual stream is updated in place. */
void vc__deit_place(vc_acts *acts, const vc_model *model)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    vc_arena *arena = &acts->arena;
    vc__deit_acts made = {0}, *a = &made;
    acts->state = vc_arena_take(arena, sizeof made);
    size_t batch = acts->batch, tokens = vc__deit_tokens(c), classifiers = vc__deit_classifiers(c);
    size_t rows = batch * tokens, normed = batch * vc__deit_reading_of(c).normed;
    a->patches = vc_arena_floats(arena, batch * (tokens - vc__deit_prefix_tokens(c)) *
                                            vc__deit_patch_values(c));
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
    const int owns = acts->keep == VC_KEEP_ALL || acts->keep == VC_KEEP_LESS;
    vc__deit_layer_acts shared = {0};
    if (acts->keep != VC_KEEP_ALL)
        shared = place_shared(acts, model, rows);
    a->tokens = vc_arena_floats(arena, rows * c->width);
    for (size_t l = 0; l < c->depth; l++) {
        vc__deit_layer_acts layer = owns ? place_own(acts, model, l, rows, &shared) : shared;
        layer.input = acts->keep ? vc_arena_floats(arena, rows * c->width) : a->tokens;
        if (!acts->keep)
            layer.middle = a->tokens;
        if (a->layers)
            a->layers[l] = layer;
    }
    if (acts->state)
        *vc__deit_acts_of(acts) = made;
}
