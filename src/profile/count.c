#include <string.h>

#include "vitcod/profile.h"

enum { SOFTMAX_FLOPS = 5, NORM_FLOPS = 8, VALUE = 4 /* bytes */ };

void vc_profile_count(vc_cost *costs, const vc_workload *workload, size_t layers,
                      size_t bytes_per_parameter)
{
    memset(costs, 0, (layers + 1) * VC_WORK_COUNT * sizeof *costs);
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        vc_cost *row = costs + (size_t)(op->layer + 1) * VC_WORK_COUNT;
        vc_cost *cost = &row[vc_op_work(op->kind)], *norm = &row[VC_WORK_NORM];
        cost->macs += op->macs;
        cost->flops += 2 * op->macs;
        cost->value_bytes += VALUE * (op->input_values + op->output_values + op->summary_values) +
                             4 * op->index_values;
        cost->weight_bytes += bytes_per_parameter * op->weight_values;
        if (op->kind == VC_OP_SDDMM)
            row[VC_WORK_SOFTMAX].flops += SOFTMAX_FLOPS * op->macs / op->sizes.head_dim;
        if (op->normalised) {
            norm->flops += NORM_FLOPS * op->input_values;
            norm->value_bytes += 2 * VALUE * op->input_values;
        }
    }
}
