/* The loop counts of the published simulator, as a control. They reproduce its totals and do not
 * describe a real chip. Equations: docs/simulator.md, part A. */
#ifndef VITCOD_CONTROL_H
#define VITCOD_CONTROL_H

#include "vitcod/plan.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

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
    uint64_t end_to_end;      /* linear + ffn, as in the published program */
    vc_control_layer *layers; /* (L), allocated by the caller */
    size_t layer_count;
} vc_control_result;

extern const vc_record vc_control_record;

/* Computes the counts. As in the published program, only head 0 of each layer is counted. VC_EINVAL
 * where that program divides by zero, because a part that has work gets no lane. `path` names the
 * plan in messages. */
vc_status vc_control_compute(vc_control_result *out, const vc_plan *plan,
                             const vc_control_options *options, const char *path);

#ifdef __cplusplus
}
#endif

#endif
