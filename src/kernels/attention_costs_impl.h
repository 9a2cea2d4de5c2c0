/* Shared by the files of attention's costs. */
#ifndef VC_ATTENTION_COSTS_IMPL_H
#define VC_ATTENTION_COSTS_IMPL_H

#include "vitcod/attention_costs.h"

/* Measures the costs on the calling thread. */
vc_status vc__measure_costs(vc_split_costs *out, int bf16);

/* The file of the cache, and what its costs must belong to. */
typedef struct vc__cost_cache {
    char path[4096]; /* empty: nowhere */
    char cpu[256];
    const char *isa, *panel;
} vc__cost_cache;

void vc__cost_cache_of(vc__cost_cache *out, int bf16);
/* Returns 0 if there is no file that can be used. */
int vc__cost_cache_read(vc_split_costs *out, const vc__cost_cache *cache);
/* Does nothing if the file cannot be written. */
void vc__cost_cache_write(const vc_split_costs *costs, const vc__cost_cache *cache);

#endif
