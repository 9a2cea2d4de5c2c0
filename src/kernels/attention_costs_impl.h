/* Shared by the files of attention's costs. */
#ifndef VC_ATTENTION_COSTS_IMPL_H
#define VC_ATTENTION_COSTS_IMPL_H

#include "vitcod/attention_costs.h"

/* By the clock, on the calling thread. */
vc_status vc__measure_costs(vc_split_costs *out, int bf16);

/* Where costs are remembered, and what they must be of. */
typedef struct vc__cost_cache {
    char path[4096]; /* empty: nowhere */
    char cpu[256];
    const char *isa, *panel;
} vc__cost_cache;

void vc__cost_cache_of(vc__cost_cache *out, int bf16);
/* 0: there is no file, or none that can be used. */
int vc__cost_cache_read(vc_split_costs *out, const vc__cost_cache *cache);
/* Leaves it when it cannot be written. */
void vc__cost_cache_write(const vc_split_costs *costs, const vc__cost_cache *cache);

#endif
