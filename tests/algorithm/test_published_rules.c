/* Rules `info`, `ratio` and `std` against NumPy of the published code's time, bit for bit:
 * tools/golden/masks.py has the other side. */
#include "../../src/algorithm/row_order.h"

#include "noise.h"
#include "testing.h"
#include "vitcod/json.h"

enum { SIDE = 67, HEADS = 3, ENTRIES = HEADS * SIDE * SIDE, LONGEST = 2000 };

static json_t *golden;

static int read_golden(void **state)
{
    (void)state;
    assert_ok(vc_json_read(&golden, "tools/golden/masks.json"));
    return 0;
}

static int close_golden(void **state)
{
    json_decref(golden);
    return remove_temporary(state);
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void check_hash(const json_t *want, const void *data, size_t bytes, const char *what)
{
    char have[32];
    snprintf(have, sizeof have, "%016llx", (unsigned long long)vc_hash(VC_HASH_START, data, bytes));
    if (strcmp(have, text_at(want, "fnv")) != 0)
        fail_msg("%s: hash %s, wanted %s", what, have, text_at(want, "fnv"));
}

static void fill_maps(float *out, const char *name)
{
    noise(out, name, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++) {
        const float x = out[i] + 1.0f;
        out[i] = strcmp(name, "tied") == 0 ? (float)(floor(((double)out[i] + 1.0) * 6.0) / 1024.0)
                                           : x * x * x * (1.0f / 128.0f);
    }
}

static void masks(void **state)
{
    (void)state;
    static float values[ENTRIES];
    size_t i, tied = 0;
    json_t *want;
    json_array_foreach (json_object_get(golden, "masks"), i, want) {
        vc_prune_options o = vc_prune_options_default();
        vc_prune_report report;
        vc_mask mask;
        char what[64];
        fill_maps(values, text_at(want, "maps"));
        const vc_maps maps = {1, HEADS, SIDE, SIDE, values};
        o.rule = text_at(want, "rule");
        o.info = json_number_value(json_object_get(want, "strength"));
        o.keep_class_token = 0;
        snprintf(what, sizeof what, "%s, rule %s at %g", text_at(want, "maps"), o.rule, o.info);
        assert_ok(vc_prune(&mask, &report, &maps, &o, what));
        const size_t empty = (size_t)json_integer_value(json_object_get(want, "empty_rows"));
        assert_int_equal(report.empty_rows, empty);
        assert_int_equal(ENTRIES - vc_mask_kept(&mask) + empty,
                         json_integer_value(json_object_get(want, "pruned")));
        if (empty == 0)
            check_hash(want, mask.pruned, ENTRIES, what);
        tied += report.tied_rows;
        vc_mask_close(&mask);
    }
    assert_true(i > 30);
    assert_true(tied > 100);
}

static void fill_row(float *out, const char *name, size_t count)
{
    noise(out, "row", count);
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, "noise", 5) == 0)
            out[i] = (float)floor(((double)out[i] + 1.0) * 4.0);
        else if (strncmp(name, "rising", 6) == 0)
            out[i] = (float)(i / 3);
        else if (strncmp(name, "falling", 7) == 0)
            out[i] = (float)((count - i) / 3);
        else
            out[i] = 1.0f;
    if (strncmp(name, "killer", 6) == 0)
        for (size_t i = 0, half = count / 2; i < half; i++) {
            out[i] = (float)((i % 2 == 0 ? i + 1 : half + i + half % 2) / 2);
            out[half + i] = (float)(i + 1);
        }
}

static void orders(void **state)
{
    (void)state;
    static float row[LONGEST];
    static int32_t order[LONGEST];
    size_t i;
    json_t *want;
    json_array_foreach (json_object_get(golden, "orders"), i, want) {
        const char *name = text_at(want, "row");
        const size_t count = strtoul(strchr(name, ' '), NULL, 10);
        assert_true(count > 0 && count <= LONGEST);
        fill_row(row, name, count);
        vc__row_argsort(order, row, count);
        check_hash(want, order, count * sizeof *order, name);
    }
    assert_true(i > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks), cmocka_unit_test(orders)};
    return cmocka_run_group_tests(tests, read_golden, close_golden);
}
