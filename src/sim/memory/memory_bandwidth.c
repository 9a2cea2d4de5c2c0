/* The simple memory (eq. C1): transfers are served one after the other, in the order in which they
 * are pushed, each in bytes / rate. */
#include <math.h>
#include <stdlib.h>

#include "memory_impl.h"

typedef struct bandwidth {
    vc_memory base;
    double bytes_per_cycle, pj_per_byte;
    double free; /* the cycle from which on it is free */
} bandwidth;

static vc_status open_bandwidth(vc_memory **out, const vc_memory_config *config, double chip_hz)
{
    if (!(config->bytes_per_second > 0.0) || !isfinite(config->bytes_per_second))
        return vc_fail(VC_EINVAL, "a memory of %g bytes per second, wanted more than 0",
                       config->bytes_per_second);
    bandwidth *m = calloc(1, sizeof *m);
    if (!m)
        return vc_fail(VC_ENOMEM, "out of memory");
    m->bytes_per_cycle = config->bytes_per_second / chip_hz;
    m->pj_per_byte = 8.0 * config->pj_per_bit;
    *out = &m->base;
    return VC_OK;
}

static uint64_t cycle_of(double time)
{
    return (uint64_t)ceil(time);
}

static void push_transfer(vc_memory *memory, vc_transfer *t)
{
    bandwidth *m = (bandwidth *)memory;
    const double start = m->free > (double)t->issue ? m->free : (double)t->issue;
    for (uint64_t chunk = 0, count = vc__chunks(t); chunk < count; chunk++) {
        const uint64_t end = (chunk + 1) * t->chunk_bytes, bytes = end < t->bytes ? end : t->bytes;
        t->done[chunk] = cycle_of(start + (double)bytes / m->bytes_per_cycle);
    }
    m->free = start + (double)t->bytes / m->bytes_per_cycle;
    t->finished = cycle_of(m->free);
}

static void wait_for(vc_memory *memory, vc_transfer *transfer)
{
    (void)memory;
    (void)transfer;
}

static void count_energy(vc_memory_counters *out, const vc_memory *memory, uint64_t cycle)
{
    (void)cycle; /* the energy per bit includes standby */
    out->energy_pj =
        (double)(out->read_bytes + out->written_bytes) * ((const bandwidth *)memory)->pj_per_byte;
}

static void close_bandwidth(vc_memory *memory)
{
    free(memory);
}

const vc__memory_kind vc__memory_bandwidth = {open_bandwidth, push_transfer, wait_for, count_energy,
                                              close_bandwidth};
