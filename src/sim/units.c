/* The units beside the PE lines. Each does one piece of work at a time. */
#include "chip_impl.h"

uint64_t vc__unit_work(vc__machine *m, vc_chip_unit unit, uint64_t ready, uint64_t cycles)
{
    const uint64_t start = vc__later(m->unit_free[unit], ready);
    m->counts.spent[unit][VC_SPENT_BUSY] += cycles;
    return m->unit_free[unit] = start + cycles;
}
