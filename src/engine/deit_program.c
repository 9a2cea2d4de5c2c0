/* DeiT: patches; then a step for each attention with its MLP and the projections that the next attention wants;
 * the head. Behind the last attention only class tokens are read, so only they are computed. */
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"

typedef struct deit {
    vc__builder *b;
    const vc_deit_config *c;
    const vc_deit_weights *w;
    size_t tokens, classes;
    float *fold;             /* (3C, C + 1) one layer's folded QKV and its bias */
    vc__buffer *stream;      /* the residual stream */
    vc__buffer *qkv[2];      /* read and written in turn, */
    vc__buffer *panels[2];   /* as these */
    vc__buffer *last_kv;     /* of the last layer, */
    vc__buffer *last_stream; /* whose class tokens go on here */
    vc__buffer *norm, *q, *attention, *hidden;
} deit;

static void norm(const deit *d, vc__step *step, vc_op_kind kind, int layer, vc__buffer *to,
                 vc__buffer *from, const float *weight, const float *bias)
{
    vc__norm_add(d->b, step, kind, layer, to, from, weight, bias, VC_DEIT_EPS);
}

/* Outputs `first` to first + outputs - 1 of a layer's QKV, folded. */
static vc_linear fold_qkv(const deit *d, size_t layer, size_t first, size_t outputs)
{
    const size_t width = d->c->width;
    const vc_block_weights *w = &d->w->blocks[layer];
    const vc_attention_layer l = vc_model_layer(&d->b->engine->model->config, layer);
    float *weight = d->fold, *bias = d->fold + 3 * width * width;
    memcpy(weight, w->qkv_w, 3 * width * width * sizeof *weight);
    memcpy(bias, w->qkv_b, 3 * width * sizeof *bias);
    vc_model_forget(d->b->engine->model, w->qkv_w, 3 * width * width);
    vc_linear q = {width, width, weight, bias};
    vc_linear k = {width, width, weight + width * width, bias + width};
    const vc_status status = vc__fold_scores(&q, &k, &l, w->coder);
    if (status != VC_OK)
        d->b->status = status;
    return (vc_linear){width, outputs, weight + first * width, bias + first};
}

static int is_last(const deit *d, size_t layer)
{
    return layer + 1 == d->c->depth;
}

/* Norm, Q, K, V and the panels that `layer` reads; for the last layer no Q. */
static void project(const deit *d, vc__step *step, size_t layer)
{
    const size_t width = d->c->width, first = is_last(d, layer) ? width : 0;
    const vc_block_weights *w = &d->w->blocks[layer];
    const vc_linear qkv = fold_qkv(d, layer, first, 3 * width - first);
    vc__buffer *to = is_last(d, layer) ? d->last_kv : d->qkv[layer % 2];
    norm(d, step, VC_OP_NORM1, (int)layer, d->norm, d->stream, w->norm1_w, w->norm1_b);
    vc__linear_add(d->b, step, VC_OP_QKV, (int)layer, to, d->norm, &qkv, 0);
    vc__op_add(d->b, step,
               &(vc__op){.run = vc__run_keys,
                         .kind = VC_OP_PANELS,
                         .layer = (int)layer,
                         .attention = &d->b->engine->attention[layer],
                         .keys = to,
                         .keys_at = width - first,
                         .values_at = 2 * width - first,
                         .panels = d->panels[layer % 2]});
}

static void start(const deit *d)
{
    const size_t values = d->c->channels * d->c->patch * d->c->patch;
    const vc_linear patch = {values, d->c->width, d->w->patch_w, NULL};
    vc__step *step = vc__step_add(d->b, d->tokens);
    vc__buffer *patches = vc__buffer_add(d->b, values, 0, 1);
    vc__op_add(
        d->b, step,
        &(vc__op){.run = vc__run_base, .kind = VC_OP_POSITIONS, .layer = -1, .to = d->stream});
    vc__op_add(d->b, step,
               &(vc__op){.run = vc__run_patches,
                         .kind = VC_OP_PATCHES,
                         .layer = -1,
                         .from = &d->b->engine->images,
                         .to = patches});
    vc__linear_add(d->b, step, VC_OP_PATCH_EMBED, -1, d->stream, patches, &patch, 1);
    project(d, step, 0);
}

/* Q of the last layer is made here, from the norm of class tokens alone. */
static void begin_last(const deit *d, vc__step *step, size_t layer)
{
    const vc_block_weights *w = &d->w->blocks[layer];
    const vc_linear q = fold_qkv(d, layer, 0, d->c->width);
    vc__op_add(d->b, step,
               &(vc__op){.run = vc__run_select,
                         .kind = VC_OP_PREFIX,
                         .layer = (int)layer,
                         .from = d->stream,
                         .to = d->last_stream});
    norm(d, step, VC_OP_NORM1, (int)layer, d->norm, d->last_stream, w->norm1_w, w->norm1_b);
    vc__linear_add(d->b, step, VC_OP_QKV, (int)layer, d->q, d->norm, &q, 0);
}

static void block(const deit *d, size_t layer)
{
    const size_t width = d->c->width, hidden = d->c->hidden;
    const vc_block_weights *w = &d->w->blocks[layer];
    const vc_linear proj = {width, width, w->proj_w, w->proj_b};
    const vc_linear fc1 = {width, hidden, w->fc1_w, w->fc1_b};
    const vc_linear fc2 = {hidden, width, w->fc2_w, w->fc2_b};
    const int l = (int)layer, last = is_last(d, layer);
    vc__step *step = vc__step_add(d->b, last ? d->classes : d->tokens);
    vc__buffer *stream = last ? d->last_stream : d->stream;
    if (last)
        begin_last(d, step, layer);
    vc__op_add(d->b, step,
               &(vc__op){.run = vc__run_attention,
                         .kind = VC_OP_ATTENTION,
                         .layer = l,
                         .from = last ? d->q : d->qkv[layer % 2],
                         .to = d->attention,
                         .attention = &d->b->engine->attention[layer],
                         .keys = last ? d->last_kv : d->qkv[layer % 2],
                         .keys_at = last ? 0 : width,
                         .values_at = last ? width : 2 * width,
                         .panels = d->panels[layer % 2]});
    vc__linear_add(d->b, step, VC_OP_PROJECTION, l, stream, d->attention, &proj, 1);
    norm(d, step, VC_OP_NORM2, l, d->norm, stream, w->norm2_w, w->norm2_b);
    vc__linear_add(d->b, step, VC_OP_FC1, l, d->hidden, d->norm, &fc1, 0)->activate =
        d->b->engine->kernels->gelu_forward;
    vc__linear_add(d->b, step, VC_OP_FC2, l, stream, d->hidden, &fc2, 1);
    if (!last)
        project(d, step, layer + 1);
}

/* Two heads, each on its own token, are one product on both tokens, and their mean. */
static void classify(const deit *d)
{
    const size_t width = d->c->width, inputs = d->classes * width, outputs = d->c->classes;
    const float share = 1.0f / (float)d->classes;
    vc__buffer *normed = vc__buffer_add(d->b, inputs, 1, 0);
    vc__step *step = vc__step_add(d->b, 1);
    float *weight = malloc((inputs + 1) * outputs * sizeof *weight), *bias;
    if (!weight) {
        d->b->status = vc_fail(VC_ENOMEM, "out of memory for the head");
        return;
    }
    bias = weight + inputs * outputs;
    for (size_t o = 0; o < outputs; o++) {
        bias[o] = share * (d->w->head_b[o] + (d->c->distilled ? d->w->head_dist_b[o] : 0.0f));
        for (size_t i = 0; i < inputs; i++) {
            const float *from = i < width ? d->w->head_w : d->w->head_dist_w;
            weight[o * inputs + i] = share * from[o * width + i % width];
        }
    }
    const vc_linear head = {inputs, outputs, weight, bias};
    norm(d, step, VC_OP_NORM, -1, normed, d->last_stream, d->w->norm_w, d->w->norm_b);
    vc__linear_add(d->b, step, VC_OP_HEAD, -1, &d->b->engine->logits, normed, &head, 0);
    free(weight);
}

/* What the patches are added to: positions with the class tokens or the patches' bias. */
static void make_base(const deit *d)
{
    vc_engine *e = d->b->engine;
    const size_t width = d->c->width;
    e->base = malloc(d->tokens * width * sizeof *e->base);
    for (size_t t = 0; e->base && t < d->tokens; t++) {
        const float *add = t >= d->classes ? d->w->patch_b
                           : t == 0        ? d->w->cls_token
                                           : d->w->dist_token;
        for (size_t i = 0; i < width; i++)
            e->base[t * width + i] = d->w->pos_embed[t * width + i] + add[i];
    }
}

void vc__deit_program(vc__builder *b)
{
    const vc_deit_config *c = vc_deit_sizes_of(&b->engine->model->config);
    const size_t width = c->width, tokens = vc_deit_tokens(c), classes = vc_deit_class_tokens(c);
    deit d = {.b = b,
              .c = c,
              .w = vc_deit_weights_of(b->engine->model),
              .tokens = tokens,
              .classes = classes,
              .fold = malloc(3 * width * (width + 1) * sizeof(float)),
              .stream = vc__buffer_add(b, width, tokens, 0),
              .last_kv = vc__buffer_add(b, 2 * width, tokens, 0),
              .last_stream = vc__buffer_add(b, width, classes, 0),
              .norm = vc__operand_add(b, width),
              .q = vc__buffer_add(b, width, 0, 1),
              .attention = vc__buffer_add(b, width, 0, 1),
              .hidden = vc__operand_add(b, c->hidden)};
    for (size_t i = 0; i < 2; i++) {
        d.qkv[i] = vc__buffer_add(b, 3 * width, c->depth > i + 1 ? tokens : 0, 0);
        d.panels[i] = vc__panels_add(b, i);
    }
    make_base(&d);
    if (!d.fold || !b->engine->base) {
        b->status = vc_fail(VC_ENOMEM, "out of memory");
        free(d.fold);
        return;
    }
    start(&d);
    for (size_t l = 0; l < c->depth; l++)
        block(&d, l);
    classify(&d);
    free(d.fold);
}
