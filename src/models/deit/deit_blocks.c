/* What a DeiT does with an image. */
#include "deit_impl.h"

typedef struct deit {
    vc_block_list *list;
    const vc__deit_config *c;
    const vc__deit_weights *w; /* NULL: sizes alone */
    size_t tokens, prefix;
    int stream; /* the residual stream */
} deit;

static vc_linear linear(size_t inputs, size_t outputs, const float *weight, const float *bias)
{
    return (vc_linear){inputs, outputs, weight, bias};
}

static int add_norm(const deit *d, vc_op_kind kind, size_t layer, int to, const float *gain,
                    const float *shift)
{
    vc_block_op *op = vc__block_op(d->list, kind, layer, to, d->stream);
    op->gain = gain;
    op->shift = shift;
    op->eps = vc__deit_eps(d->c);
    return to;
}

/* A token of the prefix. */
static const float *prefix_token(const deit *d, size_t token)
{
    const size_t classes = vc__deit_class_tokens(d->c);
    if (token >= classes)
        return d->w->reg_token + (token - classes) * d->c->width;
    return token == 0 && d->w->cls_token ? d->w->cls_token : d->w->dist_token;
}

/* What the patches are added to: positions with the prefix or the patches' bias. */
static const float *tokens_at_start(const deit *d)
{
    const size_t width = d->c->width, placed = d->prefix - d->c->unplaced;
    float *start = d->w ? vc__block_floats(d->list, d->tokens * width) : NULL;
    for (size_t t = 0; start && t < d->tokens; t++) {
        const float *add = t < d->prefix ? prefix_token(d, t) : d->w->patch_b, *position = NULL;
        if (t < placed)
            position = d->w->pos_embed + t * width;
        else if (t >= d->prefix)
            position = d->w->pos_embed + (t - d->c->unplaced) * width;
        for (size_t i = 0; i < width; i++)
            start[t * width + i] = (add ? add[i] : 0.0f) + (position ? position[i] : 0.0f);
    }
    return start;
}

static void embed(deit *d)
{
    const vc__deit_config *c = d->c;
    const size_t values = vc__deit_patch_values(c);
    const vc_linear patch = linear(values, c->width, d->w ? d->w->patch_w : NULL, NULL);
    const float *start = tokens_at_start(d);
    vc_block_op *op =
        vc__block_op(d->list, VC_OP_POSITIONS, VC__NO_LAYER, d->stream, VC_BLOCK_NOTHING);
    op->start = start;
    op->parameters = (vc__deit_positions(c) + d->prefix) * c->width;
    const int patches = vc__block_value(d->list, d->tokens, values);
    op = vc__block_op(d->list, VC_OP_PATCHES, VC__NO_LAYER, patches, VC_BLOCK_IMAGES);
    op->prefix = d->prefix;
    op->patches = vc__deit_patches(c);
    op = vc__block_linear(d->list, VC_OP_PATCH_EMBED, VC__NO_LAYER, d->stream, patches, &patch);
    op->add = 1;
    op->products[0].rows = d->tokens - d->prefix;
    if (!c->norm_pre)
        return;
    const int normed = vc__block_value(d->list, d->tokens, c->width);
    d->stream = add_norm(d, VC_OP_NORM_PRE, VC__NO_LAYER, normed, d->w ? d->w->norm_pre_w : NULL,
                         d->w ? d->w->norm_pre_b : NULL);
}

static void add_block(const deit *d, size_t layer)
{
    static const vc__deit_block nothing;
    vc_block_list *list = d->list;
    const size_t t = d->tokens, c = d->c->width, m = d->c->hidden;
    const vc__deit_block *w = d->w ? &d->w->blocks[layer] : &nothing;
    const vc_linear into = linear(c, 3 * c, w->qkv_w, w->qkv_b),
                    out_of = linear(c, c, w->proj_w, w->proj_b),
                    up = linear(c, m, w->fc1_w, w->fc1_b),
                    down = linear(vc__deit_inner(d->c), c, w->fc2_w, w->fc2_b);
    int normed = vc__block_value(list, t, c);
    add_norm(d, VC_OP_NORM1, layer, normed, w->norm1_w, w->norm1_b);
    const int qkv = vc__block_value(list, t, 3 * c), heads = vc__block_value(list, t, c);
    vc__block_linear(list, VC_OP_QKV, layer, qkv, normed, &into);
    vc_block_op *op = vc__block_op(list, VC_OP_ATTENTION, layer, heads, qkv);
    op->keys = qkv;
    op->keys_at = c;
    op->values_at = 2 * c;
    op = vc__block_linear(list, VC_OP_PROJECTION, layer, d->stream, heads, &out_of);
    op->add = 1;
    op->scale = w->scale[0];
    normed = vc__block_value(list, t, c);
    add_norm(d, VC_OP_NORM2, layer, normed, w->norm2_w, w->norm2_b);
    int hidden = vc__block_value(list, t, m);
    vc__block_linear(list, VC_OP_FC1, layer, hidden, normed, &up)->activation =
        vc__deit_activation(d->c);
    if (d->c->mlp == VC__DEIT_SWIGLU) {
        const int gated = vc__block_value(list, t, m / 2);
        vc__block_op(list, VC_OP_GATE, layer, gated, hidden);
        hidden = gated;
    }
    op = vc__block_linear(list, VC_OP_FC2, layer, d->stream, hidden, &down);
    op->add = 1;
    op->scale = w->scale[1];
}

/* Two heads, each on its own token, are one product on both tokens, and their mean. */
static vc_linear mean_of_heads(const deit *d)
{
    const size_t heads = vc__deit_classifiers(d->c), width = vc__deit_features(d->c),
                 inputs = heads * width, outputs = d->c->classes;
    const float share = 1.0f / (float)heads;
    float *weight = d->w ? vc__block_floats(d->list, (inputs + 1) * outputs) : NULL;
    if (!weight)
        return linear(inputs, outputs, NULL, NULL);
    float *bias = weight + inputs * outputs;
    for (size_t o = 0; o < outputs; o++) {
        bias[o] = share * (d->w->head_b[o] + (d->c->distilled ? d->w->head_dist_b[o] : 0.0f));
        for (size_t i = 0; i < inputs; i++) {
            const float *from = i < width ? d->w->head_w : d->w->head_dist_w;
            weight[o * inputs + i] = share * from[o * width + i % width];
        }
    }
    return linear(inputs, outputs, weight, bias);
}

/* Into `to`, of so many rows from the stream's or a value's first on. */
static int add_mean(const deit *d, int to, int from, size_t reads, size_t prefix)
{
    vc_block_op *op = vc__block_op(d->list, VC_OP_MEAN, VC__NO_LAYER, to, from);
    op->reads = reads;
    op->prefix = prefix;
    return to;
}

/* The last norm, into `to`, of the stream's first rows. */
static int add_last_norm(deit *d, int to, size_t reads)
{
    add_norm(d, VC_OP_NORM, VC__NO_LAYER, to, d->w ? vc__deit_gain(d->w) : NULL,
             d->w ? vc__deit_shift(d->w) : NULL);
    if (d->list->status == VC_OK)
        d->list->ops[d->list->op_count - 1].reads = reads;
    return to;
}

/* What is read: tokens side by side, or their mean before or behind the norm. `to`: a value for it,
 * or VC_BLOCK_NOTHING. */
static int read_tokens(deit *d, int to, const vc__deit_reading *r)
{
    const size_t c = d->c->width, end = r->first + r->count;
    const int out = to != VC_BLOCK_NOTHING          ? to
                    : r->mean_first || r->mean_last ? vc__block_value(d->list, 1, c)
                                                    : vc__block_value(d->list, 1, r->count * c);
    if (!r->norm) /* of one token */
        return add_mean(d, out, d->stream, end, r->first);
    if (r->mean_first) {
        d->stream = add_mean(d, vc__block_value(d->list, 1, c), d->stream, end, r->first);
        return add_last_norm(d, out, 1);
    }
    if (!r->mean_last)
        return add_last_norm(d, out, r->count);
    const int normed = add_last_norm(d, vc__block_value(d->list, end, c), end);
    return add_mean(d, out, normed, end, r->first);
}

static void classify(deit *d)
{
    const vc__deit_config *c = d->c;
    vc__deit_reading r = vc__deit_reading_of(c);
    if (r.output == VC__DEIT_POOLED && r.count == 2 && !r.mean_first)
        r.mean_last = 1; /* of both class tokens */
    if (r.output != VC__DEIT_LOGITS) {
        read_tokens(d, VC_BLOCK_OUTPUTS, &r);
        return;
    }
    int read = read_tokens(d, VC_BLOCK_NOTHING, &r);
    if (c->representation) {
        const vc_linear pre = linear(c->width, c->representation, d->w ? d->w->pre_w : NULL,
                                     d->w ? d->w->pre_b : NULL);
        const int made = vc__block_value(d->list, 1, c->representation);
        vc__block_linear(d->list, VC_OP_HEAD, VC__NO_LAYER, made, read, &pre)->activation =
            VC_ACTIVATION_TANH;
        read = made;
    }
    const vc_linear head = mean_of_heads(d);
    vc_block_op *op =
        vc__block_linear(d->list, VC_OP_HEAD, VC__NO_LAYER, VC_BLOCK_OUTPUTS, read, &head);
    for (size_t i = 0; i < vc__deit_classifiers(c); i++)
        op->products[i] = (vc_product_shape){1, vc__deit_features(c), c->classes};
}

void vc__deit_blocks(vc_block_list *list, const vc_model_config *config, const vc_model *model)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    const size_t tokens = vc__deit_tokens(c);
    deit d = {.list = list,
              .c = c,
              .w = model ? vc__deit_weights_of(model) : NULL,
              .tokens = tokens,
              .prefix = vc__deit_prefix_tokens(c),
              .stream = vc__block_value(list, tokens, c->width)};
    embed(&d);
    for (size_t l = 0; l < c->depth; l++)
        add_block(&d, l);
    classify(&d);
}
