/* What a Strided Transformer does with one sequence of poses. BatchNorm is folded into the
 * products, and Q, K and V are one. */
#include <math.h>
#include <string.h>

#include "strided_impl.h"

typedef struct strided {
    vc_block_list *list;
    const vc__strided_config *c;
    const vc__strided_weights *w; /* NULL: sizes alone */
    int stream;                   /* the residual stream */
} strided;

static double norm_scale(const vc__strided_batch_norm *n, size_t channel)
{
    return n->weight[channel] / sqrt((double)n->variance[channel] + (double)VC__STRIDED_BATCH_EPS);
}

/* The product behind which a BatchNorm lies. */
static vc_linear embedding(const strided *s)
{
    const size_t n = s->c->width, k = s->c->inputs;
    vc_linear out = {.inputs = k, .outputs = n};
    float *weight = s->w ? vc__block_floats(s->list, n * (k + 1)) : NULL,
          *bias = weight ? weight + n * k : NULL;
    for (size_t o = 0; weight && o < n; o++) {
        const vc__strided_batch_norm *norm = &s->w->embed_norm;
        const double by = norm_scale(norm, o);
        for (size_t i = 0; i < k; i++)
            weight[o * k + i] = (float)(by * s->w->embed_w[o * k + i]);
        bias[o] = (float)(by * (s->w->embed_b[o] - (double)norm->mean[o]) + norm->bias[o]);
    }
    out.weight = weight;
    out.bias = bias;
    return out;
}

/* The product in front of which one lies. */
static vc_linear head_product(const strided *s)
{
    const size_t n = s->c->outputs, k = s->c->width;
    vc_linear out = {.inputs = k, .outputs = n};
    float *weight = s->w ? vc__block_floats(s->list, n * (k + 1)) : NULL,
          *bias = weight ? weight + n * k : NULL;
    for (size_t o = 0; weight && o < n; o++) {
        const vc__strided_head *h = &s->w->head;
        double sum = h->bias[o];
        for (size_t i = 0; i < k; i++) {
            const double by = norm_scale(&h->norm, i), w = h->weight[o * k + i];
            weight[o * k + i] = (float)(w * by);
            sum += w * (h->norm.bias[i] - h->norm.mean[i] * by);
        }
        bias[o] = (float)sum;
    }
    out.weight = weight;
    out.bias = bias;
    return out;
}

/* Q, K and V in one. */
static vc_linear projections(const strided *s, size_t block)
{
    const size_t n = s->c->width, values = n * n;
    vc_linear out = {.inputs = n, .outputs = 3 * n};
    float *weight = s->w ? vc__block_floats(s->list, 3 * (values + n)) : NULL;
    for (size_t i = 0; weight && i < 3; i++) {
        memcpy(weight + i * values, s->w->blocks[block].weight[i], values * sizeof *weight);
        memcpy(weight + 3 * values + i * n, s->w->blocks[block].bias[i], n * sizeof *weight);
    }
    out.weight = weight;
    out.bias = weight ? weight + 3 * values : NULL;
    return out;
}

static vc_linear convolution(const strided *s, size_t block)
{
    const size_t n = s->c->width, k = vc__strided_span(s->c, block).kernel * s->c->hidden;
    vc_linear out = {.inputs = k, .outputs = n};
    float *weight = s->w ? vc__block_floats(s->list, n * k) : NULL;
    if (weight)
        vc__strided_sort_kernel(weight, s->w->blocks[block].fc2_w, n, s->c->hidden);
    out.weight = weight;
    out.bias = weight ? s->w->blocks[block].fc2_b : NULL;
    return out;
}

static void embed(strided *s)
{
    const vc__strided_config *c = s->c;
    const vc_linear product = embedding(s);
    s->list->values[VC_BLOCK_IMAGES] = (vc_block_value){c->frames, c->inputs}; /* a pose is a row */
    s->stream = vc__block_value(s->list, c->frames, c->width);
    vc__block_linear(s->list, VC_OP_PATCH_EMBED, VC__NO_LAYER, s->stream, VC_BLOCK_IMAGES, &product)
        ->activation = VC_ACTIVATION_RELU;
    vc_block_op *op =
        vc__block_op(s->list, VC_OP_POSITIONS, VC__NO_LAYER, s->stream, VC_BLOCK_NOTHING);
    op->start = s->w ? s->w->positions : NULL;
    op->parameters = c->frames * c->width;
    op->add = 1;
}

static int add_norm(const strided *s, vc_op_kind kind, size_t block, size_t which)
{
    const int to = vc__block_value(s->list, vc__strided_tokens(s->c, block), s->c->width);
    vc_block_op *op = vc__block_op(s->list, kind, block, to, s->stream);
    op->gain = s->w ? s->w->blocks[block].norm[which].gain : NULL;
    op->shift = s->w ? s->w->blocks[block].norm[which].shift : NULL;
    op->eps = VC__STRIDED_EPS;
    op->deviation = 1;
    return to;
}

static void attend(const strided *s, size_t block)
{
    const size_t tokens = vc__strided_tokens(s->c, block), width = s->c->width;
    const vc_linear in = projections(s, block),
                    out = {width, width, s->w ? s->w->blocks[block].weight[3] : NULL,
                           s->w ? s->w->blocks[block].bias[3] : NULL};
    const int norm = add_norm(s, VC_OP_NORM1, block, 0),
              qkv = vc__block_value(s->list, tokens, 3 * width),
              heads = vc__block_value(s->list, tokens, width);
    vc_block_op *op = vc__block_linear(s->list, VC_OP_QKV, block, qkv, norm, &in);
    op = vc__block_op(s->list, VC_OP_ATTENTION, block, heads, qkv);
    op->keys = qkv;
    op->keys_at = width;
    op->values_at = 2 * width;
    vc__block_linear(s->list, VC_OP_PROJECTION, block, s->stream, heads, &out)->add = 1;
}

/* Windows of a value, or every n-th row of it. */
static int add_spans(const strided *s, size_t block, int from, const vc_span *span)
{
    const int to = vc__block_value(s->list, vc_span_tokens(span), span->kernel * span->channels);
    vc_block_op *op = vc__block_op(s->list, VC_OP_SPANS, block, to, from);
    op->span = *span;
    op->reads = span->tokens;
    return to;
}

static void feed_forward(strided *s, size_t block)
{
    const size_t tokens = vc__strided_tokens(s->c, block), width = s->c->width,
                 hidden = s->c->hidden;
    const vc__strided_block *w = s->w ? &s->w->blocks[block] : NULL;
    const vc_linear fc1 = {width, hidden, w ? w->fc1_w : NULL, w ? w->fc1_b : NULL};
    const int norm = add_norm(s, VC_OP_NORM2, block, 1);
    int active = vc__block_value(s->list, tokens, hidden);
    vc__block_linear(s->list, VC_OP_FC1, block, active, norm, &fc1)->activation =
        VC_ACTIVATION_RELU;
    vc_linear fc2 = {hidden, width, w ? w->fc2_w : NULL, w ? w->fc2_b : NULL};
    if (block >= s->c->vanilla) {
        const vc_span windows = vc__strided_span(s->c, block),
                      kept = vc__strided_short(s->c, block);
        s->stream = add_spans(s, block, s->stream, &kept);
        active = add_spans(s, block, active, &windows);
        fc2 = convolution(s, block);
    }
    vc__block_linear(s->list, VC_OP_FC2, block, s->stream, active, &fc2)->add = 1;
}

/* The positions of the block that follows. */
static void add_place(const strided *s, size_t block)
{
    const size_t next = block + 1, place = next - s->c->vanilla;
    if (next < s->c->vanilla || next == vc__strided_blocks(s->c) || place >= VC__STRIDED_PLACES)
        return;
    vc_block_op *op = vc__block_op(s->list, VC_OP_PLACE, block, s->stream, VC_BLOCK_NOTHING);
    op->start = s->w ? s->w->places[place] : NULL;
    op->parameters = vc__strided_tokens(s->c, next) * s->c->width;
    op->add = 1;
}

void vc__strided_blocks_of(vc_block_list *list, const vc_model_config *config,
                           const vc_model *model)
{
    strided s = {.list = list,
                 .c = vc__strided_sizes_of(config),
                 .w = model ? vc__strided_weights_of(model) : NULL};
    embed(&s);
    for (size_t b = 0; b < vc__strided_blocks(s.c); b++) {
        attend(&s, b);
        feed_forward(&s, b);
        add_place(&s, b);
    }
    const vc_linear head = head_product(&s);
    vc__block_linear(list, VC_OP_HEAD, VC__NO_LAYER, VC_BLOCK_OUTPUTS, s.stream, &head);
}
