/* int8 data that is sent through a chip's schedule, to see that the schedule loses nothing. */
#ifndef VITCOD_FUNCTIONAL_H
#define VITCOD_FUNCTIONAL_H

#include "vitcod/chip.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_functional {
    vc_chip_values *values; /* (layers): for vc_chip_options */
    size_t layers;
    void **blocks; /* (layers) */
} vc_functional;

/* Random operands of every attention of a workload, spread as those of a trained model are, and
 * room for the results. */
vc_status vc_functional_open(vc_functional *out, const vc_workload *workload, uint64_t seed);
void vc_functional_close(vc_functional *functional);

/* The operands of one image's attention in a layer, of a model that computes in floats. Head h of
 * token t begins at x + t * stride + h * (head_dim or value_dim). */
typedef struct vc_functional_rows {
    const float *q, *k, *v;
    size_t q_stride, k_stride, v_stride;
} vc_functional_rows;

/* Takes them in place of a layer's random ones: each of Q, K and V in int8 with a scale of its own,
 * by which its largest value is 127. `layer` may be one that the workload leaves out. VC_EINVAL for
 * a value that is not finite. */
vc_status vc_functional_take(vc_functional *functional, const vc_workload *workload, size_t layer,
                             const vc_functional_rows *rows);

typedef struct vc_functional_counts {
    size_t values, layers;
} vc_functional_counts;

/* The chip's results against plain loops, bit for bit: VC_EINVAL naming the first that differs.
 * out: how many were compared. plan: what the chip used of it; NULL: dense. */
vc_status vc_functional_check(vc_functional_counts *out, const vc_functional *functional,
                              const vc_workload *workload, const vc_plan *plan);

#ifdef __cplusplus
}
#endif

#endif
