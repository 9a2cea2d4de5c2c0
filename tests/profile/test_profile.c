#include "testing.h"
#include "vitcod/polarize.h"
#include "vitcod/profile.h"

static void spread(void **state)
{
    (void)state;
    double samples[] = {5, 1, 4, 2, 3}, one[] = {7};
    vc_spread s = vc_spread_of(samples, 5);
    assert_near(s.median, 3.0, 0.0);
    assert_near(s.low, 2.0, 0.0);
    assert_near(s.high, 4.0, 0.0);
    s = vc_spread_of(one, 1);
    assert_near(s.low, 7.0, 0.0);
    assert_near(s.high, 7.0, 0.0);
}

static void times_what_it_has_verified(void **state)
{
    (void)state;
    enum { T = 20 };
    static uint8_t pruned[2 * T * T];
    const vc_mask mask = {1, 2, T, T, pruned};
    vc_plan plan;
    vc_attention_times times;
    for (size_t i = 0; i < sizeof pruned; i++)
        pruned[i] = i % T != 0 && i % 4 != 0;
    assert_ok(vc_polarize(&plan, &mask, 10, "mask"));
    for (int by = VC_PATTERN_BY_PLAN; by <= VC_PATTERN_BY_COST; by++) {
        const vc_pattern_options split = {.split = (vc_pattern_split)by};
        assert_ok(vc_profile_attention(&times, &plan, 8, &split, 2, 5, 1, NULL));
        assert_near(times.largest_difference, 0.0, 1e-5);
        assert_true(times.dense.median > 0.0 && times.sparse.median > 0.0);
        assert_true(times.ratio.low <= times.ratio.median &&
                    times.ratio.median <= times.ratio.high);
    }
    vc_plan_close(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(spread),
                                       cmocka_unit_test(times_what_it_has_verified)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
