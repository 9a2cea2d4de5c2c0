/* The lower bound. Numbers of equations refer to docs/simulator.md, part B. */
#include <assert.h>
#include <math.h>

#include "chip_impl.h"

static const vc_field bound_fields[] = {
    {VC_FIELD(vc_bound, cycles, "cycles", "the larger of the next two: everything overlaps")},
    {VC_FIELD(vc_bound, compute_cycles, "cycles", "of the lines")},
    {VC_FIELD(vc_bound, memory_cycles, "cycles", "of the memory")},
    {VC_FIELD(vc_bound, sequential_cycles, "cycles", "one operator after the other")},
    {VC_FIELD(vc_bound, macs, "MAC", "on the lines")},
    {VC_FIELD(vc_bound, coder_macs, "MAC", "of encoder and decoder")},
    {VC_FIELD(vc_bound, dram_bytes, "B", "from and to the memory")},
};
const vc_record vc_bound_record = VC_RECORD("bound", vc_bound, bound_fields);

static const vc_field config_fields[] = {
    {VC_FIELD(vc_bound_config, macs_per_cycle, "MAC", "of all lines")},
    {VC_FIELD(vc_bound_config, clock_hz, "Hz", "of the chip")},
    {VC_FIELD_AS(vc_bound_config, bandwidth, "bandwidth_bytes_per_s", "B/s", "of the memory")},
    {VC_FIELD(vc_bound_config, value_bytes, "B", "of an operand")},
    {VC_FIELD(vc_bound_config, index_bytes, "B", "of an index")},
};
const vc_record vc_bound_config_record = VC_RECORD("config", vc_bound_config, config_fields);

vc_bound_config vc_bound_config_default(void)
{
    return (vc_bound_config){
        .macs_per_cycle = 512, /* 64 PE lines x 8 (ViTCoD's public code) */
        .clock_hz = 500e6,     /* ViTCoD, HPCA 2023, abstract */
        .bandwidth = 76.8e9,   /* DDR4-2400, 4 channels x 64 bit; decimal GB */
        .value_bytes = 1,      /* int8 operands */
        .index_bytes = 2,      /* 16 bit: assumption 3 */
    };
}

static int is_coder(vc_op_kind kind)
{
    return kind == VC_OP_ENCODE || kind == VC_OP_DECODE;
}

/* Encoder, decoder and vector unit are beside the lines. */
static uint64_t macs_on_lines(const vc_op *op)
{
    return is_coder(op->kind) || op->kind == VC_OP_POOL ? 0 : op->macs;
}

static uint64_t cycles_for(double amount, double per_cycle)
{
    return (uint64_t)ceil(amount / per_cycle);
}

static double dram_bytes(const vc_op *op, const vc_bound_config *c)
{
    const double weights = is_coder(op->kind) ? 0.0 : (double)op->weight_values;
    return (weights + (double)op->input_values + (double)op->output_values) * c->value_bytes +
           (double)op->index_values * c->index_bytes +
           (double)op->summary_values * VC__SUMMARY_BYTES;
}

vc_status vc_bound_compute(vc_bound *out, const vc_workload *workload, const vc_bound_config *c,
                           int attention_only)
{
    const double exact = 9007199254740992.0, bytes_per_cycle = c->bandwidth / c->clock_hz;
    double total_macs = 0.0;
    *out = (vc_bound){0};
    if (!(c->macs_per_cycle > 0.0 && bytes_per_cycle > 0.0))
        return vc_fail(VC_EINVAL, "%g MACs and %g bytes per cycle, wanted more than 0",
                       c->macs_per_cycle, bytes_per_cycle);
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        if (attention_only && !op->attention)
            continue;
        uint64_t macs = macs_on_lines(op);
        double bytes = dram_bytes(op, c);
        total_macs += (double)op->macs;
        if (total_macs > exact || out->dram_bytes + bytes > exact)
            return vc_fail(VC_EINVAL, "a workload beyond 2^53 MACs or bytes");
        uint64_t compute = cycles_for((double)macs, c->macs_per_cycle);
        uint64_t memory = cycles_for(bytes, bytes_per_cycle);
        out->sequential_cycles += compute > memory ? compute : memory; /* eq. B4 */
        out->macs += macs;
        out->coder_macs += is_coder(op->kind) ? op->macs : 0;
        out->dram_bytes += bytes;
    }
    if (out->dram_bytes / bytes_per_cycle > exact || (double)out->macs / c->macs_per_cycle > exact)
        return vc_fail(VC_EINVAL, "a workload beyond 2^53 cycles");
    out->compute_cycles = cycles_for((double)out->macs, c->macs_per_cycle); /* eq. B1 */
    out->memory_cycles = cycles_for(out->dram_bytes, bytes_per_cycle);      /* eq. B2 */
    out->cycles = out->compute_cycles > out->memory_cycles ? out->compute_cycles
                                                           : out->memory_cycles; /* eq. B3 */
    assert((double)out->cycles * c->macs_per_cycle >= (double)out->macs);
    assert((double)out->cycles * bytes_per_cycle >= out->dram_bytes * (1.0 - 1e-12));
    assert(out->sequential_cycles >= out->cycles);
    return VC_OK;
}
