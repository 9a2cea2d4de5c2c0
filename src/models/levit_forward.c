/* LeViT's forward pass on folded weights; the tokens lie in stream[*now]. */
#include "levit_impl.h"

static void stem(vc_levit_acts *a, size_t *now, const vc_model *model, const float *images,
                 size_t batch)
{
    const vc_levit_config *c = &model->config.levit;
    vc_window window = {.channels = c->channels,
                        .side = c->image,
                        .kernel = 3,
                        .stride = 2,
                        .padding = 1,
                        .image_stride = c->channels * c->image * c->image,
                        .pixel_stride = 1,
                        .channel_stride = c->image * c->image};
    const float *from = images;
    for (size_t i = 0; i < VC_LEVIT_STEM; i++) {
        size_t side = vc_window_side(&window), rows = batch * side * side;
        float *to = a->stream[*now];
        vc_windows_gather(a->windows, from, batch, &window);
        vc_linear_forward(to, a->windows, &model->levit_folded.stem[i], rows, NULL);
        if (i + 1 < VC_LEVIT_STEM)
            vc_hardswish_forward(to, to, rows * c->stem[i]);
        from = to;
        window = (vc_window){c->stem[i], side, 3, 2, 1, side * side * c->stem[i], c->stem[i], 1};
    }
}

/* Q, K and V as the folded products sort them. */
static vc__attention attention_of(const vc_levit_acts *a, const vc_levit_attention *sizes,
                                  int subsampling)
{
    size_t keys = sizes->heads * sizes->key_dim, values = sizes->heads * sizes->value_dim;
    size_t in = (subsampling ? keys : 2 * keys) + values;
    const float *k = subsampling ? a->in : a->in + keys;
    return (vc__attention){.q = subsampling ? a->queries : a->in,
                           .k = k,
                           .v = k + keys,
                           .encoded = {a->encoded[0], a->encoded[1]},
                           .decoded = {a->decoded[0], a->decoded[1]},
                           .probs = a->probs,
                           .out = a->attention,
                           .shape = {.heads = sizes->heads,
                                     .head_dim = sizes->key_dim,
                                     .value_dim = sizes->value_dim,
                                     .q_stride = subsampling ? keys : in,
                                     .k_stride = in,
                                     .v_stride = in,
                                     .out_stride = values}};
}

static void block(vc_acts *acts, size_t *now, const vc_model *model, size_t index, size_t batch,
                  const vc_tap *tap)
{
    const vc_levit_config *c = &model->config.levit;
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc_levit_attention *sizes = vc__levit_attention_of(c, place);
    const vc__levit_span span = vc__levit_span_of(c, place);
    const vc_levit_folded_block *f = &model->levit_folded.blocks[index];
    vc_levit_acts *a = &acts->levit;
    size_t keys = span.side_in * span.side_in, queries = span.side_out * span.side_out;
    float *x = a->stream[*now], *y = x;
    vc_linear_forward(a->in, x, &f->in, batch * keys, NULL);
    if (place.subsampling) {
        vc_tokens_subsample(a->thinned, x, batch, span.side_in, 2, span.width_in);
        vc_linear_forward(a->queries, a->thinned, &f->q, batch * queries, NULL);
        *now = !*now;
        y = a->stream[*now];
    }
    vc__attention attention = attention_of(a, sizes, place.subsampling);
    attention.bias = f->bias;
    attention.shape.batch = batch;
    attention.shape.queries = queries;
    attention.shape.keys = keys;
    vc__attend(acts, model, index, &attention, tap);
    vc_hardswish_forward(a->attention, a->attention, batch * queries * f->proj.inputs);
    vc_linear_forward(y, a->attention, &f->proj, batch * queries, place.subsampling ? NULL : x);
    vc_linear_forward(a->hidden, y, &f->fc1, batch * queries, NULL);
    vc_hardswish_forward(a->hidden, a->hidden, batch * queries * sizes->hidden);
    vc_linear_forward(y, a->hidden, &f->fc2, batch * queries, y);
}

void vc__levit_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                       const vc_tap *tap)
{
    const vc_levit_config *c = &model->config.levit;
    vc_levit_acts *a = &acts->levit;
    size_t now = 0, side = vc_levit_side(c, VC_LEVIT_STAGES - 1);
    stem(a, &now, model, images, batch);
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        block(acts, &now, model, b, batch, tap);
    vc_tokens_mean(a->mean, a->stream[now], batch, side * side,
                   c->stages[VC_LEVIT_STAGES - 1].width);
    vc_linear_forward(acts->logits, a->mean, &model->levit_folded.head, batch, NULL);
}
