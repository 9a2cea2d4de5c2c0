/* Words as a shell reads them back; text and numbers in JSON. */
#include "testing.h"
#include "vitcod/json.h"
#include "vitcod/shell_words.h"

static void words_are_quoted_where_they_must(void **state)
{
    (void)state;
    char line[128] = "";
    vc_shell_add_word(line, sizeof line, "vitcod");
    vc_shell_add_word(line, sizeof line, "a b");
    vc_shell_add_word(line, sizeof line, "it's");
    vc_shell_add_word(line, sizeof line, "");
    vc_shell_add_word(line, sizeof line, "--x=1,2");
    assert_string_equal(line, "vitcod 'a b' 'it'\\''s' '' --x=1,2");
}

static void a_long_line_ends_in_dots(void **state)
{
    (void)state;
    char line[12] = "";
    vc_shell_add_word(line, sizeof line, "0123456789abcdef");
    assert_string_equal(line, "01234567...");
    vc_shell_add_word(line, sizeof line, "more");
    assert_string_equal(line, "01234567...");
}

static void words_come_back(void **state)
{
    (void)state;
    static const char *const words[] = {"plain", "two words", "it's", "", "a=b"};
    char line[128] = "", word[8];
    for (size_t i = 0; i < 5; i++)
        vc_shell_add_word(line, sizeof line, words[i]);
    const char *at = line;
    for (size_t i = 0; i < 5; i++) {
        char whole[32];
        at = vc_shell_take_word(whole, sizeof whole, at);
        assert_non_null(at);
        assert_string_equal(whole, words[i]);
    }
    assert_null(vc_shell_take_word(word, sizeof word, at));
    assert_non_null(vc_shell_take_word(word, sizeof word, "longer-than-that next"));
    assert_string_equal(word, "longer-");
}

static void text_that_is_no_utf8(void **state)
{
    (void)state;
    json_t *plain = vc_json_text("caf\xc3\xa9"), *odd = vc_json_text("a\xff");
    assert_string_equal(json_string_value(plain), "caf\xc3\xa9");
    assert_string_equal(json_string_value(odd), "a\\xff");
    json_decref(plain);
    json_decref(odd);
}

static void numbers_of_an_object(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:i, s:f, s:s}", "a", 3, "b", 0.5, "d", "text");
    assert_near(vc_json_number(object, "a"), 3.0, 0.0);
    assert_near(vc_json_number(object, "b"), 0.5, 0.0);
    assert_near(vc_json_number(object, "d"), 0.0, 0.0);
    assert_near(vc_json_number(object, "none"), 0.0, 0.0);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_quoted_where_they_must),
        cmocka_unit_test(a_long_line_ends_in_dots),
        cmocka_unit_test(words_come_back),
        cmocka_unit_test(text_that_is_no_utf8),
        cmocka_unit_test(numbers_of_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
