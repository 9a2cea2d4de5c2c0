/* A backend for tests: runs on the CPU's, and checks on the way. What it gives memory to is full of
 * NaNs until it is written, and no operator may read a buffer that nothing of this run has
 * written. */
#include <stdlib.h>
#include <string.h>

#include "vitcod/backend.h"

/* Since the last device was opened. */
typedef struct checking_calls {
    size_t opened, closed, uploads, packed, allocations, prepared, steps, synchronised, timed;
    size_t unwritten; /* reads of what was not written */
} checking_calls;

static checking_calls checking;

typedef struct device {
    void *cpu;
    vc_backend_options options;
    unsigned char *written; /* (buffers) of the program */
    int own_panels;         /* it packs them itself, as no operator does */
} device;

static vc_status device_open(void **out, const vc_backend_options *options)
{
    checking = (checking_calls){.opened = 1};
    device *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d)
        return vc_fail(VC_ENOMEM, "out of memory");
    d->options = *options;
    const vc_status status = vc_backend_cpu.open(&d->cpu, options);
    if (status == VC_OK)
        *out = d;
    else
        free(d);
    return status;
}

static void device_close(void *at)
{
    device *d = at;
    if (!d)
        return;
    checking.closed++;
    vc_backend_cpu.close(d->cpu);
    free(d->written);
    free(d);
}

static vc_status device_upload(const float **out, void *at, const float *values, size_t count)
{
    checking.uploads++;
    return vc_backend_cpu.upload(out, ((device *)at)->cpu, values, count);
}

static vc_status device_pack(vc_program_op *op, void *at, const vc_linear *linear)
{
    checking.packed++;
    return vc_backend_cpu.pack(op, ((device *)at)->cpu, linear);
}

/* NaNs in every precision. Panels are zeros at first, as backend.h says. */
static void poison(const device *d, const vc_program *program)
{
    for (size_t i = VC_BLOCK_OUTPUTS + 1; i < program->buffer_count; i++) {
        const vc_program_buffer *b = program->buffers[i];
        const size_t floats =
            b->local ? b->stride * d->options.threads : b->width * b->rows * d->options.batch;
        if (!b->panels)
            memset(b->data, 0xff, floats * sizeof *b->data);
    }
}

/* The CPU's attention reads panels. */
static vc_status add_own_panels(device *d, vc_program *p)
{
    for (size_t s = 0; s < p->step_count; s++)
        for (size_t i = 0; i < p->steps[s].op_count; i++) {
            vc_program_op *op = &p->steps[s].ops[i];
            if (op->kind != VC_OP_ATTENTION || op->panels)
                continue;
            vc_program_buffer **grown = realloc(p->buffers, (p->buffer_count + 1) * sizeof(void *));
            if (grown)
                p->buffers = grown;
            op->panels = grown ? calloc(1, sizeof *op->panels) : NULL;
            if (!op->panels)
                return vc_fail(VC_ENOMEM, "out of memory");
            *op->panels =
                (vc_program_buffer){.width = op->attention->panel_floats, .rows = 1, .panels = 1};
            p->buffers[p->buffer_count++] = op->panels;
            d->own_panels = 1;
        }
    return VC_OK;
}

static vc_status device_allocate(vc_program *program, void *at)
{
    device *d = at;
    checking.allocations++;
    VC_TRY(add_own_panels(d, program));
    VC_TRY(vc_backend_cpu.allocate(program, d->cpu));
    d->written = calloc(program->buffer_count, 1);
    return d->written ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static size_t device_bytes(const void *at)
{
    return vc_backend_cpu.bytes(((const device *)at)->cpu);
}

static vc_status device_prepare(void *at, const vc_program *program, size_t images)
{
    checking.prepared++;
    return vc_backend_cpu.prepare(((device *)at)->cpu, program, images);
}

static unsigned char *written(const device *d, const vc_program *p, const vc_program_buffer *buffer)
{
    size_t i = 0;
    while (p->buffers[i] != buffer)
        i++;
    return &d->written[i];
}

static void check_read(const device *d, const vc_program *p, const vc_program_buffer *buffer)
{
    if (buffer && !*written(d, p, buffer))
        checking.unwritten++;
}

static void pack_own_summaries(const vc_program_op *op, size_t image)
{
    const vc_packed_attention *a = op->attention;
    const size_t width = op->summaries->width, count = op->summaries->rows;
    const float *rows = op->summaries->data + image * count * width;
    vc_attention_pack(op->panels->data + image * op->panels->width, a, rows,
                      rows + a->heads * a->head_dim, width, a->keys, count);
}

static void pack_own_panels(const device *d, const vc_program *p, const vc_program_op *op,
                            size_t images)
{
    if (!d->own_panels || op->kind != VC_OP_ATTENTION)
        return;
    const size_t width = op->keys->width;
    for (size_t i = 0; i < images; i++) {
        const float *keys = op->keys->data + i * op->keys->rows * width;
        vc_attention_pack(op->panels->data + i * op->panels->width, op->attention,
                          keys + op->keys_at, keys + op->values_at, width, 0, op->keys->rows);
        if (op->summaries)
            pack_own_summaries(op, i);
    }
    *written(d, p, op->panels) = 1;
}

static void check_op(const device *d, const vc_program *p, const vc_program_op *op)
{
    check_read(d, p, op->from);
    check_read(d, p, op->keys);
    if (op->summaries != op->to)
        check_read(d, p, op->summaries);
    if (op->panels != op->to)
        check_read(d, p, op->panels);
    if (op->add)
        check_read(d, p, op->to);
    *written(d, p, op->to) = 1;
}

/* Each step on its own, so that none leans on how the CPU runs several. */
static vc_status device_run(void *at, const vc_program *p, size_t first, size_t count,
                            size_t images)
{
    device *d = at;
    if (first == 0) {
        poison(d, p);
        memset(d->written, 0, p->buffer_count);
        d->written[VC_BLOCK_IMAGES] = 1;
    }
    for (size_t s = first; s < first + count; s++) {
        for (size_t b = VC_BLOCK_OUTPUTS + 1; b < p->buffer_count; b++)
            if (p->buffers[b]->local) /* nothing of one step is left for the next */
                d->written[b] = 0;
        for (size_t i = 0; i < p->steps[s].op_count; i++) {
            pack_own_panels(d, p, &p->steps[s].ops[i], images);
            check_op(d, p, &p->steps[s].ops[i]);
        }
        checking.steps++;
        VC_TRY(vc_backend_cpu.run(d->cpu, p, s, 1, images));
    }
    if (first + count == p->step_count && !d->written[VC_BLOCK_OUTPUTS])
        checking.unwritten++;
    return VC_OK;
}

static vc_status device_synchronise(void *at)
{
    checking.synchronised++;
    return vc_backend_cpu.synchronise(((device *)at)->cpu);
}

static void device_time(void *at, int on)
{
    checking.timed++;
    vc_backend_cpu.time(((device *)at)->cpu, on);
}

static double device_seconds(double phases[VC_ATTENTION_PHASES], const void *at, size_t op)
{
    return vc_backend_cpu.seconds(phases, ((const device *)at)->cpu, op);
}

static vc_status device_trace(void *at, const vc_program *program, int on)
{
    return vc_backend_cpu.trace(((device *)at)->cpu, program, on);
}

static size_t device_event_count(const void *at, size_t worker)
{
    return vc_backend_cpu.event_count(((const device *)at)->cpu, worker);
}

static vc_engine_event device_event_at(const void *at, size_t worker, size_t index)
{
    return vc_backend_cpu.event_at(((const device *)at)->cpu, worker, index);
}

static int device_has(vc_op_kind kind, vc_precision precision)
{
    return vc_backend_cpu.has(kind, precision);
}

static vc_panels device_panels(const vc_attention_layer *layer, vc_precision precision)
{
    return vc_backend_cpu.panels(layer, precision);
}

static vc_panels no_panels(const vc_attention_layer *layer, vc_precision precision)
{
    (void)layer;
    (void)precision;
    return VC_PANELS_NONE;
}

static vc_status device_fill_costs(vc_pattern_options *options, vc_panels panels)
{
    return vc_backend_cpu.fill_costs(options, panels);
}

#define CHECKING_ROW                                                                               \
    .open = device_open, .close = device_close, .has = device_has,                                 \
    .fill_costs = device_fill_costs, .upload = device_upload, .pack = device_pack,                 \
    .allocate = device_allocate, .bytes = device_bytes, .prepare = device_prepare,                 \
    .run = device_run, .synchronise = device_synchronise, .time = device_time,                     \
    .seconds = device_seconds, .trace = device_trace, .event_count = device_event_count,           \
    .event_at = device_event_at

/* The second wants no panels. Where the CPU's are in bfloat16, its logits are others. */
static const vc_backend checking_backends[] = {
    {.name = "checking", .panels = device_panels, CHECKING_ROW},
    {.name = "without panels",
     .tolerance = {[VC_IN_BF16] = 0.02, [VC_IN_INT8] = 0.05},
     .panels = no_panels,
     CHECKING_ROW},
};
