#include "inference_attention.h"

#include <omp.h>

size_t vc__infer_mean_floats(size_t value_dim)
{
    return (value_dim + 15) / 16 * 16;
}

static void run_head(float *out, const float *panels, float *mean, const vc_packed_attention *layer,
                     const vc_attention *a, size_t image, size_t head)
{
    const vc_attention_shape *s = &a->shape;
    const vc_attention_operands x = {.q = a->q + image * s->queries * s->q_stride,
                                     .k = a->k + image * s->keys * s->k_stride,
                                     .v = a->v + image * s->keys * s->v_stride,
                                     .q_stride = s->q_stride,
                                     .k_stride = s->k_stride,
                                     .v_stride = s->v_stride,
                                     .panels = panels + image * layer->panel_floats,
                                     .mean = mean};
    vc_attention_head_run(out + image * s->queries * s->out_stride, s->out_stride, layer, &x, head,
                          0, s->queries);
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
                run_head(out, panels,
                         means + (size_t)omp_get_thread_num() * vc__infer_mean_floats(s->value_dim),
                         layer, a, i, h);
    }
}
