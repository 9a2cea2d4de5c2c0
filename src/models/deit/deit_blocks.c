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
    op->eps = VC__DEIT_EPS;
    return to;
}

/* What the patches are added to: positions with the class tokens or the patches' bias. */
static const float *tokens_at_start(const deit *d)
{
    const size_t width = d->c->width;
    float *start = d->w ? vc__block_floats(d->list, d->tokens * width) : NULL;
    for (size_t t = 0; start && t < d->tokens; t++) {
        const float *add = t >= d->prefix ? d->w->patch_b
                           : t == 0       ? d->w->cls_token
                                          : d->w->dist_token;
        for (size_t i = 0; i < width; i++)
            start[t * width + i] = d->w->pos_embed[t * width + i] + add[i];
    }
    return start;
}

static void embed(const deit *d)
{
    const vc__deit_config *c = d->c;
    const size_t values = c->channels * c->patch * c->patch;
    const vc_linear patch = linear(values, c->width, d->w ? d->w->patch_w : NULL, NULL);
    const float *start = tokens_at_start(d);
    vc_block_op *op =
        vc__block_op(d->list, VC_OP_POSITIONS, VC__NO_LAYER, d->stream, VC_BLOCK_NOTHING);
    op->start = start;
    op->parameters = (d->tokens + d->prefix) * c->width;
    const int patches = vc__block_value(d->list, d->tokens, values);
    op = vc__block_op(d->list, VC_OP_PATCHES, VC__NO_LAYER, patches, VC_BLOCK_IMAGES);
    op->prefix = d->prefix;
    op->window = (vc_window){.channels = c->channels,
                             .side = c->image,
                             .kernel = c->patch,
                             .stride = c->patch,
                             .image_stride = c->channels * c->image * c->image,
                             .pixel_stride = 1,
                             .channel_stride = c->image * c->image};
    op = vc__block_linear(d->list, VC_OP_PATCH_EMBED, VC__NO_LAYER, d->stream, patches, &patch);
    op->add = 1;
    op->products[0].rows = d->tokens - d->prefix;
}

static void add_block(const deit *d, size_t layer)
{
    static const vc__deit_block nothing;
    vc_block_list *list = d->list;
    const size_t t = d->tokens, c = d->c->width, m = d->c->hidden;
    const vc__deit_block *w = d->w ? &d->w->blocks[layer] : &nothing;
    const vc_linear into = linear(c, 3 * c, w->qkv_w, w->qkv_b),
                    out_of = linear(c, c, w->proj_w, w->proj_b),
                    up = linear(c, m, w->fc1_w, w->fc1_b), down = linear(m, c, w->fc2_w, w->fc2_b);
    int normed = vc__block_value(list, t, c);
    add_norm(d, VC_OP_NORM1, layer, normed, w->norm1_w, w->norm1_b);
    const int qkv = vc__block_value(list, t, 3 * c), heads = vc__block_value(list, t, c);
    vc__block_linear(list, VC_OP_QKV, layer, qkv, normed, &into);
    vc_block_op *op = vc__block_op(list, VC_OP_ATTENTION, layer, heads, qkv);
    op->keys = qkv;
    op->keys_at = c;
    op->values_at = 2 * c;
    vc__block_linear(list, VC_OP_PROJECTION, layer, d->stream, heads, &out_of)->add = 1;
    normed = vc__block_value(list, t, c);
    add_norm(d, VC_OP_NORM2, layer, normed, w->norm2_w, w->norm2_b);
    const int hidden = vc__block_value(list, t, m);
    vc__block_linear(list, VC_OP_FC1, layer, hidden, normed, &up)->activation = VC_ACTIVATION_GELU;
    vc__block_linear(list, VC_OP_FC2, layer, d->stream, hidden, &down)->add = 1;
}

/* Two heads, each on its own token, are one product on both tokens, and their mean. */
static vc_linear mean_of_heads(const deit *d)
{
    const size_t width = d->c->width, inputs = d->prefix * width, outputs = d->c->classes;
    const float share = 1.0f / (float)d->prefix;
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

static void classify(const deit *d)
{
    const int normed = vc__block_value(d->list, 1, d->prefix * d->c->width);
    add_norm(d, VC_OP_NORM, VC__NO_LAYER, normed, d->w ? d->w->norm_w : NULL,
             d->w ? d->w->norm_b : NULL);
    if (d->list->status == VC_OK)
        d->list->ops[d->list->op_count - 1].reads = d->prefix;
    const vc_linear head = mean_of_heads(d);
    vc_block_op *op =
        vc__block_linear(d->list, VC_OP_HEAD, VC__NO_LAYER, VC_BLOCK_OUTPUTS, normed, &head);
    for (size_t i = 0; i < d->prefix; i++)
        op->products[i] = (vc_product_shape){1, d->c->width, d->c->classes};
}

void vc__deit_blocks(vc_block_list *list, const vc_model_config *config, const vc_model *model)
{
    const vc__deit_config *c = vc__deit_sizes_of(config);
    const size_t tokens = vc__deit_tokens(c);
    const deit d = {.list = list,
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
