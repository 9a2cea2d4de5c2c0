/* The operators on a device: each is a launch or two. */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "device_impl.h"
#include "vitcod/clock.h"
#include "vitcod/ops.h"

/* An operator that runs. */
typedef struct running {
    vc__device *device;
    const vc_program *program;
    const vc_program_op *op;
    size_t rows, rows_per_image, images; /* of all images; of one */
} running;

static vc__memory memory_of(const running *r, const vc_program_buffer *buffer)
{
    if (!buffer)
        return (vc__memory){0};
    if (buffer == r->program->buffers[VC_BLOCK_IMAGES])
        return r->device->images;
    if (buffer == r->program->buffers[VC_BLOCK_OUTPUTS])
        return r->device->outputs;
    return *(const vc__memory *)(const void *)buffer->data;
}

static vc__argument memory(vc__memory of)
{
    return (vc__argument){.kind = VC__MEMORY, .memory = of.handle};
}

static vc__argument values(const running *r, const vc_program_buffer *buffer)
{
    return memory(memory_of(r, buffer));
}

static vc__argument uploaded(const float *handle)
{
    return memory(*(const vc__memory *)(const void *)handle);
}

static vc__argument number(size_t value)
{
    assert(value <= INT32_MAX);
    return (vc__argument){.kind = VC__INT, .number = (int32_t)value};
}

static vc__argument wide(size_t value)
{
    return (vc__argument){.kind = VC__LONG, .wide = (int64_t)value};
}

static vc__argument real(float value)
{
    return (vc__argument){.kind = VC__FLOAT, .real = value};
}

static int is_narrow(const vc_program_buffer *buffer)
{
    return buffer->precision != VC_IN_FP32;
}

static vc__argument narrowness(const vc_program_buffer *buffer)
{
    return number((size_t)is_narrow(buffer));
}

/* Whether an operator reads narrow values, and makes them. */
#define BOTH(op) narrowness((op)->from), narrowness((op)->to)

#define LAUNCH(r, name, count, ...)                                                                \
    launch(r, &(r)->device->kernels.name, count, (const vc__argument[]){__VA_ARGS__},              \
           sizeof((const vc__argument[]){__VA_ARGS__}) / sizeof(vc__argument))

static vc_status launch(const running *r, const vc__kernel *kernel, size_t groups,
                        const vc__argument *arguments, size_t count)
{
    const size_t grid[2] = {groups, 1};
    return r->device->runtime->launch(r->device->queue, kernel, grid, arguments, count);
}

/* ---- operators */

static vc_status run_positions(const running *r)
{
    const vc_program_op *op = r->op;
    return LAUNCH(r, positions, r->rows, values(r, op->to), uploaded(op->weight),
                  number(r->rows_per_image), number(op->to->width), number((size_t)op->add),
                  narrowness(op->to));
}

static vc_status run_patches(const running *r)
{
    const vc_program_op *op = r->op;
    const vc_patches *p = &op->patches;
    return LAUNCH(r, patches, r->rows, values(r, op->to), values(r, op->from),
                  number(r->rows_per_image), number(op->prefix), number(p->image.height),
                  number(p->image.width), number(p->patch.height), number(p->patch.width),
                  number(p->channels), BOTH(op));
}

static vc_status run_windows(const running *r)
{
    const vc_program_op *op = r->op;
    const vc_window *w = &op->window;
    return LAUNCH(r, windows, r->rows, values(r, op->to), values(r, op->from),
                  number(r->rows_per_image), number(vc_window_side(w)), number(w->side),
                  number(w->kernel), number(w->stride), number(w->padding), number(w->channels),
                  wide(w->image_stride), wide(w->pixel_stride), wide(w->channel_stride), BOTH(op));
}

static vc_status run_norm(const running *r)
{
    const vc_program_op *op = r->op;
    /* A row of the step may be several rows of the norm: the class tokens of an image. */
    const size_t width = op->from->width, rows = r->rows * op->to->width / width;
    return LAUNCH(r, layernorm, rows, values(r, op->to), values(r, op->from), uploaded(op->weight),
                  uploaded(op->bias), number(width), real(op->eps), number((size_t)op->deviation),
                  BOTH(op));
}

static vc_status run_prefix(const running *r)
{
    const vc_program_op *op = r->op;
    return LAUNCH(r, prefix_rows, r->rows, values(r, op->to), values(r, op->from),
                  number(r->rows_per_image), number(op->from->rows), number(op->to->width),
                  BOTH(op));
}

static vc_status run_subsample(const running *r)
{
    const vc_program_op *op = r->op;
    return LAUNCH(r, subsample, r->rows, values(r, op->to), values(r, op->from),
                  number(r->rows_per_image), number(op->from->rows), number(op->to->width),
                  number(op->window.side), BOTH(op));
}

static vc_status run_spans(const running *r)
{
    const vc_program_op *op = r->op;
    const vc_span *s = &op->span;
    return LAUNCH(r, spans, r->rows, values(r, op->to), values(r, op->from),
                  number(r->rows_per_image), number(s->tokens), number(s->channels),
                  number(s->kernel), number(s->stride), number(s->padding), BOTH(op));
}

static vc_status run_mean(const running *r)
{
    const vc_program_op *op = r->op;
    return LAUNCH(r, mean_rows, r->rows, values(r, op->to), values(r, op->from),
                  number(op->from->rows), number(op->prefix), number(op->from->rows),
                  number(op->from->width), number(0), number(op->from->width), BOTH(op));
}

static vc_status run_gate(const running *r)
{
    return LAUNCH(r, gate, r->rows, values(r, r->op->to), values(r, r->op->from),
                  number(r->op->to->width), BOTH(r->op));
}

/* By a library, which adds, but has neither bias nor activation. */
static vc_status run_multiplied(const running *r, const vc__device_product *p)
{
    const vc_program_op *op = r->op;
    const vc__device *d = r->device;
    const int converted = op->precision != op->from->precision;
    const vc__multiplication m = {.c = is_narrow(op->to) ? d->sums : memory_of(r, op->to),
                                  .a = converted ? d->narrowed : memory_of(r, op->from),
                                  .b = p->weight,
                                  .rows = r->rows,
                                  .inputs = op->inputs,
                                  .outputs = op->outputs,
                                  .precision = op->precision,
                                  .add = op->add};
    if (converted)
        VC_TRY(LAUNCH(r, narrow_rows, r->rows, memory(d->narrowed), values(r, op->from),
                      number(op->inputs)));
    VC_TRY(d->runtime->multiply(d->queue, &m));
    if (!p->bias.handle && op->activation == VC_ACTIVATION_NONE && !is_narrow(op->to))
        return VC_OK;
    return LAUNCH(r, finish_product, r->rows, values(r, op->to), memory(m.c), memory(p->bias),
                  number(op->outputs), number(op->activation), narrowness(op->to));
}

static vc_status run_product(const running *r)
{
    enum { TILE = 64 }; /* as product.cl has it */
    const vc_program_op *op = r->op;
    const vc__device *d = r->device;
    const vc__device_product *p = &d->products[op->packed];
    if (d->runtime->multiplies(d->queue, op->precision))
        return run_multiplied(r, p);
    const vc__argument arguments[] = {values(r, op->to),
                                      values(r, op->from),
                                      memory(p->weight),
                                      memory(p->bias),
                                      number(r->rows),
                                      number(op->inputs),
                                      number(op->outputs),
                                      number(op->activation),
                                      number((size_t)op->add),
                                      narrowness(op->from),
                                      number(op->precision != VC_IN_FP32),
                                      narrowness(op->to)};
    const size_t groups[2] = {(r->rows + TILE - 1) / TILE, (op->outputs + TILE - 1) / TILE};
    return d->runtime->launch(d->queue, &d->kernels.product, groups, arguments,
                              sizeof arguments / sizeof *arguments);
}

static vc_status run_pool(const running *r)
{
    const vc_program_op *op = r->op;
    const vc_packed_attention *a = op->attention;
    const vc__device_attention *at = vc__device_attention_of(r->device, a);
    const vc_pooling *p = a->pattern.pooling;
    const vc__argument arguments[] = {values(r, op->to),
                                      values(r, op->keys),
                                      memory(at->pool_start),
                                      memory(at->pool_keys),
                                      memory(at->pool_weights),
                                      memory(at->pool_query),
                                      number(a->heads),
                                      number(p->count),
                                      number(op->keys->rows),
                                      number(op->keys->width),
                                      number(op->keys_at),
                                      number(op->values_at),
                                      real(p->query ? 1.0f / sqrtf((float)p->dim) : 0.0f),
                                      narrowness(op->keys),
                                      narrowness(op->to)};
    return launch(r, &at->kernels.pool, r->images * p->count * a->heads, arguments,
                  sizeof arguments / sizeof *arguments);
}

/* As attention.cl has them. */
static size_t narrow_bits(const vc_program_op *op)
{
    enum { Y = 1, Q = 2, KEYS = 4, SUMMARIES = 8 };
    return (is_narrow(op->to) ? Y : 0u) | (is_narrow(op->from) ? Q : 0u) |
           (is_narrow(op->keys) ? KEYS : 0u) |
           (op->summaries && is_narrow(op->summaries) ? SUMMARIES : 0u);
}

static vc_status run_attention(const running *r)
{
    const vc_program_op *op = r->op;
    const vc_packed_attention *a = op->attention;
    const vc__device_attention *at = vc__device_attention_of(r->device, a);
    assert(at->rows == r->rows_per_image && op->keys->rows == a->keys);
    if (at->shares.handle)
        VC_TRY(LAUNCH(r, mean_rows, r->images, memory(at->means), values(r, op->keys),
                      number(a->keys), number(0), number(a->keys), number(op->keys->width),
                      number(op->values_at), number(a->heads * a->value_dim), narrowness(op->keys),
                      number(0)));
    const vc__operands operands = {memory_of(r, op->to), memory_of(r, op->from),
                                   memory_of(r, op->keys), memory_of(r, op->summaries),
                                   narrow_bits(op)};
    if (r->device->options.attention != VC_ATTENTION_FAST)
        return vc__device_attend_apart(r->device, at, op, &operands, r->images);
    const vc__argument arguments[] = {
        values(r, op->to),       values(r, op->from),
        values(r, op->keys),     values(r, op->summaries),
        memory(at->first),       memory(at->count),
        memory(at->keys),        memory(at->kept),
        memory(at->bias),        memory(at->shares),
        memory(at->means),       number(a->heads),
        number(at->blocks),      number(at->rows),
        number(a->keys),         number(vc_pattern_summaries(&a->pattern)),
        number(op->from->width), number(op->keys->width),
        number(op->keys_at),     number(op->values_at),
        number(op->activation),  number(operands.narrow)};
    return launch(r, &at->kernels.attend, r->images * a->heads * at->blocks, arguments,
                  sizeof arguments / sizeof *arguments);
}

static vc_status run_op(const running *r)
{
    switch (r->op->kind) {
    case VC_OP_POSITIONS:
    case VC_OP_PLACE:
        return run_positions(r);
    case VC_OP_PATCHES:
        return run_patches(r);
    case VC_OP_WINDOWS:
        return run_windows(r);
    case VC_OP_SUBSAMPLE:
        return run_subsample(r);
    case VC_OP_POOL:
        return run_pool(r);
    case VC_OP_ATTENTION:
        return run_attention(r);
    case VC_OP_GATE:
        return run_gate(r);
    case VC_OP_PREFIX:
        return run_prefix(r);
    case VC_OP_SPANS:
        return run_spans(r);
    case VC_OP_MEAN:
        return run_mean(r);
    default:
        return r->op->inputs > 0 ? run_product(r) : run_norm(r);
    }
}

/* ---- programs */

static vc_status run_step(vc__device *d, const vc_program *p, const vc_program_step *step,
                          size_t images)
{
    for (size_t i = 0; i < step->op_count; i++) {
        const running r = {.device = d,
                           .program = p,
                           .op = &step->ops[i],
                           .rows = images * step->rows_per_image,
                           .rows_per_image = step->rows_per_image,
                           .images = images};
        if (d->timing)
            VC_TRY(d->runtime->mark(d->queue, r.op->index));
        VC_TRY(run_op(&r));
    }
    return VC_OK;
}

static size_t bytes_of(const vc_program_buffer *buffer, size_t images)
{
    return images * buffer->rows * buffer->width * sizeof(float);
}

static vc_status launch_all(vc__device *d, const vc_program *p, size_t images)
{
    for (size_t s = 0; s < p->step_count; s++)
        VC_TRY(run_step(d, p, &p->steps[s], images));
    return VC_OK;
}

static vc_status run_steps(vc__device *d, const vc_program *p, size_t first, size_t count,
                           size_t images)
{
    const vc_program_buffer *in = p->buffers[VC_BLOCK_IMAGES], *out = p->buffers[VC_BLOCK_OUTPUTS];
    if (first == 0) {
        d->run_started = vc_clock_seconds();
        if (d->timing)
            VC_TRY(d->runtime->timing(d->queue, 1)); /* forgets the last run's */
        VC_TRY(d->runtime->write(d->queue, d->images, in->data, bytes_of(in, images)));
    }
    if (count == p->step_count)
        VC_TRY(vc__device_replay(d, p, images, launch_all));
    for (size_t s = first; count < p->step_count && s < first + count; s++)
        VC_TRY(run_step(d, p, &p->steps[s], images));
    if (first + count < p->step_count)
        return VC_OK;
    if (d->timing)
        VC_TRY(d->runtime->mark(d->queue, d->op_count));
    d->logits = out->data;
    d->logit_count = images * out->rows * out->width;
    return d->runtime->read(d->queue, out->data, d->outputs, bytes_of(out, images));
}

/* After a failure the caller may release images and logits, which what is still queued reads and
 * writes: it is waited for, and the first sentence stays. */
vc_status vc__device_run(void *device, const vc_program *p, size_t first, size_t count,
                         size_t images)
{
    vc__device *d = device;
    char why[1024];
    const vc_status status = run_steps(d, p, first, count, images);
    if (status == VC_OK)
        return VC_OK;
    snprintf(why, sizeof why, "%s", vc_last_error());
    (void)d->runtime->finish(d->queue);
    return vc_fail(status, "%s", why);
}

vc_status vc__device_synchronise(void *device)
{
    vc__device *d = device;
    VC_TRY(d->runtime->finish(d->queue));
    if (d->timing)
        vc__device_take_times(d);
    return vc__device_check_logits(d);
}
