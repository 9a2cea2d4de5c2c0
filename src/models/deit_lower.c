#include "vitcod/model.h"

typedef struct counts {
    uint64_t scores; /* Q K^T products computed: panels and sparser entries */
    uint64_t kept, indices;
} counts;

static counts count_scores(const vc_deit_config *c, const vc_plan *plan, size_t layer)
{
    uint64_t tokens = vc_deit_tokens(c);
    if (!plan)
        return (counts){.scores = c->heads * tokens * tokens, .kept = c->heads * tokens * tokens};
    counts total = {0};
    const vc_plan_layer *p = &plan->layers[layer];
    for (size_t h = 0; h < p->heads; h++) {
        uint64_t sparse = vc_plan_kept_sparser(p, h);
        total.scores += (uint64_t)p->global_tokens[h] * p->queries + sparse;
        total.kept += vc_plan_kept(p, h);
        total.indices += sparse + p->keys + 1;
    }
    return total;
}

/* Activations between operators of one block stay on the chip unless they are Q, K, V or the block's
 * input and output; docs/simulator.md lists the assumptions. */
static vc_status lower_block(vc_workload *out, const vc_deit_config *c, const vc_plan *plan,
                             size_t layer)
{
    uint64_t t = vc_deit_tokens(c), w = c->width, m = c->hidden, h = c->heads, d = w / h;
    uint64_t z = c->compressed_heads, qk = z ? z * d : w;
    counts n = count_scores(c, plan, layer);
    const vc_op ops[] = {
        {VC_OP_QKV, 0, 0, 3 * t * w * w, 3 * w * w + 3 * w, t * w, t * w + (z ? 0 : 2 * t * w), 0},
        {VC_OP_ENCODE, 0, 0, 2 * t * d * h * z, z ? 2 * (h * z + z) : 0, 0, z ? 2 * t * qk : 0, 0},
        {VC_OP_DECODE, 0, 1, 2 * t * d * h * z, z ? 2 * (h * z + h) : 0, 0, 0, 0},
        {VC_OP_SDDMM, 0, 1, n.scores * d, 0, 2 * t * qk, 0, n.indices},
        {VC_OP_SOFTMAX, 0, 1, 0, 0, 0, 0, 0},
        {VC_OP_SPMM, 0, 1, n.scores * d, 0, t * w, t * w, 0},
        {VC_OP_PROJECTION, 0, 0, t * w * w, w * w + w, t * w, t * w, 0},
        {VC_OP_MLP, 0, 0, 2 * t * w * m, 2 * w * m + m + w, t * w, t * w, 0},
    };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        vc_op op = ops[i];
        op.layer = (int)layer;
        if (!z && (op.kind == VC_OP_ENCODE || op.kind == VC_OP_DECODE))
            continue;
        VC_TRY(vc_workload_add(out, &op));
    }
    return VC_OK;
}

vc_status vc_model_lower(vc_workload *out, const vc_deit_config *c, const vc_plan *plan)
{
    uint64_t t = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), patches = t - classes;
    uint64_t patch_values = c->channels * c->patch * c->patch, w = c->width;
    const vc_op embed = {VC_OP_PATCH_EMBED,
                         -1,
                         0,
                         patches * patch_values * w,
                         patch_values * w + w + t * w + classes * w,
                         c->channels * c->image * c->image,
                         t * w,
                         0};
    const vc_op head = {VC_OP_HEAD,
                        -1,
                        0,
                        classes * w * c->classes,
                        classes * (w * c->classes + c->classes),
                        classes * w,
                        c->classes,
                        0};
    VC_TRY(vc_workload_add(out, &embed));
    for (size_t l = 0; l < c->depth; l++)
        VC_TRY(lower_block(out, c, plan, l));
    return vc_workload_add(out, &head);
}
