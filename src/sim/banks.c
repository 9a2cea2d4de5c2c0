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
    banks->first = malloc(most_banks(c) * sizeof *banks->first);
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

uint64_t vc__banks_read(vc__banks *banks, uint64_t now, uint64_t time, size_t token)
{
    const uint64_t cycles = banks->cycles;
    uint32_t *link = &banks->first[token % banks->count];
    forget_before(banks, link, now);
    for (; *link != NONE; link = &banks->reads[*link].next) {
        const vc__bank_read *there = &banks->reads[*link];
        if (time + cycles <= there->start)
            break;
        if (there->token == token && there->start >= time)
            return there->start; /* all lines that want the same hear it */
        time = vc__later(time, there->start + cycles);
    }
    const ptrdiff_t in_reads =
        link == &banks->first[token % banks->count] ? -1 : (char *)link - (char *)banks->reads;
    const uint32_t at = new_read(banks); /* may move the reads */
    if (at == NONE)
        return UINT64_MAX;
    if (in_reads >= 0)
        link = (uint32_t *)(void *)((char *)banks->reads + in_reads);
    banks->reads[at] = (vc__bank_read){time, token, *link};
    *link = at;
    return time;
}
