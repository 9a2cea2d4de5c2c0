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

static void gamma_and_beta_have_their_moments(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    static const double shapes[] = {0.2, 0.8, 1.0, 3.5};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const double a = shapes[s], b = 1.3;
        vc_rng rng = vc_rng_open(11, s, 0);
        double gamma = 0, gamma_squares = 0, beta = 0, beta_squares = 0;
        for (int i = 0; i < COUNT; i++) {
            const double g = vc_rng_gamma(&rng, a), x = vc_rng_beta(&rng, a, b);
            assert_true(g >= 0.0 && x >= 0.0 && x <= 1.0);
            gamma += g / COUNT;
            gamma_squares += (g - a) * (g - a) / COUNT;
            beta += x / COUNT;
            beta_squares += (x - a / (a + b)) * (x - a / (a + b)) / COUNT;
        }
        assert_near(gamma, a, 0.02 * sqrt(a)); /* 6 standard errors */
        assert_near(gamma_squares, a, 0.03 * sqrt(2.0 * a * a + 6.0 * a));
        assert_near(beta, a / (a + b), 0.01);
        assert_near(beta_squares, a * b / ((a + b) * (a + b) * (a + b + 1.0)), 0.003);
    }
}

/* Shapes for which both gamma variables of the ratio would come out as 0. */
static void tiny_shapes_stay_numbers(void **state)
{
    (void)state;
    vc_rng rng = vc_rng_open(5, 0, 0);
    int high = 0;
    for (int i = 0; i < 2000; i++) {
        const double x = vc_rng_beta(&rng, 1e-4, 1e-4);
        assert_true(x >= 0.0 && x <= 1.0);
        high += x > 0.5;
    }
    assert_true(high > 850 && high < 1150);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_repeat_and_differ), cmocka_unit_test(draws_have_their_moments),
        cmocka_unit_test(gamma_and_beta_have_their_moments),
        cmocka_unit_test(tiny_shapes_stay_numbers), cmocka_unit_test(shuffle_is_a_permutation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
