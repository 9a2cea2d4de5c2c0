/* Summaries for plans of tests: uneven and not uniform. */
#ifndef VC_TESTS_SUMMARIZED_H
#define VC_TESTS_SUMMARIZED_H

#include <math.h>

#include "testing.h"
#include "vitcod/plan.h"

/* Gives a layer two summaries: of its first keys, and of all but the first, if there are others.
 * The biases of a row differ from head to head; every fifth is not there. */
static inline void summarize_layer(vc_plan_layer *layer)
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
    const vc_pooling pooling = {2, entries, start, keys, weights};
    assert_ok(vc_plan_layer_add_summaries(layer, &pooling, bias));
    free(keys);
    free(weights);
    free(bias);
}

/* All layers but the second, which has none. */
static inline void summarize_plan(vc_plan *plan)
{
    for (size_t l = 0; l < plan->layer_count; l++)
        if (l != 1)
            summarize_layer(&plan->layers[l]);
}

#endif
