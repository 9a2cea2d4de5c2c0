/* What terminals obey does not come through, in one piece or in many. */
#include "testing.h"
#include "vitcod/json.h"
#include "vitcod/printable.h"

static void check(const char *text, const char *wanted)
{
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        char copy[64];
        vc_printable at = {0};
        strcpy(copy, text);
        vc_printable_make(&at, copy, cut, "\n");
        vc_printable_make(&at, copy + cut, strlen(text) - cut, "\n");
        assert_string_equal(copy, wanted);
    }
}

static void controls_do_not_come_through(void **state)
{
    (void)state;
    check("a\tb\nc", "a?b\nc");
    check("\033[31mred", "?[31mred");
    check("\xc2\x9b"
          "31m",
          "\xc2?31m");
    check("\x9b"
          "31m",
          "?31m"); /* one byte, as in Latin-1 */
    check("\x7f", "?");
}

/* Bytes of the same values inside other characters are left alone. */
static void letters_do(void **state)
{
    (void)state;
    check("\xc3\x9b\xe2\x80\x9c\xf0\x9f\x90\x88\xe9", "\xc3\x9b\xe2\x80\x9c\xf0\x9f\x90\x88\xe9");
}

static void messages_and_json(void **state)
{
    (void)state;
    assert_fails(vc_fail(VC_EIO, "\xc2\x9b%s", "\033"), VC_EIO, "\xc2??");
    json_t *text = json_string("\xc2\x9b"
                               "31m \xc3\x9b \xc2\xa9");
    char *dumped = vc_json_dump(text, JSON_ENCODE_ANY);
    assert_string_equal(dumped, "\"\\u009b31m \xc3\x9b \xc2\xa9\"");
    free(dumped);
    json_decref(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_do_not_come_through),
        cmocka_unit_test(letters_do),
        cmocka_unit_test(messages_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
