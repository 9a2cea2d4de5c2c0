/* DRAM: transfers become bursts, bursts go to channels, channels say which command goes next. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "dram_impl.h"

/* ---- opening */

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int open_channel(vc__channel *channel, const vc_dram_config *c, uint64_t interval)
{
    const size_t groups = c->ranks * c->bank_groups, banks = groups * c->banks;
    channel->banks = calloc(banks, sizeof *channel->banks);
    channel->groups = calloc(groups, sizeof *channel->groups);
    channel->ranks = calloc(c->ranks, sizeof *channel->ranks);
    channel->choice.time = UINT64_MAX;
    const int reads = vc__queue_open(&channel->queues[0], c->read_queue, banks),
              writes = vc__queue_open(&channel->queues[1], c->write_queue, banks);
    if (!channel->banks || !channel->groups || !channel->ranks || !reads || !writes)
        return 0;
    for (size_t b = 0; b < banks; b++)
        channel->banks[b].row = -1;
    for (size_t r = 0; r < c->ranks; r++) /* ranks take turns */
        channel->ranks[r].refresh = interval * (r + 1) / c->ranks;
    return 1;
}

/* Addresses beyond the capacity come back to its start (eq. C3). */
static void lay_out(vc__dram *m)
{
    const vc_dram_config *c = &m->config;
    const uint64_t sizes[VC_DRAM_FIELDS] = {
        [VC_DRAM_ROW] = c->rows,
        [VC_DRAM_RANK] = c->ranks,
        [VC_DRAM_BANK] = c->banks,
        [VC_DRAM_BANK_GROUP] = c->bank_groups,
        [VC_DRAM_COLUMN] = c->row_bytes / c->burst_bytes,
        [VC_DRAM_CHANNEL] = c->channels,
    };
    unsigned shift = 0;
    for (int i = VC_DRAM_FIELDS; i-- > 0;) {
        const vc_dram_field field = c->mapping[i];
        m->shift[field] = shift;
        m->mask[field] = sizes[field] - 1;
        shift += (unsigned)__builtin_ctzll(sizes[field]);
    }
}

static void close_dram(vc_memory *memory)
{
    vc__dram *m = (vc__dram *)memory;
    for (size_t i = 0; m->channels && i < m->config.channels; i++) {
        vc__channel *channel = &m->channels[i];
        free(channel->banks);
        free(channel->groups);
        free(channel->ranks);
        vc__queue_close(&channel->queues[0]);
        vc__queue_close(&channel->queues[1]);
    }
    free(m->channels);
    free(m);
}

static vc_status open_dram(vc_memory **out, const vc_memory_config *config, double chip_hz)
{
    const vc_dram_config *c = &config->dram;
    VC_TRY(vc__dram_config_check(c));
    vc__dram *m = calloc(1, sizeof *m);
    if (!m)
        return vc_fail(VC_ENOMEM, "out of memory");
    const uint64_t dram_hz = (uint64_t)llround(c->clock_hz), chip = (uint64_t)llround(chip_hz),
                   divisor = greatest_divisor(dram_hz, chip);
    m->config = *c;
    m->per_chip = dram_hz / divisor;
    m->per_dram = chip / divisor;
    m->refresh_clocks = (uint64_t)ceil(c->timing.rfc_s * c->clock_hz);
    m->refresh_interval = (uint64_t)floor(c->timing.refi_s * c->clock_hz);
    m->burst_shift = (unsigned)__builtin_ctzll(c->burst_bytes);
    m->issue[0] = m->issue[1] = UINT64_MAX;
    lay_out(m);
    m->channels = calloc(c->channels, sizeof *m->channels);
    int complete = m->channels != NULL;
    for (size_t i = 0; complete && i < c->channels; i++)
        complete = open_channel(&m->channels[i], c, m->refresh_interval);
    *out = &m->base;
    if (complete)
        return VC_OK;
    close_dram(&m->base);
    *out = NULL;
    return vc_fail(VC_ENOMEM, "out of memory for %zu channels", (size_t)c->channels);
}

/* ---- bursts */

static uint64_t first_burst(const vc__dram *m, const vc_transfer *t)
{
    return t->address >> m->burst_shift;
}

static uint64_t burst_count(const vc__dram *m, const vc_transfer *t)
{
    return ((t->address + t->bytes - 1) >> m->burst_shift) - first_burst(m, t) + 1;
}

static uint64_t field_of(const vc__dram *m, uint64_t burst, vc_dram_field field)
{
    return burst >> m->shift[field] & m->mask[field];
}

static vc__channel *channel_of(const vc__dram *m, uint64_t burst)
{
    return &m->channels[field_of(m, burst, VC_DRAM_CHANNEL)];
}

static void locate(vc__burst *b, const vc__dram *m, uint64_t burst)
{
    const vc_dram_config *c = &m->config;
    b->row = (uint32_t)field_of(m, burst, VC_DRAM_ROW);
    b->column = (uint32_t)field_of(m, burst, VC_DRAM_COLUMN);
    b->rank = (uint32_t)field_of(m, burst, VC_DRAM_RANK);
    b->group = (uint32_t)(b->rank * c->bank_groups + field_of(m, burst, VC_DRAM_BANK_GROUP));
    b->bank = (uint32_t)(b->group * c->banks + field_of(m, burst, VC_DRAM_BANK));
}

static uint64_t clock_of(const vc__dram *m, uint64_t cycle)
{
    return vc__dram_convert(cycle, m->per_chip, m->per_dram);
}

static void tell_request(const vc__dram *m, uint64_t burst, int write)
{
    if (!m->base.request_watch)
        return;
    const vc_dram_request request = {m->now, burst * m->config.burst_bytes, write};
    m->base.request_watch(m->base.request_watcher, &request);
}

static void take_transfer(vc__dram *m, int write, vc_transfer *t)
{
    m->first[write] = t;
    m->issue[write] = t ? clock_of(m, t->issue) : UINT64_MAX;
}

/* As many bursts as the channels' queues take now, in the order of their addresses. */
static void push_bursts(vc__dram *m, int write)
{
    if (m->full[write] && m->full[write]->count == m->full[write]->most)
        return;
    m->full[write] = NULL;
    while (m->issue[write] <= m->now) {
        vc_transfer *t = m->first[write];
        const uint64_t start = first_burst(m, t), count = burst_count(m, t);
        for (; t->pushed < count; t->pushed++) {
            vc__channel *channel = channel_of(m, start + t->pushed);
            vc__queue *q = &channel->queues[write];
            if (q->count == q->most) {
                m->full[write] = q;
                return;
            }
            vc__burst *b = vc__queue_place(q);
            b->transfer = t;
            b->index = t->pushed;
            b->came = m->now;
            locate(b, m, start + t->pushed);
            tell_request(m, start + t->pushed, write);
            vc__dram_came(m, channel, write);
        }
        take_transfer(m, write, t->next);
    }
}

static void push_transfer(vc_memory *memory, vc_transfer *t)
{
    vc__dram *m = (vc__dram *)memory;
    const int write = t->write != 0;
    t->next = NULL;
    t->pushed = 0;
    t->left = burst_count(m, t);
    for (uint64_t chunk = 0, count = vc__chunks(t); chunk < count; chunk++)
        t->done[chunk] = 0;
    if (m->first[write])
        m->last[write]->next = t;
    else
        take_transfer(m, write, t);
    m->last[write] = t;
}

/* ---- time */

/* When the next transfer may be served, for which there is a place; UINT64_MAX: none. */
static uint64_t next_issue(const vc__dram *m)
{
    uint64_t next = UINT64_MAX;
    for (int w = 0; w < 2; w++)
        if (m->issue[w] > m->now && m->issue[w] < next)
            next = m->issue[w];
    return next;
}

static void step_channels(vc__dram *m)
{
    push_bursts(m, 0);
    push_bursts(m, 1);
    const uint64_t issue = next_issue(m);
    vc__channel *best = NULL;
    uint64_t soonest = issue;
    for (vc__channel *c = m->channels, *end = c + m->config.channels; c < end; c++) {
        if (c->stale)
            vc__dram_choose(m, c);
        if (c->choice.time < soonest) {
            soonest = c->choice.time;
            best = c;
        }
    }
    assert(soonest >= m->now && soonest != UINT64_MAX);
    m->now = soonest;
    if (best)
        vc__dram_issue(m, best);
}

static void wait_for(vc_memory *memory, vc_transfer *t)
{
    while (t->left > 0)
        step_channels((vc__dram *)memory);
}

/* ---- energy (eq. C8): commands and states as DRAMsim3 has them */

/* Of an ampere for a clock. */
static double unit_pj(const vc_dram_config *c)
{
    return 1e12 * c->vdd * (double)c->devices / c->clock_hz;
}

double vc__dram_command_pj(const vc_dram_config *c, vc_dram_kind kind)
{
    const vc_dram_timing *t = &c->timing;
    switch (kind) {
    case VC_DRAM_ACT:
        return unit_pj(c) *
               (c->idd0 * (double)t->rc - c->idd3n * (double)t->ras - c->idd2n * (double)t->rp);
    case VC_DRAM_RD:
        return unit_pj(c) * (c->idd4r - c->idd3n) * (double)t->burst;
    case VC_DRAM_WR:
        return unit_pj(c) * (c->idd4w - c->idd3n) * (double)t->burst;
    case VC_DRAM_REF:
        return unit_pj(c) * (c->idd5ab - c->idd3n) * ceil(t->rfc_s * c->clock_hz);
    default: /* closing a row is in opening it */
        return 0.0;
    }
}

static void count_energy(vc_memory_counters *n, const vc_memory *memory, uint64_t cycle)
{
    const vc__dram *m = (const vc__dram *)memory;
    const vc_dram_config *c = &m->config;
    n->energy_pj = vc__dram_command_pj(c, VC_DRAM_ACT) * (double)n->activates +
                   vc__dram_command_pj(c, VC_DRAM_RD) * (double)n->reads +
                   vc__dram_command_pj(c, VC_DRAM_WR) * (double)n->writes +
                   vc__dram_command_pj(c, VC_DRAM_REF) * (double)n->refreshes;
    for (size_t i = 0; i < c->channels; i++)
        for (size_t r = 0; r < c->ranks; r++) {
            vc__rank rank = m->channels[i].ranks[r];
            vc__dram_spend(m, n, &rank, clock_of(m, cycle));
        }
    n->standby_pj = unit_pj(c) * vc__dram_standby(n, c);
}

const vc__memory_kind vc__memory_dram = {open_dram, push_transfer, wait_for, count_energy,
                                         close_dram};
