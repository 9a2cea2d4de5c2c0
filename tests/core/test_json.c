/* JSON is read and copied whole or not at all, whichever request for memory fails. */
#include <stdlib.h>
#include <string.h>

#include "testing.h"
#include "vitcod/json.h"

static const char texts[][160] = {
    "{\"a name that is longer than sixteen letters, and then longer than thirty-two\": 1}",
    "[\"\\u00e9\\\"\\\\ 0123456789 0123456789 0123456789 0123456789\", true, null]",
    "[1234567890123456, -0.00012345678901234567890123456789012345678901234567890e-5, [[[{}]]]]",
    "[\"exactly sixteen\", \"another 14 here\"]",
    /* the buffer of a token grows at the first and at the second byte of a letter */
    "[\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"]",
    "[\"-\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"]",
};

static long left, failing;

/* Refuses `failing` requests in turn, once `left` have been served. */
static void *refusing_malloc(size_t bytes)
{
    if (left-- > 0)
        return malloc(bytes);
    return failing-- > 0 ? NULL : malloc(bytes);
}

static int ends(size_t text, long served, long refused)
{
    json_error_t error;
    left = served;
    failing = refused;
    json_t *value = vc_json_parse(texts[text], strlen(texts[text]), 0, &error);
    const int whole = failing == refused;
    if (whole)
        assert_non_null(value);
    else
        assert_null(value), assert_int_equal(vc_json_status(&error), VC_ENOMEM),
            assert_in_range(error.line + 1, 0, 2);
    json_decref(value);
    return whole;
}

static void every_request_may_fail(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        for (long refused = 1; refused <= 1000; refused *= 10) {
            long served = 0;
            while (!ends(t, served, refused))
                served++;
            assert_true(served > 5);
        }
}

static void copies_are_whole(void **state)
{
    (void)state;
    const char *text =
        "{\"a\": [1, 2], \"b\": {\"c\": null}, \"d\": 1, \"e\": 2, \"f\": [], \"g\": 3}";
    json_error_t error;
    left = 1000;
    json_t *value = vc_json_parse(text, strlen(text), 0, &error);
    json_t *(*const copies[])(const json_t *) = {vc_json_copy, vc_json_deep_copy};
    for (size_t c = 0; c < 2; c++) {
        long served = 0;
        json_t *copy = NULL;
        for (; !copy; served++) {
            left = served;
            failing = 1;
            copy = copies[c](value);
            assert_int_equal(copy != NULL, failing == 1);
        }
        assert_true(json_equal(copy, value));
        assert_true(served > 5);
        json_decref(copy);
    }
    json_decref(value);
}

static void what_is_wrong_has_its_place(void **state)
{
    (void)state;
    json_error_t error;
    left = failing = 0;
    assert_null(vc_json_parse("{\"a\":\n 1,,}", 11, 0, &error));
    assert_int_equal(vc_json_status(&error), VC_EFORMAT);
    assert_int_equal(error.line, 2);
    assert_int_equal(error.column, 4);
    assert_null(vc_json_parse("", 0, 0, &error));
    assert_int_equal(vc_json_status(&error), VC_EFORMAT);
    assert_null(vc_json_parse("[1] 2", 5, 0, &error));
    assert_null(vc_json_parse("[\"\xff\"]", 5, 0, &error));
    assert_int_equal(vc_json_status(&error), VC_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_may_fail),
        cmocka_unit_test(copies_are_whole),
        cmocka_unit_test(what_is_wrong_has_its_place),
    };
    json_set_alloc_funcs(refusing_malloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
