/* The times of operators on a device, by its own clock. */
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"
#include "vitcod/clock.h"

vc_status vc__device_times_open(vc__device *d, const vc_program *program)
{
    d->seconds = calloc(program->op_count + 1, sizeof *d->seconds);
    d->parts = calloc(VC_ATTENTION_PHASES * (program->op_count + 1), sizeof *d->parts);
    return d->seconds && d->parts ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

void vc__device_time(void *device, int on)
{
    vc__device *d = device;
    d->timing = on;
    (void)d->runtime->timing(d->queue, on); /* a queue that fails is told by the next run */
    if (!on)
        return;
    memset(d->seconds, 0, (d->op_count + 1) * sizeof *d->seconds);
    memset(d->parts, 0, VC_ATTENTION_PHASES * d->op_count * sizeof *d->parts);
}

static void keep_event(vc__device *d, size_t op, const vc__span *span, double first)
{
    if (d->tracing && d->event_count < 4 * (d->op_count + 1))
        d->events[d->event_count++] =
            (vc_engine_event){op, d->run_started + span->start - first, span->seconds};
}

/* Waiting is what of the run's time is no operator's: images and logits on their way, and gaps. */
void vc__device_take_times(vc__device *d)
{
    const double whole = vc_clock_seconds() - d->run_started;
    double told = 0.0, first = 0.0;
    vc__span span;
    d->event_count = 0;
    for (size_t i = 0; i < d->runtime->span_count(d->queue); i++) {
        size_t op = d->runtime->span(&span, d->queue, i);
        if (i == 0)
            first = span.start;
        if (op > d->op_count) {
            d->parts[op - d->op_count - 1] += span.seconds;
            op = (op - d->op_count - 1) / VC_ATTENTION_PHASES;
        }
        if (op >= d->op_count)
            continue;
        d->seconds[op] += span.seconds;
        told += span.seconds;
        keep_event(d, op, &span, first);
    }
    d->seconds[d->op_count] += whole > told ? whole - told : 0.0;
}

double vc__device_seconds(double phases[VC_ATTENTION_PHASES], const void *device, size_t op)
{
    const vc__device *d = device;
    double told = 0.0;
    for (size_t p = 0; p < VC_ATTENTION_PHASES; p++)
        told += op < d->op_count ? d->parts[VC_ATTENTION_PHASES * op + p] : 0.0;
    for (size_t p = 0; p < VC_ATTENTION_PHASES; p++) /* 0: one kernel does all three */
        phases[p] = told > 0.0 ? d->parts[VC_ATTENTION_PHASES * op + p] / told : 0.0;
    return d->seconds[op];
}

vc_status vc__device_trace(void *device, const vc_program *program, int on)
{
    vc__device *d = device;
    free(d->events);
    d->events = NULL;
    d->event_count = 0;
    d->tracing = on;
    if (!on)
        return VC_OK;
    d->events = calloc(4 * (program->op_count + 1), sizeof *d->events);
    if (!d->events)
        d->tracing = 0;
    return d->events ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for events");
}

size_t vc__device_event_count(const void *device, size_t worker)
{
    return worker == 0 ? ((const vc__device *)device)->event_count : 0;
}

vc_engine_event vc__device_event_at(const void *device, size_t worker, size_t index)
{
    (void)worker;
    return ((const vc__device *)device)->events[index];
}
