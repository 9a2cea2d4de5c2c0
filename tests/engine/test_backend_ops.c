/* Every operator on every backend against the CPU's plain C kernels, from one list of cases: sizes
 * that fit no tile, one row, activations, what is added, narrow values. A backend that is added to
 * backends.def gets all of them. What has no device here is skipped, and said. */
#include <math.h>
#include <stdlib.h>

#include "lane_backend.c"
#include "noise.h"
#include "summary_plans.h"
#include "testing.h"
#include "vitcod/backend.h"

enum { IMAGES = 2, MOST_BUFFERS = 7, MOST_OPS = 4 };

/* A program of few operators, made by hand. */
typedef struct small_program {
    vc_program program;
    vc_program_buffer buffers[MOST_BUFFERS], *list[MOST_BUFFERS];
    vc_program_step steps[MOST_OPS];
    vc_program_op ops[MOST_OPS];
} small_program;

typedef struct op_case {
    const char *name;
    vc_op_kind kind;
    size_t in_rows, in_width, out_rows, out_width; /* of an image */
    vc_activation activation;
    int add, no_bias;
    vc_patches patches;
    vc_window window;
    size_t prefix;
    int deviation;
    vc_span span;
} op_case;

static const op_case cases[] = {
    {"norm of 1", VC_OP_NORM1, 3, 1, 3, .out_width = 1},
    {"norm of 7", VC_OP_NORM2, 1, 7, 1, .out_width = 7},
    {"norm of 64", VC_OP_NORM1, 5, 64, 5, .out_width = 64},
    {"norm of 193", VC_OP_NORM_PRE, 2, 193, 2, .out_width = 193},
    {"norm of both class tokens", VC_OP_NORM, 2, 33, 1, .out_width = 66},
    {"positions", VC_OP_POSITIONS, 0, 0, 5, .out_width = 13},
    {"norm by the deviation", VC_OP_NORM1, 3, 97, 3, .out_width = 97, .deviation = 1},
    {"positions that are added", VC_OP_PLACE, 0, 0, 5, .out_width = 13, .add = 1},
    {"spans", VC_OP_SPANS, 9, 5, 4, .out_width = 15, .span = {9, 5, 3, 2, 0}},
    {"spans with zeros", VC_OP_SPANS, 8, 33, 3, .out_width = 99, .span = {8, 33, 3, 3, 1}},
    {"patches", VC_OP_PATCHES, 1, 192, 5, .out_width = 48, .patches = {3, {8, 8}, {4, 4}},
     .prefix = 1},
    {"patches of 2 x 6 of 4 x 12", VC_OP_PATCHES, 1, 96, 5, .out_width = 24,
     .patches = {2, {4, 12}, {2, 6}}, .prefix = 1},
    {"patches of a pixel", VC_OP_PATCHES, 1, 9, 11, .out_width = 1, .patches = {1, {3, 3}, {1, 1}},
     .prefix = 2},
    {"windows, channels first", VC_OP_WINDOWS, 1, 147, 16, .out_width = 27,
     .window = {3, 7, 3, 2, 1, 147, 1, 49}},
    {"windows, channels last", VC_OP_WINDOWS, 25, 5, 9, .out_width = 45,
     .window = {5, 5, 3, 2, 1, 125, 5, 1}},
    {"class tokens", VC_OP_PREFIX, 9, 70, 2, .out_width = 70},
    {"every second of 5 x 5", VC_OP_SUBSAMPLE, 25, 11, 9, .out_width = 11, .window = {.side = 5}},
    {"every second of 4 x 4", VC_OP_SUBSAMPLE, 16, 65, 4, .out_width = 65, .window = {.side = 4}},
    {"mean", VC_OP_MEAN, 9, 67, 1, .out_width = 67},
    {"mean without class token", VC_OP_MEAN, 5, 3, 1, .out_width = 3, .prefix = 1},
    {"gate", VC_OP_GATE, 3, 130, 3, .out_width = 65},
    {"product of 1 x 1 x 1", VC_OP_HEAD, 1, 1, 1, .out_width = 1},
    {"product of 3 x 5 x 7", VC_OP_FC1, 3, 5, 3, .out_width = 7, .activation = VC_ACTIVATION_GELU},
    {"product of 65 x 33 x 67", VC_OP_PATCH_EMBED, 65, 33, 65, .out_width = 67, .no_bias = 1},
    {"product of 17 x 64 x 64", VC_OP_FC2, 17, 64, 17, .out_width = 64, .add = 1},
    {"product and hardswish", VC_OP_STEM, 4, 27, 4, .out_width = 9,
     .activation = VC_ACTIVATION_HARDSWISH},
    {"product and SiLU", VC_OP_FC1, 2, 19, 2, .out_width = 130, .activation = VC_ACTIVATION_SILU},
    {"product and ReLU", VC_OP_FC1, 2, 19, 2, .out_width = 130, .activation = VC_ACTIVATION_RELU},
    {"product and quick GELU", VC_OP_FC1, 2, 16, 2, .out_width = 8,
     .activation = VC_ACTIVATION_QUICK_GELU},
    {"product and tanh", VC_OP_HEAD, 1, 48, 1, .out_width = 10, .activation = VC_ACTIVATION_TANH,
     .no_bias = 1},
    {"product of two tokens", VC_OP_HEAD, 2, 24, 1, .out_width = 5},
};

static float *numbers(const char *name, size_t count)
{
    float *out = malloc(count * sizeof *out + 1);
    assert_non_null(out);
    noise(out, name, count);
    return out;
}

static int is_product(const op_case *c)
{
    return c->kind == VC_OP_HEAD || vc_op_in_any_precision(c->kind);
}

static void begin(small_program *p, size_t buffers, size_t steps)
{
    for (size_t i = 0; i < buffers; i++)
        p->list[i] = &p->buffers[i];
    for (size_t i = 0; i < steps; i++) {
        p->ops[i].index = i;
        p->ops[i].layer = -1;
        p->steps[i].ops = &p->ops[i];
        p->steps[i].op_count = 1;
    }
    p->program = (vc_program){p->list, buffers, p->steps, steps, steps};
}

static void upload(const float **out, const vc_backend *backend, void *device, const char *name,
                   size_t count)
{
    float *values = numbers(name, count);
    assert_ok(backend->upload(out, device, values, count));
    free(values);
}

/* Runs a program twice; the second time it must make the same bits. */
static void run_twice(float *out, const vc_backend *backend, void *device, small_program *p,
                      const float *in, size_t outputs)
{
    float *again = malloc(outputs * sizeof *again);
    assert_non_null(again);
    assert_ok(backend->allocate(&p->program, device));
    assert_ok(backend->prepare(device, &p->program, IMAGES));
    for (int run = 0; run < 2; run++) {
        float *to = run ? again : out;
        memset(to, 0, outputs * sizeof *to);
        p->buffers[VC_BLOCK_IMAGES].data = (float *)in;
        p->buffers[VC_BLOCK_OUTPUTS].data = to;
        assert_ok(backend->run(device, &p->program, 0, p->program.step_count, IMAGES));
        assert_ok(backend->synchronise(device));
    }
    assert_memory_equal(out, again, outputs * sizeof *out);
    free(again);
}

static void open_on(void **device, const vc_backend *backend, vc_precision precision)
{
    const vc_backend_options options = {.precision = precision, .batch = IMAGES, .threads = 1};
    assert_ok(backend->open(device, &options));
}

/* What is added to has to be made first: a product with zeros for weights, and biases. */
static void add_base(vc_program_op *out, const vc_program_op *op, const vc_backend *backend,
                     void *device, const op_case *c)
{
    if (!is_product(c)) {
        *out = (vc_program_op){.kind = VC_OP_POSITIONS, .layer = -1, .to = op->to};
        upload(&out->weight, backend, device, "base", c->out_rows * c->out_width);
        return;
    }
    float *weight = calloc(c->in_width * c->out_width, sizeof *weight),
          *bias = numbers("base", c->out_width);
    const vc_linear linear = {c->in_width, c->out_width, weight, bias};
    *out = (vc_program_op){.kind = c->kind,
                           .layer = -1,
                           .from = op->from,
                           .to = op->to,
                           .inputs = c->in_width,
                           .outputs = c->out_width,
                           .precision = op->precision};
    assert_ok(backend->pack(out, device, &linear));
    free(weight);
    free(bias);
}

static void fill_op(vc_program_op *op, const vc_backend *backend, void *device, const op_case *c)
{
    const size_t inputs = c->in_rows * c->in_width / (c->out_rows ? c->out_rows : 1);
    op->kind = c->kind;
    op->activation = c->activation;
    op->patches = c->patches;
    op->window = c->window;
    op->prefix = c->prefix;
    op->deviation = c->deviation;
    op->span = c->span;
    op->add = c->add;
    if (c->kind == VC_OP_POSITIONS || c->kind == VC_OP_PLACE)
        upload(&op->weight, backend, device, "start", c->out_rows * c->out_width);
    if (vc_op_work(c->kind) == VC_WORK_NORM) {
        upload(&op->weight, backend, device, "gain", c->in_width);
        upload(&op->bias, backend, device, "shift", c->in_width);
        op->eps = 1e-6f;
    }
    if (!is_product(c))
        return;
    float *weight = numbers("weight", inputs * c->out_width), *bias = numbers("bias", c->out_width);
    const vc_linear linear = {inputs, c->out_width, weight, c->no_bias ? NULL : bias};
    op->inputs = inputs;
    op->outputs = c->out_width;
    op->add = c->add;
    assert_ok(backend->pack(op, device, &linear));
    free(weight);
    free(bias);
}

static void run_case(float *out, const vc_backend *backend, vc_precision precision,
                     const op_case *c)
{
    small_program p = {0};
    void *device;
    /* In fp16 there is a copy before and one behind, so that the operator reads and makes what lies
     * between operators. */
    const size_t copied = precision == VC_IN_FP16, copies_in = copied && c->in_rows > 0,
                 base = c->add ? 1 : 0, at = copies_in + base, steps = at + 1 + copied;
    float *in = numbers("in", IMAGES * c->in_rows * c->in_width + 1);
    open_on(&device, backend, precision);
    begin(&p, copied ? 4 : 2, steps);
    p.buffers[0] = p.buffers[2] = (vc_program_buffer){.width = c->in_width, .rows = c->in_rows};
    p.buffers[1] = p.buffers[3] = (vc_program_buffer){.width = c->out_width, .rows = c->out_rows};
    if (copies_in)
        p.ops[0] = (vc_program_op){
            .kind = VC_OP_PREFIX, .layer = -1, .from = &p.buffers[0], .to = &p.buffers[2]};
    if (copied)
        p.ops[at + 1] = (vc_program_op){
            .kind = VC_OP_PREFIX, .layer = -1, .from = &p.buffers[3], .to = &p.buffers[1]};
    vc_program_op *op = &p.ops[at];
    op->from = c->in_rows ? &p.buffers[copied ? 2 : 0] : NULL;
    op->to = &p.buffers[copied ? 3 : 1];
    op->precision = vc_op_in_any_precision(c->kind) ? precision : VC_IN_FP32;
    fill_op(op, backend, device, c);
    if (c->add)
        add_base(&p.ops[at - 1], op, backend, device, c);
    for (size_t i = 0; i < steps; i++) {
        p.ops[i].index = i;
        p.steps[i].rows_per_image = i < copies_in ? c->in_rows : c->out_rows;
    }
    run_twice(out, backend, device, &p, in, IMAGES * c->out_rows * c->out_width);
    backend->close(device);
    free(in);
}

static void compare(const float *have, const float *want, size_t count, double tolerance,
                    const char *what)
{
    double most = 0.0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)have[i] - (double)want[i]) <= tolerance * most + 1e-30))
            fail_msg("%s: value %zu is %.9g, wanted %.9g", what, i, (double)have[i],
                     (double)want[i]);
}

/* Calls `check` for every backend with a device, but the CPU's own. */
static size_t on_devices(void (*check)(const vc_backend *))
{
    const vc_backend *backend;
    size_t tried = 0;
    for (size_t i = 1; (backend = backend_or_lanes(i)); i++) {
        const vc_backend_options options = {.batch = 1, .threads = 1};
        void *device;
        const vc_status status = backend->open(&device, &options);
        if (status != VC_OK) {
            printf("# skipped: %s\n", vc_last_error());
            continue;
        }
        backend->close(device);
        check(backend);
        tried++;
    }
    return tried;
}

static void check_cases(const vc_backend *backend)
{
    static const double tolerance[] = {
        [VC_IN_FP32] = 1e-5, [VC_IN_BF16] = 1e-2, [VC_IN_FP16] = 1e-3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (vc_precision p = VC_IN_FP32; p < VC_PRECISION_COUNT; p++) {
            /* No CPU has fp16: what it makes in fp32 is what is wanted. */
            const vc_precision cpu = p == VC_IN_FP16 ? VC_IN_FP32 : p;
            const op_case *c = &cases[i];
            const size_t count = IMAGES * c->out_rows * c->out_width;
            char what[128];
            const vc_precision of = vc_op_in_any_precision(c->kind) ? p : VC_IN_FP32;
            if ((cpu != VC_IN_FP32 && of == VC_IN_FP32) || !vc_precision_supported(cpu) ||
                !backend->has(c->kind, of))
                continue;
            float *have = malloc(count * sizeof *have), *want = malloc(count * sizeof *want);
            run_case(want, vc_backend_at(0), cpu, c);
            run_case(have, backend, p, c);
            snprintf(what, sizeof what, "%s in %s: %s", backend->name, vc_precision_name(p),
                     c->name);
            compare(have, want, count, tolerance[p], what);
            free(have);
            free(want);
        }
}

static void operators(void **state)
{
    (void)state;
    if (on_devices(check_cases) == 0)
        skip();
}

/* ---- attention */

typedef struct attention_case {
    const char *name;
    size_t heads, queries, keys, head_dim, value_dim, rows; /* rows: that are computed */
    enum { DENSE, MASKED, WHOLE, RESIDUAL, SUMMARIES, QUERIED, WIDE } how;
    int biased;
    vc_activation activation;
} attention_case;

static const attention_case attentions[] = {
    {"dense, 1 x 1", 1, 1, 1, 4, 4, 1, DENSE, 0, 0},
    {"dense, 37 x 37 of 16", 3, 37, 37, 16, 16, 37, DENSE, 0, 0},
    {"dense, biased, of 16 and 32", 2, 16, 49, 16, 32, 16, DENSE, 1,
     .activation = VC_ACTIVATION_HARDSWISH},
    {"masked", 3, 37, 37, 16, 16, 37, MASKED, 0, 0},
    {"masked, the class token alone", 3, 37, 37, 16, 16, 1, MASKED, 0, 0},
    {"masked and whole", 3, 37, 37, 16, 16, 37, WHOLE, 0, 0},
    {"masked and biased, 17 x 50", 2, 17, 50, 16, 32, 17, MASKED, 1, 0},
    {"masked, with a residual", 2, 25, 25, 16, 16, 25, RESIDUAL, 0, 0},
    {"masked, with summaries", 2, 37, 37, 16, 16, 37, SUMMARIES, 0, 0},
    {"biased, with summaries of queries", 2, 37, 37, 16, 16, 37, QUERIED, 1, 0},
    {"with summaries of more tokens than lanes", 2, 17, 145, 16, 16, 17, WIDE, 0, 0},
};

/* Of all tokens, and of half of them, pooled by queries. */
static void add_wide_summaries(vc_plan_layer *layer, const attention_case *c)
{
    static int32_t start[3], keys[2 * POOLED_TOKENS];
    static float weights[2 * POOLED_TOKENS], bias[MOST_BIASES];
    vc_pooling p = {2, 0, start, keys, weights, 0, NULL};
    for (size_t k = 0; k < c->keys; k++)
        keys[p.entries++] = (int32_t)k;
    start[1] = (int32_t)p.entries;
    for (size_t k = 0; k < c->keys; k += 2)
        keys[p.entries++] = (int32_t)k;
    start[2] = (int32_t)p.entries;
    noise(weights, "wide_weights", p.entries);
    noise(bias, "wide_bias", 2 * c->heads * c->queries);
    for (size_t e = 0; e < p.entries; e++)
        weights[e] = 1.0f + 0.5f * weights[e];
    query_pooling(&p, 0, c->heads, c->head_dim);
    assert_ok(vc_plan_layer_add_summaries(layer, &p, bias));
}

static void open_plan(vc_plan *plan, const attention_case *c)
{
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, c->heads, c->queries, c->keys));
    summary_mask(&mask, 0);
    assert_ok(vc_plan_of_masks(plan, &mask, 1));
    vc_mask_close(&mask);
    for (size_t h = 0; h < c->heads; h++)
        plan->layers[0].global_tokens[h] = (int32_t)h;
    if (c->how == RESIDUAL) {
        float *shares = numbers("shares", c->heads * c->queries);
        for (size_t i = 0; i < c->heads * c->queries; i++)
            shares[i] = 0.5f + 0.25f * sinf(shares[i]);
        plan->layers[0].kept_share = shares;
    }
    if (c->how == SUMMARIES || c->how == QUERIED)
        add_queried_summaries(plan, 1, 0, c->how == QUERIED ? c->head_dim : 0);
    if (c->how == WIDE)
        add_wide_summaries(&plan->layers[0], c);
}

static void open_layer(vc_packed_attention *layer, const attention_case *c, const vc_plan *plan)
{
    const size_t scores = c->heads * c->queries * c->keys;
    float *bias = numbers("bias", scores);
    const vc_pattern_options how = {
        .split = c->how == DENSE || c->how == WHOLE ? VC_PATTERN_WHOLE : VC_PATTERN_BY_PLAN};
    *layer = (vc_packed_attention){.heads = c->heads,
                                   .queries = c->queries,
                                   .keys = c->keys,
                                   .head_dim = c->head_dim,
                                   .value_dim = c->value_dim};
    assert_ok(vc_packed_attention_open(layer, c->how == DENSE ? NULL : &plan->layers[0],
                                       c->biased ? bias : NULL, &how));
    free(bias);
}

static int wants_panels(const vc_backend *backend, const attention_case *c)
{
    const vc_attention_layer sizes = {.heads = c->heads,
                                      .queries = c->queries,
                                      .keys = c->keys,
                                      .head_dim = c->head_dim,
                                      .value_dim = c->value_dim};
    return backend->panels(&sizes, VC_IN_FP32) != VC_PANELS_NONE;
}

/* Images are K and V of all tokens, and Q in front of those of the first ones. */
static void run_attention(float *out, const vc_backend *backend, const attention_case *c,
                          vc_precision precision, const vc_packed_attention *layer)
{
    const size_t q_width = c->heads * c->head_dim, width = 2 * q_width + c->heads * c->value_dim,
                 summaries = vc_pattern_summaries(&layer->pattern);
    const int copies = precision == VC_IN_FP16; /* as in run_case */
    const int packs = wants_panels(backend, c);
    size_t buffers = 2, steps = 0;
    float *in = numbers("qkv", IMAGES * c->keys * width);
    small_program p = {0};
    void *device;
    open_on(&device, backend, precision);
    p.buffers[VC_BLOCK_IMAGES] = (vc_program_buffer){.width = width, .rows = c->keys};
    p.buffers[VC_BLOCK_OUTPUTS] =
        (vc_program_buffer){.width = c->heads * c->value_dim, .rows = c->rows};
    vc_program_op op = {.attention = layer,
                        .layer = 0,
                        .keys = &p.buffers[copies ? 2 : VC_BLOCK_IMAGES],
                        .keys_at = q_width,
                        .values_at = 2 * q_width};
    if (copies) {
        p.buffers[buffers++] = p.buffers[VC_BLOCK_IMAGES];
        p.buffers[buffers++] = p.buffers[VC_BLOCK_OUTPUTS];
    }
    vc_program_buffer *queries = &p.buffers[buffers++];
    *queries = (vc_program_buffer){.width = width, .rows = c->rows};
    if (packs) {
        op.panels = &p.buffers[buffers++];
        *op.panels = (vc_program_buffer){.width = layer->panel_floats, .rows = 1, .panels = 1};
    }
    if (summaries) {
        op.summaries = &p.buffers[buffers++];
        *op.summaries = (vc_program_buffer){.width = vc_summary_floats(layer), .rows = summaries};
    }
    vc_program_op ops[6];
    size_t rows[6];
    if (copies) {
        ops[steps] = (vc_program_op){
            .kind = VC_OP_PREFIX, .from = &p.buffers[VC_BLOCK_IMAGES], .to = op.keys};
        rows[steps++] = c->keys;
    }
    ops[steps] = (vc_program_op){.kind = VC_OP_PREFIX, .from = op.keys, .to = queries};
    rows[steps++] = c->rows;
    if (packs) {
        ops[steps] = op;
        ops[steps].kind = VC_OP_PANELS;
        ops[steps].to = op.panels;
        rows[steps++] = c->keys;
    }
    if (summaries) {
        ops[steps] = op;
        ops[steps].kind = VC_OP_POOL;
        ops[steps].to = op.summaries;
        rows[steps++] = summaries;
    }
    ops[steps] = op;
    ops[steps].kind = VC_OP_ATTENTION;
    ops[steps].from = queries;
    ops[steps].to = &p.buffers[copies ? 3 : VC_BLOCK_OUTPUTS];
    ops[steps].activation = c->activation;
    rows[steps++] = c->rows;
    if (copies) {
        ops[steps] = (vc_program_op){
            .kind = VC_OP_PREFIX, .from = &p.buffers[3], .to = &p.buffers[VC_BLOCK_OUTPUTS]};
        rows[steps++] = c->rows;
    }
    vc_program_step each[6];
    for (size_t i = 0; i < buffers; i++)
        p.list[i] = &p.buffers[i];
    for (size_t i = 0; i < steps; i++) {
        ops[i].index = i;
        each[i] = (vc_program_step){rows[i], &ops[i], 1};
    }
    p.program = (vc_program){p.list, buffers, each, steps, steps};
    run_twice(out, backend, device, &p, in, IMAGES * c->rows * c->heads * c->value_dim);
    backend->close(device);
    free(in);
}

static void check_attention(const vc_backend *backend)
{
    for (size_t i = 0; i < sizeof attentions / sizeof *attentions; i++) {
        const attention_case *c = &attentions[i];
        const size_t count = IMAGES * c->rows * c->heads * c->value_dim;
        float *have = malloc(count * sizeof *have), *want = malloc(count * sizeof *want);
        vc_packed_attention layer;
        vc_plan plan = {0};
        if (c->how != DENSE)
            open_plan(&plan, c);
        open_layer(&layer, c, &plan);
        run_attention(want, vc_backend_at(0), c, VC_IN_FP32, &layer);
        run_attention(have, backend, c, VC_IN_FP32, &layer);
        compare(have, want, count, 2e-5, c->name);
        run_attention(have, backend, c, VC_IN_FP16, &layer);
        compare(have, want, count, 4e-3, c->name);
        vc_packed_attention_close(&layer);
        if (c->how != DENSE)
            vc_plan_close(&plan);
        free(have);
        free(want);
    }
}

static void attention(void **state)
{
    (void)state;
    if (on_devices(check_attention) == 0)
        skip();
}

/* ---- what is refused */

static void check_refusals(const vc_backend *backend)
{
    const vc_backend_options far = {.batch = 1, .threads = 1, .device = 999},
                             int8 = {.precision = VC_IN_INT8, .batch = 1, .threads = 1};
    void *device;
    assert_fails(backend->open(&device, &far), VC_EINVAL, ":999, wanted 0 to");
    assert_fails(backend->open(&device, &int8), VC_EUNSUPPORTED, "no products in int8");
}

/* More values than the device has memory for are refused before anything is allocated. */
static void check_memory(const vc_backend *backend)
{
    const vc_backend_options options = {.batch = (size_t)1 << 40, .threads = 1};
    small_program p = {0};
    void *device;
    assert_ok(backend->open(&device, &options));
    begin(&p, 2, 0);
    p.buffers[0] = p.buffers[1] = (vc_program_buffer){.width = 64, .rows = 64};
    assert_fails(backend->allocate(&p.program, device), VC_ENOMEM,
                 "has no room for the values of a batch");
    backend->close(device);
}

static void refusals(void **state)
{
    (void)state;
    if (on_devices(check_refusals) == 0)
        skip();
    on_devices(check_memory);
}

int main(void)
{
    setenv("VC_ISA", "ref", 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(operators), cmocka_unit_test(attention),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
