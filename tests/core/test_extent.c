#include "testing.h"
#include "vitcod/extent.h"

static void sides_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        vc_extent is;
    } cases[] = {{"224", {224, 224}}, {"224x384", {224, 384}}, {"1x7", {1, 7}},
                 {"0", {0, 0}},       {"08x9", {8, 9}},        {"1048576", {1048576, 1048576}}};
    char text[VC_EXTENT_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vc_extent e;
        assert_ok(vc_extent_parse(&e, cases[i].text));
        assert_true(vc_extent_equal(e, cases[i].is));
        vc_extent back;
        assert_ok(vc_extent_parse(&back, vc_extent_text(text, e)));
        assert_true(vc_extent_equal(e, back));
    }
    assert_string_equal(vc_extent_words(text, (vc_extent){224, 384}), "224 x 384");
    assert_string_equal(vc_extent_words(text, vc_square(224)), "224");
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    "x",         "224x", "x224", "224 x 384", "-1",      "+1",
        "1.5", "224x384x3", "0x5",  "5x0",  "5X5",       "1048577", "99999999999999999999999",
        "5x5 "};
    vc_extent e = {7, 8};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(vc_extent_parse(&e, bad[i]), VC_EINVAL,
                     "wanted a side as 224, or height and width as 224x384");
    assert_true(e.height == 7 && e.width == 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sides_are_read),
                                       cmocka_unit_test(anything_else_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
