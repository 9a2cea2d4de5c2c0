#include "../tiny_deit.h"

#include "vitcod/bench.h"
#include "vitcod/polarize.h"

enum { DEPTH = 3, HEADS = 3 }; /* as `config` has them */

static uint64_t macs_of(const vc_model *model)
{
    const vc_bench_options how = {
        .split = VC_PATTERN_BY_PLAN, .batch = 2, .runs = 1, .warm_up = 1, .alone = 1};
    vc_bench_result r;
    assert_ok(vc_bench(&r, model, &how));
    if (!isnan(r.peak_gops)) {
        const double seconds = 1e-3 * r.ms.median / 2.0;
        assert_near(r.share_of_peak, 2e-9 * (double)r.executed_macs / seconds / r.peak_gops, 1e-9);
    }
    const uint64_t macs = r.executed_macs;
    vc_record_free(&vc_bench_record, &r);
    return macs;
}

/* With this many keys for each query. The last block is whole for K and V alone: its other
 * products are those of the class token, which is all that the classifier reads. That token has a
 * row of zeros among the patches. */
static uint64_t by_hand(uint64_t keys)
{
    const uint64_t width = config.width, patch = config.patch.height * config.patch.width;
    const uint64_t token = 2 * width * width + 2 * width * config.hidden + 2 * keys * width;
    const uint64_t keys_and_values = TOKENS * 2 * width * width;
    const uint64_t patches = TOKENS * patch * config.channels * width;
    return patches + (DEPTH - 1) * (keys_and_values + TOKENS * token) + keys_and_values + token +
           width * CLASSES;
}

static void keep(uint8_t *pruned, size_t layer, size_t head, size_t query, size_t key)
{
    pruned[((layer * HEADS + head) * TOKENS + query) * TOKENS + key] = 0;
}

/* What all queries look at, and what few do. */
static void counts_what_is_done(void **state)
{
    (void)state;
    static uint8_t pruned[DEPTH * HEADS * TOKENS * TOKENS];
    const vc_mask mask = {DEPTH, HEADS, TOKENS, TOKENS, pruned};
    vc_model *model = make_tiny_deit(DEPTH);
    vc_plan plan;
    assert_true(config.depth == DEPTH && config.heads == HEADS);
    assert_int_equal(macs_of(model), by_hand(TOKENS));
    for (size_t i = 0; i < sizeof pruned; i++)
        pruned[i] = i % TOKENS >= 5;
    assert_ok(vc_polarize(&plan, &mask, 10, "mask"));
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    assert_int_equal(macs_of(model), by_hand(5));
    vc_plan_close(&plan);
    keep(pruned, 0, 0, 3, 20);
    keep(pruned, DEPTH - 1, 1, 0, 20); /* of the class token */
    keep(pruned, DEPTH - 1, 1, 3, 20); /* of a row that nothing reads */
    assert_ok(vc_polarize(&plan, &mask, 10, "mask"));
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    assert_int_equal(macs_of(model), by_hand(5) + 2 * 2 * config.width / HEADS);
    vc_plan_close(&plan);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_what_is_done)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
