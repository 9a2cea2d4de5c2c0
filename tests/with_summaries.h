/* Summaries for a layer of a plan: runs of tokens, weights and biases at random. */
#ifndef VC_TEST_WITH_SUMMARIES_H
#define VC_TEST_WITH_SUMMARIES_H

#include <math.h>

#include "testing.h"
#include "vitcod/plan.h"
#include "vitcod/rng.h"

/* Pools the tokens from 1 on in `count` runs, or all where there is but one; a bias in four leaves
 * its summary out. */
static inline void add_summaries(vc_plan_layer *layer, size_t count, uint64_t seed)
{
    vc_rng rng = vc_rng_open(seed, 8, count);
    const size_t first = layer->keys > 1, pooled = layer->keys - first,
                 biases = layer->heads * layer->queries * count;
    vc_pooling p = {.count = count,
                    .entries = pooled,
                    .start = calloc(count + 1, sizeof *p.start),
                    .keys = calloc(pooled, sizeof *p.keys),
                    .weights = calloc(pooled, sizeof *p.weights)};
    float *bias = calloc(biases, sizeof *bias);
    assert_true(count <= pooled && p.start && p.keys && p.weights && bias);
    for (size_t g = 0; g < count; g++)
        p.start[g + 1] = (int32_t)(pooled * (g + 1) / count);
    for (size_t g = 0; g < count; g++)
        for (int32_t e = p.start[g]; e < p.start[g + 1]; e++) {
            p.keys[e] = (int32_t)first + e;
            p.weights[e] = (float)((0.5 + vc_rng_uniform(&rng)) / (p.start[g + 1] - p.start[g]));
        }
    for (size_t i = 0; i < biases; i++)
        bias[i] = vc_rng_below(&rng, 4) ? (float)(6.0 * vc_rng_uniform(&rng) - 3.0) : -INFINITY;
    assert_ok(vc_plan_layer_add_summaries(layer, &p, bias));
    free(p.start);
    free(p.keys);
    free(p.weights);
    free(bias);
}

/* Queries of the pooling, for keys of `dim` values: uniform, at most `size`. */
static inline void add_queries(vc_plan_layer *layer, size_t dim, float size, uint64_t seed)
{
    vc_rng rng = vc_rng_open(seed, 9, dim);
    vc_pooling *p = &layer->pooling;
    p->dim = dim;
    p->query = malloc(layer->heads * dim * sizeof *p->query);
    assert_non_null(p->query);
    for (size_t i = 0; i < layer->heads * dim; i++)
        p->query[i] = size * (float)(2.0 * vc_rng_uniform(&rng) - 1.0);
}

#endif
