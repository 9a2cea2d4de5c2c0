#include "inference_attention.h"

#include <omp.h>

static size_t summary_floats(const vc_packed_attention *layer)
{
    return vc_pattern_summaries(&layer->pattern) * vc_summary_floats(layer);
}

void vc__infer_fit(vc__infer_room *room, const vc_packed_attention *layer)
{
    const size_t line = VC_ARENA_ALIGN / sizeof(float); /* threads share no cache line */
    const size_t entries = layer->pattern.pooling ? layer->pattern.pooling->entries : 0;
    room->panel_floats = vc__larger(room->panel_floats, layer->panel_floats);
    room->summary_floats = vc__larger(room->summary_floats, summary_floats(layer));
    room->scratch_floats = vc__larger(
        room->scratch_floats, (vc__larger(layer->value_dim, entries) + line - 1) / line * line);
}

void vc__infer_place(vc__infer_room *room, vc_arena *arena, size_t batch)
{
    room->panels = vc_arena_floats(arena, batch * room->panel_floats);
    room->summaries = vc_arena_floats(arena, batch * room->summary_floats);
    room->scratch = vc_arena_floats(arena, (size_t)omp_get_max_threads() * room->scratch_floats);
}

/* Panels and summaries of one image. */
static void prepare_image(const vc__infer_room *room, const vc_packed_attention *layer,
                          const vc_attention *a, size_t image)
{
    const vc_attention_shape *s = &a->shape;
    const float *k = a->k + image * s->keys * s->k_stride,
                *v = a->v + image * s->keys * s->v_stride;
    float *panels = room->panels + image * layer->panel_floats;
    const size_t summaries = vc_pattern_summaries(&layer->pattern);
    vc_attention_pack(panels, layer, k, v, s->k_stride, 0, s->keys);
    if (summaries > 0)
        vc_attention_pool(room->summaries + image * summary_floats(layer), panels,
                          room->scratch + (size_t)omp_get_thread_num() * room->scratch_floats,
                          layer, &(vc_pooled_keys){k, v, s->k_stride}, 0, summaries);
}

static void run_head(float *out, const vc__infer_room *room, const vc_packed_attention *layer,
                     const vc_attention *a, size_t image, size_t head)
{
    const vc_attention_shape *s = &a->shape;
    const float *summaries = room->summaries + image * summary_floats(layer);
    const vc_attention_operands x = {
        .q = a->q + image * s->queries * s->q_stride,
        .k = a->k + image * s->keys * s->k_stride,
        .v = a->v + image * s->keys * s->v_stride,
        .q_stride = s->q_stride,
        .k_stride = s->k_stride,
        .v_stride = s->v_stride,
        .summaries = vc_pattern_summaries(&layer->pattern) > 0 ? summaries : NULL,
        .panels = room->panels + image * layer->panel_floats,
        .mean = room->scratch + (size_t)omp_get_thread_num() * room->scratch_floats};
    vc_attention_head_run(out + image * s->queries * s->out_stride, s->out_stride, layer, &x, head,
                          0, s->queries);
}

void vc__infer_attention(float *out, const vc__infer_room *room, const vc_packed_attention *layer,
                         const vc_attention *a)
{
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t i = 0; i < a->shape.batch; i++)
            prepare_image(room, layer, a, i);
#pragma omp for collapse(2) schedule(static)
        for (size_t i = 0; i < a->shape.batch; i++)
            for (size_t h = 0; h < a->shape.heads; h++)
                run_head(out, room, layer, a, i, h);
    }
}
