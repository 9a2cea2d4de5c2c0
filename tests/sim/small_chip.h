/* A small chip and plans for it, for tests that are worked out by hand. */
#ifndef VC_TEST_SMALL_CHIP_H
#define VC_TEST_SMALL_CHIP_H

#include "testing.h"
#include "vitcod/chip.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"

/* Four lines of eight MACs; the memory gives 32 bytes per cycle. */
static inline vc_chip_config small_chip(void)
{
    vc_chip_config c = vc_chip_config_default();
    c.lines = 4;
    c.linear_rows = 2;
    c.interleave = 0;
    return c;
}

static inline vc_memory_config small_memory(const vc_chip_config *c)
{
    return (vc_memory_config){.model = VC_MEMORY_BANDWIDTH, .bytes_per_second = 32.0 * c->clock_hz};
}

static inline void add_attention(vc_workload *w, int layer, const vc_attention_sizes *s,
                                 const vc_plan *plan)
{
    assert_ok(vc_workload_add_attention(w, layer, s, plan ? &plan->layers[layer] : NULL));
}

static inline void expect_spent(const vc_chip_counts *n, vc_chip_unit engine,
                                const uint64_t want[VC_SPENT_COUNT])
{
    for (int s = 0; s < VC_SPENT_COUNT; s++)
        if (n->spent[engine][s] != want[s])
            fail_msg("%s: %s is %zu, wanted %zu", vc_chip_unit_name(engine),
                     vc_spent_name((vc_spent)s), (size_t)n->spent[engine][s], (size_t)want[s]);
}

static inline void make_plan(vc_plan *out, size_t tokens, size_t threshold,
                             int (*kept)(size_t query, size_t key))
{
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, 1, tokens, tokens));
    for (size_t i = 0; i < tokens * tokens; i++)
        mask.pruned[i] = !kept(i / tokens, i % tokens);
    assert_ok(vc_polarize(out, &mask, threshold, "mask"));
    vc_mask_close(&mask);
}

static inline void make_random_plan(vc_plan *out, const vc_attention_sizes *s, uint64_t seed,
                                    double sparsity)
{
    vc_rng rng = vc_rng_open(seed, 6, 0);
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, s->heads, s->queries, s->keys));
    for (size_t i = 0; i < s->heads * s->queries * s->keys; i++) {
        const size_t key = i % s->keys, query = i / s->keys % s->queries;
        const double share = key % 7 == 3 ? 0.2 : sparsity; /* some columns are fuller */
        mask.pruned[i] = key != query % s->keys && vc_rng_uniform(&rng) < share;
    }
    assert_ok(vc_polarize(out, &mask, s->queries / 2, "mask"));
    vc_mask_close(&mask);
}

static inline int on_diagonal(size_t query, size_t key)
{
    return query == key;
}

static inline int in_first_column(size_t query, size_t key)
{
    (void)query;
    return key == 0;
}

static inline int in_first_row_or_column(size_t query, size_t key)
{
    return query == 0 || key == 0;
}

static inline int everywhere(size_t query, size_t key)
{
    (void)query;
    (void)key;
    return 1;
}

#endif
