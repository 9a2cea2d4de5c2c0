#include "deit_impl.h"

/* Activations between operators of one block stay on the chip unless they are Q, K, V or the block's
 * input and output; docs/simulator.md lists the assumptions. */
static vc_status lower_block(vc_workload *out, const vc_deit_config *c, const vc_plan *plan,
                             int layer)
{
    uint64_t t = vc_deit_tokens(c), w = c->width, m = c->hidden, h = c->heads, d = w / h;
    uint64_t z = c->compressed_heads;
    const vc_attention_sizes sizes = {c->heads, t, t, d, d, z};
    const vc_op qkv =
        vc__op(VC_OP_QKV, layer, 3 * t * w * w, 3 * w * w + 3 * w, t * w, z ? t * w : 3 * t * w);
    const vc_op encode =
        vc__op(VC_OP_ENCODE, layer, 2 * t * d * h * z, 2 * (h * z + z), 0, 2 * t * z * d);
    const vc_op projection = vc__op(VC_OP_PROJECTION, layer, t * w * w, w * w + w, t * w, t * w);
    const vc_op mlp = vc__op(VC_OP_MLP, layer, 2 * t * w * m, 2 * w * m + m + w, t * w, t * w);
    VC_TRY(vc_workload_add(out, &qkv));
    if (z)
        VC_TRY(vc_workload_add(out, &encode));
    VC_TRY(vc_workload_add_attention(out, layer, &sizes, plan ? &plan->layers[layer] : NULL));
    VC_TRY(vc_workload_add(out, &projection));
    return vc_workload_add(out, &mlp);
}

vc_status vc__deit_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan)
{
    const vc_deit_config *c = &config->deit;
    uint64_t t = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), patches = t - classes;
    uint64_t patch_values = c->channels * c->patch * c->patch, w = c->width;
    const vc_op embed = vc__op(VC_OP_PATCH_EMBED, -1, patches * patch_values * w,
                               patch_values * w + w + t * w + classes * w,
                               c->channels * c->image * c->image, t * w);
    const vc_op head = vc__op(VC_OP_HEAD, -1, classes * w * c->classes,
                              classes * (w * c->classes + c->classes), classes * w, c->classes);
    VC_TRY(vc_workload_add(out, &embed));
    for (size_t l = 0; l < c->depth; l++)
        VC_TRY(lower_block(out, c, plan, (int)l));
    return vc_workload_add(out, &head);
}
