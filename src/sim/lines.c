/* PE lines: whichever is free first takes the next visit. */
#include "chip_impl.h"

#include <assert.h>

uint64_t vc__entry_cycles(const vc_chip_config *config, vc_buffer from, uint64_t values)
{
    const uint64_t fed = config->buffers[from].banks * 8;
    return vc__later(vc__ceil_div(values, config->macs_per_line),
                     vc__ceil_div(config->lines * values, fed));
}

void vc__lines_open(vc__lines *lines, size_t count, uint64_t start, uint64_t *spent)
{
    assert(count <= VC__MOST_LINES);
    lines->count = count;
    lines->spent = spent;
    for (size_t i = 0; i < count; i++)
        lines->free[i] = start;
}

void vc__lines_take(vc__lines *lines, uint64_t time)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < lines->count; at = child) {
        child += child + 1 < lines->count && lines->free[child + 1] < lines->free[child];
        if (lines->free[child] >= time)
            break;
        lines->free[at] = lines->free[child];
    }
    lines->free[at] = time;
}

uint64_t vc__lines_end(const vc__lines *lines)
{
    uint64_t end = 0;
    for (size_t i = 0; i < lines->count; i++)
        end = vc__later(end, lines->free[i]);
    return end;
}

void vc__lines_idle(vc__machine *m, uint64_t until, vc_engine_kind engine, vc_spent cause)
{
    if (until <= m->now)
        return;
    m->counts.spent[engine][cause] += (until - m->now) * m->config->lines;
    m->now = until;
}

void vc__lines_close(vc__lines *lines, uint64_t end)
{
    for (size_t i = 0; i < lines->count; i++) {
        assert(lines->free[i] <= end);
        lines->spent[VC_SPENT_IMBALANCE] += end - lines->free[i];
    }
}
