#include <stdlib.h>
#include <string.h>

#include "train_impl.h"
#include "vitcod/threads.h"

vc_status vc__check_trainable(const vc_model *model)
{
    vc_architecture architecture = model->config.architecture;
    if (architecture == VC_DEIT && model->values)
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED, "a %s%s cannot be trained, wanted a deit",
                   vc_architecture_name(architecture),
                   model->values ? "" : " that lies in a mapped file");
}

/* Attention wants a piece per thread, the auto-encoder one in all. */
static size_t scratch_count(const vc_model *model)
{
    const vc_deit_config *c = &model->config.deit;
    size_t tokens = vc_deit_tokens(c), dense = tokens * tokens;
    size_t each = model->sparse ? vc_model_sparse_scratch(model) : dense;
    size_t most = each * (size_t)vc_threads_count();
    for (size_t i = 0; i < 2; i++) {
        size_t coded = vc_autoencoder_scratch_floats(c->heads, c->compressed_heads[i]);
        most = coded > most ? coded : most;
    }
    return most;
}

static void place(vc_grads *g, const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    vc_arena *arena = &g->arena;
    size_t tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), rows = batch * tokens;
    g->values = vc_arena_floats(arena, model->value_count);
    g->stream = vc_arena_floats(arena, rows * c->width);
    g->norm = vc_arena_floats(arena, rows * c->width);
    g->qkv = vc_arena_floats(arena, rows * 3 * c->width);
    g->attention = vc_arena_floats(arena, rows * c->width);
    g->mlp = vc_arena_floats(arena, rows * c->hidden);
    for (size_t i = 0; i < 2; i++)
        if (c->compressed_heads[i]) {
            size_t encoded = c->compressed_heads[i] * (c->width / c->heads);
            g->decoded[i] = vc_arena_floats(arena, rows * c->width);
            g->encoded[i] = vc_arena_floats(arena, rows * encoded);
        }
    g->dlogits = vc_arena_floats(arena, batch * c->classes);
    g->class_tokens = vc_arena_floats(arena, batch * classes * c->width);
    g->head = vc_arena_floats(arena, batch * classes * c->width);
    g->patches = vc_arena_floats(arena, batch * (tokens - classes) * c->width);
    g->scratch = vc_arena_floats(arena, scratch_count(model));
}

vc_status vc_grads_open(vc_grads *out, const vc_model *model, size_t batch)
{
    *out = (vc_grads){0};
    VC_TRY(vc__check_trainable(model));
    place(out, model, batch);
    VC_TRY(vc_arena_reserve(&out->arena));
    place(out, model, batch);
    vc_block_weights *blocks = calloc(model->config.deit.depth, sizeof *blocks);
    if (!blocks) {
        vc_grads_close(out);
        return vc_fail(VC_ENOMEM, "out of memory");
    }
    out->views = vc_deit_views(model, out->values, blocks);
    return VC_OK;
}

void vc_grads_close(vc_grads *grads)
{
    free(grads->views.blocks);
    vc_arena_close(&grads->arena);
    *grads = (vc_grads){0};
}

void vc_grads_clear(vc_grads *grads, const vc_model *model)
{
    memset(grads->values, 0, model->value_count * sizeof(float));
}
