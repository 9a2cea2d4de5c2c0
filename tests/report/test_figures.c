/* Ticks, numbers, escaping, and what a plot makes of its marks. */
#include "../../src/report/report_impl.h"
#include "testing.h"

static void ticks_are_round_and_inside(void **state)
{
    (void)state;
    double ticks[VC__MOST_TICKS];
    assert_int_equal(vc__ticks(ticks, 0.0, 100.0, 5), 6);
    assert_near(ticks[1], 20.0, 1e-12);
    assert_int_equal(vc__ticks(ticks, 0.31, 0.74, 4), 4);
    assert_near(ticks[0], 0.4, 1e-12);
    assert_near(ticks[3], 0.7, 1e-12);
    assert_int_equal(vc__ticks(ticks, 3.0, 3.0, 5), 1);
    const size_t many = vc__ticks(ticks, -1e300, 1e300, 5);
    assert_true(many > 1 && many <= VC__MOST_TICKS);
    assert_true(vc__ticks(ticks, 1e17, 1e17 + 16.0, 5) <=
                VC__MOST_TICKS); /* counts by 1 end here */
}

static void logarithmic_ticks_are_decades(void **state)
{
    (void)state;
    double ticks[VC__MOST_TICKS];
    assert_int_equal(vc__log_ticks(ticks, 0.5, 2000.0), 4);
    assert_near(ticks[0], 1.0, 1e-12);
    assert_near(ticks[3], 1000.0, 1e-9);
    assert_int_equal(vc__log_ticks(ticks, 3.0, 30.0), 3); /* 5, 10, 20 */
    assert_near(ticks[0], 5.0, 1e-12);
    assert_true(vc__log_ticks(ticks, 1e-200, 1e200) <= VC__MOST_TICKS);
    assert_true(vc__log_ticks(ticks, 1.0, (double)INFINITY) <= VC__MOST_TICKS);
}

/* Newcombe (1998), table II: 56 of 70 and 48 of 80; Wilson: 81 of 263 (Newcombe, table I). */
static void intervals_are_those_of_the_papers(void **state)
{
    (void)state;
    vc__interval i = vc__difference_interval(56.0 / 70.0, 70.0, 48.0 / 80.0, 80.0);
    assert_near(i.low, 0.0524, 5e-5);
    assert_near(i.high, 0.3339, 5e-5);
    i = vc__share_interval(81.0 / 263.0, 263.0);
    assert_near(i.low, 0.2553, 5e-5);
    assert_near(i.high, 0.3662, 5e-5);
    i = vc__median_interval(2.0, 1.5, 2.5, 100.0);
    assert_near(i.low, 1.845865, 1e-6);
    assert_near(i.high, 2.167006, 1e-6);
    i = vc__median_interval(1.1, 0.9, 9.0, 20.0); /* a ratio, while others load the machine */
    assert_true(i.low > 0.0 && i.high > 1.1);
}

/* No two names of a figure share a colour while others are free; what is fixed stays. */
static void colours_are_of_one_name(void **state)
{
    (void)state;
    char names[11][VC__LABEL] = {"x", "busy", "y", "dram", "z", "idle", "a", "b", "c", "d", "e"};
    assert_int_equal(vc__class_of(names, 11, 1), 2);
    assert_int_equal(vc__class_of(names, 11, 3), 1);
    for (size_t i = 0; i < 11; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(vc__class_of(names, 11, i), vc__class_of(names, 11, j));
}

static void numbers_are_for_eyes(void **state)
{
    (void)state;
    char text[VC__NUMBER];
    assert_string_equal(vc__number(text, 31441.0), "31,441");
    assert_string_equal(vc__number(text, -1234567.0), "-1,234,567");
    assert_string_equal(vc__number(text, 4.0464), "4.05");
    assert_string_equal(vc__number(text, 0.0), "0");
    assert_string_equal(vc__number(text, 1e-7), "1e-07");
    assert_string_equal(vc__number(text, (double)NAN), "none");
    assert_string_equal(vc__tick(text, 30e6), "30 M");
    assert_string_equal(vc__tick(text, 20000.0), "20 k");
}

static void colours_run_from_dark_to_light(void **state)
{
    (void)state;
    uint8_t low[3], high[3];
    vc__viridis(low, -1.0);
    vc__viridis(high, 2.0);
    assert_memory_equal(low, vc__anchors[0], 3);
    assert_memory_equal(high, vc__anchors[VC__ANCHORS - 1], 3);
}

static void base64_is_padded(void **state)
{
    (void)state;
    static const char *const wanted[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="};
    for (size_t n = 0; n < 5; n++) {
        char text[16] = "";
        FILE *out = fmemopen(text, sizeof text, "w");
        vc__base64(out, (const uint8_t *)"foob", n);
        fclose(out);
        assert_string_equal(text, wanted[n]);
    }
}

static void long_names_are_clipped_between_letters(void **state)
{
    (void)state;
    char text[64] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    vc__html_clipped(out, "µµµµ<", 3);
    putc('|', out);
    vc__html_clipped(out, "µ<", 2);
    fclose(out);
    assert_string_equal(text, "µµ…|µ&lt;");
}

static void what_is_no_number_has_no_mark(void **state)
{
    (void)state;
    char *text;
    size_t bytes;
    const vc_report report = {0};
    vc__book book = {.report = &report};
    FILE *out = open_memstream(&text, &bytes);
    vc__plot p = {.title = "t", .x_label = "x", .y_label = "y", .y_log = 1};
    const size_t s = vc__plot_series(&p, VC__POINTS, "s");
    vc__plot_mark(&p, s, 1.0, (double)NAN, "%s", "");
    vc__plot_mark(&p, s, 1.0, 0.0, "%s", ""); /* has no logarithm */
    assert_ok(vc__plot_draw(out, &book, &p));
    fclose(out);
    assert_int_equal(bytes, 0);
    assert_int_equal(book.figures, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ticks_are_round_and_inside),
                                       cmocka_unit_test(logarithmic_ticks_are_decades),
                                       cmocka_unit_test(intervals_are_those_of_the_papers),
                                       cmocka_unit_test(colours_are_of_one_name),
                                       cmocka_unit_test(numbers_are_for_eyes),
                                       cmocka_unit_test(colours_run_from_dark_to_light),
                                       cmocka_unit_test(base64_is_padded),
                                       cmocka_unit_test(long_names_are_clipped_between_letters),
                                       cmocka_unit_test(what_is_no_number_has_no_mark)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
