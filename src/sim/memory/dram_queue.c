/* The bursts that wait in a channel for reading, or for writing. They are kept by bank, in the
 * order in which they came. */
#include <assert.h>
#include <stdlib.h>

#include "dram_impl.h"

int vc__queue_open(vc__queue *q, size_t most, size_t banks)
{
    q->most = most;
    q->oldest = q->newest = VC__NO_BURST;
    q->bursts = calloc(most, sizeof *q->bursts);
    q->banks = calloc(banks, sizeof *q->banks);
    q->active = calloc(banks, sizeof *q->active);
    if (!q->bursts || !q->banks || !q->active)
        return 0;
    for (size_t i = 0; i < most; i++)
        q->bursts[i].next = i + 1 < most ? (uint32_t)(i + 1) : VC__NO_BURST;
    for (size_t i = 0; i < banks; i++)
        q->banks[i].first = q->banks[i].last = q->banks[i].hit = VC__NO_BURST;
    return 1;
}

void vc__queue_close(vc__queue *q)
{
    free(q->bursts);
    free(q->banks);
    free(q->active);
}

static size_t misses(const vc__bank_queue *bank)
{
    return bank->first != VC__NO_BURST && bank->hit == VC__NO_BURST;
}

static void append(vc__queue *q, uint32_t at)
{
    q->bursts[at].newer = VC__NO_BURST;
    q->bursts[at].older = q->newest;
    if (q->newest == VC__NO_BURST)
        q->oldest = at;
    else
        q->bursts[q->newest].newer = at;
    q->newest = at;
}

static void unlink_burst(vc__queue *q, uint32_t at)
{
    const vc__burst *b = &q->bursts[at];
    if (b->older == VC__NO_BURST)
        q->oldest = b->newer;
    else
        q->bursts[b->older].newer = b->newer;
    if (b->newer == VC__NO_BURST)
        q->newest = b->older;
    else
        q->bursts[b->newer].older = b->older;
}

uint32_t vc__queue_push(vc__queue *q, int64_t open_row)
{
    const uint32_t at = q->free;
    vc__burst *b = &q->bursts[at];
    vc__bank_queue *bank = &q->banks[b->bank];
    q->free = b->next;
    b->opened = 0;
    b->order = q->pushed++;
    b->next = VC__NO_BURST;
    b->previous = bank->last;
    append(q, at);
    if (bank->last == VC__NO_BURST) {
        bank->first = at;
        bank->place = (uint32_t)q->active_count;
        q->active[q->active_count++] = b->bank;
        q->misses++;
    } else
        q->bursts[bank->last].next = at;
    bank->last = at;
    if (bank->hit == VC__NO_BURST && open_row == (int64_t)b->row) {
        bank->hit = at;
        q->misses--;
    }
    q->count++;
    return at;
}

/* The oldest burst from `at` on that is for the row. */
static uint32_t next_hit(const vc__queue *q, uint32_t at, int64_t row)
{
    while (at != VC__NO_BURST && (int64_t)q->bursts[at].row != row)
        at = q->bursts[at].next;
    return at;
}

void vc__queue_opened(vc__queue *q, uint32_t bank, int64_t row)
{
    vc__bank_queue *b = &q->banks[bank];
    q->misses -= misses(b);
    b->hit = row < 0 ? VC__NO_BURST : next_hit(q, b->first, row);
    q->misses += misses(b);
}

void vc__queue_remove(vc__queue *q, uint32_t at)
{
    vc__burst *b = &q->bursts[at];
    vc__bank_queue *bank = &q->banks[b->bank];
    assert(bank->hit == at);
    unlink_burst(q, at);
    bank->hit = next_hit(q, b->next, (int64_t)b->row);
    if (b->previous == VC__NO_BURST)
        bank->first = b->next;
    else
        q->bursts[b->previous].next = b->next;
    if (b->next == VC__NO_BURST)
        bank->last = b->previous;
    else
        q->bursts[b->next].previous = b->previous;
    if (bank->first == VC__NO_BURST) { /* the last active bank moves to its place */
        const uint32_t moved = q->active[--q->active_count];
        q->active[bank->place] = moved;
        q->banks[moved].place = bank->place;
    }
    q->misses += misses(bank);
    b->next = q->free;
    q->free = at;
    q->count--;
}
