#include "testing.h"
#include "vitcod/kept_share.h"
#include "vitcod/npy.h"
#include "vitcod/polarize.h"

static void swaps_rows_and_columns(void **state)
{
    (void)state;
    /* Columns 1 and 3 keep three entries; the diagonal keeps every row alive. */
    uint8_t m[] = {0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0};
    const vc_mask mask = {1, 1, 4, 4, m};
    vc_plan plan;
    uint8_t back[16];
    assert_ok(vc_polarize(&plan, &mask, 2, "mask"));
    const int32_t order[] = {1, 3, 2, 0};
    assert_int_equal(plan.layers[0].global_tokens[0], 2);
    assert_memory_equal(plan.layers[0].key_order, order, sizeof order);
    assert_memory_equal(plan.layers[0].query_order, order, sizeof order);
    vc_plan_layer_mask(back, &plan.layers[0]);
    assert_memory_equal(back, m, sizeof m);
    vc_plan_close(&plan);
}

static void rectangular_maps_keep_their_rows(void **state)
{
    (void)state;
    uint8_t m[] = {1, 1, 0, 1, 0, 0};
    const vc_mask mask = {1, 1, 2, 3, m};
    vc_plan plan;
    assert_ok(vc_polarize(&plan, &mask, 1, "mask"));
    const int32_t keys[] = {2, 1, 0}, queries[] = {0, 1};
    assert_memory_equal(plan.layers[0].key_order, keys, sizeof keys);
    assert_memory_equal(plan.layers[0].query_order, queries, sizeof queries);
    vc_plan_close(&plan);
}

static void an_empty_row_is_refused(void **state)
{
    (void)state;
    uint8_t m[] = {0, 0, 1, 1};
    const vc_mask mask = {1, 1, 2, 2, m};
    vc_plan plan;
    assert_fails(vc_polarize(&plan, &mask, 1, "m.npy"), VC_EINVAL, "row 1 keeps no entry");
}

static void shares_of_what_is_kept(void **state)
{
    (void)state;
    uint8_t m[] = {0, 0, 1, 1, 0, 0};
    const float attention[] = {0.2f, 0.3f, 0.5f, 0.75f, 0.25f, 0.0f};
    const vc_mask mask = {1, 1, 2, 3, m};
    vc_maps maps = {1, 1, 2, 3, attention};
    vc_plan plan;
    assert_ok(vc_polarize(&plan, &mask, 1, "mask"));
    assert_ok(vc_plan_add_kept_shares(&plan, &maps, 1, "maps"));
    assert_near(plan.layers[0].kept_share[0], 0.5, 1e-6);
    assert_near(plan.layers[0].kept_share[1], 0.25, 1e-6);
    maps.heads = 2;
    assert_fails(vc_plan_add_kept_shares(&plan, &maps, 1, "maps"), VC_EINVAL, "does not fit");
    vc_plan_close(&plan);
}

/* A cost that is least at three global tokens. */
static vc_status cost_of(void *context, double *cost, vc_plan *plan)
{
    const int apart = plan->layers[0].global_tokens[0] - 3;
    ++*(size_t *)context;
    *cost = (double)(apart * apart);
    return VC_OK;
}

static void a_threshold_that_costs_least(void **state)
{
    (void)state;
    enum { N = 64 };
    static uint8_t m[N * N];
    const vc_mask mask = {1, 1, N, N, m};
    vc_plan plan;
    double cost;
    size_t tried = 0;
    for (size_t i = 0; i < N * N; i++) /* column k keeps k + 1 entries */
        m[i] = i / N < N - 1 - i % N;
    assert_ok(vc_polarize_search(&plan, &cost, &mask, 1, cost_of, &tried, "mask"));
    assert_near(cost, 0.0, 0.0);
    assert_int_equal(plan.layers[0].global_tokens[0], 3);
    assert_int_equal(plan.threshold, N - 3);
    assert_true(tried > 16 && tried < 30);
    vc_plan_close(&plan);
}

static void equals_published_global_tokens(void **state)
{
    (void)state;
    vc_mask mask;
    vc_plan plan;
    vc_npy counts;
    assert_ok(vc_mask_read(&mask, shared("vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy")));
    assert_ok(vc_npy_open(
        &counts, shared("vitcod-masks/deit_tiny_lowrank_0.95/global_token_info_0.95.npy")));
    assert_ok(vc_polarize(&plan, &mask, 50, "mask"));
    const double *want = counts.tensor.data;
    for (size_t i = 0; i < 36; i++)
        assert_near(plan.layers[i / 3].global_tokens[i % 3], want[i], 0.0);
    vc_plan_close(&plan);
    vc_npy_close(&counts);
    vc_mask_close(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(swaps_rows_and_columns),
                                       cmocka_unit_test(rectangular_maps_keep_their_rows),
                                       cmocka_unit_test(an_empty_row_is_refused),
                                       cmocka_unit_test(shares_of_what_is_kept),
                                       cmocka_unit_test(a_threshold_that_costs_least),
                                       cmocka_unit_test(equals_published_global_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
