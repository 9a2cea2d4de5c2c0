#include "testing.h"
#include "vitcod/rng.h"

static void streams_repeat_and_differ(void **state)
{
    (void)state;
    vc_rng a = vc_rng_open(1, 2, 3), b = vc_rng_open(1, 2, 3), c = vc_rng_open(1, 2, 4);
    uint64_t first = vc_rng_u64(&a);
    assert_true(first == vc_rng_u64(&b));
    assert_true(first != vc_rng_u64(&c));
}

static void draws_have_their_moments(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    vc_rng rng = vc_rng_open(7, 0, 0);
    double uniform = 0, normal = 0, squares = 0;
    for (int i = 0; i < COUNT; i++) {
        double u = vc_rng_uniform(&rng), n = vc_rng_normal(&rng);
        assert_true(u >= 0.0 && u < 1.0);
        uniform += u / COUNT;
        normal += n / COUNT;
        squares += n * n / COUNT;
    }
    assert_near(uniform, 0.5, 0.005); /* about 8 standard errors each */
    assert_near(normal, 0.0, 0.02);
    assert_near(squares, 1.0, 0.03);
}

static void shuffle_is_a_permutation(void **state)
{
    (void)state;
    uint32_t values[100];
    unsigned seen[100] = {0}, moved = 0;
    for (uint32_t i = 0; i < 100; i++)
        values[i] = i;
    vc_rng rng = vc_rng_open(1, 1, 1);
    vc_rng_shuffle(&rng, values, 100);
    for (uint32_t i = 0; i < 100; i++) {
        seen[values[i]]++;
        moved += values[i] != i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(streams_repeat_and_differ),
                                       cmocka_unit_test(draws_have_their_moments),
                                       cmocka_unit_test(shuffle_is_a_permutation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
