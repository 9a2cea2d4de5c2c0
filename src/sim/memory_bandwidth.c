/* The simple memory (eq. C1): transfers one after the other, as they are pushed, bytes over rate. */
#include <math.h>
#include <stdlib.h>

#include "vitcod/memory.h"

struct vc_memory {
    double bytes_per_cycle, pj_per_byte;
    double free; /* from when on it has nothing to do, in cycles */
    vc_memory_counters counters;
};

vc_memory_config vc_memory_config_default(void)
{
    return (vc_memory_config){.bytes_per_second = 76.8e9, .pj_per_bit = 12.5};
}

vc_status vc_memory_open(vc_memory **out, const vc_memory_config *config, double chip_hz)
{
    *out = NULL;
    if (!(config->bytes_per_second > 0.0) || !isfinite(config->bytes_per_second))
        return vc_fail(VC_EINVAL, "a memory of %g bytes per second, wanted more than 0",
                       config->bytes_per_second);
    vc_memory *m = *out = calloc(1, sizeof *m);
    if (!m)
        return vc_fail(VC_ENOMEM, "out of memory");
    m->bytes_per_cycle = config->bytes_per_second / chip_hz;
    m->pj_per_byte = 8.0 * config->pj_per_bit;
    return VC_OK;
}

static uint64_t cycle_of(double time)
{
    return (uint64_t)ceil(time);
}

void vc_memory_push(vc_memory *m, vc_transfer *t)
{
    const double start = m->free > (double)t->issue ? m->free : (double)t->issue;
    uint64_t chunk = 0;
    for (uint64_t bytes = 0; t->done && bytes < t->bytes; chunk++) {
        bytes = bytes + t->chunk_bytes < t->bytes ? bytes + t->chunk_bytes : t->bytes;
        t->done[chunk] = cycle_of(start + (double)bytes / m->bytes_per_cycle);
    }
    m->free = start + (double)t->bytes / m->bytes_per_cycle;
    t->finished = cycle_of(m->free);
    if (t->write)
        m->counters.written_bytes += t->bytes;
    else
        m->counters.read_bytes += t->bytes;
    m->counters.energy_pj += (double)t->bytes * m->pj_per_byte;
}

uint64_t vc_memory_wait(vc_memory *m, vc_transfer *t)
{
    (void)m;
    return t->finished;
}

vc_memory_counters vc_memory_count(const vc_memory *m)
{
    return m->counters;
}

void vc_memory_close(vc_memory *m)
{
    free(m);
}
