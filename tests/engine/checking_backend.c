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

static vc_status device_allocate(vc_program *program, void *at)
{
    device *d = at;
    checking.allocations++;
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

static void check_op(const device *d, const vc_program *p, const vc_program_op *op)
{
    check_read(d, p, op->from);
    check_read(d, p, op->keys);
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
        for (size_t i = 0; i < p->steps[s].op_count; i++)
            check_op(d, p, &p->steps[s].ops[i]);
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

static int device_has(vc_op_kind kind)
{
    return vc_backend_cpu.has(kind);
}

static const vc_backend checking_backend = {
    .name = "checking",
    .open = device_open,
    .close = device_close,
    .has = device_has,
    .upload = device_upload,
    .pack = device_pack,
    .allocate = device_allocate,
    .bytes = device_bytes,
    .prepare = device_prepare,
    .run = device_run,
    .synchronise = device_synchronise,
    .time = device_time,
    .seconds = device_seconds,
    .trace = device_trace,
    .event_count = device_event_count,
    .event_at = device_event_at,
};
