/* Summaries for plans of tests: uneven and not uniform. */
#ifndef VC_TESTS_SUMMARIZED_H
#define VC_TESTS_SUMMARIZED_H

#include <math.h>

#include "testing.h"
#include "vitcod/model.h"
#include "vitcod/plan.h"

/* Gives a layer two summaries: of its first keys, and of all but the first, if there are others.
 * The biases of a row differ from head to head; every fifth is not there. With a head's size
 * `dim`, they are pooled by queries; 0: by weights as they are. */
static inline void summarize_layer(vc_plan_layer *layer, size_t dim)
{
    const size_t first = layer->keys / 3 + 1, from = layer->keys > 1,
                 entries = first + layer->keys - from;
    int32_t *keys = malloc(entries * sizeof *keys), start[] = {0, (int32_t)first, (int32_t)entries};
    float *weights = malloc(entries * sizeof *weights);
    float *bias = malloc(layer->heads * layer->queries * 2 * sizeof *bias);
    assert_true(keys && weights && bias);
    for (size_t e = 0; e < entries; e++) {
        keys[e] = (int32_t)(e < first ? e : e - first + from);
        weights[e] = (1.0f + (float)(e % 3)) / (2.0f * (float)first);
    }
    for (size_t i = 0; i < layer->heads * layer->queries * 2; i++)
        bias[i] = i % 5 == 2 ? -INFINITY : (float)(i % 7) / 4.0f - 0.5f;
    vc_pooling pooling = {2, entries, start, keys, weights, dim, NULL};
    if (dim > 0) {
        pooling.query = malloc(layer->heads * dim * sizeof *pooling.query);
        assert_non_null(pooling.query);
        for (size_t i = 0; i < layer->heads * dim; i++)
            pooling.query[i] = (float)(i % 5) / 3.0f - 0.7f;
    }
    assert_ok(vc_plan_layer_add_summaries(layer, &pooling, bias));
    free(pooling.query);
    free(keys);
    free(weights);
    free(bias);
}

/* All layers but the second, which has none; every fourth by queries. */
static inline void summarize_plan(vc_plan *plan, const vc_model_config *config)
{
    for (size_t l = 0; l < plan->layer_count; l++)
        if (l != 1)
            summarize_layer(&plan->layers[l], l % 4 == 0 ? vc_model_layer(config, l).head_dim : 0);
}

#endif
