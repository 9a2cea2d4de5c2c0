/* What a LeViT does with an image. BatchNorm is folded into the products. */
#include "levit_impl.h"

typedef struct levit {
    vc_block_list *list;
    const vc__levit_config *c;
    const vc__levit_folded *w; /* NULL: sizes alone */
    int stream;                /* the tokens that the next block reads */
} levit;

static vc_linear linear(const vc_linear *folded, size_t inputs, size_t outputs)
{
    return folded ? *folded : (vc_linear){.inputs = inputs, .outputs = outputs};
}

static void add_stem(levit *v)
{
    int from = VC_BLOCK_IMAGES;
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const vc_window window = vc__levit_window(v->c, i);
        const size_t side = vc_window_side(&window), inputs = 9 * window.channels;
        const vc_linear stem = linear(v->w ? &v->w->stem[i] : NULL, inputs, v->c->stem[i]);
        const int windows = vc__block_value(v->list, side * side, inputs);
        vc_block_op *op = vc__block_op(v->list, VC_OP_WINDOWS, VC__NO_LAYER, windows, from);
        op->window = window;
        if (v->list->status == VC_OK)
            op->reads = v->list->values[from].rows;
        v->stream = vc__block_value(v->list, side * side, v->c->stem[i]);
        vc__block_linear(v->list, VC_OP_STEM, VC__NO_LAYER, v->stream, windows, &stem)->activation =
            i + 1 < VC__LEVIT_STEM ? vc__levit_activation(v->c) : VC_ACTIVATION_NONE;
        from = v->stream;
    }
}

/* Q, K and V of every token. */
static void project(const levit *v, const vc__levit_shape *s, size_t block, int to)
{
    const size_t t = s->side_in * s->side_in;
    const vc_linear in = linear(v->w ? &v->w->blocks[block].in : NULL, s->width_in, s->projected);
    vc_block_op *op = vc__block_linear(v->list, VC_OP_QKV, block, to, v->stream, &in);
    op->products[0] = (vc_product_shape){t, s->width_in, s->keys};
    op->products[1] = (vc_product_shape){t, s->width_in, s->keys + s->values};
}

/* K and V of every token, Q of every second one along both axes; the value that Q is in. */
static int project_apart(const levit *v, const vc__levit_shape *s, size_t block, int to)
{
    const vc_linear in = linear(v->w ? &v->w->blocks[block].in : NULL, s->width_in, s->projected),
                    q = linear(v->w ? &v->w->blocks[block].q : NULL, s->width_in, s->keys);
    const size_t rows = s->side_out * s->side_out;
    const int thinned = vc__block_value(v->list, rows, s->width_in),
              queries = vc__block_value(v->list, rows, s->keys);
    vc__block_linear(v->list, VC_OP_KV, block, to, v->stream, &in);
    vc_block_op *op = vc__block_op(v->list, VC_OP_SUBSAMPLE, block, thinned, v->stream);
    op->window.side = s->side_in;
    op->reads = s->side_in * s->side_in;
    vc__block_linear(v->list, VC_OP_Q, block, queries, thinned, &q);
    return queries;
}

static void add_block(levit *v, size_t block)
{
    const vc__levit_shape s = vc__levit_block_shape(v->c, block);
    const size_t rows = s.side_out * s.side_out, hidden = s.attention.hidden;
    const vc__levit_folded_block *w = v->w ? &v->w->blocks[block] : NULL;
    const vc_linear proj = linear(w ? &w->proj : NULL, s.values, s.width_out),
                    fc1 = linear(w ? &w->fc1 : NULL, s.width_out, hidden),
                    fc2 = linear(w ? &w->fc2 : NULL, hidden, s.width_out);
    const int projected = vc__block_value(v->list, s.side_in * s.side_in, s.projected);
    int q = projected;
    if (s.subsampling)
        q = project_apart(v, &s, block, projected);
    else
        project(v, &s, block, projected);
    const int heads = vc__block_value(v->list, rows, s.values),
              active = vc__block_value(v->list, rows, hidden);
    vc_block_op *op = vc__block_op(v->list, VC_OP_ATTENTION, block, heads, q);
    op->keys = projected;
    op->keys_at = s.subsampling ? 0 : s.keys;
    op->values_at = op->keys_at + s.keys;
    op->activation = vc__levit_activation(v->c);
    if (s.subsampling)
        v->stream = vc__block_value(v->list, rows, s.width_out);
    vc__block_linear(v->list, VC_OP_PROJECTION, block, v->stream, heads, &proj)->add =
        !s.subsampling;
    vc__block_linear(v->list, VC_OP_FC1, block, active, v->stream, &fc1)->activation =
        vc__levit_activation(v->c);
    vc__block_linear(v->list, VC_OP_FC2, block, v->stream, active, &fc2)->add = 1;
}

static void classify(const levit *v)
{
    const size_t width = v->c->stages[VC__LEVIT_STAGES - 1].width, heads = v->c->distilled ? 2 : 1;
    const vc_linear head = linear(v->w ? &v->w->head : NULL, width, v->c->classes);
    const int mean = vc__block_value(v->list, 1, width);
    vc_block_op *op = vc__block_op(v->list, VC_OP_MEAN, VC__NO_LAYER, mean, v->stream);
    if (v->list->status == VC_OK)
        op->reads = v->list->values[v->stream].rows;
    op = vc__block_linear(v->list, VC_OP_HEAD, VC__NO_LAYER, VC_BLOCK_OUTPUTS, mean, &head);
    for (size_t i = 0; i < heads; i++)
        op->products[i] = (vc_product_shape){1, width, v->c->classes};
}

void vc__levit_blocks_of(vc_block_list *list, const vc_model_config *config, const vc_model *model)
{
    levit v = {.list = list,
               .c = vc__levit_sizes_of(config),
               .w = model ? vc__levit_folded_of(model) : NULL};
    add_stem(&v);
    for (size_t b = 0; b < vc__levit_blocks(v.c); b++)
        add_block(&v, b);
    classify(&v);
}
