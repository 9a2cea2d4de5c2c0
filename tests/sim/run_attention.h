/* Attention of one layer on a chip. */
#ifndef VC_TEST_RUN_ATTENTION_H
#define VC_TEST_RUN_ATTENTION_H

#include "testing.h"
#include "vitcod/chip.h"

/* `plan`: of one layer, or NULL; `values`: what goes through, or NULL. */
static inline vc_chip_counts run_attention(const vc_chip_config *c, const vc_memory_config *memory,
                                           const vc_attention_sizes *s, const vc_plan *plan,
                                           const vc_chip_values *values)
{
    vc_workload w = {0};
    vc_chip_result r;
    const vc_chip_options o = {
        .config = c, .memory = memory, .attention_only = 1, .values = values};
    assert_ok(vc_workload_add_attention(&w, 0, s, plan ? &plan->layers[0] : NULL));
    assert_ok(vc_chip_simulate(&r, &w, plan, &o));
    const vc_chip_counts total = r.total;
    vc_chip_result_close(&r);
    vc_workload_close(&w);
    return total;
}

#endif
