#include <string.h>

#include "vitcod/profile.h"

enum { SOFTMAX_FLOPS = 5, NORM_FLOPS = 8 };

const char *vc_work_name(vc_work work)
{
    static const char *const names[] = {
#define VC_WORK_NAME(name, text) text,
        VC_WORK_MAP(VC_WORK_NAME)
#undef VC_WORK_NAME
    };
    return names[work];
}

static vc_work work_of(vc_op_kind kind)
{
    switch (kind) {
    case VC_OP_PATCH_EMBED:
        return VC_WORK_PATCH_EMBED;
    case VC_OP_QKV:
        return VC_WORK_QKV;
    case VC_OP_ENCODE:
    case VC_OP_DECODE:
        return VC_WORK_CODERS;
    case VC_OP_SDDMM:
        return VC_WORK_QK;
    case VC_OP_SOFTMAX:
        return VC_WORK_SOFTMAX;
    case VC_OP_SPMM:
        return VC_WORK_SV;
    case VC_OP_PROJECTION:
        return VC_WORK_PROJECTION;
    case VC_OP_MLP:
        return VC_WORK_MLP;
    default:
        return VC_WORK_HEAD;
    }
}

void vc_profile_count(vc_cost *costs, const vc_workload *workload, size_t layers, size_t bytes)
{
    memset(costs, 0, (layers + 1) * VC_WORK_COUNT * sizeof *costs);
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        vc_cost *row = costs + (size_t)(op->layer + 1) * VC_WORK_COUNT;
        vc_cost *cost = &row[work_of(op->kind)], *norm = &row[VC_WORK_NORM];
        cost->macs += op->macs;
        cost->flops += 2 * op->macs;
        cost->value_bytes += bytes * (op->input_values + op->output_values) + 4 * op->index_values;
        cost->weight_bytes += bytes * op->weight_values;
        if (op->kind == VC_OP_SDDMM)
            row[VC_WORK_SOFTMAX].flops += SOFTMAX_FLOPS * op->macs / op->sizes.head_dim;
        if (op->normalised) {
            norm->flops += NORM_FLOPS * op->input_values;
            norm->value_bytes += 2 * bytes * op->input_values;
        }
    }
}
