/* Plans taken apart: masks by runs of layers, and what stands in for what they prune. */
#include "testing.h"
#include "vitcod/plan.h"
#include "vitcod/rng.h"

/* Two layers of 2 heads, 3 queries and 4 keys, then one of 1, 2 and 4. */
static void make_masks(vc_mask masks[2])
{
    vc_rng rng = vc_rng_open(5, 5, 5);
    assert_ok(vc_mask_open(&masks[0], 2, 2, 3, 4));
    assert_ok(vc_mask_open(&masks[1], 1, 1, 2, 4));
    for (size_t m = 0; m < 2; m++) {
        const size_t rows = masks[m].layers * masks[m].heads * masks[m].queries;
        for (size_t r = 0; r < rows; r++)
            for (size_t k = 1; k < 4; k++) /* every row keeps its first */
                masks[m].pruned[r * 4 + k] = (uint8_t)vc_rng_below(&rng, 2);
    }
}

static void masks_come_back(void **state)
{
    (void)state;
    vc_mask masks[2];
    vc_plan plan;
    vc_mask_set set;
    make_masks(masks);
    assert_ok(vc_plan_of_masks(&plan, masks, 2));
    assert_ok(vc_plan_masks(&set, &plan));
    assert_int_equal(set.count, 2);
    assert_string_equal(set.names[1].text, "1");
    assert_int_equal(set.masks[0].layers, 2);
    assert_memory_equal(set.masks[0].pruned, masks[0].pruned, 2 * 2 * 3 * 4);
    assert_memory_equal(set.masks[1].pruned, masks[1].pruned, 2 * 4);
    vc_mask_set_close(&set);
    vc_plan_close(&plan);
    assert_ok(vc_plan_of_masks(&plan, &masks[1], 1));
    assert_ok(vc_plan_masks(&set, &plan));
    assert_string_equal(set.names[0].text, ""); /* all layers are one */
    vc_mask_set_close(&set);
    vc_plan_close(&plan);
    vc_mask_close(&masks[0]);
    vc_mask_close(&masks[1]);
}

static void what_stands_in_is_copied(void **state)
{
    (void)state;
    int32_t start[] = {0, 2}, keys[] = {1, 3};
    float weights[] = {0.5f, 0.5f};
    const float bias[] = {1.0f, -INFINITY, 0.5f, 2.0f, 0.0f, -1.0f};
    const vc_pooling pooling = {
        .count = 1, .entries = 2, .start = start, .keys = keys, .weights = weights};
    vc_mask masks[2];
    vc_plan from, to;
    make_masks(masks);
    assert_ok(vc_plan_of_masks(&from, masks, 2));
    assert_ok(vc_plan_of_masks(&to, masks, 2));
    assert_ok(vc_plan_layer_add_summaries(&from.layers[0], &pooling, bias));
    from.layers[2].kept_share = malloc(2 * sizeof(float));
    from.layers[2].kept_share[0] = 0.25f;
    from.layers[2].kept_share[1] = 1.0f;
    assert_true(vc_plan_hash(&from) != vc_plan_hash(&to));
    for (int twice = 0; twice < 2; twice++) {
        assert_ok(vc_plan_copy_rest(&to, &from));
        assert_true(vc_plan_hash(&from) == vc_plan_hash(&to));
        assert_memory_equal(to.layers[0].summary_bias, bias, sizeof bias);
        assert_null(to.layers[1].kept_share);
    }
    vc_plan_close(&from);
    vc_plan_close(&to);
    vc_mask_close(&masks[0]);
    vc_mask_close(&masks[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks_come_back),
                                       cmocka_unit_test(what_stands_in_is_copied)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
