/* Attention of inference by itself, as an engine runs it but for the scale of the scores. */
#ifndef VC_INFERENCE_ATTENTION_H
#define VC_INFERENCE_ATTENTION_H

#include "vitcod/arena.h"
#include "vitcod/attention.h"
#include "vitcod/packed_attention.h"

static inline size_t vc__larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What it works in. Layers that run one after the other may share it. */
typedef struct vc__infer_room {
    size_t panel_floats, summary_floats; /* of an image */
    size_t scratch_floats;               /* of a thread */
    float *panels, *summaries, *scratch;
} vc__infer_room;

/* Makes its sizes large enough for a layer. */
void vc__infer_fit(vc__infer_room *room, const vc_packed_attention *layer);
/* Takes its memory from an arena, for so many images at once. */
void vc__infer_place(vc__infer_room *room, vc_arena *arena, size_t batch);

/* out (B, Tq, H * value_dim) with its stride. */
void vc__infer_attention(float *out, const vc__infer_room *room, const vc_packed_attention *layer,
                         const vc_attention *attention);

#endif
