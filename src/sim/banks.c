/* Banks that serve one read at a time. What lines will read is entered into a calendar for each
 * bank, in the order in which their visits begin (eq. D1). A calendar is sorted by time, and no two
 * of its reads overlap. */
#include <stdlib.h>
#include <string.h>

#include "chip_impl.h"

enum { ROOM = 32 /* reads of a bank's calendar, until it needs more */ };

static uint64_t most_banks(const vc_chip_config *c)
{
    uint64_t most = 1;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        most = vc__later(most, vc_chip_banks(c, (vc_buffer)b));
    return most;
}

vc_status vc__banks_open(vc__banks *banks, const vc_chip_config *c)
{
    const uint64_t most = most_banks(c);
    *banks = (vc__banks){.most = most,
                         .bank = malloc(most * sizeof *banks->bank),
                         .reads = malloc(most * ROOM * sizeof *banks->reads)};
    for (uint64_t b = 0; banks->bank && b < most; b++)
        banks->bank[b] = (vc__bank_calendar){.room = ROOM};
    if (!banks->bank || !banks->reads)
        return vc_fail(VC_ENOMEM, "out of memory for %zu banks", (size_t)most);
    for (uint64_t b = 0; b < most; b++)
        banks->bank[b].reads = banks->reads + b * ROOM;
    return VC_OK;
}

void vc__banks_close(vc__banks *banks)
{
    for (uint64_t b = 0; banks->bank && b < banks->most; b++)
        if (banks->bank[b].room > ROOM)
            free(banks->bank[b].reads);
    free(banks->bank);
    free(banks->reads);
}

void vc__banks_clear(vc__banks *banks, uint64_t count, uint64_t cycles)
{
    banks->count = count;
    banks->mask = (count & (count - 1)) == 0 ? count - 1 : 0;
    banks->cycles = cycles;
    for (uint64_t b = 0; b < count; b++)
        banks->bank[b].count = 0;
}

/* Makes room for one more read behind the last: reads that are over are forgotten, and if that is
 * not half of them, the calendar grows. 0: out of memory. */
static int make_room(vc__bank_calendar *bank, uint64_t cycles, uint64_t now)
{
    uint32_t first = 0;
    while (first < bank->count && bank->reads[first].start + cycles <= now)
        first++;
    bank->count -= first;
    if (first >= bank->room / 2) {
        memmove(bank->reads, bank->reads + first, bank->count * sizeof *bank->reads);
        return 1;
    }
    vc__bank_read *grown = malloc(2 * (size_t)bank->room * sizeof *grown);
    if (!grown)
        return 0;
    memcpy(grown, bank->reads + first, bank->count * sizeof *grown);
    if (bank->room > ROOM)
        free(bank->reads);
    bank->reads = grown;
    bank->room *= 2;
    return 1;
}

uint64_t vc__banks_read(vc__banks *banks, uint64_t now, uint64_t time, size_t token)
{
    const uint64_t cycles = banks->cycles;
    vc__bank_calendar *bank = vc__bank_of(banks, token);
    if (bank->count == bank->room && !make_room(bank, cycles, now))
        return UINT64_MAX;
    vc__bank_read *const end = bank->reads + bank->count, *at = end;
    while (at > bank->reads && at[-1].start + cycles > time)
        at--;
    for (; at < end && at->start < time + cycles; at++) {
        if (at->token == token && at->start >= time)
            return at->start; /* all lines that want the same hear it */
        time = at->start + cycles;
    }
    for (vc__bank_read *next = end; next > at; next--)
        *next = next[-1];
    *at = (vc__bank_read){time, token};
    bank->count++;
    return time;
}
