/* The YAML reader: every kind and unit, and a sentence for whatever is wrong. */
#include <time.h>

#include "testing.h"
#include "vitcod/rng.h"
#include "vitcod/yaml.h"

typedef struct thing {
    uint64_t lines, bytes;
    double clock, ratio, rate;
    int fast, split, order[3];
    char name[8];
} thing;

static const char *const splits[] = {"kept", "fixed", NULL};
static const char *const fields_of_order[] = {"row", "bank", "column", NULL};

static const vc_yaml_field fields[] = {
    {.key = "name", .kind = VC_YAML_TEXT, .offset = offsetof(thing, name), .room = 8},
    {.key = "lines",
     .kind = VC_YAML_COUNT,
     .offset = offsetof(thing, lines),
     .least = 1,
     .most = 100},
    {.key = "size",
     .kind = VC_YAML_COUNT,
     .offset = offsetof(thing, bytes),
     .unit = VC_UNIT_BYTES,
     .most = 1e9},
    {.key = "clock",
     .kind = VC_YAML_NUMBER,
     .offset = offsetof(thing, clock),
     .unit = VC_UNIT_HERTZ,
     .most = 1e12},
    {.key = "ratio",
     .kind = VC_YAML_NUMBER,
     .offset = offsetof(thing, ratio),
     .most = 1,
     .optional = 1},
    {.key = "fast", .kind = VC_YAML_FLAG, .offset = offsetof(thing, fast)},
    {.key = "split", .kind = VC_YAML_WORD, .offset = offsetof(thing, split), .words = splits},
    {.key = "order",
     .kind = VC_YAML_WORDS,
     .offset = offsetof(thing, order),
     .words = fields_of_order,
     .room = 3},
    {.key = "rate",
     .kind = VC_YAML_NUMBER,
     .offset = offsetof(thing, rate),
     .unit = VC_UNIT_BYTES_PER_SECOND,
     .most = 1e18,
     .optional = 1},
    {.key = "more", .kind = VC_YAML_MAP, .optional = 1},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char good[] =
    "# ? a comment ?\nname: chip\nlines: 64\nsize: 53 KiB\nclock: 0.5 GHz\nfast: true\n"
    "split: fixed\norder: [bank, row, column]\n";

static vc_status read_text(thing *out, const char *text, size_t length)
{
    const char *path = temporary("a.yaml");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
    vc_yaml *yaml;
    VC_TRY(vc_yaml_open(&yaml, path, VC_FILE_OTHER));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = vc_yaml_read(out, &root, fields, FIELDS);
    vc_yaml_close(yaml);
    return status;
}

static void every_kind(void **state)
{
    (void)state;
    thing t = {.ratio = 0.25};
    assert_ok(read_text(&t, good, strlen(good)));
    assert_string_equal(t.name, "chip");
    assert_int_equal(t.lines, 64);
    assert_int_equal(t.bytes, 53 * 1024);
    assert_near(t.clock, 500e6, 0.0);
    assert_near(t.ratio, 0.25, 0.0);
    assert_int_equal(t.fast, 1);
    assert_int_equal(t.split, 1);
    assert_int_equal(t.order[0], 1);
    assert_int_equal(t.order[2], 2);
}

/* What people write elsewhere: the same value however it is spelt. */
static void values_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
        double wanted;
    } rows[] = {
        {"lines", "0x40", 64},
        {"lines", "0X40", 64},
        {"lines", "0o100", 64},
        {"lines", "6.4e1", 64},
        {"lines", "064", 64},
        {"lines", "+64", 64},
        {"size", "53kB", 53000},
        {"size", "53 KB", 53000},
        {"size", "0x10 KiB", 16384},
        {"fast", "True", 1},
        {"fast", "yes", 1},
        {"fast", "ON", 1},
        {"fast", "False", 0},
        {"fast", "no", 0},
        {"fast", "Off", 0},
        {"rate", "2 GiB/s", 2147483648.0},
        {"rate", "76.8 Gbit/s", 9.6e9},
        {"rate", "100 kB/s", 1e5},
        {"rate", "0.5 TB/s", 5e11},
        {"rate", "8 Mbit/s", 1e6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        thing t = {0};
        vc_yaml_field all[FIELDS];
        vc_yaml *yaml;
        memcpy(all, fields, sizeof fields);
        for (size_t f = 0; f < FIELDS; f++)
            all[f].optional = 1;
        snprintf(text, sizeof text, "%s: %s\n", rows[i].key, rows[i].text);
        const char *path = temporary("spelt.yaml");
        write_bytes(path, text, strlen(text));
        assert_ok(vc_yaml_open(&yaml, path, VC_FILE_OTHER));
        const vc_yaml_map root = vc_yaml_root(yaml);
        assert_ok(vc_yaml_read(&t, &root, all, FIELDS));
        vc_yaml_close(yaml);
        const double found = rows[i].key[0] == 'l'   ? (double)t.lines
                             : rows[i].key[0] == 's' ? (double)t.bytes
                             : rows[i].key[0] == 'f' ? (double)t.fast
                                                     : t.rate;
        if (found != rows[i].wanted)
            fail_msg("'%s: %s' is %.17g, wanted %.17g", rows[i].key, rows[i].text, found,
                     rows[i].wanted);
    }
}

/* Expects an error that ends with `message` when one line of `good` is replaced. */
static void expect(const char *key, const char *line, const char *message)
{
    char text[1024] = "", found[1024];
    thing t;
    size_t used = 0;
    for (const char *at = good; *at;) {
        const char *end = strchr(at, '\n') + 1;
        const size_t length = strlen(key);
        const int here = strncmp(at, key, length) == 0 && at[length] == ':';
        if (here)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", line);
        else
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s", (int)(end - at), at);
        at = end;
    }
    const vc_status status = read_text(&t, text, strlen(text));
    snprintf(found, sizeof found, "%s", vc_last_error());
    if (status != VC_EFORMAT || !strstr(found, message))
        fail_msg("'%s': status %s, '%s', wanted '%s'", line, vc_status_name(status), found,
                 message);
}

static void everything_wrong_is_said(void **state)
{
    (void)state;
    expect("lines", "lines: 0", "a.yaml:3: 'lines' is '0', wanted 1 to 100");
    expect("lines", "lines: 1.5", ":3: 'lines' is '1.5', wanted a whole number");
    expect("lines", "lines: 64 B", ":3: 'lines' is '64 B', wanted a number without a unit");
    expect("lines", "lines: 0x", ":3: 'lines' is '0x', wanted a number");
    expect("lines", "lines: 0x4g", ":3: 'lines' is '0x4g', wanted a number without a unit");
    expect("lines", "lines: 0o8", ":3: 'lines' is '0o8', wanted a number");
    expect("lines", "lines: 0x65", ":3: 'lines' is '0x65', wanted 1 to 100");
    expect("lines", "lines: 0xfffffffffffffffff", "wanted a number");
    expect("lines", "lines: -0x4", "wanted a number");
    expect("lines", "lines: nan", "wanted a number");
    expect("lines", "lines: 1e999", "wanted a number");
    expect("lines", "lines:", "'lines' is empty");
    expect("lines", "lines: [1]", "'lines' is a list, wanted one value");
    expect("lines", "lines: 1\nlines: 2", "a.yaml:4: 'lines' comes twice");
    expect("lines", "lines: 1\n'lines': 2", "a.yaml:4: 'lines' comes twice");
    expect("lines", "\"lines\\0\": 1", ":3: a byte 0, wanted plain values");
    expect("name", "name: \"chip\\0s\"", ":2: a byte 0, wanted plain values");
    expect("lines", "line: 4", ":3: 'line' is unknown, did you mean 'lines'?");
    expect("lines", "colour: 4", ":3: 'colour' is unknown, wanted one of name, lines, size, clock");
    expect("lines", "# nothing", "'lines' is missing");
    expect("size", "size: 53", ":4: 'size' is '53', wanted a unit of B, kB, KB, KiB, MB");
    expect("size", "size: 53 MHz", "wanted a unit of B, kB");
    expect("size", "size: 0.3 B", "wanted a whole number");
    expect("size", "size: 5 GiB", "wanted 0 to 1000000000");
    expect("clock", "clock: fast", "wanted a number and a unit of Hz, kHz, MHz, GHz");
    expect("size", "size: 53 Kib", "wanted a unit of B, kB");
    expect("fast", "fast: yEs", ":6: 'fast' is 'yEs', wanted true or false");
    expect("fast", "fast: 1", ":6: 'fast' is '1', wanted true or false");
    expect("fast", "fast: y", ":6: 'fast' is 'y', wanted true or false");
    expect("split", "split: half", ":7: 'split' is 'half', wanted one of kept, fixed");
    expect("split", "split: {a: 1}", "'split' is a mapping, wanted one value");
    expect("order", "order: [bank, row]", ":8: 'order' has 2 words, wanted a sequence of 3");
    expect("order", "order: [bank, row, rank]", "'rank', wanted one of row, bank, column");
    expect("name", "name: much too long", ":2: 'name' has 13 bytes, wanted at most 7");
    expect("name", "name: &a chip", "an anchor, wanted plain values");
    expect("name", "name: !!str chip", "a tag, wanted plain values");
    expect("name", "name: \"unfinished", "no YAML");
    expect("name", "[a, b]: c", "a key that is no word");
    expect("name", "? name\n: chip", ":2: '?' in front of a key, wanted 'key: value'");
    expect("name", "? ? ): \t:", ":2: '?' in front of a key"); /* crashes libfyaml 0.7 */
    expect("name", "- :\t?", ":2: '?' in front of a key");
    expect("name", "%YAML 1.2", ":2: a directive, wanted keys and values");
    expect("name", "name: \xc5", ":2: byte 0xc5, wanted text (UTF-8)");
    expect("order", "order: [bank, row, [column]]", ":8: 'order' has a list or a mapping");
    expect("order", "order: [bank, row, column]\n---\nb: 1", ":9: another document, wanted one");
    expect("order", "order: [bank, row, column]\nmore: 3", "'more' is no mapping");
    expect("lines", "lines: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}",
           ":3: mappings in mappings beyond 8");
    expect("lines", "lines: {a: {a: {a: {a: {a: {a: 1}}}}}}", "'lines' is a mapping");
}

static void sections_have_paths(void **state)
{
    (void)state;
    static const vc_yaml_field top[] = {{.key = "buffers", .kind = VC_YAML_MAP}};
    static const vc_yaml_field inner[] = {{.key = "query", .kind = VC_YAML_MAP}};
    static const vc_yaml_field size[] = {
        {.key = "size", .kind = VC_YAML_COUNT, .unit = VC_UNIT_BYTES, .least = 64, .most = 1e6}};
    const char *path = temporary("b.yaml");
    write_bytes(path, "buffers:\n  query: {size: 8 B}\n", 30);
    vc_yaml *yaml;
    uint64_t bytes;
    assert_ok(vc_yaml_open(&yaml, path, VC_FILE_OTHER));
    const vc_yaml_map root = vc_yaml_root(yaml);
    assert_ok(vc_yaml_read(NULL, &root, top, 1));
    const vc_yaml_map buffers = vc_yaml_sub(&root, "buffers");
    assert_ok(vc_yaml_read(NULL, &buffers, inner, 1));
    const vc_yaml_map query = vc_yaml_sub(&buffers, "query");
    assert_int_equal(vc_yaml_read(&bytes, &query, size, 1), VC_EFORMAT);
    assert_non_null(
        strstr(vc_last_error(), "b.yaml:2: 'buffers.query.size' is '8 B', wanted 64 to"));
    assert_null(vc_yaml_sub(&root, "nothing").node);
    vc_yaml_close(yaml);
}

/* Cut off anywhere it is an error, unless only the newline at the end is missing. */
static void cut_off_anywhere(void **state)
{
    (void)state;
    thing t;
    for (size_t n = 0; n + 1 < strlen(good); n++)
        if (read_text(&t, good, n) == VC_OK)
            fail_msg("accepted its first %zu bytes", n);
}

/* The time that a mapping takes must not grow with the square of its keys. */
static void many_keys_are_refused(void **state)
{
    (void)state;
    enum { KEYS = 90000, ROOM = 12 };
    char *text = malloc((size_t)KEYS * ROOM);
    thing t;
    size_t used = 0;
    assert_non_null(text);
    for (int i = 0; i < KEYS; i++)
        used += (size_t)snprintf(text + used, ROOM, "k%d: 1\n", i);
    const clock_t start = clock();
    assert_int_equal(read_text(&t, text, used), VC_EFORMAT);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    assert_non_null(strstr(vc_last_error(),
                           "a.yaml:257: 'k256' is key 257 of its mapping, wanted at most 256"));
    free(text);
}

static void noise_is_refused(void **state)
{
    (void)state;
    vc_rng rng = vc_rng_open(1, 2, 3);
    thing t;
    for (int i = 0; i < 300; i++) {
        char text[200];
        const size_t n = 1 + vc_rng_below(&rng, sizeof text);
        for (size_t b = 0; b < n; b++)
            text[b] = (char)vc_rng_below(&rng, i % 2 ? 256 : 96);
        assert_int_not_equal(read_text(&t, text, n), VC_OK);
    }
    vc_yaml *yaml;
    assert_int_equal(vc_yaml_open(&yaml, "/nonexistent", VC_FILE_OTHER), VC_EIO);
    assert_int_not_equal(vc_yaml_open(&yaml, "/tmp", VC_FILE_OTHER), VC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_as_people_write_them),
        cmocka_unit_test(every_kind),
        cmocka_unit_test(everything_wrong_is_said),
        cmocka_unit_test(sections_have_paths),
        cmocka_unit_test(cut_off_anywhere),
        cmocka_unit_test(many_keys_are_refused),
        cmocka_unit_test(noise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
