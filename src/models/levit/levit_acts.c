#include "levit_impl.h"

static void raise_to(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

typedef struct sizes { /* the largest of each buffer, floats for one image */
    size_t windows, stream, in, queries, thinned, encoded[2], decoded[2], attention, hidden;
} sizes;

static void measure_stem(sizes *s, const vc__levit_config *c)
{
    size_t side = c->image;
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        size_t channels = i ? c->stem[i - 1] : c->channels;
        side = (side + 1) / 2;
        raise_to(&s->windows, side * side * 9 * channels);
        raise_to(&s->stream, side * side * c->stem[i]);
    }
}

static void measure_block(sizes *s, const vc__levit_config *c, size_t index)
{
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc__levit_attention *a = vc__levit_attention_of(c, place);
    const vc__levit_span span = vc__levit_span_of(c, place);
    size_t in = span.side_in * span.side_in, out = span.side_out * span.side_out;
    size_t keys = a->heads * a->key_dim, values = a->heads * a->value_dim;
    raise_to(&s->stream, out * span.width_out);
    raise_to(&s->in, in * ((place.subsampling ? keys : 2 * keys) + values));
    raise_to(&s->attention, out * values);
    raise_to(&s->hidden, out * a->hidden);
    if (place.subsampling) {
        raise_to(&s->queries, out * keys);
        raise_to(&s->thinned, out * span.width_in);
    }
    const size_t *compressed = c->stages[place.stage].compressed_heads;
    for (size_t i = 0; i < 2 && !place.subsampling; i++) {
        raise_to(&s->encoded[i], in * compressed[i] * a->key_dim);
        raise_to(&s->decoded[i], compressed[i] ? in * keys : 0);
    }
}

void vc__levit_place_acts(vc_acts *acts, const vc_model *model)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    vc_arena *arena = &acts->arena;
    vc__levit_running made = {0};
    vc__levit_acts *a = &made.acts;
    acts->state = vc_arena_take(arena, sizeof made);
    size_t b = acts->batch, probs = 0;
    sizes s = {0};
    measure_stem(&s, c);
    for (size_t i = 0; i < vc__levit_blocks(c); i++) {
        measure_block(&s, c, i);
        raise_to(&probs, vc__probs_count(model, i, b));
    }
    a->windows = vc_arena_floats(arena, b * s.windows);
    a->stream[0] = vc_arena_floats(arena, b * s.stream);
    a->stream[1] = vc_arena_floats(arena, b * s.stream);
    a->in = vc_arena_floats(arena, b * s.in);
    a->queries = vc_arena_floats(arena, b * s.queries);
    a->thinned = vc_arena_floats(arena, b * s.thinned);
    for (size_t i = 0; i < 2; i++) {
        a->encoded[i] = vc_arena_floats(arena, b * s.encoded[i]);
        a->decoded[i] = vc_arena_floats(arena, b * s.decoded[i]);
    }
    a->probs = vc_arena_floats(arena, probs);
    a->attention = vc_arena_floats(arena, b * s.attention);
    a->hidden = vc_arena_floats(arena, b * s.hidden);
    a->mean = vc_arena_floats(arena, b * c->stages[VC__LEVIT_STAGES - 1].width);
    if (acts->keep)
        vc__levit_place_kept(&made.kept, acts, model);
    if (acts->state)
        *(vc__levit_running *)acts->state = made;
}
