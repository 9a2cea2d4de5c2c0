#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "inference_attention.h"
#include "vitcod/arena.h"
#include "vitcod/attention_costs.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

typedef struct bench {
    const vc_plan *plan;
    vc_attention_shape shape;
    vc_packed_attention dense, *split; /* split: of each layer */
    vc_pattern *whole;                 /* of each layer, for the definition */
    float *qkv, *out, *want, *probs, *scratch;
    vc__infer_room infer;
    double *samples; /* (3, repeats): dense, sparse, ratio */
    size_t repeats;
    vc_arena arena;
} bench;

static void place(bench *b)
{
    const vc_attention_shape *s = &b->shape;
    const size_t rows = s->batch * s->queries, width = s->heads * s->head_dim;
    size_t values = 0, scratch = 0;
    for (size_t l = 0; l < b->plan->layer_count; l++) {
        values = vc__larger(values, vc_attention_values(s, &b->whole[l]));
        scratch = vc__larger(scratch, vc_attention_scratch_floats(s, &b->whole[l], 0));
    }
    b->qkv = vc_arena_floats(&b->arena, rows * 3 * width);
    b->out = vc_arena_floats(&b->arena, rows * width);
    b->want = vc_arena_floats(&b->arena, rows * width);
    b->probs = vc_arena_floats(&b->arena, s->batch * values);
    b->scratch = vc_arena_floats(&b->arena, scratch * (size_t)omp_get_max_threads());
    vc__infer_place(&b->infer, &b->arena, s->batch);
    b->samples = vc_arena_take(&b->arena, 3 * b->repeats * sizeof(double));
}

static vc_status open_bench(bench *b, const vc_pattern_options *split, uint64_t seed)
{
    const vc_pattern_options whole = {.split = VC_PATTERN_WHOLE};
    vc_pattern_options by = *split;
    const vc_attention_shape *s = &b->shape;
    const vc_packed_attention sizes = {.heads = s->heads,
                                       .queries = s->queries,
                                       .keys = s->keys,
                                       .head_dim = s->head_dim,
                                       .value_dim = s->value_dim};
    b->split = calloc(b->plan->layer_count, sizeof *b->split);
    b->whole = calloc(b->plan->layer_count, sizeof *b->whole);
    if (!b->split || !b->whole)
        return vc_fail(VC_ENOMEM, "out of memory");
    b->dense = sizes;
    VC_TRY(vc_attention_costs_fill(&by, 0));
    VC_TRY(vc_packed_attention_open(&b->dense, NULL, NULL, &whole));
    vc__infer_fit(&b->infer, &b->dense);
    for (size_t l = 0; l < b->plan->layer_count; l++) {
        b->split[l] = sizes;
        VC_TRY(vc_packed_attention_open(&b->split[l], &b->plan->layers[l], NULL, &by));
        VC_TRY(vc_pattern_open(&b->whole[l], &b->plan->layers[l], &whole));
        vc__infer_fit(&b->infer, &b->split[l]);
    }
    place(b);
    VC_TRY(vc_arena_reserve(&b->arena));
    place(b);
    vc_rng rng = vc_rng_open(seed, 0, 0);
    for (size_t i = 0; i < s->batch * s->queries * s->q_stride; i++)
        b->qkv[i] = (float)vc_rng_normal(&rng);
    return VC_OK;
}

static void close_bench(bench *b)
{
    for (size_t l = 0; b->split && l < b->plan->layer_count; l++)
        vc_packed_attention_close(&b->split[l]);
    for (size_t l = 0; b->whole && l < b->plan->layer_count; l++)
        vc_pattern_close(&b->whole[l]);
    vc_packed_attention_close(&b->dense);
    free(b->split);
    free(b->whole);
    vc_arena_close(&b->arena);
}

static void run(bench *b, const vc_packed_attention *layer)
{
    const size_t width = b->shape.heads * b->shape.head_dim;
    const vc_attention a = {
        .shape = b->shape, .q = b->qkv, .k = b->qkv + width, .v = b->qkv + 2 * width};
    vc__infer_attention(b->out, &b->infer, layer, &a);
}

/* Attention as training computes it, with all keys in the panel. It works with powers of e and a
 * scale: its Q is the kernel's divided by both. */
static void run_definition(bench *b, size_t layer)
{
    const size_t width = b->shape.heads * b->shape.head_dim;
    const float factor = sqrtf((float)b->shape.head_dim) * 0.69314718f; /* ln 2 */
    vc_attention a = {.shape = b->shape,
                      .q = b->out,
                      .k = b->qkv + width,
                      .v = b->qkv + 2 * width,
                      .pattern = &b->whole[layer]};
    for (size_t i = 0; i < a.shape.batch * a.shape.queries; i++)
        for (size_t c = 0; c < width; c++)
            b->out[i * width + c] = factor * b->qkv[i * a.shape.q_stride + c];
    a.shape.q_stride = width;
    vc_attention_forward(b->want, b->probs, b->scratch, &a);
}

static vc_status verify(bench *b, double *largest_difference)
{
    const size_t count = b->shape.batch * b->shape.queries * b->shape.out_stride;
    double difference = 0.0, largest = 0.0;
    for (size_t l = 0; l < b->plan->layer_count; l++) {
        run_definition(b, l);
        run(b, &b->split[l]);
        for (size_t i = 0; i < count; i++) {
            difference = fmax(difference, fabs((double)b->out[i] - b->want[i]));
            largest = fmax(largest, fabs((double)b->want[i]));
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

static void measure(vc_attention_times *out, bench *b, vc_progress *progress)
{
    double *dense = b->samples, *sparse = dense + b->repeats, *ratio = sparse + b->repeats;
    for (size_t r = 0; r < b->repeats; r++) {
        double start = vc_clock_seconds();
        for (size_t l = 0; l < b->plan->layer_count; l++)
            run(b, &b->dense);
        double middle = vc_clock_seconds();
        for (size_t l = 0; l < b->plan->layer_count; l++)
            run(b, &b->split[l]);
        dense[r] = middle - start;
        sparse[r] = vc_clock_seconds() - middle;
        ratio[r] = dense[r] / sparse[r];
        if (progress)
            vc_progress_update(progress, r + 1, NULL);
    }
    out->dense = vc_spread_of(dense, b->repeats);
    out->sparse = vc_spread_of(sparse, b->repeats);
    out->ratio = vc_spread_of(ratio, b->repeats);
}

vc_status vc_profile_attention(vc_attention_times *out, const vc_plan *plan, size_t head_dim,
                               const vc_pattern_options *split, size_t batch, size_t repeats,
                               uint64_t seed, vc_progress *progress)
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
    vc_status status = open_bench(&b, split, seed);
    if (status == VC_OK)
        status = verify(&b, &out->largest_difference);
    if (status == VC_OK)
        measure(out, &b, progress);
    close_bench(&b);
    return status;
}
