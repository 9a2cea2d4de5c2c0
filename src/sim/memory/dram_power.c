/* In which state a rank is, and for how long: active, precharged, in power-down or in
 * self-refresh (eq. C8, C9). */
#include "dram_impl.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t after(const vc__rank *r, uint64_t clocks)
{
    return clocks == 0 || r->pending > 0 ? UINT64_MAX : r->idle + clocks;
}

uint64_t vc__dram_asleep(const vc__dram *m, const vc__rank *r)
{
    return smaller(after(r, m->config.power_down), after(r, m->config.self_refresh));
}

void vc__dram_spend(const vc__dram *m, vc_memory_counters *n, vc__rank *r, uint64_t clock)
{
    const uint64_t ends[] = {vc__dram_asleep(m, r), after(r, m->config.self_refresh), UINT64_MAX};
    const vc_dram_state states[] = {r->open ? VC_DRAM_ACTIVE : VC_DRAM_PRECHARGED,
                                    VC_DRAM_POWER_DOWN, VC_DRAM_SELF_REFRESH};
    for (int i = 0; i < 3 && r->counted < clock; i++) {
        const uint64_t end = smaller(ends[i], clock);
        if (end <= r->counted)
            continue;
        n->state_clocks[states[i]] += end - r->counted;
        r->counted = end;
    }
}

int vc__dram_in_self_refresh(const vc__dram *m, const vc__rank *r, uint64_t clock)
{
    return clock > after(r, m->config.self_refresh);
}

uint64_t vc__dram_wake(const vc__dram *m, const vc__rank *r, uint64_t clock)
{
    if (vc__dram_in_self_refresh(m, r, clock))
        return clock + m->config.timing.xs;
    return clock > vc__dram_asleep(m, r) ? clock + m->config.timing.xp : clock;
}

double vc__dram_standby(const vc_memory_counters *n, const vc_dram_config *c)
{
    const double amperes[VC_DRAM_STATES] = {[VC_DRAM_PRECHARGED] = c->idd2n,
                                            [VC_DRAM_ACTIVE] = c->idd3n,
                                            [VC_DRAM_POWER_DOWN] = c->idd2p,
                                            [VC_DRAM_SELF_REFRESH] = c->idd6};
    double sum = 0.0;
    for (int s = 0; s < VC_DRAM_STATES; s++)
        sum += amperes[s] * (double)n->state_clocks[s];
    return sum;
}
