/* The lower bound; numbers refer to docs/simulator.md, part B. */
#include <assert.h>
#include <math.h>

#include "vitcod/sim.h"

vc_sim_config vc_sim_config_default(void)
{
    return (vc_sim_config){
        .macs_per_cycle = 512, /* 64 PE lines x 8 (ViTCoD's public code) */
        .clock_hz = 500e6,     /* ViTCoD, HPCA 2023, abstract */
        .bandwidth = 76.8e9,   /* DDR4-2400, 4 channels x 64 bit; decimal GB */
        .value_bytes = 1,      /* int8 operands */
        .index_bytes = 2,      /* assumption B1: 16 bit suffice for 65,536 tokens */
    };
}

vc_bound vc_sim_bound_op(const vc_op *op, const vc_sim_config *c)
{
    vc_bound b = {.macs = op->macs};
    b.dram_bytes =
        (double)(op->weight_values + op->input_values + op->output_values) * c->value_bytes +
        (double)op->index_values * c->index_bytes;
    b.compute_cycles = (uint64_t)ceil((double)op->macs / c->macs_per_cycle);            /* eq. B1 */
    b.memory_cycles = (uint64_t)ceil(b.dram_bytes * c->clock_hz / c->bandwidth);        /* eq. B2 */
    b.cycles = b.compute_cycles > b.memory_cycles ? b.compute_cycles : b.memory_cycles; /* eq. B3 */
    return b;
}

vc_bound vc_sim_bound(const vc_workload *workload, const vc_sim_config *c, int attention_only)
{
    vc_bound total = {0};
    for (size_t i = 0; i < workload->count; i++) {
        if (attention_only && !workload->ops[i].attention)
            continue;
        vc_bound b = vc_sim_bound_op(&workload->ops[i], c);
        total.cycles += b.cycles;
        total.compute_cycles += b.compute_cycles;
        total.memory_cycles += b.memory_cycles;
        total.macs += b.macs;
        total.dram_bytes += b.dram_bytes;
    }
    assert((double)total.cycles >= (double)total.macs / c->macs_per_cycle);
    assert((double)total.cycles >= total.dram_bytes * c->clock_hz / c->bandwidth - 1e-6);
    return total;
}

vc_status vc_sim_plan_workload(vc_workload *out, const vc_plan *plan, size_t head_dim,
                               size_t compressed_heads)
{
    for (size_t l = 0; l < plan->layer_count; l++) {
        const vc_plan_layer *p = &plan->layers[l];
        uint64_t scores = 0, indices = 0, z = compressed_heads, h = p->heads;
        uint64_t qk_heads = z > 0 ? z : h, tokens = p->queries + p->keys;
        for (size_t i = 0; i < p->heads; i++) {
            uint64_t sparse = vc_plan_kept_sparser(p, i);
            scores += (uint64_t)p->global_tokens[i] * p->queries + sparse;
            indices += sparse + p->keys + 1;
        }
        const vc_op ops[] = {
            {VC_OP_DECODE, (int)l, 1, tokens * head_dim * h * z, z ? 2 * (h * z + h) : 0, 0, 0, 0},
            {VC_OP_SDDMM, (int)l, 1, scores * head_dim, 0, tokens * qk_heads * head_dim, 0,
             indices},
            {VC_OP_SPMM, (int)l, 1, scores * head_dim, 0, p->keys * h * head_dim,
             p->queries * h * head_dim, 0},
        };
        for (size_t i = z > 0 ? 0 : 1; i < sizeof ops / sizeof *ops; i++)
            VC_TRY(vc_workload_add(out, &ops[i]));
    }
    return VC_OK;
}
