#include "vitcod/kernels.h"
#include "vitcod/packed_attention.h"
#include "vitcod/residual.h"

void vc_attention_head_run(float *out, size_t out_stride, const vc_packed_attention *layer,
                           const vc_attention_operands *x, size_t head, size_t first, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_packed_head *h = &layer->head[head];
    const size_t k_at = head * layer->head_dim,
                 v_at = layer->heads * layer->head_dim + head * layer->value_dim;
    const float *summary_k = x->summaries ? x->summaries + k_at : NULL,
                *summary_v = x->summaries ? x->summaries + v_at : NULL;
    const vc_attention_view view = {.head = h,
                                    .head_dim = layer->head_dim,
                                    .value_dim = layer->value_dim,
                                    .q = x->q + head * layer->head_dim,
                                    .k = x->k + head * layer->head_dim,
                                    .v = x->v + head * layer->value_dim,
                                    .q_stride = x->q_stride,
                                    .k_stride = x->k_stride,
                                    .v_stride = x->v_stride,
                                    .summary_k = summary_k,
                                    .summary_v = summary_v,
                                    .summary_stride = vc_summary_floats(layer),
                                    .panel = x->panels + h->panel_start,
                                    .ticks = x->ticks};
    const float *shares = h->pattern->kept_share;
    out += head * layer->value_dim;
    (layer->bf16 ? kernels->attention_rows_bf16 : kernels->attention_rows)(out, out_stride, &view,
                                                                           first, count);
    if (!shares)
        return;
    vc_residual_mean(x->mean, view.v, view.v_stride, layer->keys, layer->value_dim);
    vc_residual_add(out, out_stride, shares + first, x->mean, count, layer->value_dim);
}
