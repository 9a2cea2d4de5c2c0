/* Plans with summaries by formula: tools/golden/summaries.py has the other side. */
#ifndef VC_TEST_SUMMARY_PLANS_H
#define VC_TEST_SUMMARY_PLANS_H

#include "noise.h"
#include "testing.h"
#include "vitcod/plan.h"

enum { POOLED_TOKENS = 200, MOST_SUMMARIES = 9, MOST_BIASES = 8192, MOST_QUERIES = 256 };

typedef struct pooling_room {
    int32_t start[MOST_SUMMARIES + 1], keys[MOST_SUMMARIES * POOLED_TOKENS];
    float weights[MOST_SUMMARIES * POOLED_TOKENS];
} pooling_room;

static inline size_t square_root(size_t n)
{
    size_t root = 0;
    while ((root + 1) * (root + 1) <= n)
        root++;
    return root;
}

/* The grid behind `prefix` tokens in g x g blocks: row r is in block r * g / side, rounded down. */
static inline vc_pooling pool_blocks(pooling_room *room, size_t g, size_t keys, size_t prefix)
{
    const size_t side = square_root(keys - prefix);
    vc_pooling p = {g * g, 0, room->start, room->keys, room->weights, 0, NULL};
    for (size_t j = 0; j < g * g; j++) {
        p.start[j] = (int32_t)p.entries;
        for (size_t t = 0; t < side * side; t++)
            if (t / side * g / side * g + t % side * g / side == j)
                p.keys[p.entries++] = (int32_t)(prefix + t);
        for (size_t e = (size_t)p.start[j]; e < p.entries; e++)
            p.weights[e] = 1.0f / (float)(p.entries - (size_t)p.start[j]);
    }
    p.start[g * g] = (int32_t)p.entries;
    return p;
}

/* Five weighted sums that overlap. */
static inline vc_pooling pool_overlapping(pooling_room *room, size_t layer, size_t keys)
{
    static float drawn[5 * POOLED_TOKENS];
    char name[48];
    vc_pooling p = {5, 0, room->start, room->keys, room->weights, 0, NULL};
    snprintf(name, sizeof name, "pool_weights %zu", layer);
    noise(drawn, name, 5 * keys);
    for (size_t j = 0; j < 5; j++) {
        p.start[j] = (int32_t)p.entries;
        for (size_t k = 0; k < keys; k++)
            if ((k * 7 + j * 3 + layer) % 4 == 0) {
                p.weights[p.entries] = 1.0f + 0.5f * drawn[j * keys + k];
                p.keys[p.entries++] = (int32_t)k;
            }
        for (size_t e = (size_t)p.start[j]; e < p.entries; e++)
            p.weights[e] /= (float)(p.entries - (size_t)p.start[j]);
    }
    p.start[5] = (int32_t)p.entries;
    return p;
}

static inline vc_pooling pooling_of(pooling_room *room, size_t layer, size_t keys, size_t prefix)
{
    const size_t side = square_root(keys - prefix);
    assert_true(keys <= POOLED_TOKENS);
    switch (layer % 4) {
    case 0:
        return pool_blocks(room, side < 3 ? side : 3, keys, prefix);
    case 1:
        return (vc_pooling){0};
    case 2:
        return pool_overlapping(room, layer, keys);
    default:
        return pool_blocks(room, 1, keys, prefix);
    }
}

/* The queries (heads, dim) of a pooling; that of all tokens has none. */
static inline void query_pooling(vc_pooling *pooling, size_t layer, size_t heads, size_t dim)
{
    static float query[MOST_QUERIES];
    char name[48];
    if (layer % 4 == 3 || dim == 0)
        return;
    assert_true(heads * dim <= MOST_QUERIES);
    snprintf(name, sizeof name, "pool_query %zu", layer);
    noise(query, name, heads * dim);
    for (size_t i = 0; i < heads * dim; i++)
        query[i] *= 2.0f;
    pooling->dim = dim;
    pooling->query = query;
}

/* Layer l of the plan gets the summaries that layer `first` + l has in summaries.py; with `dim`,
 * the length of keys, those that queries pool. */
static inline void add_queried_summaries(vc_plan *plan, size_t prefix, size_t first, size_t dim)
{
    static pooling_room room;
    static float bias[MOST_BIASES];
    for (size_t l = 0; l < plan->layer_count; l++) {
        vc_plan_layer *layer = &plan->layers[l];
        vc_pooling p = pooling_of(&room, first + l, layer->keys, prefix);
        const size_t biases = layer->heads * layer->queries * p.count;
        char name[48];
        if (p.count == 0)
            continue;
        assert_true(biases <= MOST_BIASES);
        snprintf(name, sizeof name, "summary_bias %zu", first + l);
        noise(bias, name, biases);
        for (size_t at = 0; at < biases; at++) {
            const size_t j = at % p.count, i = at / p.count % layer->queries;
            const size_t h = at / p.count / layer->queries;
            const int out = (h + 2 * i + 3 * j + first + l) % 5 == 0 || i % 6 == 2;
            bias[at] = out ? -INFINITY : 1.0f + bias[at];
        }
        query_pooling(&p, first + l, layer->heads, dim);
        assert_ok(vc_plan_layer_add_summaries(layer, &p, bias));
    }
}

static inline void add_summaries(vc_plan *plan, size_t prefix, size_t first)
{
    add_queried_summaries(plan, prefix, first, 0);
}

/* What is kept beside them. */
static inline void summary_mask(vc_mask *mask, size_t first_layer)
{
    const size_t h = mask->heads, q = mask->queries, k = mask->keys;
    for (size_t at = 0; at < mask->layers * h * q * k; at++) {
        const size_t key = at % k, query = at / k % q, head = at / k / q % h;
        const size_t layer = first_layer + at / k / q / h;
        const int full = head == h - 1 && layer % 4 == 3;
        mask->pruned[at] =
            !(full || key == 0 || query == key || (query * 5 + key * 3 + head + layer) % 11 == 0);
    }
}

#endif
