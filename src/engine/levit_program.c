/* LeViT: the stem's convolutions, a step each; then a step for each attention with its MLP and the projections that
 * the next attention wants; the head. */
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"

typedef void activation(float *y, const float *x, size_t count);

typedef struct levit {
    vc__builder *b;
    const vc_levit_config *c;
    const vc_levit_folded *w;
    activation *hardswish;
    float *fold;           /* one layer's folded product, and its bias */
    vc__buffer *stream;    /* the tokens that the next block reads */
    vc__buffer *projected; /* its Q, K and V; subsampling: K and V */
    vc__buffer *panels[2]; /* read and written in turn */
} levit;

static vc_attention_layer layer_of(const levit *v, size_t block)
{
    return vc_model_layer(&v->b->engine->model->config, block);
}

static int is_subsampling(const levit *v, size_t block)
{
    return v->w->blocks[block].q.weight != NULL;
}

/* A block's product of Q or QKV with everything folded in, until the next call. */
static vc_linear fold(const levit *v, size_t block)
{
    const vc_attention_layer l = layer_of(v, block);
    const vc_levit_folded_block *w = &v->w->blocks[block];
    const vc_linear *from = is_subsampling(v, block) ? &w->q : &w->in;
    const size_t count = from->outputs * from->inputs, part = l.heads * l.head_dim;
    float *bias = v->fold + count;
    memcpy(v->fold, from->weight, count * sizeof *bias);
    memcpy(bias, from->bias, from->outputs * sizeof *bias);
    vc_linear q = {from->inputs, part, v->fold, bias};
    vc_linear k = {from->inputs, part, v->fold + part * from->inputs, bias + part};
    const vc_status status =
        vc__fold_scores(&q, &k, &l, vc_model_coder(v->b->engine->model, block));
    if (status != VC_OK)
        v->b->status = status;
    return (vc_linear){from->inputs, from->outputs, v->fold, bias};
}

/* What `block` reads of every token: Q, K, V and panels. */
static void project(levit *v, vc__step *step, size_t block)
{
    const vc_attention_layer l = layer_of(v, block);
    const int sub = is_subsampling(v, block);
    const vc_linear in = sub ? v->w->blocks[block].in : fold(v, block);
    v->projected = vc__buffer_add(v->b, in.outputs, l.keys, 0);
    vc__linear_add(v->b, step, sub ? VC_OP_KV : VC_OP_QKV, (int)block, v->projected, v->stream, &in,
                   0);
    vc__op_add(v->b, step,
               &(vc__op){.run = vc__run_keys,
                         .kind = VC_OP_PANELS,
                         .layer = (int)block,
                         .attention = &v->b->engine->attention[block],
                         .keys = v->projected,
                         .keys_at = (sub ? 0 : 1) * l.heads * l.head_dim,
                         .values_at = (sub ? 1 : 2) * l.heads * l.head_dim,
                         .panels = v->panels[block % 2]});
}

static void stem(levit *v)
{
    vc__builder *b = v->b;
    vc__buffer *from = &b->engine->images;
    size_t side = v->c->image, channels = v->c->channels;
    for (size_t i = 0; i < VC_LEVIT_STEM; i++) {
        const vc_linear *linear = &v->w->stem[i];
        const vc_window window = {.channels = channels,
                                  .side = side,
                                  .kernel = 3,
                                  .stride = 2,
                                  .padding = 1,
                                  .image_stride = side * side * channels,
                                  .pixel_stride = i ? channels : 1,
                                  .channel_stride = i ? 1 : side * side};
        side = vc_window_side(&window);
        channels = linear->outputs;
        vc__step *step = vc__step_add(b, side * side);
        vc__buffer *windows = vc__buffer_add(b, linear->inputs, 0, 1);
        v->stream = vc__buffer_add(b, channels, side * side, 0);
        vc__op_add(b, step,
                   &(vc__op){.run = vc__run_windows,
                             .kind = VC_OP_WINDOWS,
                             .layer = -1,
                             .from = from,
                             .to = windows,
                             .window = window});
        vc__op *op = vc__linear_add(b, step, VC_OP_STEM, -1, v->stream, windows, linear, 0);
        if (i + 1 < VC_LEVIT_STEM)
            op->activate = v->hardswish;
        else
            project(v, step, 0);
        from = v->stream;
    }
}

/* Every second token along both axes, and its Q. */
static vc__buffer *subsample(const levit *v, vc__step *step, size_t block)
{
    const vc_linear linear = fold(v, block);
    vc__buffer *thinned = vc__buffer_add(v->b, linear.inputs, 0, 1),
               *q = vc__buffer_add(v->b, linear.outputs, 0, 1);
    size_t side = 1;
    while (side * side < v->stream->rows)
        side++;
    vc__op_add(v->b, step,
               &(vc__op){.run = vc__run_subsample,
                         .kind = VC_OP_SUBSAMPLE,
                         .layer = (int)block,
                         .from = v->stream,
                         .to = thinned,
                         .side = side});
    vc__linear_add(v->b, step, VC_OP_Q, (int)block, q, thinned, &linear, 0);
    return q;
}

static void run_block(levit *v, size_t block, int last)
{
    vc__builder *b = v->b;
    const vc_attention_layer l = layer_of(v, block);
    const vc_levit_folded_block *w = &v->w->blocks[block];
    const int sub = is_subsampling(v, block), layer = (int)block;
    const size_t keys_at = sub ? 0 : l.heads * l.head_dim;
    vc__step *step = vc__step_add(b, l.queries);
    vc__buffer *q = sub ? subsample(v, step, block) : v->projected;
    vc__buffer *attention = vc__buffer_add(b, w->proj.inputs, 0, 1),
               *hidden = vc__operand_add(b, w->fc1.outputs);
    if (sub)
        v->stream = vc__buffer_add(b, w->proj.outputs, l.queries, 0);
    vc__op_add(b, step,
               &(vc__op){.run = vc__run_attention,
                         .kind = VC_OP_ATTENTION,
                         .layer = layer,
                         .from = q,
                         .to = attention,
                         .attention = &b->engine->attention[block],
                         .activate = v->hardswish,
                         .keys = v->projected,
                         .keys_at = keys_at,
                         .values_at = keys_at + l.heads * l.head_dim,
                         .panels = v->panels[block % 2]});
    vc__linear_add(b, step, VC_OP_PROJECTION, layer, v->stream, attention, &w->proj, !sub);
    vc__linear_add(b, step, VC_OP_FC1, layer, hidden, v->stream, &w->fc1, 0)->activate =
        v->hardswish;
    vc__linear_add(b, step, VC_OP_FC2, layer, v->stream, hidden, &w->fc2, 1);
    if (!last)
        project(v, step, block + 1);
}

static void classify(levit *v)
{
    vc__step *step = vc__step_add(v->b, 1);
    vc__buffer *mean = vc__buffer_add(v->b, v->stream->width, 0, 1);
    vc__op_add(
        v->b, step,
        &(vc__op){
            .run = vc__run_mean, .kind = VC_OP_MEAN, .layer = -1, .from = v->stream, .to = mean});
    vc__linear_add(v->b, step, VC_OP_HEAD, -1, &v->b->engine->logits, mean, &v->w->head, 0);
}

static size_t most_folded(const vc_levit_folded *w, size_t blocks)
{
    size_t most = 0;
    for (size_t i = 0; i < blocks; i++) {
        const vc_linear *in = &w->blocks[i].in;
        const size_t count = in->outputs * (in->inputs + 1);
        most = count > most ? count : most;
    }
    return most;
}

void vc__levit_program(vc__builder *b)
{
    const vc_model *model = b->engine->model;
    const size_t blocks = vc_model_layers(&model->config);
    levit v = {.b = b,
               .c = vc_levit_sizes_of(&model->config),
               .w = vc_levit_folded_of(model),
               .hardswish = b->engine->kernels->hardswish_forward,
               .fold = malloc(most_folded(vc_levit_folded_of(model), blocks) * sizeof(float)),
               .panels = {vc__panels_add(b, 0), vc__panels_add(b, 1)}};
    if (!v.fold) {
        b->status = vc_fail(VC_ENOMEM, "out of memory");
        return;
    }
    stem(&v);
    for (size_t i = 0; i < blocks; i++)
        run_block(&v, i, i + 1 == blocks);
    classify(&v);
    free(v.fold);
}
