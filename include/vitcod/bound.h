/* A lower bound of the cycles that any schedule needs, on 512 MACs and 76.8 GB/s unless told
 * otherwise. Equations and assumptions: docs/simulator.md, part B. */
#ifndef VITCOD_BOUND_H
#define VITCOD_BOUND_H

#include "vitcod/record.h"
#include "vitcod/workload.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_bound_config {
    double macs_per_cycle, clock_hz, bandwidth; /* bandwidth in bytes per second */
    double value_bytes, index_bytes;
} vc_bound_config;

vc_bound_config vc_bound_config_default(void);

typedef struct vc_bound {
    uint64_t cycles; /* the larger of the next two: everything overlaps (eq. B3) */
    uint64_t compute_cycles, memory_cycles;
    uint64_t sequential_cycles; /* one operator after the other (eq. B4) */
    uint64_t macs;              /* on the PE lines */
    uint64_t coder_macs;        /* of encoder and decoder, which are separate units */
    double dram_bytes;
} vc_bound;

extern const vc_record vc_bound_record, vc_bound_config_record;

/* The bound of a workload, or of its attention only. VC_EINVAL when counts are beyond 2^53. */
vc_status vc_bound_compute(vc_bound *out, const vc_workload *workload,
                           const vc_bound_config *config, int attention_only);

#ifdef __cplusplus
}
#endif

#endif
