/* Several values in one text. */
#include "testing.h"
#include "vitcod/comma_lists.h"

static void names_add_up(void **state)
{
    (void)state;
    vc_comma_names list = {0};
    assert_ok(vc_comma_names_add(&list, "--arch", "one,two"));
    assert_ok(vc_comma_names_add(&list, "--arch", "three"));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.names[0], "one");
    assert_string_equal(list.names[1], "two");
    assert_string_equal(list.names[2], "three");
}

static void names_that_are_refused(void **state)
{
    (void)state;
    char many[2 * (VC_MOST_COMMA_ITEMS + 1)], longest[2000];
    vc_comma_names list = {0}, full = {0}, wide = {0};
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 == 0 ? 'a' : ',';
    many[sizeof many - 1] = '\0';
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_fails(vc_comma_names_add(&list, "--arch", "one,,two"), VC_EINVAL,
                 "--arch is 'one,,two', wanted names between commas");
    assert_fails(vc_comma_names_add(&full, "--arch", many), VC_EINVAL, "more than 32 names");
    assert_fails(vc_comma_names_add(&wide, "--arch", longest), VC_EINVAL,
                 "longer than 1024 characters");
}

static void numbers_in_a_range(void **state)
{
    (void)state;
    vc_comma_numbers list = {0};
    assert_ok(vc_comma_numbers_add(&list, "--sparsity", "0.5,1", 0.0, 1.0));
    assert_ok(vc_comma_numbers_add(&list, "--sparsity", "0", 0.0, 1.0));
    assert_int_equal(list.count, 3);
    assert_near(list.values[0], 0.5, 0.0);
    assert_near(list.values[1], 1.0, 0.0);
    assert_near(list.values[2], 0.0, 0.0);
    assert_fails(vc_comma_numbers_add(&list, "--sparsity", "0.5,1.5", 0.0, 1.0), VC_EINVAL,
                 "--sparsity is '0.5,1.5', wanted numbers from 0 to 1 between commas");
    assert_fails(vc_comma_numbers_add(&list, "--sparsity", "0.5,", 0.0, 1.0), VC_EINVAL, "wanted");
    assert_fails(vc_comma_numbers_add(&list, "--sparsity", "half", 0.0, 1.0), VC_EINVAL, "wanted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_add_up),
                                       cmocka_unit_test(names_that_are_refused),
                                       cmocka_unit_test(numbers_in_a_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
