/* LeViT's forward pass on folded weights; the tokens lie in stream[*now]. */
#include "levit_impl.h"

static void stem(vc__levit_acts *a, size_t *now, const vc_model *model, const float *images,
                 size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const float *from = images;
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const vc_window window = vc__levit_window(c, i);
        const size_t side = vc_window_side(&window), rows = batch * side * side;
        float *to = a->stream[*now];
        vc_windows_gather(a->windows, from, batch, &window);
        vc_linear_forward(to, a->windows, &vc__levit_folded_of(model)->stem[i], rows, NULL);
        if (i + 1 < VC__LEVIT_STEM)
            vc__levit_activate(model, to, to, rows * c->stem[i]);
        from = to;
    }
}

static void block(vc_acts *acts, size_t *now, const vc_model *model, size_t index, size_t batch,
                  const vc_tap *tap)
{
    const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&model->config), index);
    const vc__levit_folded_block *f = &vc__levit_folded_of(model)->blocks[index];
    vc__levit_acts *a = vc__levit_acts_of(acts);
    size_t keys = s.side_in * s.side_in, queries = s.side_out * s.side_out;
    float *x = a->stream[*now], *y = x;
    vc_linear_forward_in(acts->half, a->in, x, &f->in, batch * keys, NULL);
    if (s.subsampling) {
        vc_tokens_subsample(a->thinned, x, batch, s.side_in, 2, s.width_in);
        vc_linear_forward_in(acts->half, a->queries, a->thinned, &f->q, batch * queries, NULL);
        *now = !*now;
        y = a->stream[*now];
    }
    const float *k = s.subsampling ? a->in : a->in + s.keys;
    const vc__attention_io attention = {.q = s.subsampling ? a->queries : a->in,
                                        .k = k,
                                        .v = k + s.keys,
                                        .encoded = {a->encoded[0], a->encoded[1]},
                                        .decoded = {a->decoded[0], a->decoded[1]},
                                        .probs = a->probs,
                                        .out = a->attention,
                                        .bias = vc__arranged_bias(model, index),
                                        .shape = vc__levit_attention_shape(&s, batch)};
    vc__attention_forward(acts, model, index, &attention, tap);
    vc__levit_activate(model, a->attention, a->attention, batch * queries * s.values);
    vc_linear_forward_in(acts->half, y, a->attention, &f->proj, batch * queries,
                         s.subsampling ? NULL : x);
    vc_linear_forward_in(acts->half, a->hidden, y, &f->fc1, batch * queries, NULL);
    vc__levit_activate(model, a->hidden, a->hidden, batch * queries * s.attention.hidden);
    vc_linear_forward_in(acts->half, y, a->hidden, &f->fc2, batch * queries, y);
}

void vc__levit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                       const vc_tap *tap)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    vc__levit_acts *a = vc__levit_acts_of(acts);
    size_t now = 0, side = vc__levit_side(c, VC__LEVIT_STAGES - 1);
    stem(a, &now, model, images, batch);
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        block(acts, &now, model, b, batch, tap);
    vc_tokens_mean(a->mean, a->stream[now], batch, side * side,
                   c->stages[VC__LEVIT_STAGES - 1].width);
    vc_linear_forward(acts->logits, a->mean, &vc__levit_folded_of(model)->head, batch, NULL);
}
