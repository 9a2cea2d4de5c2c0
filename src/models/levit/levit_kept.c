/* Where a LeViT's forward pass of training keeps what it makes. */
#include "levit_impl.h"

/* With room for a rearranged copy of the weights, unless inputs is 0. */
static vc__levit_normed_acts place_normed(vc_arena *arena, size_t rows, size_t outputs,
                                          size_t inputs)
{
    return (vc__levit_normed_acts){
        .sorted = inputs ? vc_arena_floats(arena, outputs * inputs) : NULL,
        .sorted_w = inputs ? vc_arena_floats(arena, outputs) : NULL,
        .sorted_b = inputs ? vc_arena_floats(arena, outputs) : NULL,
        .product = vc_arena_floats(arena, rows * outputs),
        .mean = vc_arena_floats(arena, outputs),
        .variance = vc_arena_floats(arena, outputs),
    };
}

static void place_stem(vc__levit_kept *k, vc_arena *arena, const vc__levit_config *c, size_t batch)
{
    size_t side = c->image;
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const size_t inputs = 9 * (i ? c->stem[i - 1] : c->channels);
        side = (side + 1) / 2;
        const size_t rows = batch * side * side;
        k->windows[i] = vc_arena_floats(arena, rows * inputs);
        k->stem[i] = place_normed(arena, rows, c->stem[i], inputs);
        k->stem_out[i] = vc_arena_floats(arena, rows * c->stem[i]);
        if (i + 1 < VC__LEVIT_STEM)
            k->stem_active[i] = vc_arena_floats(arena, rows * c->stem[i]);
    }
}

static vc__levit_block_acts place_block(vc_arena *arena, const vc_model *model, size_t index,
                                        size_t batch)
{
    const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&model->config), index);
    const vc_attention_layer layer = vc_model_layer(&model->config, index);
    const size_t hidden = s.attention.hidden, in = batch * s.side_in * s.side_in,
                 out = batch * s.side_out * s.side_out;
    vc__levit_block_acts a = {
        .in = place_normed(arena, in, s.projected, s.width_in),
        .projected = vc_arena_floats(arena, in * s.projected),
        .probs = vc_arena_floats(arena, vc__probs_count(model, index, batch)),
        .attention = vc_arena_floats(arena, out * s.values),
        .active = vc_arena_floats(arena, out * s.values),
        .proj = place_normed(arena, out, s.width_out, 0),
        .middle = vc_arena_floats(arena, out * s.width_out),
        .fc1 = place_normed(arena, out, hidden, 0),
        .fc1_out = vc_arena_floats(arena, out * hidden),
        .hidden = vc_arena_floats(arena, out * hidden),
        .fc2 = place_normed(arena, out, s.width_out, 0),
        .output = vc_arena_floats(arena, out * s.width_out),
    };
    if (s.subsampling) {
        a.thinned = vc_arena_floats(arena, out * s.width_in);
        a.q = place_normed(arena, out, s.keys, 0);
        a.queries = vc_arena_floats(arena, out * s.keys);
    }
    for (size_t i = 0; i < 2; i++)
        if (layer.compressed[i]) {
            a.encoded[i] = vc_arena_floats(arena, in * layer.compressed[i] * layer.head_dim);
            a.decoded[i] = vc_arena_floats(arena, in * s.keys);
        }
    return a;
}

/* The largest layer's biases, dense or as it lists its values. */
static size_t bias_floats(const vc_model *model, int arranged)
{
    size_t most = 0;
    for (size_t l = 0; l < vc_model_layers(&model->config); l++) {
        const vc_attention_layer layer = vc_model_layer(&model->config, l);
        const size_t count =
            arranged ? vc_model_probabilities(model, l) : layer.heads * layer.queries * layer.keys;
        most = count > most ? count : most;
    }
    return most;
}

void vc__levit_place_kept(vc__levit_kept *k, vc_acts *acts, const vc_model *model)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const size_t batch = acts->batch, width = c->stages[VC__LEVIT_STAGES - 1].width;
    const size_t classifiers = c->distilled ? 2 : 1, blocks = vc__levit_blocks(c);
    vc_arena *arena = &acts->arena;
    place_stem(k, arena, c, batch);
    k->blocks = vc_arena_take(arena, blocks * sizeof *k->blocks);
    for (size_t b = 0; b < blocks; b++) {
        const vc__levit_block_acts made = place_block(arena, model, b, batch);
        if (k->blocks)
            k->blocks[b] = made;
    }
    k->bias = vc_arena_floats(arena, bias_floats(model, 0));
    k->arranged_bias = model->restriction ? vc_arena_floats(arena, bias_floats(model, 1)) : NULL;
    k->mean = vc_arena_floats(arena, batch * width);
    for (size_t i = 0; i < classifiers; i++) {
        k->head_mean[i] = vc_arena_floats(arena, width);
        k->head_variance[i] = vc_arena_floats(arena, width);
        k->head_in[i] = vc_arena_floats(arena, batch * width);
    }
    acts->head_logits = vc_arena_floats(arena, classifiers * batch * c->classes);
}
