#include <string.h>

#include "vitcod/profile.h"

enum { SOFTMAX_FLOPS = 5, NORM_FLOPS = 8, VALUE = 4 /* bytes */ };

const char *vc_work_name(vc_work work)
{
    static const char *const names[] = {
#define VC_WORK_NAME(name, text) text,
        VC_WORK_MAP(VC_WORK_NAME)
#undef VC_WORK_NAME
    };
    return names[work];
}

vc_work vc_work_of_operator(const char *name)
{
    static const struct {
        const char *name;
        vc_work work;
    } works[] = {{"patch_embed", VC_WORK_PATCH_EMBED},
                 {"stem", VC_WORK_PATCH_EMBED},
                 {"qkv", VC_WORK_QKV},
                 {"q", VC_WORK_QKV},
                 {"kv", VC_WORK_QKV},
                 {"attention", VC_WORK_ATTENTION},
                 {"projection", VC_WORK_PROJECTION},
                 {"fc1", VC_WORK_MLP},
                 {"fc2", VC_WORK_MLP},
                 {"norm1", VC_WORK_NORM},
                 {"norm2", VC_WORK_NORM},
                 {"norm", VC_WORK_NORM},
                 {"head", VC_WORK_HEAD}};
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        if (strcmp(works[i].name, name) == 0)
            return works[i].work;
    return VC_WORK_RESHAPE;
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

void vc_profile_count(vc_cost *costs, const vc_workload *workload, size_t layers,
                      size_t bytes_per_parameter)
{
    memset(costs, 0, (layers + 1) * VC_WORK_COUNT * sizeof *costs);
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        vc_cost *row = costs + (size_t)(op->layer + 1) * VC_WORK_COUNT;
        vc_cost *cost = &row[work_of(op->kind)], *norm = &row[VC_WORK_NORM];
        cost->macs += op->macs;
        cost->flops += 2 * op->macs;
        cost->value_bytes += VALUE * (op->input_values + op->output_values) + 4 * op->index_values;
        cost->weight_bytes += bytes_per_parameter * op->weight_values;
        if (op->kind == VC_OP_SDDMM)
            row[VC_WORK_SOFTMAX].flops += SOFTMAX_FLOPS * op->macs / op->sizes.head_dim;
        if (op->normalised) {
            norm->flops += NORM_FLOPS * op->input_values;
            norm->value_bytes += 2 * VALUE * op->input_values;
        }
    }
}
