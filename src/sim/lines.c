/* PE lines: the line that is free first takes the next visit. */
#include "chip_impl.h"

#include <assert.h>

uint64_t vc__entry_cycles(const vc_chip_config *config, uint64_t values)
{
    return vc__ceil_div(values * vc_chip_mac_slots(config), config->macs_per_line);
}

uint64_t vc__gather_cycles(const vc_chip_config *config, vc_buffer from, uint64_t values)
{
    if (config->gather == VC_CHIP_GATHER_BANKS)
        return vc__entry_cycles(config, values);
    const uint64_t banks = vc_chip_banks(config, from),
                   fed = banks < config->lines ? banks : config->lines; /* lines at a time */
    return vc__later(vc__entry_cycles(config, values),
                     vc__ceil_div(config->lines * values * vc_chip_value_bytes(config),
                                  fed * config->macs_per_line));
}

uint64_t vc__move_cycles(const vc_chip_config *c, vc_buffer buffer, uint64_t bytes)
{
    return vc__ceil_div(bytes, vc_chip_banks(c, buffer) * VC_CHIP_BANK_WIDTH);
}

void vc__port_open(vc__port *port, const vc_chip_config *c, vc_buffer buffer, size_t lines,
                   uint64_t bytes)
{
    *port = (vc__port){.rate = vc_chip_banks(c, buffer) * VC_CHIP_BANK_WIDTH * lines,
                       .ahead = lines * bytes * c->lines,
                       .parts = c->lines};
}

void vc__lines_open(vc__lines *lines, size_t count, uint64_t start, uint64_t width, uint64_t *spent)
{
    assert(count <= VC__MOST_LINES);
    lines->free = lines->room;
    lines->count = count;
    lines->spent = spent;
    lines->width = width;
    lines->cycle = start;
    lines->dispatched = 0;
    for (size_t i = 0; i < count; i++)
        lines->free[i] = start;
}

uint64_t vc__lines_end(const vc__lines *lines)
{
    return lines->count ? lines->free[lines->count - 1] : 0;
}

void vc__lines_idle(vc__machine *m, uint64_t until, vc_chip_unit unit, vc_spent cause)
{
    if (until <= m->now)
        return;
    m->counts.spent[unit][cause] += (until - m->now) * m->config->lines;
    m->now = until;
}

void vc__lines_close(vc__lines *lines, uint64_t end)
{
    for (size_t i = 0; i < lines->count; i++) {
        assert(lines->free[i] <= end);
        lines->spent[VC_SPENT_IMBALANCE] += end - lines->free[i];
    }
}
