/* What a plan's split costs inference. */
#include <stdlib.h>

#include "inference_attention.h"
#include "vitcod/arena.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

enum { IMAGES = 2, WARM_UP = 1, REPEATS = 9 };

typedef struct room {
    float *q, *kv, *out;
    vc__infer_room infer;
    vc_arena arena;
} room;

/* The same walk measures and places. */
static void place(room *r, const vc_attention_shape *s)
{
    r->q = vc_arena_floats(&r->arena, s->batch * s->queries * s->q_stride);
    r->kv = vc_arena_floats(&r->arena, s->batch * s->keys * s->k_stride);
    r->out = vc_arena_floats(&r->arena, s->batch * s->queries * s->out_stride);
    vc__infer_place(&r->infer, &r->arena, s->batch);
}

static void fill(float *values, size_t count, vc_rng *rng)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)vc_rng_normal(rng);
}

static void fill_room(room *r, const vc_attention_shape *s)
{
    vc_rng rng = vc_rng_open(1, 0, 0);
    fill(r->q, s->batch * s->queries * s->q_stride, &rng);
    fill(r->kv, s->batch * s->keys * s->k_stride, &rng);
}

static double time_runs(const room *r, const vc_packed_attention *layer, vc_attention *a)
{
    double samples[REPEATS];
    a->q = r->q;
    a->k = r->kv;
    a->v = r->kv + a->shape.heads * a->shape.head_dim;
    for (size_t i = 0; i < WARM_UP + REPEATS; i++) {
        const double start = vc_clock_seconds();
        vc__infer_attention(r->out, &r->infer, layer, a);
        if (i >= WARM_UP)
            samples[i - WARM_UP] = vc_clock_seconds() - start;
    }
    return vc_spread_of(samples, REPEATS).median;
}

/* K and V lie side by side, as behind their projection. */
static vc_status time_layer(double *seconds, const vc_plan_layer *p, size_t head_dim)
{
    const size_t width = p->heads * head_dim;
    const vc_pattern_options options = {.split = VC_PATTERN_BY_PLAN};
    vc_packed_attention layer = {.heads = p->heads,
                                 .queries = p->queries,
                                 .keys = p->keys,
                                 .head_dim = head_dim,
                                 .value_dim = head_dim};
    vc_attention a = {.shape = {IMAGES, p->heads, p->queries, p->keys, head_dim, head_dim, width,
                                2 * width, 2 * width, width}};
    room r = {0};
    VC_TRY(vc_packed_attention_open(&layer, p, NULL, &options));
    vc__infer_fit(&r.infer, &layer);
    place(&r, &a.shape);
    const vc_status status = vc_arena_reserve(&r.arena);
    if (status == VC_OK) {
        place(&r, &a.shape);
        fill_room(&r, &a.shape);
        *seconds += time_runs(&r, &layer, &a);
    }
    vc_arena_close(&r.arena);
    vc_packed_attention_close(&layer);
    return status;
}

vc_status vc_profile_plan_attention(double *seconds, const vc_plan *plan, size_t head_dim)
{
    *seconds = 0.0;
    for (size_t l = 0; l < plan->layer_count; l++)
        VC_TRY(time_layer(seconds, &plan->layers[l], head_dim));
    return VC_OK;
}
