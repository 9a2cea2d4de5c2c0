#include "levit_impl.h"

static vc_status lower_stem(vc_workload *out, const vc_levit_config *c)
{
    uint64_t side = c->image, weights = 0;
    vc_product_shape products[VC_LEVIT_STEM];
    for (size_t i = 0; i < VC_LEVIT_STEM; i++) {
        uint64_t inputs = 9 * (i ? c->stem[i - 1] : c->channels);
        side = (side + 1) / 2;
        const vc_product_shape product = {side * side, inputs, c->stem[i]};
        products[i] = product;
        weights += (inputs + 1) * c->stem[i];
    }
    const vc_op stem = vc__op(VC_OP_PATCH_EMBED, -1, weights, c->channels * c->image * c->image,
                              side * side * c->stem[VC_LEVIT_STEM - 1], products, VC_LEVIT_STEM);
    return vc_workload_add(out, &stem);
}

/* BatchNorm is folded into the products, so a product has its weights and one bias per output. */
static vc_status lower_block(vc_workload *out, const vc_model_config *config, const vc_plan *plan,
                             size_t index)
{
    const vc_levit_config *c = vc_levit_sizes_of(config);
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc_levit_attention *a = vc__levit_attention_of(c, place);
    const vc__levit_span s = vc__levit_span_of(c, place);
    const vc_attention_layer l = vc_model_layer(config, index);
    const vc_attention_sizes sizes = {l.heads,    l.queries,   l.keys,
                                      l.head_dim, l.value_dim, {l.compressed[0], l.compressed[1]}};
    int layer = (int)index;
    uint64_t tq = l.queries, tk = l.keys, w = s.width_in;
    uint64_t keys = a->heads * a->key_dim, values = a->heads * a->value_dim, m = a->hidden;
    uint64_t stored = tk * values + (l.compressed[0] ? 0 : tq * keys) +
                      (l.compressed[1] ? 0 : tk * keys); /* V and what is not encoded */
    const vc_product_shape into[] = {{tq, w, keys}, {tk, w, keys + values}};
    const vc_product_shape out_of = {tq, values, s.width_out};
    const vc_product_shape through[] = {{tq, s.width_out, m}, {tq, m, s.width_out}};
    const vc_op qkv =
        vc__op(VC_OP_QKV, layer, (2 * keys + values) * (w + 1), tk * w, stored, into, 2);
    const vc_op encode = vc__encode_op(layer, &sizes);
    const vc_op projection = vc__op(VC_OP_PROJECTION, layer, (values + 1) * s.width_out,
                                    tq * values, tq * s.width_out, &out_of, 1);
    const vc_op mlp = vc__op(VC_OP_MLP, layer, 2 * s.width_out * m + m + s.width_out,
                             tq * s.width_out, tq * s.width_out, through, 2);
    VC_TRY(vc_workload_add(out, &qkv));
    if (encode.macs)
        VC_TRY(vc_workload_add(out, &encode));
    VC_TRY(vc_workload_add_attention(out, layer, &sizes, plan ? &plan->layers[index] : NULL));
    VC_TRY(vc_workload_add(out, &projection));
    return vc_workload_add(out, &mlp);
}

vc_status vc__levit_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan)
{
    const vc_levit_config *c = vc_levit_sizes_of(config);
    uint64_t heads = c->distilled ? 2 : 1, width = c->stages[VC_LEVIT_STAGES - 1].width;
    const vc_product_shape classify[] = {{1, width, c->classes}, {1, width, c->classes}};
    const vc_op head = vc__op(VC_OP_HEAD, -1, heads * (width + 1) * c->classes, width, c->classes,
                              classify, heads);
    VC_TRY(lower_stem(out, c));
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        VC_TRY(lower_block(out, config, plan, b));
    return vc_workload_add(out, &head);
}
