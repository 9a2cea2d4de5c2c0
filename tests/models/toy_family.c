/* A family that the product does not know, as small as one can be: an image's lines are its
 * tokens, which attend to each other once; what comes out is their mean. It has no classifier,
 * its images need not be squares, and it can be trained. */
#include "../../src/models/backward_impl.h"
#include "../../src/models/model_impl.h"

typedef struct VC_MODEL_SIZES_STRUCT toy_sizes {
    size_t height, width, heads, head_dim; /* an image is (height, width), in one channel */
} toy_sizes;

typedef struct toy_weights {
    float *qkv_w;     /* (3C, width), C = heads * head_dim */
    float *positions; /* (height, width), added to the pixels */
} toy_weights;

typedef struct toy_acts {
    float *tokens, *qkv, *probs,
        *attention; /* (B, T, width), (B, T, 3C), (B, H, T, T), (B, T, C) */
} toy_acts;

typedef struct toy_grads {
    toy_weights views;
    float *tokens, *qkv, *attention;
} toy_grads;

static const toy_sizes *sizes_of(const vc_model_config *config)
{
    return (const void *)config->sizes.bytes;
}

static size_t channels_of(const toy_sizes *s)
{
    return s->heads * s->head_dim;
}

static vc_status check(const vc_model_config *config)
{
    const toy_sizes *s = sizes_of(config);
    if (s->height && s->width && s->heads && s->head_dim)
        return VC_OK;
    return vc_fail(VC_EINVAL, "a toy needs every size above 0");
}

static vc_model_input input(const vc_model_config *config)
{
    const toy_sizes *s = sizes_of(config);
    return (vc_model_input){.height = s->height,
                            .width = s->width,
                            .channels = 1,
                            .outputs = channels_of(s),
                            .std = {1.0f}};
}

static size_t layers(const vc_model_config *config)
{
    (void)config;
    return 1;
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    const toy_sizes *s = sizes_of(config);
    (void)index;
    return (vc_attention_layer){.heads = s->heads,
                                .queries = s->height,
                                .keys = s->height,
                                .head_dim = s->head_dim,
                                .value_dim = s->head_dim,
                                .width = channels_of(s)};
}

static int recognise(const vc_tensor_file *file)
{
    return vc_tensor_file_find(file, "toy.qkv.weight") != NULL;
}

static vc_status read_config(vc_model_config *out, const vc_tensor_file *file,
                             const vc_tensor_file *autoencoder, const vc_model_options *options)
{
    toy_sizes *s = (void *)out->sizes.bytes;
    const size_t *positions, *qkv;
    (void)autoencoder;
    VC_TRY(vc__find_shape(&positions, file, "toy.positions", 2));
    VC_TRY(vc__find_shape(&qkv, file, "toy.qkv.weight", 2));
    *s = (toy_sizes){.height = positions[0], .width = positions[1], .heads = options->heads};
    VC_TRY(vc__read_count(&s->heads, file, "num_heads"));
    s->head_dim = s->heads ? qkv[0] / 3 / s->heads : 0;
    return VC_OK;
}

static vc_status allocate(vc_model *model)
{
    model->state = calloc(1, sizeof(toy_weights));
    return model->state ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static void release(vc_model *model)
{
    free(model->state);
}

static void walk_weights(vc__walk *walk, const toy_sizes *s, toy_weights *w)
{
    const vc_param positions = {
        .name = "toy.positions", .rank = 2, .shape = {s->height, s->width}, .init = VC_INIT_NARROW};
    const vc_param qkv = {.name = "toy.qkv.weight",
                          .rank = 2,
                          .shape = {3 * channels_of(s), s->width},
                          .init = VC_INIT_FAN_IN,
                          .decay = 1};
    vc__walk_param(walk, &w->positions, &positions);
    vc__walk_param(walk, &w->qkv_w, &qkv);
}

static void walk_model(vc__walk *walk, vc_model *model)
{
    walk_weights(walk, sizes_of(&model->config), model->state);
}

static void place(vc_acts *acts, const vc_model *model)
{
    const toy_sizes *s = sizes_of(&model->config);
    const size_t rows = acts->batch * s->height;
    toy_acts *a = acts->state = vc_arena_take(&acts->arena, sizeof *a);
    const toy_acts made = {
        .tokens = vc_arena_floats(&acts->arena, rows * s->width),
        .qkv = vc_arena_floats(&acts->arena, rows * 3 * channels_of(s)),
        .probs = vc_arena_floats(&acts->arena, vc__probs_count(model, 0, acts->batch)),
        .attention = vc_arena_floats(&acts->arena, rows * channels_of(s))};
    if (a)
        *a = made;
}

static vc_attention_shape shape_of(const toy_sizes *s, size_t batch)
{
    const size_t channels = channels_of(s);
    return (vc_attention_shape){.batch = batch,
                                .heads = s->heads,
                                .queries = s->height,
                                .keys = s->height,
                                .head_dim = s->head_dim,
                                .value_dim = s->head_dim,
                                .q_stride = 3 * channels,
                                .k_stride = 3 * channels,
                                .v_stride = 3 * channels,
                                .out_stride = channels};
}

static void forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                    const vc_tap *tap)
{
    const toy_sizes *s = sizes_of(&model->config);
    const toy_weights *w = model->state;
    const toy_acts *a = acts->state;
    const size_t channels = channels_of(s), pixels = s->height * s->width;
    const vc_linear qkv = {s->width, 3 * channels, w->qkv_w, NULL};
    for (size_t i = 0; i < batch * pixels; i++)
        a->tokens[i] = images[i] + w->positions[i % pixels];
    vc_linear_forward(a->qkv, a->tokens, &qkv, batch * s->height, NULL);
    const vc__attention_io io = {.q = a->qkv,
                                 .k = a->qkv + channels,
                                 .v = a->qkv + 2 * channels,
                                 .probs = a->probs,
                                 .out = a->attention,
                                 .shape = shape_of(s, batch)};
    vc__attention_forward(acts, model, 0, &io, tap);
    vc_tokens_mean(acts->logits, a->attention, batch, s->height, channels);
}

static void place_grads(vc_grads *grads, const vc_model *model, size_t batch)
{
    const toy_sizes *s = sizes_of(&model->config);
    const size_t rows = batch * s->height;
    toy_grads *g = grads->state = vc_arena_take(&grads->arena, sizeof *g);
    toy_grads made = {.tokens = vc_arena_floats(&grads->arena, rows * s->width),
                      .qkv = vc_arena_floats(&grads->arena, rows * 3 * channels_of(s)),
                      .attention = vc_arena_floats(&grads->arena, rows * channels_of(s))};
    vc__walk bind = {.values = grads->values};
    walk_weights(&bind, s, &made.views);
    if (g)
        *g = made;
}

/* Positions are used first and lie first. */
static vc_distances backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                             size_t batch, float reconstruction, const vc_lesson *lesson)
{
    const toy_sizes *s = sizes_of(&model->config);
    const toy_weights *w = model->state;
    const toy_acts *a = acts->state;
    const toy_grads *g = grads->state;
    const size_t channels = channels_of(s), pixels = s->height * s->width;
    const vc_linear qkv = {s->width, 3 * channels, w->qkv_w, NULL};
    const vc__attention_grads io = {.q = a->qkv,
                                    .k = a->qkv + channels,
                                    .v = a->qkv + 2 * channels,
                                    .probs = a->probs,
                                    .dq = g->qkv,
                                    .dk = g->qkv + channels,
                                    .dv = g->qkv + 2 * channels,
                                    .dout = g->attention,
                                    .shape = shape_of(s, batch)};
    (void)lesson; /* it tells nothing of its blocks */
    vc_tokens_mean_backward(g->attention, grads->dlogits, batch, s->height, channels);
    vc__attention_backward(grads, &io, vc_model_coder(model, 0), acts, model, 0, reconstruction);
    vc_linear_backward(g->tokens, g->views.qkv_w, NULL, g->qkv, a->tokens, &qkv, batch * s->height);
    vc__ready(grads, g->views.qkv_w);
    for (size_t i = 0; i < batch * pixels; i++)
        g->views.positions[i % pixels] += g->tokens[i];
    vc__ready(grads, grads->values);
    return (vc_distances){0};
}

static int not_finite(char where[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts)
{
    const toy_sizes *s = sizes_of(&model->config);
    const toy_acts *a = acts->state;
    if (vc_all_finite(a->attention, acts->batch * s->height * channels_of(s)))
        return 0;
    snprintf(where, VC_PLACE_ROOM, "in what it attends to");
    return 1;
}

/* A product that only copies: an operator that adds lines to positions is not worth a kind of its
 * own. */
static const float *identity(vc_block_list *list, size_t width)
{
    float *weight = vc__block_floats(list, width * width);
    for (size_t i = 0; weight && i < width * width; i++)
        weight[i] = i / width == i % width ? 1.0f : 0.0f;
    return weight;
}

static void blocks(vc_block_list *list, const vc_model_config *config, const vc_model *model)
{
    const toy_sizes *s = sizes_of(config);
    const size_t t = s->height, channels = channels_of(s);
    const toy_weights *w = model ? model->state : NULL;
    const vc_linear copy = {s->width, s->width, w ? identity(list, s->width) : NULL, NULL},
                    into = {s->width, 3 * channels, w ? w->qkv_w : NULL, NULL};
    const int tokens = vc__block_value(list, t, s->width),
              qkv = vc__block_value(list, t, 3 * channels),
              heads = vc__block_value(list, t, channels);
    list->values[VC_BLOCK_IMAGES] = (vc_block_value){t, s->width}; /* lines are tokens */
    vc_block_op *op = vc__block_op(list, VC_OP_POSITIONS, VC__NO_LAYER, tokens, VC_BLOCK_NOTHING);
    op->start = w ? w->positions : NULL;
    op->parameters = t * s->width;
    op = vc__block_linear(list, VC_OP_PATCH_EMBED, VC__NO_LAYER, tokens, VC_BLOCK_IMAGES, &copy);
    op->add = 1;
    op->products[0].rows = 0; /* a chip computes nothing */
    vc__block_linear(list, VC_OP_QKV, 0, qkv, tokens, &into);
    op = vc__block_op(list, VC_OP_ATTENTION, 0, heads, qkv);
    op->keys = qkv;
    op->keys_at = channels;
    op->values_at = 2 * channels;
    op = vc__block_op(list, VC_OP_MEAN, VC__NO_LAYER, VC_BLOCK_OUTPUTS, heads);
    op->reads = t;
}

extern const vc__family vc__toy;
const vc__family vc__toy = {
    .name = "toy",
    .title = "Toy",
    .number = 1000,
    .check = check,
    .input = input,
    .layers = layers,
    .layer = layer,
    .recognise = recognise,
    .writes_heads = 1,
    .read_config = read_config,
    .allocate = allocate,
    .release = release,
    .walk = walk_model,
    .place = place,
    .forward = forward,
    .blocks = blocks,
    .place_grads = place_grads,
    .backward = backward,
    .not_finite = not_finite,
};
