/* Records: JSON there and back, CSV and the schema, all from one table. */
#include <limits.h>

#include "testing.h"
#include "vitcod/record.h"

typedef struct spread {
    double median, low;
} spread;

static const vc_field spread_fields[] = {
    {VC_FIELD(spread, median, "ms", "of all runs")},
    {VC_FIELD(spread, low, "ms", "a quarter of the runs lies below"), VC_KNOWN},
};
static const vc_record spread_record = VC_RECORD("spread", spread, spread_fields);

/* A list of numbers that stands for itself: no object around it. */
typedef struct widths {
    int *items;
    size_t count;
} widths;

static const vc_field widths_fields[] = {
    {VC_FIELD_LIST(widths, items, count, NULL, "", "")},
};
static const vc_record widths_record = VC_RECORD("widths", widths, widths_fields);

typedef struct share {
    const char *group;
    float kept;
} share;

static const vc_field share_fields[] = {
    {VC_FIELD(share, group, "", "")},
    {VC_FIELD_AS(share, kept, NULL, "", "share of all scores")},
};
static const vc_record share_record = VC_RECORD("share", share, share_fields);

enum { STATES = 3 };
static const char *const states[] = {"busy", "dram", "idle", NULL};

typedef struct result {
    const char *model;
    char hash[9];
    uint64_t macs, kept;
    int layer;
    bool distilled, compared;
    spread whole, dense;
    widths *layers;
    size_t layer_count;
    share *groups;
    size_t group_count;
    uint64_t spent[STATES];
    double cut, *cuts;
    size_t cut_count;
    json_t *chip;
    double peak;
    bool counted;
    spread counters;
} result;

static const vc_field fields[] = {
    {VC_FIELD(result, model, "", "the model's file")},
    {VC_FIELD(result, hash, "", "of the plan"), VC_KNOWN},
    {VC_FIELD(result, macs, "MAC", "of one image")},
    {VC_FIELD(result, kept, "", "scores"), VC_KNOWN},
    {VC_FIELD(result, layer, "", "-1: outside")},
    {VC_FIELD(result, distilled, "", "has two classifiers")},
    {VC_FIELD_INLINE(result, whole, &spread_record)},
    {VC_FIELD_RECORD(result, dense, "dense", &spread_record, "without the mask"),
     VC_WHEN(result, compared)},
    {VC_FIELD_RECORDS(result, layers, layer_count, "widths", &widths_record, "by layer")},
    {VC_FIELD_NAMED(result, groups, group_count, "groups", &share_record, "by group"), VC_KNOWN},
    {VC_FIELD_BY_WORD(result, spent, states, "spent", "cycle", "by state"), .skip_zeros = true},
    {VC_FIELD_AS(result, cut, "info", "", "the cut"), VC_KNOWN},
    {VC_FIELD_LIST(result, cuts, cut_count, "info", "", "a cut for each group"), VC_KNOWN},
    {VC_FIELD(result, chip, "", "as its file has it"), VC_KNOWN},
    {VC_FIELD(result, peak, "", "none on this CPU"), VC_KNOWN, VC_OR_NULL},
    {VC_FIELD_RECORD(result, counters, "counters", &spread_record, "none on this CPU"),
     VC_WHEN(result, counted), VC_OR_NULL},
};
static const vc_record record = VC_RECORD("a result", result, fields);

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value)
        fail_msg("%s", error.text);
    return value;
}

static void assert_text(json_t *value, const char *wanted)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(10));
    assert_string_equal(text, wanted);
    free(text);
    json_decref(value);
}

static result sparse(void)
{
    return (result){.model = "a\xff.bin",
                    .macs = UINT64_C(1) << 40,
                    .kept = VC_NO_COUNT,
                    .layer = -1,
                    .whole = {1.5, NAN},
                    .cut = 0.5,
                    .peak = NAN,
                    .spent = {7, 0, 1}};
}

static const char short_text[] =
    "{\"model\":\"a\\\\xff.bin\",\"macs\":1099511627776,\"layer\":-1,\"distilled\":false,"
    "\"median\":1.5,\"widths\":[],\"spent\":{\"busy\":7,\"idle\":1},\"info\":0.5,"
    "\"peak\":null,\"counters\":null}";
static const char long_text[] =
    "{\"model\":\"m\",\"hash\":\"01234567\",\"macs\":1,\"kept\":2,\"layer\":3,\"distilled\":true,"
    "\"median\":0.1,\"low\":0.05,\"dense\":{\"median\":2.0},\"widths\":[[1,-2],[]],"
    "\"groups\":{\"dpt0\":0.5,\"dpt1\":0.25},\"spent\":{\"busy\":1,\"dram\":2,\"idle\":3},"
    "\"info\":[0.25,0.75],\"chip\":{\"lines\":64},\"peak\":1.25,\"counters\":{\"median\":3.0}}";

static void writes_what_is_there(void **state)
{
    (void)state;
    json_t *value;
    const result r = sparse();
    assert_ok(vc_record_json(&value, &record, &r));
    assert_text(value, short_text);
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    static const char *const texts[] = {short_text, long_text};
    for (size_t i = 0; i < 2; i++) {
        json_t *value = parse(texts[i]), *again;
        result r;
        assert_ok(vc_record_read(&r, &record, value, "a.json"));
        assert_ok(vc_record_json(&again, &record, &r));
        assert_text(again, texts[i]);
        vc_record_free(&record, &r);
        assert_null(r.layers);
        json_decref(value);
    }
}

static void reads_members(void **state)
{
    (void)state;
    json_t *value = parse(long_text);
    result r;
    assert_ok(vc_record_read(&r, &record, value, "a.json"));
    assert_true(r.compared && isnan(r.dense.low) && isnan(r.cut));
    assert_int_equal(r.cut_count, 2);
    assert_int_equal(r.layers[0].items[1], -2);
    assert_string_equal(r.groups[1].group, "dpt1");
    assert_near(r.groups[1].kept, 0.25, 0.0);
    assert_int_equal(r.spent[2], 3);
    vc_record_free(&record, &r);
    json_decref(value);
}

static void adds_to_an_object(void **state)
{
    (void)state;
    json_t *object = parse("{\"verb\":\"bench\"}");
    const spread s = {2.0, 1.0};
    assert_ok(vc_record_add(object, &spread_record, &s));
    assert_text(object, "{\"verb\":\"bench\",\"median\":2.0,\"low\":1.0}");
}

static void refuses_numbers_that_are_none(void **state)
{
    (void)state;
    json_t *value;
    result r = sparse();
    r.whole.median = NAN;
    assert_fails(vc_record_json(&value, &record, &r), VC_EINVAL, "'median' is nan");
    assert_null(value);
}

static void refuses_other_values(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "a.json: 'median' is missing"},
        {"[]", "a.json: no object, wanted spread"},
        {"{\"median\":\"x\"}", "a.json: 'median' is a text, wanted a number"},
        {"{\"median\":1,\"low\":null}", "a.json: 'low' is null, wanted a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = parse(cases[i][0]);
        spread s;
        assert_fails(vc_record_read(&s, &spread_record, value, "a.json"), VC_EFORMAT, cases[i][1]);
        json_decref(value);
    }
}

/* Members of every size, by the largest and the least that they hold. */
typedef struct sizes {
    unsigned char small;
    unsigned medium;
    int whole;
    float real;
    int *list;
    size_t count;
    unsigned by_state[STATES];
} sizes;

static const vc_field size_fields[] = {
    {VC_FIELD(sizes, small, "", "")},
    {VC_FIELD(sizes, medium, "", "")},
    {VC_FIELD(sizes, whole, "", "")},
    {VC_FIELD(sizes, real, "", "")},
    {VC_FIELD_LIST(sizes, list, count, "list", "", "")},
    {VC_FIELD_BY_WORD(sizes, by_state, states, "by_state", "", "")},
};
static const vc_record size_record = VC_RECORD("sizes", sizes, size_fields);

static const char largest[] =
    "{\"small\":255,\"medium\":4294967295,\"whole\":-2147483648,\"real\":3e38,"
    "\"list\":[2147483647],\"by_state\":{\"busy\":4294967295,\"dram\":0,\"idle\":0}}";

static void reads_the_largest_numbers(void **state)
{
    (void)state;
    json_t *value = parse(largest);
    sizes s;
    assert_ok(vc_record_read(&s, &size_record, value, "a.json"));
    assert_int_equal(s.small, UCHAR_MAX);
    assert_true(s.medium == UINT_MAX && s.by_state[0] == UINT_MAX);
    assert_true(s.whole == INT_MIN && s.list[0] == INT_MAX);
    vc_record_free(&size_record, &s);
    json_decref(value);
}

static void refuses_numbers_without_room(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"small\":256", "a.json: 'small' is 256, wanted 0 to 255"},
        {"\"medium\":4294967297", "a.json: 'medium' is 4294967297, wanted 0 to 4294967295"},
        {"\"whole\":2147483648", "a.json: 'whole' is 2147483648, wanted -2147483648 to 2147483647"},
        {"\"whole\":-2147483649", "'whole' is -2147483649, wanted"},
        {"\"real\":-1e39", "'real' is -1e+39, wanted -3.40282e+38 to 3.40282e+38"},
        {"\"list\":[1,2147483648]", "'list' is 2147483648, wanted"},
        {"\"by_state\":{\"busy\":1,\"dram\":4294967296}", "'by_state' is 4294967296, wanted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "{%s}", cases[i][0]);
        json_t *value = parse(largest), *change = parse(text);
        sizes s;
        json_object_update(value, change);
        assert_fails(vc_record_read(&s, &size_record, value, "a.json"), VC_EFORMAT, cases[i][1]);
        vc_record_free(&size_record, &s);
        json_decref(value);
        json_decref(change);
    }
}

/* Half of the result is read by then. */
static void releases_what_it_read_before_an_error(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"macs\":-1", "'macs' is a whole number, wanted a whole number from 0"},
        {"\"hash\":\"012345678\"", "'hash' is a text, wanted a text"},
        {"\"widths\":[[1],[true]]", "'' is a flag, wanted a whole number"},
        {"\"widths\":[1]", "'' is a whole number, wanted a list"},
        {"\"groups\":{\"a\":\"b\"}", "'' is a text, wanted a number"},
        {"\"spent\":[]", "'spent' is a list, wanted an object"},
        {"\"info\":true", "'info' is a flag, wanted a number"},
        {"\"dense\":2", "'dense' is a whole number, wanted an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "{%s}", cases[i][0]);
        json_t *value = parse(long_text), *change = parse(text);
        result r;
        json_object_update(value, change);
        assert_fails(vc_record_read(&r, &record, value, "a.json"), VC_EFORMAT, cases[i][1]);
        vc_record_free(&record, &r);
        json_decref(value);
        json_decref(change);
    }
}

/* What a function wrote to a stream. */
static char *captured(void (*write)(FILE *, const result *), const result *r)
{
    char *text;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    write(stream, r);
    fclose(stream);
    return text;
}

static void print_values(FILE *out, const result *r)
{
    vc_record_csv_values(out, &record, r);
}

static void print_tables(FILE *out, const result *r)
{
    vc_record_csv_tables(out, &record, r);
}

static void prints_values(void **state)
{
    (void)state;
    result r = sparse();
    r.model = "say \"a\", b";
    r.compared = true;
    r.dense = (spread){2.0, 1.0};
    r.chip = parse("{\"lines\":64,\"memory\":{\"name\":\"DDR4, slow\",\"x\":0.25,\"ranks\":[1]}}");
    char *text = captured(print_values, &r);
    assert_string_equal(text, "model,\"say \"\"a\"\", b\",\n"
                              "macs,1099511627776,MAC\n"
                              "layer,-1,\n"
                              "distilled,false,\n"
                              "median,1.5,ms\n"
                              "dense.median,2,ms\n"
                              "dense.low,1,ms\n"
                              "spent.busy,7,cycle\n"
                              "spent.idle,1,cycle\n"
                              "info,0.5,\n"
                              "chip.lines,64,\n"
                              "chip.memory.name,\"DDR4, slow\",\n"
                              "chip.memory.x,0.25,\n");
    json_decref(r.chip);
    free(text);
}

static void prints_lists(void **state)
{
    (void)state;
    json_t *value = parse(long_text);
    result r;
    assert_ok(vc_record_read(&r, &record, value, "a.json"));
    char *text = captured(print_tables, &r);
    assert_string_equal(text, "\nwidths\n1,-2\n\n"
                              "\ngroups\ngroup,value\ndpt0,0.5\ndpt1,0.25\n"
                              "\ninfo\n0.25,0.75\n");
    free(text);
    vc_record_free(&record, &r);
    json_decref(value);
}

/* Structs inside a struct of a list, and one that is absent. */
typedef struct row {
    const char *name;
    bool known;
    spread time;
    uint64_t spent[STATES];
} row;

static const vc_field row_fields[] = {
    {VC_FIELD(row, name, "", "")},
    {VC_FIELD_RECORD(row, time, "time", &spread_record, ""), VC_WHEN(row, known)},
    {VC_FIELD_BY_WORD(row, spent, states, "spent", "cycle", "")},
};
static const vc_record row_record = VC_RECORD("row", row, row_fields);

typedef struct rows {
    row *items;
    size_t count;
} rows;

static const vc_field rows_fields[] = {
    {VC_FIELD_RECORDS(rows, items, count, "rows", &row_record, "")},
};
static const vc_record rows_record = VC_RECORD("rows", rows, rows_fields);

static void print_rows(FILE *out, const result *r)
{
    (void)r;
    row items[] = {{"a", true, {1.5, NAN}, {1, 2, 3}}, {"b, c", false, {0.0, 0.0}, {0, 0, 9}}};
    const rows all = {items, 2};
    vc_record_csv_tables(out, &rows_record, &all);
}

static void prints_structs_of_a_list(void **state)
{
    (void)state;
    char *text = captured(print_rows, NULL);
    assert_string_equal(text, "\nrows\n"
                              "name,time.median (ms),time.low (ms),spent.busy (cycle),"
                              "spent.dram (cycle),spent.idle (cycle)\n"
                              "a,1.5,,1,2,3\n"
                              "\"b, c\",,,0,0,9\n");
    free(text);
}

static void describes_itself(void **state)
{
    (void)state;
    json_t *schema;
    assert_ok(vc_record_schema(&schema, "vitcod bench --json", "how fast"));
    assert_ok(vc_record_add_schema(schema, &spread_record));
    assert_text(
        schema,
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
        "\"title\":\"vitcod bench --json\",\"description\":\"how fast\",\"type\":\"object\","
        "\"properties\":{\"median\":{\"type\":\"number\",\"description\":\"of all runs\","
        "\"unit\":\"ms\"},\"low\":{\"type\":\"number\",\"description\":\"a quarter of the "
        "runs lies below\",\"unit\":\"ms\"}},\"required\":[\"median\"],"
        "\"additionalProperties\":false}");
}

static void describes_every_shape(void **state)
{
    (void)state;
    json_t *schema;
    assert_ok(vc_record_schema(&schema, "t", "d"));
    assert_ok(vc_record_add_schema(schema, &record));
    const json_t *all = json_object_get(schema, "properties");
    json_t *parts = json_object();
    static const char *const names[] = {"macs", "dense", "widths", "groups",  "spent",
                                        "info", "chip",  "peak",   "counters"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *part = json_copy(json_object_get(all, names[i]));
        json_object_del(part, "description");
        json_object_del(part, "properties");
        json_object_set_new(parts, names[i], part);
    }
    assert_text(
        parts,
        "{\"macs\":{\"type\":\"integer\",\"minimum\":0,\"unit\":\"MAC\"},"
        "\"dense\":{\"type\":\"object\",\"required\":[\"median\"],\"additionalProperties\":false},"
        "\"widths\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"integer\"}}},"
        "\"groups\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\","
        "\"description\":\"share of all scores\"}},"
        "\"spent\":{\"type\":\"object\",\"required\":[],\"additionalProperties\":false,"
        "\"unit\":\"cycle\"},"
        "\"info\":{\"anyOf\":[{\"type\":\"number\",\"description\":\"the cut\"},{\"type\":"
        "\"array\",\"items\":{\"type\":\"number\"},\"description\":\"a cut for each group\"}]},"
        "\"chip\":{},"
        "\"peak\":{\"type\":[\"number\",\"null\"]},"
        "\"counters\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"median\":{\"type\":"
        "\"number\",\"description\":\"of all runs\",\"unit\":\"ms\"},\"low\":{\"type\":\"number\","
        "\"description\":\"a quarter of the runs lies below\",\"unit\":\"ms\"}},\"required\":["
        "\"median\"],\"additionalProperties\":false},{\"type\":\"null\"}]}}");
    json_t *required = json_object_get(schema, "required");
    assert_int_equal(json_array_size(required), 9);
    json_decref(schema);
}

/* Members that no table knows, and an object of the struct's own rows. */
typedef struct model {
    json_t *sizes;
    int width, heads;
} model;

static const vc_field shape_fields[] = {
    {VC_FIELD(model, width, "", "of a token")},
    {VC_FIELD(model, heads, "", "of a layer")},
};
static const vc_record shape_record = VC_RECORD("shape", model, shape_fields);

static const vc_field model_fields[] = {
    {VC_FIELD_INLINE_JSON(model, sizes)},
    {VC_FIELD_SELF(model, "shape", &shape_record, "of the model")},
};
static const vc_record model_record = VC_RECORD("model", model, model_fields);

static void has_members_that_no_table_knows(void **state)
{
    (void)state;
    const model m = {parse("{\"patch\":16}"), 12, 3};
    json_t *value, *schema;
    assert_ok(vc_record_json(&value, &model_record, &m));
    assert_text(value, "{\"patch\":16,\"shape\":{\"width\":12,\"heads\":3}}");
    assert_ok(vc_record_schema(&schema, "t", "d"));
    assert_ok(vc_record_add_schema(schema, &model_record));
    assert_true(json_is_true(json_object_get(schema, "additionalProperties")));
    json_decref(schema);
    json_decref(m.sizes);
}

/* One member, with a key for each of two kinds of unit. */
typedef struct unit {
    bool of_lines, alone;
    uint64_t busy;
} unit;

static const vc_field unit_fields[] = {
    {VC_FIELD_AS(unit, busy, "busy_line_cycles", "cycle", ""), VC_WHEN(unit, of_lines)},
    {VC_FIELD_AS(unit, busy, "busy_cycles", "cycle", ""), VC_WHEN(unit, alone)},
};
static const vc_record unit_record = VC_RECORD("unit", unit, unit_fields);

static void reads_one_member_by_several_keys(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"busy_line_cycles\":7}", "{\"busy_cycles\":7}"};
    for (size_t i = 0; i < 2; i++) {
        json_t *value = parse(texts[i]), *again;
        unit u;
        assert_ok(vc_record_read(&u, &unit_record, value, "a.json"));
        assert_int_equal(u.busy, 7);
        assert_int_equal(u.alone, i);
        assert_ok(vc_record_json(&again, &unit_record, &u));
        assert_text(again, texts[i]);
        json_decref(value);
    }
}

static long allocations_left;

static void *limited_malloc(size_t bytes)
{
    return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

/* Whichever allocation of jansson's fails: an error, and nothing is lost or half there. */
static void says_that_memory_is_out(void **state)
{
    (void)state;
    json_t *text = parse(long_text), *value;
    result r;
    assert_ok(vc_record_read(&r, &record, text, "a.json"));
    vc_status status = VC_ENOMEM;
    long limit = 0;
    json_set_alloc_funcs(limited_malloc, free);
    for (; status == VC_ENOMEM && limit < 1000; limit++) {
        allocations_left = limit;
        status = vc_record_json(&value, &record, &r);
        assert_true((status == VC_OK) == (value != NULL));
    }
    json_decref(value);
    assert_int_equal(status, VC_OK);
    assert_true(limit > 20);
    for (status = VC_ENOMEM, limit = 0; status == VC_ENOMEM && limit < 1000; limit++) {
        allocations_left = limit;
        status = vc_record_schema(&value, "t", "d");
        if (status == VC_OK)
            status = vc_record_add_schema(value, &record);
        json_decref(value);
    }
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(status, VC_OK);
    vc_record_free(&record, &r);
    json_decref(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_is_there),
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(reads_members),
        cmocka_unit_test(adds_to_an_object),
        cmocka_unit_test(refuses_numbers_that_are_none),
        cmocka_unit_test(refuses_other_values),
        cmocka_unit_test(reads_the_largest_numbers),
        cmocka_unit_test(refuses_numbers_without_room),
        cmocka_unit_test(releases_what_it_read_before_an_error),
        cmocka_unit_test(prints_values),
        cmocka_unit_test(prints_lists),
        cmocka_unit_test(prints_structs_of_a_list),
        cmocka_unit_test(describes_itself),
        cmocka_unit_test(describes_every_shape),
        cmocka_unit_test(has_members_that_no_table_knows),
        cmocka_unit_test(reads_one_member_by_several_keys),
        cmocka_unit_test(says_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
