/* Patterns: however a head is split, its panel and rows are the entries of the plan; summaries
 * behind them. */
#include <math.h>
#include <stdlib.h>

#include "testing.h"
#include "vitcod/pattern.h"
#include "vitcod/rng.h"

enum { H = 3, TQ = 37, TK = 37, G = 2 };
static const vc_split_costs costs = {.panel_entry = 1.0, .row_entry = 1.6, .row = 7.0};

/* Two columns that nearly all queries want, a diagonal, and a sprinkle; head 2 has no full
 * column. */
static void make_mask(vc_mask *mask)
{
    vc_rng rng = vc_rng_open(3, 0, 0);
    assert_ok(vc_mask_open(mask, 1, H, TQ, TK));
    for (size_t h = 0; h < H; h++)
        for (size_t i = 0; i < TQ; i++)
            for (size_t j = 0; j < TK; j++) {
                const int full = h < 2 && (j == 5 || j == 30) && i % 7 != 3;
                vc_mask_head(mask, 0, h)[i * TK + j] =
                    !(full || i == j || vc_rng_uniform(&rng) < 0.08);
            }
}

/* Summaries of the even and of the odd tokens. Every third query sees the first, all the second. */
static void add_summaries(vc_plan *plan)
{
    int32_t start[G + 1] = {0, TK / 2 + 1, TK}, keys[TK];
    float weights[TK], bias[H * TQ * G];
    const vc_pooling pooling = {G, TK, start, keys, weights, 0, NULL};
    for (size_t i = 0; i < TK; i++) {
        keys[i] = (int32_t)(i <= TK / 2 ? 2 * i : 2 * (i - TK / 2) - 1);
        weights[i] = 1.0f / (float)(i <= TK / 2 ? TK / 2 + 1 : TK / 2);
    }
    for (size_t i = 0; i < H * TQ * G; i++)
        bias[i] = i % G == 0 && i / G % TQ % 3 ? -INFINITY : (float)i;
    assert_ok(vc_plan_layer_add_summaries(&plan->layers[0], &pooling, bias));
}

static size_t seen_of(const vc_plan_layer *layer, size_t head)
{
    size_t seen = 0;
    for (size_t i = 0; i < TQ * layer->pooling.count; i++)
        seen += layer->summary_bias[head * TQ * G + i] != -INFINITY;
    return seen;
}

/* The mask that panel and rows say, in the tokens' own order, and that no entry is there twice. */
static void read_back(uint8_t *pruned, const vc_pattern *p, const vc_plan_layer *layer)
{
    memset(pruned, 1, H * TQ * TK);
    for (size_t h = 0; h < H; h++) {
        const vc_pattern_head *head = &p->head[h];
        const int32_t *queries = head->query_order, *keys = head->key_order;
        for (size_t q = 0; q < TQ; q++) {
            uint8_t *row = pruned + (h * TQ + (queries ? (size_t)queries[q] : q)) * TK;
            for (size_t j = 0; j < head->panel_count - vc_pattern_summaries(p); j++) {
                const size_t key = head->panel_keys ? (size_t)head->panel_keys[j] : j;
                if (vc_panel_keeps(head, q, j))
                    row[keys ? (size_t)keys[key] : key] = 0;
            }
            for (size_t e = 0; e < vc_row_count(head, q); e++) {
                const size_t key = (size_t)head->row_keys[(size_t)head->row_start[q] + e];
                uint8_t *entry = &row[keys ? (size_t)keys[key] : key];
                assert_int_equal(*entry, 1);
                *entry = 0;
            }
        }
        assert_int_equal(head->kept, vc_plan_kept(layer, h) + seen_of(layer, h));
    }
}

static void swap(int32_t *order, size_t a, size_t b)
{
    const int32_t kept = order[a];
    order[a] = order[b];
    order[b] = kept;
}

/* The two full columns, and the queries of their tokens, go to the front. */
static void polarized(vc_plan *plan, vc_mask *mask)
{
    int32_t queries[H * TQ], keys[H * TK], globals[H] = {2, 2, 0};
    make_mask(mask);
    for (size_t i = 0; i < H * TQ; i++)
        queries[i] = keys[i] = (int32_t)(i % TQ);
    for (size_t h = 0; h < 2; h++) {
        swap(queries + h * TQ, 0, 5);
        swap(keys + h * TK, 0, 5);
        swap(queries + h * TQ, 1, 30);
        swap(keys + h * TK, 1, 30);
    }
    const vc_token_order order = {queries, keys, globals};
    assert_ok(vc_plan_assemble(plan, mask, &order, TQ / 2));
}

static void holds_the_plans_entries(void **state)
{
    (void)state;
    vc_mask mask;
    vc_plan plan;
    uint8_t have[H * TQ * TK];
    for (int split = VC_PATTERN_BY_PLAN; split <= VC_PATTERN_WHOLE; split++)
        for (int order = 0; order < 2; order++)
            for (int summaries = 0; summaries < 2; summaries++) {
                const vc_pattern_options o = {
                    .split = (vc_pattern_split)split, .costs = costs, .plan_order = order};
                vc_pattern p;
                polarized(&plan, &mask);
                if (summaries)
                    add_summaries(&plan);
                assert_ok(vc_pattern_open(&p, &plan.layers[0], &o));
                read_back(have, &p, &plan.layers[0]);
                assert_memory_equal(have, mask.pruned, sizeof have);
                vc_pattern_close(&p);
                vc_plan_close(&plan);
                vc_mask_close(&mask);
            }
}

static void splits_as_asked(void **state)
{
    (void)state;
    vc_mask mask;
    vc_plan plan;
    vc_pattern by_plan, by_cost, whole;
    const vc_pattern_options how[] = {{.split = VC_PATTERN_BY_PLAN},
                                      {.split = VC_PATTERN_BY_COST, .costs = costs},
                                      {.split = VC_PATTERN_WHOLE}};
    size_t panel, rows;
    polarized(&plan, &mask);
    assert_ok(vc_pattern_open(&by_plan, &plan.layers[0], &how[0]));
    assert_ok(vc_pattern_open(&by_cost, &plan.layers[0], &how[1]));
    assert_ok(vc_pattern_open(&whole, &plan.layers[0], &how[2]));
    assert_int_equal(by_plan.head[0].panel_count, 2);
    assert_int_equal(by_plan.head[0].panel_keys[0], plan.layers[0].key_order[0]);
    assert_int_equal(by_plan.head[2].panel_count, 0);
    assert_null(whole.head[0].panel_keys);
    assert_null(whole.head[0].row_start);
    assert_int_equal(whole.values, H * TQ * TK);
    vc_pattern_count(&panel, &rows, &by_plan);
    assert_int_equal(panel + rows, vc_mask_kept(&mask));
    assert_in_range(panel, 2 * 2 * 31, 2 * 2 * TQ);
    vc_pattern_count(&panel, &rows, &whole);
    assert_int_equal(rows, 0);
    vc_pattern_close(&by_plan);
    vc_pattern_close(&by_cost);
    vc_pattern_close(&whole);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

/* Dear rows fill the panel, a dear panel empties it. */
static void follows_the_costs(void **state)
{
    (void)state;
    static const vc_split_costs both[] = {{1.0, 1000.0, 0.0}, {1000.0, 1.0, 0.0}};
    vc_mask mask;
    vc_plan plan;
    polarized(&plan, &mask);
    for (size_t i = 0; i < 2; i++) {
        const vc_pattern_options o = {.split = VC_PATTERN_BY_COST, .costs = both[i]};
        vc_pattern p;
        assert_ok(vc_pattern_open(&p, &plan.layers[0], &o));
        for (size_t h = 0; h < H; h++)
            assert_int_equal(p.head[h].panel_count, i == 0 ? TK : 0);
        vc_pattern_close(&p);
    }
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

static void summaries_stand_last(void **state)
{
    (void)state;
    vc_mask mask;
    vc_plan plan;
    for (int order = 0; order < 2; order++) {
        const vc_pattern_options o = {.split = VC_PATTERN_BY_PLAN, .plan_order = order};
        vc_pattern p;
        polarized(&plan, &mask);
        add_summaries(&plan);
        assert_ok(vc_pattern_open(&p, &plan.layers[0], &o));
        assert_int_equal(vc_pattern_summaries(&p), G);
        for (size_t h = 0; h < H; h++) {
            const vc_pattern_head *head = &p.head[h];
            const size_t last = head->panel_count - 1;
            assert_int_equal(head->panel_keys[last], TK + G - 1);
            assert_int_equal(head->panel_place[TK + G - 1], last);
            for (size_t q = 0; q < TQ; q++) {
                const size_t token = head->query_order ? (size_t)head->query_order[q] : q;
                assert_true(vc_panel_keeps(head, q, last));
                assert_int_equal(vc_panel_keeps(head, q, last - 1), token % 3 == 0);
            }
        }
        vc_pattern_close(&p);
        vc_plan_close(&plan);
        vc_mask_close(&mask);
    }
}

static void arranges_values(void **state)
{
    (void)state;
    const vc_pattern_options o = {.split = VC_PATTERN_BY_PLAN};
    float *dense = malloc(H * TQ * TK * sizeof *dense), *back = malloc(H * TQ * TK * sizeof *back);
    vc_mask mask;
    vc_plan plan;
    vc_pattern p;
    polarized(&plan, &mask);
    add_summaries(&plan);
    for (size_t i = 0; i < H * TQ * TK; i++)
        dense[i] = (float)i + 0.5f;
    assert_ok(vc_pattern_open(&p, &plan.layers[0], &o));
    float *values = malloc(p.values * sizeof *values);
    vc_pattern_arrange(values, dense, &p);
    vc_pattern_spread(back, values, &p);
    for (size_t i = 0; i < H * TQ * TK; i++)
        if (!mask.pruned[i])
            assert_true(back[i] == dense[i]);
    assert_true(values[p.head[0].panel_count - 1] == 0.0f);
    vc_pattern_arrange(values, NULL, &p);
    for (size_t i = 0; i < p.values; i++)
        assert_true(values[i] == 0.0f);
    vc_pattern_close(&p);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    free(dense);
    free(values);
    free(back);
}

/* The simulated chip walks rows and columns of one matrix. */
static void rows_point_into_columns(void **state)
{
    (void)state;
    const vc_pattern_options o = {.split = VC_PATTERN_BY_PLAN, .plan_order = 1};
    vc_mask mask;
    vc_plan plan;
    vc_pattern p;
    polarized(&plan, &mask);
    assert_ok(vc_pattern_open(&p, &plan.layers[0], &o));
    for (size_t h = 0; h < H; h++) {
        const vc_pattern_head *head = &p.head[h];
        for (size_t q = 0; q < TQ; q++)
            for (int32_t e = head->row_start[q]; e < head->row_start[q + 1]; e++) {
                const int32_t at = head->row_entry[e], key = head->row_keys[e];
                assert_int_equal(head->column_rows[at], q);
                assert_in_range(at, head->column_start[key], head->column_start[key + 1] - 1);
                assert_true(e == head->row_start[q] || head->row_keys[e - 1] < key);
            }
    }
    vc_pattern_close(&p);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

static void masks_are_plain_plans(void **state)
{
    (void)state;
    vc_mask masks[2];
    vc_plan plan;
    uint8_t have[H * TQ * TK];
    make_mask(&masks[0]);
    make_mask(&masks[1]);
    masks[1].pruned[1] = !masks[1].pruned[1];
    assert_ok(vc_plan_of_masks(&plan, masks, 2));
    assert_int_equal(plan.layer_count, 2);
    for (size_t l = 0; l < 2; l++) {
        vc_plan_layer_mask(have, &plan.layers[l]);
        assert_memory_equal(have, masks[l].pruned, sizeof have);
        for (size_t h = 0; h < H; h++)
            assert_int_equal(plan.layers[l].global_tokens[h], 0);
        vc_mask_close(&masks[l]);
    }
    vc_plan_close(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_the_plans_entries), cmocka_unit_test(splits_as_asked),
        cmocka_unit_test(follows_the_costs),       cmocka_unit_test(summaries_stand_last),
        cmocka_unit_test(arranges_values),         cmocka_unit_test(rows_point_into_columns),
        cmocka_unit_test(masks_are_plain_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
