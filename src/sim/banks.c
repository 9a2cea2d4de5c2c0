/* Banks that serve one read at a time. What lines will read is entered into a calendar for each
 * bank, in the order in which their visits begin (eq. D1). */
#include <stdlib.h>

#include "chip_impl.h"

enum { NONE = UINT32_MAX };

static uint64_t most_banks(const vc_chip_config *c)
{
    uint64_t most = 1;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        most = vc__later(most, vc_chip_banks(c, (vc_buffer)b));
    return most;
}

vc_status vc__banks_open(vc__banks *banks, const vc_chip_config *c)
{
    *banks = (vc__banks){.free = NONE};
    const uint64_t most = most_banks(c);
    banks->first = malloc(2 * most * sizeof *banks->first);
    banks->last = banks->first ? banks->first + most : NULL;
    return banks->first ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

void vc__banks_close(vc__banks *banks)
{
    free(banks->first);
    free(banks->reads);
}

void vc__banks_clear(vc__banks *banks, uint64_t count, uint64_t cycles)
{
    banks->count = count;
    banks->mask = (count & (count - 1)) == 0 ? count - 1 : 0;
    banks->cycles = cycles;
    banks->used = 0;
    banks->free = NONE;
    for (uint64_t b = 0; b < count; b++)
        banks->first[b] = NONE;
}

/* A place for one more read; NONE: out of memory. */
static uint32_t new_read(vc__banks *banks)
{
    if (banks->free != NONE) {
        const uint32_t at = banks->free;
        banks->free = banks->reads[at].next;
        return at;
    }
    if (banks->used == banks->room) {
        const uint32_t room = banks->room ? 2 * banks->room : 1024;
        void *grown = realloc(banks->reads, room * sizeof *banks->reads);
        if (!grown)
            return NONE;
        banks->reads = grown;
        banks->room = room;
    }
    return banks->used++;
}

static void forget_before(vc__banks *banks, uint32_t *first, uint64_t now)
{
    while (*first != NONE && banks->reads[*first].start + banks->cycles <= now) {
        const uint32_t over = *first;
        *first = banks->reads[over].next;
        banks->reads[over].next = banks->free;
        banks->free = over;
    }
}

static uint64_t append(vc__banks *banks, size_t bank, uint32_t previous, uint64_t time,
                       size_t token)
{
    const uint32_t at = new_read(banks); /* may move the reads */
    if (at == NONE)
        return UINT64_MAX;
    uint32_t *link = previous == NONE ? &banks->first[bank] : &banks->reads[previous].next;
    banks->reads[at] = (vc__bank_read){time, token, *link};
    if (*link == NONE)
        banks->last[bank] = at;
    *link = at;
    return time;
}

uint64_t vc__banks_read(vc__banks *banks, uint64_t now, uint64_t time, size_t token)
{
    const uint64_t cycles = banks->cycles;
    const size_t bank = banks->mask ? token & banks->mask : token % banks->count;
    forget_before(banks, &banks->first[bank], now);
    if (banks->first[bank] == NONE)
        return append(banks, bank, NONE, time, token);
    const uint32_t last = banks->last[bank];
    if (time >= banks->reads[last].start + cycles) /* behind all others */
        return append(banks, bank, last, time, token);
    uint32_t previous = NONE;
    for (uint32_t at = banks->first[bank]; at != NONE; at = banks->reads[at].next) {
        const vc__bank_read *there = &banks->reads[at];
        if (time + cycles <= there->start)
            break;
        if (there->token == token && there->start >= time)
            return there->start; /* all lines that want the same hear it */
        time = vc__later(time, there->start + cycles);
        previous = at;
    }
    return append(banks, bank, previous, time, token);
}
