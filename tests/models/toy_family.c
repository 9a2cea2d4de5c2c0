/* A family that the product does not know, as small as one can be: an image's lines are its
 * tokens, which attend to each other once; what comes out is their mean. It has no classifier,
 * its images need not be squares, and it can be trained. */
#include "../../src/models/backward_impl.h"
#include "../../src/models/model_impl.h"

typedef struct VC_MODEL_SIZES_STRUCT toy_sizes {
    size_t height, width, heads, head_dim; /* an image is (height, width), in one channel */
} toy_sizes;

typedef struct toy_weights {
    float *qkv_w; /* (3C, width), C = heads * head_dim */
    float *scale; /* (height, width) of the pixels */
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
    const size_t *scale, *qkv;
    (void)autoencoder;
    VC_TRY(vc__find_shape(&scale, file, "toy.scale", 2));
    VC_TRY(vc__find_shape(&qkv, file, "toy.qkv.weight", 2));
    *s = (toy_sizes){.height = scale[0], .width = scale[1], .heads = options->heads};
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
    const vc_param scale = {
        .name = "toy.scale", .rank = 2, .shape = {s->height, s->width}, .init = VC_INIT_ONE};
    const vc_param qkv = {.name = "toy.qkv.weight",
                          .rank = 2,
                          .shape = {3 * channels_of(s), s->width},
                          .init = VC_INIT_FAN_IN,
                          .decay = 1};
    vc__walk_param(walk, &w->scale, &scale);
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
        a->tokens[i] = images[i] * w->scale[i % pixels];
    vc_linear_forward(a->qkv, a->tokens, &qkv, batch * s->height, NULL);
    const vc__attention_io io = {.q = a->qkv,
                                 .k = a->qkv + channels,
                                 .v = a->qkv + 2 * channels,
                                 .probs = a->probs,
                                 .out = a->attention,
                                 .shape = shape_of(s, batch)};
    vc__attend(acts, model, 0, &io, tap);
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

/* The pixels' scale is used last and lies first. `images` are the tokens over it, so they are
 * not needed. */
static vc_distances backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                             size_t batch, float reconstruction, const vc_lesson *lesson)
{
    const toy_sizes *s = sizes_of(&model->config);
    const toy_weights *w = model->state;
    const toy_acts *a = acts->state;
    const toy_grads *g = grads->state;
    const size_t channels = channels_of(s), pixels = s->height * s->width;
    const vc_linear qkv = {s->width, 3 * channels, w->qkv_w, NULL};
    const vc__attend_grads io = {.q = a->qkv,
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
    vc__attend_backward(grads, &io, vc_model_coder(model, 0), acts, model, 0, reconstruction);
    vc_linear_backward(g->tokens, g->views.qkv_w, NULL, g->qkv, a->tokens, &qkv, batch * s->height);
    vc__ready(grads, g->views.qkv_w);
    for (size_t i = 0; i < batch * pixels; i++)
        g->views.scale[i % pixels] += g->tokens[i] * a->tokens[i] / w->scale[i % pixels];
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

static vc_status lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan)
{
    const toy_sizes *s = sizes_of(config);
    const uint64_t t = s->height, c = channels_of(s), w = s->width;
    const vc_product_shape into = {t, w, 3 * c};
    const vc_op qkv = vc__op(VC_OP_QKV, 0, 3 * c * w, t * w, 3 * t * c, &into, 1);
    const vc_attention_sizes sizes = {s->heads, t, t, s->head_dim, s->head_dim, {0}};
    VC_TRY(vc_workload_add(out, &qkv));
    return vc_workload_add_attention(out, 0, &sizes, plan ? &plan->layers[0] : NULL);
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
    .lower = lower,
    .place_grads = place_grads,
    .backward = backward,
    .not_finite = not_finite,
};
