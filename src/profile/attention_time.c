#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "vitcod/arena.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

typedef struct bench {
    const vc_plan *plan;
    vc_attention_shape shape;
    vc_sparse_layer *layers;
    float *qkv, *dense, *sparse, *probs, *scratch;
    uint8_t *pruned;
    double *samples; /* (3, repeats): dense, sparse, ratio */
    size_t repeats;
    vc_arena arena;
} bench;

static void place(bench *b, size_t probs, size_t scratch)
{
    const vc_attention_shape *s = &b->shape;
    size_t rows = s->batch * s->queries, width = s->heads * s->head_dim;
    b->qkv = vc_arena_floats(&b->arena, rows * 3 * width);
    b->dense = vc_arena_floats(&b->arena, rows * width);
    b->sparse = vc_arena_floats(&b->arena, rows * width);
    b->probs = vc_arena_floats(&b->arena, probs);
    b->scratch = vc_arena_floats(&b->arena, scratch);
    b->pruned = vc_arena_take(&b->arena, s->heads * s->queries * s->keys);
    b->samples = vc_arena_take(&b->arena, 3 * b->repeats * sizeof(double));
}

static vc_status open_bench(bench *b, uint64_t seed)
{
    const vc_attention_shape *s = &b->shape;
    size_t probs = s->batch * s->heads * s->queries * s->keys, scratch = 0;
    b->layers = calloc(b->plan->layer_count, sizeof *b->layers);
    if (!b->layers)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t l = 0; l < b->plan->layer_count; l++) {
        vc_sparse_layer *layer = &b->layers[l];
        VC_TRY(vc_sparse_layer_open(layer, &b->plan->layers[l], s->head_dim, s->value_dim, NULL));
        scratch = layer->scratch_floats > scratch ? layer->scratch_floats : scratch;
    }
    size_t dense = vc_attention_scratch_floats(s->queries, s->keys, s->value_dim);
    scratch = dense > scratch ? dense : scratch;
    scratch *= (size_t)omp_get_max_threads();
    place(b, probs, scratch);
    VC_TRY(vc_arena_reserve(&b->arena));
    place(b, probs, scratch);
    vc_rng rng = vc_rng_open(seed, 0, 0);
    for (size_t i = 0; i < s->batch * s->queries * s->q_stride; i++)
        b->qkv[i] = (float)vc_rng_normal(&rng);
    return VC_OK;
}

static void close_bench(bench *b)
{
    for (size_t l = 0; b->layers && l < b->plan->layer_count; l++)
        vc_sparse_layer_close(&b->layers[l]);
    free(b->layers);
    vc_arena_close(&b->arena);
}

static void run_dense(bench *b, const uint8_t *pruned)
{
    size_t width = b->shape.out_stride;
    vc_attention_forward(b->dense, b->probs, b->scratch, b->qkv, b->qkv + width, b->qkv + 2 * width,
                         &b->shape, pruned, NULL);
}

static void run_sparse(bench *b, size_t layer)
{
    size_t width = b->shape.out_stride;
    vc_sparse_attention_forward(b->sparse, b->probs, b->scratch, b->qkv, b->qkv + width,
                                b->qkv + 2 * width, &b->shape, &b->layers[layer]);
}

static vc_status verify(bench *b, double *largest_difference)
{
    size_t count = b->shape.batch * b->shape.queries * b->shape.out_stride;
    double difference = 0.0, largest = 0.0;
    for (size_t l = 0; l < b->plan->layer_count; l++) {
        vc_plan_layer_mask(b->pruned, &b->plan->layers[l]);
        run_dense(b, b->pruned);
        run_sparse(b, l);
        for (size_t i = 0; i < count; i++) {
            difference = fmax(difference, fabs((double)b->dense[i] - b->sparse[i]));
            largest = fmax(largest, fabs((double)b->dense[i]));
        }
    }
    *largest_difference = difference / largest;
    if (!(*largest_difference <= 1e-4))
        return vc_fail(VC_EINVAL,
                       "sparse attention differs from masked dense attention by %g of the "
                       "largest output, wanted at most 1e-4",
                       *largest_difference);
    return VC_OK;
}

static void measure(vc_attention_times *out, bench *b)
{
    double *dense = b->samples, *sparse = dense + b->repeats, *ratio = sparse + b->repeats;
    for (size_t r = 0; r < b->repeats; r++) {
        double start = vc_clock_seconds();
        for (size_t l = 0; l < b->plan->layer_count; l++)
            run_dense(b, NULL);
        double middle = vc_clock_seconds();
        for (size_t l = 0; l < b->plan->layer_count; l++)
            run_sparse(b, l);
        dense[r] = middle - start;
        sparse[r] = vc_clock_seconds() - middle;
        ratio[r] = dense[r] / sparse[r];
    }
    out->dense = vc_spread_of(dense, b->repeats);
    out->sparse = vc_spread_of(sparse, b->repeats);
    out->ratio = vc_spread_of(ratio, b->repeats);
}

vc_status vc_profile_attention(vc_attention_times *out, const vc_plan *plan, size_t head_dim,
                               size_t batch, size_t repeats, uint64_t seed)
{
    *out = (vc_attention_times){0};
    const vc_plan_layer *first = &plan->layers[0];
    for (size_t l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].heads != first->heads || plan->layers[l].queries != first->queries ||
            plan->layers[l].keys != first->queries)
            return vc_fail(VC_EINVAL,
                           "plan layer %zu has another shape than layer 0, wanted equal "
                           "square maps",
                           l);
    size_t width = first->heads * head_dim;
    bench b = {.plan = plan,
               .repeats = repeats,
               .shape = {batch, first->heads, first->queries, first->keys, head_dim, head_dim,
                         3 * width, 3 * width, 3 * width, width}};
    vc_status status = open_bench(&b, seed);
    if (status == VC_OK)
        status = verify(&b, &out->largest_difference);
    if (status == VC_OK)
        measure(out, &b);
    close_bench(&b);
    return status;
}
