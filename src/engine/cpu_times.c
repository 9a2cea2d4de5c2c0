/* The times of the operators on the CPU. */
#include <stdlib.h>
#include <string.h>

#include "cpu_impl.h"

enum { LINE = VC_ARENA_ALIGN / sizeof(uint64_t) /* workers write to different cache lines */ };

size_t vc__seconds_stride(const vc__cpu *cpu)
{
    return cpu->op_count + LINE;
}

size_t vc__ticks_stride(const vc__cpu *cpu)
{
    return cpu->op_count * VC_ATTENTION_PHASES + LINE;
}

void vc__cpu_time(void *device, int on)
{
    vc__cpu *cpu = device;
    cpu->timing = on;
    if (!on)
        return;
    const size_t threads = cpu->options.threads;
    memset(cpu->seconds, 0, threads * vc__seconds_stride(cpu) * sizeof *cpu->seconds);
    memset(cpu->ticks, 0, threads * vc__ticks_stride(cpu) * sizeof *cpu->ticks);
}

static void find_phases(double *shares, const vc__cpu *cpu, size_t op)
{
    uint64_t sums[VC_ATTENTION_PHASES] = {0}, all = 0;
    for (size_t w = 0; w < cpu->options.threads; w++)
        for (size_t p = 0; p < VC_ATTENTION_PHASES; p++) {
            const uint64_t ticks =
                cpu->ticks[w * vc__ticks_stride(cpu) + op * VC_ATTENTION_PHASES + p];
            sums[p] += ticks;
            all += ticks;
        }
    for (size_t p = 0; p < VC_ATTENTION_PHASES; p++)
        shares[p] = all ? (double)sums[p] / (double)all : 0.0;
}

double vc__cpu_seconds(double phases[VC_ATTENTION_PHASES], const void *device, size_t op)
{
    const vc__cpu *cpu = device;
    double sum = 0.0;
    for (size_t w = 0; w < cpu->options.threads; w++)
        sum += cpu->seconds[w * vc__seconds_stride(cpu) + op];
    if (op < cpu->op_count)
        find_phases(phases, cpu, op);
    return sum / (double)cpu->options.threads;
}

vc_status vc__cpu_trace(void *device, const vc_program *program, int on)
{
    vc__cpu *cpu = device;
    const size_t threads = cpu->options.threads;
    for (size_t w = 0; cpu->events && w < threads; w++)
        free(cpu->events[w].items);
    free(cpu->events);
    cpu->events = NULL;
    if (!on)
        return VC_OK;
    size_t most = 0;
    for (size_t s = 0; s < program->step_count; s++) {
        const size_t rows = cpu->options.batch * program->steps[s].rows_per_image;
        most += vc__tiles_of(cpu, rows) / threads * program->steps[s].op_count + 1;
    }
    cpu->events = calloc(threads, sizeof *cpu->events);
    for (size_t w = 0; cpu->events && w < threads; w++) {
        cpu->events[w].items = calloc(most, sizeof *cpu->events[w].items);
        if (!cpu->events[w].items) {
            vc__cpu_trace(cpu, program, 0);
            break;
        }
    }
    return cpu->events ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu events", most);
}

size_t vc__cpu_event_count(const void *device, size_t worker)
{
    const vc__cpu *cpu = device;
    return cpu->events ? cpu->events[worker].count : 0;
}

vc_engine_event vc__cpu_event_at(const void *device, size_t worker, size_t index)
{
    return ((const vc__cpu *)device)->events[worker].items[index];
}
