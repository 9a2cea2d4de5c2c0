/* The simple memory (eq. C1): transfers are served one after the other, in the order in which they
 * are pushed, each in bytes / rate. */
#include <math.h>
#include <stdlib.h>

#include "memory_impl.h"

typedef struct bandwidth {
    vc_memory base;
    double bytes_per_second, hz, pj_per_byte;
    uint64_t begin, moved;  /* since this cycle it has been busy with so many bytes */
    uint64_t cycles, bytes; /* the rate as a fraction, where it is one of whole numbers; else 0 */
    uint64_t most;          /* bytes up to which that is counted in 64 bit */
} bandwidth;

/* Clock and rate in Hz and bytes per second, where both are whole. */
static void set_fraction(bandwidth *m)
{
    const double exact = 9007199254740992.0;
    if (m->hz >= exact || m->bytes_per_second >= exact || m->hz != floor(m->hz) ||
        m->bytes_per_second != floor(m->bytes_per_second))
        return;
    uint64_t a = (uint64_t)m->hz, b = (uint64_t)m->bytes_per_second;
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    m->cycles = (uint64_t)m->hz / a;
    m->bytes = (uint64_t)m->bytes_per_second / a;
    m->most = (UINT64_MAX - m->bytes) / m->cycles;
}

static vc_status open_bandwidth(vc_memory **out, const vc_memory_config *config, double chip_hz)
{
    if (!(config->bytes_per_second > 0.0) || !isfinite(config->bytes_per_second))
        return vc_fail(VC_EINVAL, "a memory of %g bytes per second, wanted more than 0",
                       config->bytes_per_second);
    bandwidth *m = calloc(1, sizeof *m);
    if (!m)
        return vc_fail(VC_ENOMEM, "out of memory");
    m->bytes_per_second = config->bytes_per_second;
    m->hz = chip_hz;
    m->pj_per_byte = 8.0 * config->pj_per_bit;
    set_fraction(m);
    *out = &m->base;
    return VC_OK;
}

/* When so many bytes have been moved. Rounded once, so that what ends with a cycle does not end
 * with the next. */
static uint64_t cycle_of(const bandwidth *m, uint64_t moved)
{
    if (m->bytes && moved <= m->most)
        return m->begin + (moved * m->cycles + m->bytes - 1) / m->bytes;
    return m->begin + (uint64_t)ceill((long double)moved * m->hz / m->bytes_per_second);
}

static void push_transfer(vc_memory *memory, vc_transfer *t)
{
    bandwidth *m = (bandwidth *)memory;
    if (cycle_of(m, m->moved) <= t->issue) {
        m->begin = t->issue;
        m->moved = 0;
    }
    for (uint64_t chunk = 0, count = vc__chunks(t); chunk < count; chunk++) {
        const uint64_t end = (chunk + 1) * t->chunk_bytes, bytes = end < t->bytes ? end : t->bytes;
        t->done[chunk] = cycle_of(m, m->moved + bytes);
    }
    m->moved += t->bytes;
    t->finished = cycle_of(m, m->moved);
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
