/* Rows for which K and V would come again and again: softmax in parts, against a timeline by hand
 * (eq. D26). */
#include "run_attention.h"
#include "small_chip.h"
#include "vitcod/rtl.h"

static vc_chip_counts simulate(const vc_attention_sizes *s, const vc_chip_config *c)
{
    const vc_memory_config memory = small_memory(c);
    return run_attention(c, &memory, s, NULL, NULL);
}

/* Four queries, eight keys, of whose values half a scratchpad holds four. Three whole rows would
 * fit, four rows in parts do. K is there at 1 and 4, Q at 2, V at 3 and 5. Keys 0 to 3, as by hand
 * in test_chip.c: row i is ready at 25 + i, its sums at 29 + i. Keys 4 to 7 from 32 on: row i is
 * complete at 37 + i, its highest score and the power of the one before known at 38 + i, ready at
 * 55 + i; its sums are scaled until 56 + i, and complete at 60 + i. From 67 on they are divided:
 * 71, and stored at 72. */
static void parts_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 8, 8, 8, {0, 0}};
    c.buffers[VC_BUFFER_VALUE].bytes = 64;
    c.buffers[VC_BUFFER_OUTPUT].bytes = 4 * (4 * 4 + 12 + 8 * 6);
    const vc_chip_counts n = simulate(&s, &c);
    assert_int_equal(n.cycles, 72);
    assert_int_equal(n.macs, 2 * 32 * 8);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY] + n.loaded_bytes[VC_BUFFER_VALUE], 2 * 64);
    assert_int_equal(n.exponentials, 2 * 4 * 5);
    assert_int_equal(n.multiplications, 32 + 4 * 8 + 4 * 9);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SOFTMAX][VC_SPENT_BUSY], 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_VECTOR][VC_SPENT_BUSY], 8);
    assert_int_equal(n.read_bytes[VC_BUFFER_OUTPUT], 32 * 5 + 8 * 32 + 4 * 32 + 32 * 5);
    assert_int_equal(n.written_bytes[VC_BUFFER_OUTPUT], 32 * 5 + 8 * 32 + 4 * 32 + 32);
}

/* The same with a byte less, where parts are no better, or where rows must be whole. */
static void whole_rows_where_parts_are_no_better(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 8, 8, 8, {0, 0}};
    c.buffers[VC_BUFFER_VALUE].bytes = 64;
    c.buffers[VC_BUFFER_OUTPUT].bytes = 4 * (4 * 4 + 12 + 8 * 6) - 1;
    assert_int_equal(simulate(&s, &c).exponentials, 32);
    c.buffers[VC_BUFFER_OUTPUT].bytes++;
    c.softmax = VC_CHIP_SOFTMAX_WHOLE;
    const vc_chip_counts n = simulate(&s, &c);
    assert_int_equal(n.exponentials, 32);
    assert_int_equal(n.multiplications, 32);
    c.head_parallel = 1; /* which changes nothing where K is not compressed */
    assert_int_equal(simulate(&s, &c).exponentials, 32);
}

/* The chip of vitcod.yaml and 1,024 tokens of 64 values: K comes 9 times, for whole rows 86
 * times. A row that is longer than the output scratchpad is no longer refused. */
static void long_rows_fit(void **state)
{
    (void)state;
    vc_chip_config c = vc_chip_config_default();
    const vc_attention_sizes s = {1, 1024, 1024, 64, 64, {0, 0}};
    const vc_chip_counts parts = simulate(&s, &c);
    c.softmax = VC_CHIP_SOFTMAX_WHOLE;
    const vc_chip_counts whole = simulate(&s, &c);
    assert_int_equal(parts.loaded_bytes[VC_BUFFER_KEY], 9 * 65536);
    assert_int_equal(whole.loaded_bytes[VC_BUFFER_KEY], 86 * 65536);
    assert_int_equal(parts.macs, whole.macs);
    assert_true(parts.cycles < whole.cycles);
    c.softmax = VC_CHIP_SOFTMAX_ONLINE;
    c.buffers[VC_BUFFER_OUTPUT].bytes = 2048;
    assert_int_equal(simulate(&s, &c).macs, whole.macs);
}

static void rtl_has_whole_rows(void **state)
{
    (void)state;
    enum { T = 1024, D = 64 };
    const vc_chip_config c = vc_chip_config_default();
    const vc_attention_sizes s = {1, T, T, D, D, {0, 0}};
    int8_t *bytes = calloc(3 * T, D);
    int32_t *out = calloc(T * D, sizeof *out);
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_values values = {
        .q = bytes, .k = bytes + T * D, .v = bytes + 2 * T * D, .score_scale = 1e-4f, .out = out};
    vc_rtl_vectors *vectors;
    assert_ok(vc_rtl_vectors_open(&vectors));
    const vc_chip_options o = {.config = &c,
                               .memory = &memory,
                               .attention_only = 1,
                               .values = &values,
                               .vectors = vectors};
    vc_workload w = {0};
    vc_chip_result r;
    add_attention(&w, 0, &s, NULL);
    assert_int_equal(vc_chip_simulate(&r, &w, NULL, &o), VC_EUNSUPPORTED);
    assert_non_null(strstr(vc_last_error(), "rows of 1024 keys in parts"));
    vc_rtl_vectors_close(vectors);
    vc_workload_close(&w);
    free(bytes);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_by_hand),
        cmocka_unit_test(whole_rows_where_parts_are_no_better),
        cmocka_unit_test(long_rows_fit),
        cmocka_unit_test(rtl_has_whole_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
