/* One channel: which command goes next, and what it holds back (eq. C4 to C7). */
#include <assert.h>

#include "dram_impl.h"

#define EARLIEST(member, time) ((member) = vc__dram_later((member), (time)))

/* ---- when a command may go */

static uint64_t act_time(const vc__dram *m, const vc__channel *ch, const vc__burst *b)
{
    const vc__rank *rank = &ch->ranks[b->rank];
    uint64_t t = vc__dram_later(ch->banks[b->bank].act, ch->groups[b->group].act);
    t = vc__dram_later(t, rank->act);
    if (rank->act_count >= 4) /* four activates in a window */
        t = vc__dram_later(t, rank->last_acts[rank->act_count % 4] + m->config.timing.faw);
    return t;
}

static uint64_t column_time(const vc__channel *ch, const vc__burst *b, int write)
{
    const vc__bank *bank = &ch->banks[b->bank];
    const vc__group *group = &ch->groups[b->group];
    const vc__rank *rank = &ch->ranks[b->rank];
    return write ? vc__dram_later(bank->write, vc__dram_later(group->write, rank->write))
                 : vc__dram_later(bank->read, vc__dram_later(group->read, rank->read));
}

/* ---- choosing */

/* What a burst needs next. */
static inline vc__choice choice_of(const vc__dram *m, const vc__channel *ch, uint32_t index,
                                   int write)
{
    const vc__burst *b = &ch->queues[write].bursts[index];
    const vc__bank *bank = &ch->banks[b->bank];
    vc__choice c = {.burst = index, .write = (uint16_t)write};
    if (bank->row == (int64_t)b->row) {
        c.kind = write ? VC_DRAM_WR : VC_DRAM_RD;
        c.time = column_time(ch, b, write);
    } else if (bank->row < 0) {
        c.kind = VC_DRAM_ACT;
        c.time = act_time(m, ch, b);
    } else {
        c.kind = VC_DRAM_PRE;
        c.time = bank->pre;
    }
    c.time = vc__dram_later(c.time, vc__dram_later(m->now, ch->command));
    return c;
}

static int is_column(const vc__choice *c)
{
    return c->kind == VC_DRAM_RD || c->kind == VC_DRAM_WR;
}

/* First ready, and of those column commands before others, then first come. */
static int better(const vc__choice *a, const vc__choice *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    return is_column(a) > is_column(b);
}

static int pick_queue(vc__channel *ch, const vc_dram_config *c)
{
    const size_t reads = ch->queues[0].count, writes = ch->queues[1].count;
    if (writes >= c->write_high)
        ch->draining = 1;
    else if (writes <= c->write_low)
        ch->draining = 0;
    return writes > 0 && (ch->draining || reads == 0);
}

/* What no column command of the queue is sooner than. */
static uint64_t soonest_column(const vc__dram *m, const vc__channel *ch, int write)
{
    uint64_t soonest = UINT64_MAX;
    for (size_t r = 0; r < m->config.ranks; r++) {
        const uint64_t t = write ? ch->ranks[r].write : ch->ranks[r].read;
        soonest = t < soonest ? t : soonest;
    }
    return vc__dram_later(soonest, vc__dram_later(m->now, ch->command));
}

/* Of what goes then instead of the oldest. */
static int is_late(const vc__dram *m, const vc__queue *q, uint64_t clock)
{
    return clock - q->bursts[q->oldest].came > m->config.age_cap;
}

/* A bank offers its oldest burst for the open row, and so a row that is wanted stays open; else its
 * oldest. */
static vc__choice scan(vc__dram *m, vc__channel *ch)
{
    const int write = pick_queue(ch, &m->config);
    const vc__queue *q = &ch->queues[write];
    vc__choice best = {.time = UINT64_MAX};
    if (q->oldest == VC__NO_BURST)
        return best;
    const vc__choice oldest = choice_of(m, ch, q->oldest, write);
    if (is_late(m, q, m->now))
        return oldest;
    /* Where the oldest burst's column command is as soon as any can be, no other goes before it, so
     * that only banks that want another row are looked at. */
    const int column = is_column(&oldest) && oldest.time == soonest_column(m, ch, write);
    if (column && q->misses == 0)
        return oldest;
    if (column)
        best = oldest;
    for (size_t i = 0; i < q->active_count; i++) {
        const vc__bank_queue *bank = &q->banks[q->active[i]];
        if (column && bank->hit != VC__NO_BURST)
            continue;
        const vc__choice c =
            choice_of(m, ch, bank->hit != VC__NO_BURST ? bank->hit : bank->first, write);
        if (better(&c, &best) ||
            (!better(&best, &c) && q->bursts[c.burst].order < q->bursts[best.burst].order))
            best = c;
    }
    return is_late(m, q, best.time) ? oldest : best;
}

static void open_row(vc__channel *ch, uint32_t bank, int64_t row)
{
    ch->banks[bank].row = row;
    vc__queue_opened(&ch->queues[0], bank, row);
    vc__queue_opened(&ch->queues[1], bank, row);
}

static void tell(const vc__dram *m, const vc__channel *ch, uint64_t clock, vc_dram_kind kind,
                 const vc__burst *b)
{
    if (!m->base.watch)
        return;
    const vc_dram_config *c = &m->config;
    const vc_dram_command command = {.clock = clock,
                                     .kind = kind,
                                     .channel = (uint32_t)(ch - m->channels),
                                     .rank = b->rank,
                                     .group = b->group % (uint32_t)c->bank_groups,
                                     .bank = b->bank % (uint32_t)c->banks,
                                     .row = b->row,
                                     .column = b->column};
    m->base.watch(m->base.watcher, &command);
}

/* Closes the rows of a rank that sleeps at `clock`, as it fell asleep. */
static void close_asleep(vc__dram *m, vc__channel *ch, uint32_t r, uint64_t clock)
{
    const size_t per_rank = m->config.bank_groups * m->config.banks;
    const vc__burst where = {.rank = r};
    vc__rank *rank = &ch->ranks[r];
    const uint64_t asleep = vc__dram_asleep(m, rank);
    if (!rank->open || clock <= asleep)
        return;
    m->base.counters.precharges++;
    tell(m, ch, asleep, VC_DRAM_PREA, &where);
    vc__dram_spend(m, &m->base.counters, rank, asleep);
    rank->open = 0;
    for (size_t b = r * per_rank; b < (r + 1) * per_rank; b++) {
        open_row(ch, (uint32_t)b, -1);
        EARLIEST(ch->banks[b].act, asleep + m->config.timing.rp);
    }
}

/* A refresh that is due: all banks closed, then REF, then nothing until it is over (eq. C6). */
static void refresh(vc__dram *m, vc__channel *ch, uint32_t r)
{
    const vc_dram_config *c = &m->config;
    const size_t per_rank = c->bank_groups * c->banks;
    vc__rank *rank = &ch->ranks[r];
    const vc__burst where = {.rank = r};
    uint64_t close = rank->refresh, start = close;
    close_asleep(m, ch, r, rank->refresh);
    int open = 0;
    for (size_t b = r * per_rank; b < (r + 1) * per_rank; b++)
        if (ch->banks[b].row >= 0) {
            open = 1;
            EARLIEST(close, ch->banks[b].pre);
        } else
            EARLIEST(start, ch->banks[b].act);
    if (open) {
        m->base.counters.precharges++;
        tell(m, ch, close, VC_DRAM_PREA, &where);
        EARLIEST(start, close + c->timing.rp);
    }
    tell(m, ch, start, VC_DRAM_REF, &where);
    m->base.counters.refreshes++;
    vc__dram_spend(m, &m->base.counters, rank, start);
    rank->open = 0;
    m->base.counters.state_clocks[VC_DRAM_PRECHARGED] += start + m->refresh_clocks - rank->counted;
    rank->counted = start + m->refresh_clocks;
    for (size_t b = r * per_rank; b < (r + 1) * per_rank; b++) {
        open_row(ch, (uint32_t)b, -1);
        EARLIEST(ch->banks[b].act, start + m->refresh_clocks);
    }
    rank->refresh += m->refresh_interval;
}

void vc__dram_choose(vc__dram *m, vc__channel *ch)
{
    for (int again = 1; again;) {
        ch->choice = scan(m, ch);
        again = 0;
        for (uint32_t r = 0; ch->choice.time != UINT64_MAX && r < m->config.ranks; r++)
            while (ch->ranks[r].refresh <= ch->choice.time) {
                refresh(m, ch, r);
                again = 1;
            }
    }
    ch->stale = 0;
}

/* A rank that has had nothing to do gets a burst. It has been refreshed meanwhile, but not in
 * self-refresh. */
static void wake(vc__dram *m, vc__channel *ch, uint32_t r)
{
    const size_t per_rank = m->config.bank_groups * m->config.banks;
    vc__rank *rank = &ch->ranks[r];
    const uint64_t ready = vc__dram_wake(m, rank, m->now);
    const int deep = vc__dram_in_self_refresh(m, rank, m->now);
    while (rank->refresh <= m->now && !vc__dram_in_self_refresh(m, rank, rank->refresh))
        refresh(m, ch, r);
    if (deep)
        rank->refresh = m->now + m->refresh_interval;
    close_asleep(m, ch, r, m->now);
    vc__dram_spend(m, &m->base.counters, rank, m->now);
    for (size_t b = r * per_rank; ready > m->now && b < (r + 1) * per_rank; b++)
        EARLIEST(ch->banks[b].act, ready);
}

void vc__dram_came(vc__dram *m, vc__channel *ch, int write)
{
    vc__queue *q = &ch->queues[write];
    const vc__burst *burst = vc__queue_place(q);
    if (ch->ranks[burst->rank].pending == 0)
        wake(m, ch, burst->rank);
    ch->ranks[burst->rank].pending++;
    const uint32_t at = vc__queue_push(q, ch->banks[burst->bank].row);
    const vc__choice *now = &ch->choice;
    /* The choice stands unless the newcomer beats it, wants the row that is about to be closed, or
     * turns the channel around. */
    if (ch->stale || now->time == UINT64_MAX || now->write != write ||
        (write && q->count >= m->config.write_high)) {
        ch->stale = 1;
        return;
    }
    const vc__choice c = choice_of(m, ch, at, write);
    ch->stale =
        better(&c, now) || (now->kind == VC_DRAM_PRE && q->bursts[now->burst].bank == burst->bank);
}

/* ---- issuing */

/* Most chunks are as long as a burst, or a power of 2. */
static uint64_t chunk_of(const vc_transfer *t, uint64_t byte)
{
    const uint64_t size = t->chunk_bytes;
    return size & (size - 1) ? byte / size : byte >> __builtin_ctzll(size);
}

static void finish_burst(vc__dram *m, const vc__burst *b, uint64_t clock)
{
    vc_transfer *t = b->transfer;
    const uint64_t size = m->config.burst_bytes,
                   cycle = vc__dram_convert(clock, m->per_dram, m->per_chip),
                   start = (t->address & ~(size - 1)) + (b->index << m->burst_shift),
                   from = start > t->address ? start - t->address : 0,
                   end = start + size - t->address, last = end < t->bytes ? end : t->bytes;
    for (uint64_t chunk = t->done ? chunk_of(t, from) : 0; t->done && chunk * t->chunk_bytes < last;
         chunk++)
        t->done[chunk] = vc__dram_later(t->done[chunk], cycle);
    t->finished = vc__dram_later(t->finished, cycle);
    t->left--;
}

static void activate(vc__dram *m, vc__channel *ch, const vc__burst *b, uint64_t t)
{
    const vc_dram_timing *g = &m->config.timing;
    vc__bank *bank = &ch->banks[b->bank];
    vc__rank *rank = &ch->ranks[b->rank];
    vc__dram_spend(m, &m->base.counters, rank, t);
    rank->open++;
    open_row(ch, b->bank, (int64_t)b->row);
    EARLIEST(bank->read, t + g->rcd);
    EARLIEST(bank->write, t + g->rcd);
    EARLIEST(bank->pre, t + g->ras);
    EARLIEST(bank->act, t + g->rc);
    EARLIEST(ch->groups[b->group].act, t + g->rrd_l);
    EARLIEST(rank->act, t + g->rrd_s);
    rank->last_acts[rank->act_count++ % 4] = t;
    m->base.counters.activates++;
}

static void precharge(vc__dram *m, vc__channel *ch, const vc__burst *b, uint64_t t)
{
    vc__bank *bank = &ch->banks[b->bank];
    vc__rank *rank = &ch->ranks[b->rank];
    vc__dram_spend(m, &m->base.counters, rank, t);
    rank->open--;
    open_row(ch, b->bank, -1);
    EARLIEST(bank->act, t + m->config.timing.rp);
    m->base.counters.precharges++;
}

/* Other ranks wait for the data bus, and for it to change hands. */
static void hold_bus(vc__dram *m, vc__channel *ch, uint32_t r, uint64_t read, uint64_t write)
{
    for (uint32_t other = 0; other < m->config.ranks; other++)
        if (other != r) {
            EARLIEST(ch->ranks[other].read, read);
            EARLIEST(ch->ranks[other].write, write);
        }
}

/* Returns when all of it has come. */
static uint64_t read_burst(vc__dram *m, vc__channel *ch, const vc__burst *b, uint64_t t)
{
    const vc_dram_timing *g = &m->config.timing;
    const uint64_t turn = t + g->cl + g->burst + 2 - g->cwl;
    EARLIEST(ch->ranks[b->rank].read, t + g->ccd_s);
    EARLIEST(ch->groups[b->group].read, t + g->ccd_l);
    EARLIEST(ch->ranks[b->rank].write, turn);
    EARLIEST(ch->banks[b->bank].pre, t + g->rtp);
    hold_bus(m, ch, b->rank, t + g->burst + g->rank_switch, turn + g->rank_switch);
    m->base.counters.reads++;
    return t + g->cl + g->burst;
}

static uint64_t write_burst(vc__dram *m, vc__channel *ch, const vc__burst *b, uint64_t t)
{
    const vc_dram_timing *g = &m->config.timing;
    const uint64_t end = t + g->cwl + g->burst;
    EARLIEST(ch->ranks[b->rank].write, t + g->ccd_s);
    EARLIEST(ch->groups[b->group].write, t + g->ccd_l);
    EARLIEST(ch->ranks[b->rank].read, end + g->wtr_s);
    EARLIEST(ch->groups[b->group].read, end + g->wtr_l);
    EARLIEST(ch->banks[b->bank].pre, end + g->wr);
    hold_bus(m, ch, b->rank,
             end + g->rank_switch > t + g->cl ? end + g->rank_switch - g->cl : t + 1,
             t + g->burst + g->rank_switch);
    m->base.counters.writes++;
    return end;
}

void vc__dram_issue(vc__dram *m, vc__channel *ch)
{
    const vc__choice c = ch->choice;
    vc__queue *q = &ch->queues[c.write];
    vc__burst *b = &q->bursts[c.burst];
    assert(c.burst < q->most);
    ch->command = c.time + 1;
    ch->stale = 1;
    tell(m, ch, c.time, (vc_dram_kind)c.kind, b);
    if (c.kind == VC_DRAM_ACT) {
        activate(m, ch, b, c.time);
        b->opened = 1;
        return;
    }
    if (c.kind == VC_DRAM_PRE) {
        precharge(m, ch, b, c.time);
        b->opened = 1;
        return;
    }
    m->base.counters.row_hits += !b->opened;
    finish_burst(m, b, (c.write ? write_burst : read_burst)(m, ch, b, c.time));
    vc__rank *rank = &ch->ranks[b->rank];
    const vc_dram_timing *g = &m->config.timing;
    rank->idle = c.time + (c.write ? g->cwl + g->wr : g->cl) + g->burst;
    rank->pending--;
    vc__queue_remove(q, c.burst);
}
