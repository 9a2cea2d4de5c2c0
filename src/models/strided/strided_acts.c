#include "strided_impl.h"

/* Of `like`, the largest block of those that share one set. */
static vc__strided_block_acts place_block(vc_arena *arena, const vc__strided_config *c, size_t like,
                                          size_t batch, size_t probs)
{
    const size_t rows = batch * vc__strided_tokens(c, like), dim = c->width / c->heads;
    vc__strided_block_acts acts = {
        .mean1 = vc_arena_floats(arena, rows),
        .rstd1 = vc_arena_floats(arena, rows),
        .norm1 = vc_arena_floats(arena, rows * c->width),
        .probs = vc_arena_floats(arena, probs),
        .attention = vc_arena_floats(arena, rows * c->width),
        .mean2 = vc_arena_floats(arena, rows),
        .rstd2 = vc_arena_floats(arena, rows),
        .norm2 = vc_arena_floats(arena, rows * c->width),
        .hidden = vc_arena_floats(arena, rows * c->hidden),
        .active = vc_arena_floats(arena, rows * c->hidden),
    };
    for (size_t i = 0; i < 3; i++)
        acts.qkv[i] = vc_arena_floats(arena, rows * c->width);
    for (size_t i = 0; i < 2; i++)
        if (c->compressed_heads[i]) {
            acts.encoded[i] = vc_arena_floats(arena, rows * c->compressed_heads[i] * dim);
            acts.decoded[i] = vc_arena_floats(arena, rows * c->width);
        }
    return acts;
}

/* What a strided block has besides. */
static void place_strided(vc__strided_block_acts *acts, vc_arena *arena,
                          const vc__strided_config *c, size_t block, size_t batch)
{
    const size_t rows = batch * vc__strided_tokens(c, block + 1);
    acts->windows = vc_arena_floats(arena, rows * vc__strided_span(c, block).kernel * c->hidden);
    acts->kept = vc_arena_floats(arena, rows * c->width);
}

static size_t largest_probs(const vc_model *model, size_t blocks, size_t batch)
{
    size_t most = 0;
    for (size_t l = 0; l < blocks; l++) {
        const size_t count = vc__probs_count(model, l, batch);
        most = count > most ? count : most;
    }
    return most;
}

static vc__strided_normed place_normed(vc_arena *arena, size_t rows, size_t width)
{
    return (vc__strided_normed){.in = vc_arena_floats(arena, rows * width),
                                .out = vc_arena_floats(arena, rows * width),
                                .mean = vc_arena_floats(arena, width),
                                .variance = vc_arena_floats(arena, width)};
}

/* Kept: each block has buffers of its own. Else all share one set, and the residual stream is
 * updated in place. */
void vc__strided_place(vc_acts *acts, const vc_model *model)
{
    const vc__strided_config *c = vc__strided_sizes_of(&model->config);
    const size_t batch = acts->batch, blocks = vc__strided_blocks(c), all = batch * c->frames;
    vc_arena *arena = &acts->arena;
    vc__strided_acts made = {0};
    acts->state = vc_arena_take(arena, sizeof made);
    made.embedded = place_normed(arena, all, c->width);
    made.last = place_normed(arena, batch, c->width);
    if (acts->keep) {
        made.poses = vc_arena_floats(arena, all * c->inputs);
        made.frames = place_normed(arena, all, c->width);
        acts->frames = vc_arena_floats(arena, all * c->outputs);
    }
    made.kernel =
        vc_arena_floats(arena, c->width * vc__strided_span(c, c->vanilla).kernel * c->hidden);
    made.blocks = vc_arena_take(arena, blocks * sizeof *made.blocks);
    vc__strided_block_acts shared = {0};
    float *stream = acts->keep ? NULL : vc_arena_floats(arena, all * c->width);
    if (!acts->keep)
        shared = place_block(arena, c, 0, batch, largest_probs(model, blocks, batch));
    for (size_t l = 0; l < blocks; l++) {
        const size_t values = batch * vc__strided_tokens(c, l) * c->width;
        vc__strided_block_acts block =
            acts->keep ? place_block(arena, c, l, batch, vc__probs_count(model, l, batch)) : shared;
        block.input = acts->keep ? vc_arena_floats(arena, values) : stream;
        block.middle = acts->keep ? vc_arena_floats(arena, values) : stream;
        if (l >= c->vanilla)
            place_strided(&block, arena, c, l, batch);
        if (made.blocks)
            made.blocks[l] = block;
    }
    if (acts->state)
        *vc__strided_acts_of(acts) = made;
}
