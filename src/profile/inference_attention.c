#include "inference_attention.h"

#include <omp.h>

#include "vitcod/kernels.h"
#include "vitcod/residual.h"

size_t vc__infer_mean_floats(size_t value_dim)
{
    return (value_dim + 15) / 16 * 16;
}

/* One head of one image, and its residual, if it has one. */
static void infer_head(float *out, const float *panels, float *mean,
                       const vc_packed_attention *layer, const vc_attention *a, size_t image,
                       size_t h)
{
    const vc_attention_shape *s = &a->shape;
    const vc_attention_view view = {.head = &layer->head[h],
                                    .head_dim = s->head_dim,
                                    .value_dim = s->value_dim,
                                    .q = a->q + image * s->queries * s->q_stride + h * s->head_dim,
                                    .k = a->k + image * s->keys * s->k_stride + h * s->head_dim,
                                    .v = a->v + image * s->keys * s->v_stride + h * s->value_dim,
                                    .q_stride = s->q_stride,
                                    .k_stride = s->k_stride,
                                    .v_stride = s->v_stride,
                                    .panel = panels + image * layer->panel_floats +
                                             layer->head[h].panel_start};
    const float *shares = layer->pattern.head[h].kept_share;
    float *to = out + image * s->queries * s->out_stride + h * s->value_dim;
    vc_kernels_get()->attention_rows(to, s->out_stride, &view, 0, s->queries);
    if (!shares)
        return;
    vc_residual_mean(mean, view.v, s->v_stride, s->keys, s->value_dim);
    vc_residual_add(to, s->out_stride, shares, mean, s->queries, s->value_dim);
}

void vc__infer_attention(float *out, float *panels, float *means, const vc_packed_attention *layer,
                         const vc_attention *a)
{
    const vc_attention_shape *s = &a->shape;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t i = 0; i < s->batch; i++)
            vc_attention_pack(panels + i * layer->panel_floats, layer,
                              a->k + i * s->keys * s->k_stride, a->v + i * s->keys * s->v_stride,
                              s->k_stride, 0, s->keys);
#pragma omp for collapse(2) schedule(static)
        for (size_t i = 0; i < s->batch; i++)
            for (size_t h = 0; h < s->heads; h++)
                infer_head(out, panels,
                           means +
                               (size_t)omp_get_thread_num() * vc__infer_mean_floats(s->value_dim),
                           layer, a, i, h);
    }
}
