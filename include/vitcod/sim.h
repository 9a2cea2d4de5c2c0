/* The ViTCoD accelerator: (a) the published simulator's loop counts as a control, (b) a lower bound
 * for 512 MACs and 76.8 GB/s under stated assumptions. Equations: docs/simulator.md. */
#ifndef VITCOD_SIM_H
#define VITCOD_SIM_H

#include "vitcod/plan.h"
#include "vitcod/workload.h"

/* ---- (a) control: reproduces published totals; it says nothing about a real chip */

typedef struct vc_control_options {
    size_t head_dim;
    double ratio;     /* compressed heads / heads, in (0, 1] */
    size_t embed_dim; /* width of the model; 0: attention only */
} vc_control_options;

typedef struct vc_control_layer {
    size_t global_tokens;                                            /* of head 0 */
    uint64_t sddmm_denser, sddmm_sparser, spmm_denser, spmm_sparser; /* cycles */
    uint64_t preload, decode, compute;
} vc_control_layer;

typedef struct vc_control_result {
    uint64_t preload, decode, compute, total;             /* attention, cycles over all layers */
    uint64_t linear_compute, linear_preload, linear, ffn; /* 0 without embed_dim */
    uint64_t end_to_end;      /* linear + ffn, as the published program adds them up */
    vc_control_layer *layers; /* (L), room of the caller */
} vc_control_result;

/* Like the published program it looks at head 0 of each layer alone. VC_EINVAL where that program
 * divides by zero: a part with work that is given no lane. `path` names the plan in
 * messages. */
vc_status vc_sim_control(vc_control_result *out, const vc_plan *plan,
                         const vc_control_options *options, const char *path);

/* ---- (b) bound */

typedef struct vc_sim_config {
    double macs_per_cycle, clock_hz, bandwidth; /* bandwidth in bytes per second */
    double value_bytes, index_bytes;
} vc_sim_config;

vc_sim_config vc_sim_config_default(void);

typedef struct vc_bound {
    uint64_t cycles; /* the larger of the next two: everything overlaps (eq. B3) */
    uint64_t compute_cycles, memory_cycles;
    uint64_t sequential_cycles; /* one operator after the other, each at its own bound (eq. B4) */
    uint64_t macs;              /* on the PE lines */
    uint64_t coder_macs;        /* of encoder and decoder, which have engines of their own */
    double dram_bytes;
} vc_bound;

/* A workload's attention, or all of it. VC_EINVAL when the counts are beyond 2^53. */
vc_status vc_sim_bound(vc_bound *out, const vc_workload *workload, const vc_sim_config *config,
                       int attention_only);

/* The attention of a plan's layers on its own, without a model, with Q and K of so many compressed
 * heads (0: not compressed; NULL: neither); as `plan` keeps it, NULL: all. `path` names the plan in messages. */
vc_status vc_sim_plan_workload(vc_workload *out, const vc_plan *layers, const vc_plan *plan,
                               size_t head_dim, const size_t compressed[2], const char *path);

#endif
