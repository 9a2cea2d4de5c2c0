/* How the parts of a LeViT look from outside. */
#include "levit_impl.h"

vc_window vc__levit_window(const vc__levit_config *c, size_t convolution)
{
    vc_window out = {.channels = c->channels,
                     .side = c->image,
                     .kernel = 3,
                     .stride = 2,
                     .padding = 1,
                     .image_stride = c->channels * c->image * c->image,
                     .pixel_stride = 1,
                     .channel_stride = c->image * c->image};
    for (size_t i = 0; i < convolution; i++) {
        const size_t side = vc_window_side(&out), channels = c->stem[i];
        out = (vc_window){channels, side, 3, 2, 1, side * side * channels, channels, 1};
    }
    return out;
}

vc__levit_shape vc__levit_block_shape(const vc__levit_config *config, size_t block)
{
    const vc__levit_place place = vc__levit_place_of(config, block);
    const vc__levit_span span = vc__levit_span_of(config, place);
    vc__levit_shape out = {.attention = *vc__levit_attention_of(config, place),
                           .subsampling = place.subsampling,
                           .width_in = span.width_in,
                           .width_out = span.width_out,
                           .side_in = span.side_in,
                           .side_out = span.side_out};
    out.keys = out.attention.heads * out.attention.key_dim;
    out.values = out.attention.heads * out.attention.value_dim;
    out.projected = (out.subsampling ? 1 : 2) * out.keys + out.values;
    return out;
}

static size_t distance(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

size_t vc__levit_offset(const vc__levit_shape *s, size_t query, size_t key)
{
    const size_t stride = s->subsampling ? 2 : 1;
    const size_t dy = distance(query / s->side_out * stride, key / s->side_in);
    const size_t dx = distance(query % s->side_out * stride, key % s->side_in);
    return dy * s->side_in + dx;
}

vc_attention_shape vc__levit_attention_shape(const vc__levit_shape *s, size_t batch)
{
    return (vc_attention_shape){.batch = batch,
                                .heads = s->attention.heads,
                                .queries = s->side_out * s->side_out,
                                .keys = s->side_in * s->side_in,
                                .head_dim = s->attention.key_dim,
                                .value_dim = s->attention.value_dim,
                                .q_stride = s->subsampling ? s->keys : s->projected,
                                .k_stride = s->projected,
                                .v_stride = s->projected,
                                .out_stride = s->values};
}
