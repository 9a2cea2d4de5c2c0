/* PE lines, and the banks and ports that they wait for. What a run does most is inline. */
#ifndef VC_LINES_H
#define VC_LINES_H

#include <string.h>

#include "vitcod/chip_kind.h"

enum { VC__MOST_LINES = 4096 };

static inline uint64_t vc__ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

static inline uint64_t vc__later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t vc__smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- banks, each of which serves one read at a time (banks.c) */

typedef struct vc__bank_read {
    uint64_t start;
    size_t token;
} vc__bank_read;

typedef struct vc__bank_calendar {
    vc__bank_read *reads;
    uint32_t count, room;
} vc__bank_calendar;

typedef struct vc__banks {
    uint64_t count, cycles; /* cycles of a read */
    uint64_t mask;          /* count - 1, where that is a power of 2; else 0 */
    vc__bank_calendar *bank;
    uint64_t most;        /* banks that there are */
    vc__bank_read *reads; /* of calendars that are small */
} vc__banks;

vc_status vc__banks_open(vc__banks *banks, const vc_chip_config *config);
void vc__banks_close(vc__banks *banks);
/* All banks are free again, and from now on so many, with so many cycles for a token. */
void vc__banks_clear(vc__banks *banks, uint64_t count, uint64_t cycles);
/* When a line that wants a token at `time` can begin to read it; nothing that is over at `now`,
 * which never falls, stands in its way. UINT64_MAX: out of memory. */
uint64_t vc__banks_read(vc__banks *banks, uint64_t now, uint64_t time, size_t token);

static inline vc__bank_calendar *vc__bank_of(const vc__banks *banks, size_t token)
{
    return &banks->bank[banks->mask ? token & banks->mask : token % banks->count];
}

/* The same, at once, where the token's bank has nothing to do from `time` on, as is most frequent.
 * 0: it has, or needs more room; nothing was done. */
static inline int vc__banks_append(vc__banks *banks, uint64_t time, size_t token)
{
    vc__bank_calendar *bank = vc__bank_of(banks, token);
    vc__bank_read *const end = bank->reads + bank->count;
    if (bank->count == bank->room || (bank->count > 0 && end[-1].start + banks->cycles > time))
        return 0;
    *end = (vc__bank_read){time, token};
    bank->count++;
    return 1;
}

/* ---- PE lines at work on one part of a head (lines.c) */

/* When the operands that lines wait for are there; an entry per token. */
typedef struct vc__operand {
    const uint64_t *arrived; /* on the chip */
    const uint64_t *ready;   /* decoded; the same if there is no decoder */
    uint64_t last;           /* when all are ready */
} vc__operand;

typedef struct vc__lines {
    uint64_t room[2 * VC__MOST_LINES];
    uint64_t *free; /* (count) when each line is free, ascending */
    size_t count;
    uint64_t *spent;     /* (VC_SPENT_COUNT) of the unit */
    uint64_t width;      /* visits that start per cycle; 0: any number */
    uint64_t cycle;      /* in which the last one started, */
    uint64_t dispatched; /* and how many did */
} vc__lines;

/* A scratchpad's ports: bytes move in the order in which lines ask for them, and each line has room
 * for one move that is under way. */
typedef struct vc__port {
    uint64_t rate, ahead; /* bytes per cycle, and of the lines' room; both times `parts` */
    uint64_t moved;       /* likewise, since cycle 0, and `ahead` more */
    uint64_t parts;
} vc__port;

/* Lets a line wait from `time` until `ready` and counts that as `cause`. Returns the later of
 * both. */
static inline uint64_t vc__wait(uint64_t *spent, uint64_t time, uint64_t ready, vc_spent cause)
{
    if (ready <= time)
        return time;
    spent[cause] += ready - time;
    return ready;
}

/* The same for one of several tokens: the line waits first for the memory, then for the decoder. */
static inline uint64_t vc__wait_for(uint64_t *spent, uint64_t time, const vc__operand *operand,
                                    size_t token)
{
    if (operand->ready[token] <= time)
        return time;
    time = vc__wait(spent, time, operand->arrived[token], VC_SPENT_DRAM);
    return vc__wait(spent, time, operand->ready[token], VC_SPENT_DECODE);
}

/* The ports of so many of the lines, which have their share of the banks. */
void vc__port_open(vc__port *port, const vc_chip_config *config, vc_buffer buffer, size_t lines,
                   uint64_t bytes);
/* From when on a line can go on that moves so many bytes at `time`, which never falls. */
static inline uint64_t vc__port_take(vc__port *port, uint64_t time, uint64_t bytes)
{
    const uint64_t now = time * port->rate;
    port->moved = vc__later(port->moved, now) + bytes * port->parts;
    return port->moved <= port->ahead
               ? time
               : vc__later(time, vc__ceil_div(port->moved - port->ahead, port->rate));
}

void vc__lines_open(vc__lines *lines, size_t count, uint64_t start, uint64_t width,
                    uint64_t *spent);
/* When the line that is free first begins with the next visit (eq. D4). Times never fall: what is
 * free first is never free before it was. */
static inline uint64_t vc__lines_start(vc__lines *lines)
{
    const uint64_t free = lines->free[0];
    if (lines->width == 0)
        return free;
    if (free > lines->cycle) {
        lines->cycle = free;
        lines->dispatched = 0;
    } else if (lines->dispatched == lines->width) {
        lines->cycle++;
        lines->dispatched = 0;
    }
    lines->dispatched++;
    return vc__wait(lines->spent, free, lines->cycle, VC_SPENT_DISPATCH);
}

/* Occupies the line that is free first until `time`. Most visits end after all others that are
 * under way, so the search for its place in the sorted list starts at the end. */
static inline void vc__lines_take(vc__lines *lines, uint64_t time)
{
    if (lines->free + lines->count == lines->room + 2 * VC__MOST_LINES)
        lines->free = memmove(lines->room, lines->free, lines->count * sizeof *lines->free);
    uint64_t *const first = ++lines->free, *at = first + lines->count - 1;
    for (; at > first && at[-1] > time; at--)
        *at = at[-1];
    *at = time;
}

uint64_t vc__lines_end(const vc__lines *lines);
/* Counts the time that the lines have left until `end` as imbalance. */
void vc__lines_close(vc__lines *lines, uint64_t end);

/* Rounds of visits that are all alike, one for each line (rounds.c): once a round has moved all
 * times by the same, those that follow it do, and are not run one by one. */
typedef struct vc__rounds {
    uint64_t first;         /* visit of the round that is watched; UINT64_MAX: none */
    uint64_t *free, *start; /* (lines) before the round; of its visits */
    uint64_t moved, cycle, dispatched;
    uint64_t spent[VC_SPENT_COUNT];
    uint64_t shift; /* what the round moved all times by; 0: not all by the same */
} vc__rounds;

/* Watches the round that begins with this visit. */
void vc__rounds_watch(vc__rounds *rounds, uint64_t visit, const vc__lines *lines,
                      const vc__port *port);
/* 1: the visit is the first behind a round which the next ones will repeat. */
int vc__rounds_repeat(vc__rounds *rounds, uint64_t visit, const vc__lines *lines,
                      const vc__port *port);
/* When a visit of such a round starts. */
uint64_t vc__rounds_start(const vc__rounds *rounds, const vc__lines *lines, uint64_t visit);
/* Does so many rounds. */
void vc__rounds_skip(vc__rounds *rounds, vc__lines *lines, vc__port *port, uint64_t count);

#endif
