#include <omp.h>
#include <stdlib.h>

#include "vitcod/arena.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

enum { IMAGES = 2, REPEATS = 5 };

typedef struct room {
    float *q, *k, *v, *out, *probs, *scratch; /* gradients overwrite what they belong to */
    float *dq, *dk, *dv;
    vc_arena arena;
} room;

static void place(room *r, const vc_attention *a)
{
    const vc_attention_shape *s = &a->shape;
    const size_t queries = IMAGES * s->queries * s->q_stride, keys = IMAGES * s->keys * s->k_stride;
    float **const arrays[] = {&r->q, &r->out, &r->dq, &r->k, &r->v, &r->dk, &r->dv};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = vc_arena_floats(&r->arena, i < 3 ? queries : keys);
    r->probs = vc_arena_floats(&r->arena, IMAGES * a->pattern->values);
    r->scratch = vc_arena_floats(&r->arena, vc_attention_scratch_floats(s, a->pattern, 1) *
                                                (size_t)omp_get_max_threads());
}

static double time_once(const room *r, const vc_attention *a)
{
    const double start = vc_clock_seconds();
    vc_attention_forward(r->out, r->probs, r->scratch, a);
    vc_attention_backward(r->dq, r->dk, r->dv, NULL, r->scratch, r->out, r->probs, a);
    return vc_clock_seconds() - start;
}

static void fill(room *r, const vc_attention_shape *s)
{
    vc_rng rng = vc_rng_open(1, 0, 0);
    float *const arrays[] = {r->q, r->k, r->v};
    for (size_t a = 0; a < 3; a++)
        for (size_t i = 0; i < IMAGES * (a == 0 ? s->queries : s->keys) * s->q_stride; i++)
            arrays[a][i] = (float)vc_rng_normal(&rng);
}

static vc_status time_layer(double *seconds, const vc_plan_layer *p, size_t head_dim)
{
    const size_t width = p->heads * head_dim;
    const vc_pattern_options options = {.split = VC_PATTERN_BY_PLAN};
    vc_pattern pattern;
    vc_attention a = {.shape = {IMAGES, p->heads, p->queries, p->keys, head_dim, head_dim, width,
                                width, width, width},
                      .pattern = &pattern};
    room r = {0};
    double samples[REPEATS];
    VC_TRY(vc_pattern_open(&pattern, p, &options));
    place(&r, &a);
    const vc_status status = vc_arena_reserve(&r.arena);
    if (status == VC_OK) {
        place(&r, &a);
        fill(&r, &a.shape);
        a.q = r.q;
        a.k = r.k;
        a.v = r.v;
        for (size_t i = 0; i < REPEATS; i++)
            samples[i] = time_once(&r, &a);
        *seconds += vc_spread_of(samples, REPEATS).median;
    }
    vc_arena_close(&r.arena);
    vc_pattern_close(&pattern);
    return status;
}

vc_status vc_profile_training_attention(double *seconds, const vc_plan *plan, size_t head_dim)
{
    *seconds = 0.0;
    for (size_t l = 0; l < plan->layer_count; l++)
        VC_TRY(time_layer(seconds, &plan->layers[l], head_dim));
    return VC_OK;
}
