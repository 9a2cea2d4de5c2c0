#include "deit_impl.h"

/* Activations between operators of one block stay on the chip unless they are Q, K, V or the block's
 * input and output; docs/simulator.md lists the assumptions. */
static vc_status lower_block(vc_workload *out, const vc_deit_config *c, const vc_plan *plan,
                             int layer)
{
    uint64_t t = vc_deit_tokens(c), w = c->width, m = c->hidden, d = w / c->heads;
    const size_t *z = c->compressed_heads;
    const vc_attention_sizes sizes = {c->heads, t, t, d, d, {z[0], z[1]}};
    const vc_product_shape into = {t, w, 3 * w}, out_of = {t, w, w},
                           through[] = {{t, w, m}, {t, m, w}};
    const uint64_t stored = 1u + !z[0] + !z[1]; /* V and what is not encoded */
    vc_op qkv = vc__op(VC_OP_QKV, layer, 3 * w * w + 3 * w, t * w, stored * t * w, &into, 1);
    const vc_op encode = vc__encode_op(layer, &sizes);
    const vc_op projection = vc__op(VC_OP_PROJECTION, layer, w * w + w, t * w, t * w, &out_of, 1);
    vc_op mlp = vc__op(VC_OP_MLP, layer, 2 * w * m + m + w, t * w, t * w, through, 2);
    qkv.normalised = mlp.normalised = 1;
    VC_TRY(vc_workload_add(out, &qkv));
    if (encode.macs)
        VC_TRY(vc_workload_add(out, &encode));
    VC_TRY(vc_workload_add_attention(out, layer, &sizes, plan ? &plan->layers[layer] : NULL));
    VC_TRY(vc_workload_add(out, &projection));
    return vc_workload_add(out, &mlp);
}

vc_status vc__deit_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan)
{
    const vc_deit_config *c = vc_deit_sizes_of(config);
    uint64_t t = vc_deit_tokens(c), classes = vc_deit_class_tokens(c), patches = t - classes;
    uint64_t patch_values = c->channels * c->patch * c->patch, w = c->width;
    const vc_product_shape patch = {patches, patch_values, w}, classify = {1, w, c->classes};
    const vc_product_shape heads[] = {classify, classify}; /* of a distilled model, two */
    /* Class tokens with their positions are parameters, which the first block reads. */
    const vc_op embed = vc__op(VC_OP_PATCH_EMBED, -1, patch_values * w + w + t * w + classes * w,
                               c->channels * c->image * c->image, patches * w, &patch, 1);
    vc_op head = vc__op(VC_OP_HEAD, -1, classes * (w * c->classes + c->classes), classes * w,
                        c->classes, heads, classes);
    head.normalised = 1;
    VC_TRY(vc_workload_add(out, &embed));
    for (size_t l = 0; l < c->depth; l++)
        VC_TRY(lower_block(out, c, plan, (int)l));
    return vc_workload_add(out, &head);
}
