/* One case that passes and one that fails: the runner must count both. */
#include "testing.h"

static void passes(void **state)
{
    (void)state;
}

static void fails(void **state)
{
    (void)state;
    assert_int_equal(1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes), cmocka_unit_test(fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
