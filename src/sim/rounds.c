/* Rounds of visits that repeat. Times depend on nothing but the lines, the port and the dispatcher:
 * where these are as they were, but later, so is all that follows. */
#include <string.h>

#include "chip_impl.h"

/* What the port has under way when the first line is free. */
static uint64_t port_ahead(const vc__lines *lines, const vc__port *port)
{
    const uint64_t now = lines->free[0] * port->rate;
    return port->moved > now ? port->moved - now : 0;
}

/* By how much the dispatcher is behind the first line, and what it did in that cycle. */
static void dispatcher(uint64_t *behind, uint64_t *dispatched, const vc__lines *lines)
{
    const int there = lines->width > 0 && lines->cycle >= lines->free[0];
    *behind = there ? lines->cycle - lines->free[0] : 0;
    *dispatched = there ? lines->dispatched : 0;
}

void vc__rounds_watch(vc__rounds *r, uint64_t visit, const vc__lines *lines, const vc__port *port)
{
    r->first = visit;
    memcpy(r->free, lines->free, lines->count * sizeof *r->free);
    memcpy(r->spent, lines->spent, sizeof r->spent);
    r->moved = port_ahead(lines, port);
    dispatcher(&r->cycle, &r->dispatched, lines);
}

int vc__rounds_repeat(vc__rounds *r, uint64_t visit, const vc__lines *lines, const vc__port *port)
{
    uint64_t behind, dispatched;
    r->shift = 0;
    if (r->first == UINT64_MAX || visit != r->first + lines->count)
        return 0;
    const uint64_t shift = lines->free[0] - r->free[0];
    dispatcher(&behind, &dispatched, lines);
    if (shift == 0 || port_ahead(lines, port) != r->moved || behind != r->cycle ||
        dispatched != r->dispatched)
        return 0;
    for (size_t i = 0; i < lines->count; i++)
        if (lines->free[i] - r->free[i] != shift)
            return 0;
    r->shift = shift;
    return 1;
}

uint64_t vc__rounds_start(const vc__rounds *r, const vc__lines *lines, uint64_t visit)
{
    const uint64_t at = visit - r->first;
    return r->start[at % lines->count] + at / lines->count * r->shift;
}

void vc__rounds_skip(vc__rounds *r, vc__lines *lines, vc__port *port, uint64_t count)
{
    const uint64_t later = count * r->shift;
    for (size_t i = 0; i < lines->count; i++)
        lines->free[i] += later;
    for (int s = 0; s < VC_SPENT_COUNT; s++)
        lines->spent[s] += count * (lines->spent[s] - r->spent[s]);
    lines->cycle += later;
    port->moved += later * port->rate;
}
