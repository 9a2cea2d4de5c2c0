/* The accelerator's file: the one that is built in, and files that are wrong. */
#include "testing.h"
#include "vitcod/accelerator.h"
#include "vitcod/chip_kind.h"

static const char shipped[] = "configs/accelerators/vitcod.yaml";

static void assert_same_memory(const vc_memory_config *have, const vc_memory_config *want)
{
    vc_memory_config a = *have, b = *want;
    memset(a.dram.name, 0, sizeof a.dram.name);
    memset(b.dram.name, 0, sizeof b.dram.name);
    assert_string_equal(have->dram.name, want->dram.name);
    assert_memory_equal(&a, &b, sizeof a);
}

static void the_file_is_what_is_built_in(void **state)
{
    (void)state;
    vc_accelerator file, built_in = vc_accelerator_default();
    assert_ok(vc_accelerator_read(&file, shipped));
    const vc_energy_table *have = &file.energy, *want = &built_in.energy;
    const double *x = (const double *)have, *y = (const double *)want;
    for (size_t i = 0; i < sizeof *have / sizeof *x; i++)
        if (fabs(x[i] - y[i]) > 1e-5 * y[i])
            fail_msg("energy table, number %zu: %.9g, wanted %.9g", i, x[i], y[i]);
    built_in.memory.bytes_per_second = built_in.memory.pj_per_bit = 0.0; /* of the other model */
    assert_same_memory(&file.memory, &built_in.memory);
    assert_ok(vc_memory_config_read(&file.memory, "configs/memory/ddr4-2400.yaml"));
    assert_same_memory(&file.memory, &built_in.memory);
    assert_string_equal(file.chip.file, shipped);
    file.chip.file[0] = 0;
    memset(file.chip.buffer_lines, 0, sizeof file.chip.buffer_lines);
    json_t *a = vc_accelerator_json(&file), *b;
    file.energy = built_in.energy;
    json_decref(a);
    a = vc_accelerator_json(&file);
    b = vc_accelerator_json(&built_in);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    assert_near(vc_chip_area_mm2(&file.chip, &file.energy), 3.0, 1e-9);
}

/* A file and a chip of the same name are the same, but for what only one memory model has. */
static void all_files_are_what_is_built_in(void **state)
{
    (void)state;
    size_t count = 0;
    for (const vc_chip_variant *v; (v = vc_chip_variant_at(count)); count++) {
        const char *name = v->key;
        char path[128];
        vc_accelerator file, built_in;
        snprintf(path, sizeof path, "configs/accelerators/%s.yaml", name);
        assert_ok(vc_accelerator_read(&file, path));
        assert_ok(vc_accelerator_open(&built_in, name));
        file.energy = built_in.energy; /* looked at above */
        json_t *a = vc_accelerator_json(&file), *b = vc_accelerator_json(&built_in);
        if (!json_equal(a, b))
            fail_msg("%s: %s\nwanted %s", path, json_dumps(a, 0), json_dumps(b, 0));
        json_decref(a);
        json_decref(b);
    }
    assert_int_equal(count, 11);
}

/* ViTCoD's chip but for what its figure says, which is no chip that is built in. */
static void the_figure_differs_from_our_chip(void **state)
{
    (void)state;
    vc_accelerator figure, ours;
    assert_ok(vc_accelerator_read(&figure, "configs/accelerators/vitcod-paper.yaml"));
    assert_ok(vc_accelerator_read(&ours, shipped));
    assert_string_equal(figure.chip.name, "vitcod, as in its figure");
    assert_int_equal(figure.chip.gather, VC_CHIP_GATHER_DIVIDED);
    assert_int_equal(figure.chip.entries_per_sum, 32);
    assert_int_equal(figure.chip.decoder_macs, 512);
    assert_true(figure.chip.forward && figure.chip.head_parallel);
    memcpy(figure.chip.name, ours.chip.name, sizeof ours.chip.name);
    figure.chip.gather = ours.chip.gather;
    figure.chip.entries_per_sum = ours.chip.entries_per_sum;
    figure.chip.decoder_macs = ours.chip.decoder_macs;
    figure.chip.forward = figure.chip.head_parallel = 0;
    json_t *a = vc_accelerator_json(&figure), *b = vc_accelerator_json(&ours);
    json_object_del(a, "file");
    json_object_del(b, "file");
    if (!json_equal(a, b))
        fail_msg("%s\nwanted %s", json_dumps(a, 0), json_dumps(b, 0));
    json_decref(a);
    json_decref(b);
}

static void all_memories_are_as_their_files(void **state)
{
    (void)state;
    vc_memory_variant v;
    size_t count = 0;
    for (; vc_memory_variant_at(&v, count); count++) {
        char path[128];
        vc_memory_config file;
        snprintf(path, sizeof path, "configs/memory/%s.yaml", v.key);
        assert_ok(vc_memory_config_open(&file, path));
        assert_memory_equal(&file, &v.config, sizeof file);
    }
    assert_int_equal(count, 4);
    assert_fails(vc_memory_config_open(&v.config, "hbm3"), VC_EIO,
                 "hbm3: cannot open: no such file, wanted one or a memory of bandwidth, ddr4-2400");
}

/* The shipped file with one piece of text replaced. */
static const char *changed(const char *from, const char *to)
{
    static char text[16384], out[16384];
    FILE *file = fopen(shipped, "rb");
    assert_non_null(file);
    const size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = 0;
    const char *at = strstr(text, from), *path = temporary("changed.yaml");
    if (!at)
        fail_msg("'%s' is not in the file", from);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    write_bytes(path, out, strlen(out));
    return path;
}

/* Results and sweeps know a chip by its JSON: every key of the file must be in it. */
static void every_key_shows_in_json(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"lines: 64 ", "lines: 32 "},
                                             {"rcd: 17", "rcd: 18"},
                                             {"rows: 65536", "rows: 32768"},
                                             {"row_size: 8 KiB", "row_size: 4 KiB"},
                                             {"burst_size: 64 B", "burst_size: 32 B"},
                                             {"age_cap: 2000", "age_cap: 2001"},
                                             {"idd4w: 123 mA", "idd4w: 124 mA"},
                                             {"refi: 7.8 us", "refi: 7.9 us"},
                                             {"write_low: 8", "write_low: 7"},
                                             {"size: 20 KiB", "size: 21 KiB"},
                                             {"value: 0.82 pJ", "value: 0.83 pJ"},
                                             {"bank_group, channel]", "channel, bank_group]"},
                                             {"autoencoder: true", "autoencoder: false"},
                                             {"softmax_latency: 16", "softmax_latency: 17"}};
    vc_accelerator a, b;
    assert_ok(vc_accelerator_read(&a, shipped));
    json_t *first = vc_accelerator_json(&a);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_ok(vc_accelerator_read(&b, changed(changes[i][0], changes[i][1])));
        json_t *other = vc_accelerator_json(&b);
        if (json_equal(first, other))
            fail_msg("'%s' does not show", changes[i][1]);
        json_decref(other);
    }
    json_decref(first);
}

static void files_on_top_of_files(void **state)
{
    (void)state;
    vc_accelerator a;
    const char *base = changed("lines: 64 ", "lines: 128 "), *path = temporary("top.yaml");
    (void)base;
    const char text[] = "like: changed.yaml\nname: top\nbuffers: {key: {size: 7 KiB}}\n";
    write_bytes(path, text, sizeof text - 1);
    assert_ok(vc_accelerator_read(&a, path));
    assert_int_equal(a.chip.lines, 128);
    assert_int_equal(a.chip.buffers[VC_BUFFER_KEY].bytes, 7 * 1024);
    assert_int_equal(a.chip.buffers[VC_BUFFER_QUERY].bytes, 53 * 1024);
    assert_string_equal(a.chip.name, "top");
    const char itself[] = "like: top.yaml\n", gone[] = "like: gone.yaml\n",
               wrong[] = "like: changed.yaml\ndataflow: sanger\n",
               other[] = "like: changed.yaml\nspatten: {top_k: 3}\n";
    write_bytes(path, itself, sizeof itself - 1);
    assert_fails(vc_accelerator_read(&a, path), VC_EFORMAT, "more than 8 files");
    write_bytes(path, gone, sizeof gone - 1);
    assert_fails(vc_accelerator_read(&a, path), VC_EIO, "gone.yaml");
    write_bytes(path, wrong, sizeof wrong - 1);
    assert_fails(vc_accelerator_read(&a, path), VC_EFORMAT,
                 "'sanger' is missing, which the dataflow wants");
    write_bytes(path, other, sizeof other - 1);
    assert_fails(vc_accelerator_read(&a, path), VC_EFORMAT,
                 "'spatten' is there, but the dataflow is vitcod");
}

/* By keys and values, by a name, by a file beside it; of a file that it is like, where it says
 * nothing. */
static void a_chip_may_name_its_memory(void **state)
{
    (void)state;
    static const char *const texts[] = {"memory: hbm2", "memory: mine.yaml", "name: x"};
    static const char *const names[] = {"HBM2, one stack", "mine", "HBM2, one stack"};
    const char mine[] = "model: bandwidth\nname: mine\nrate: 8 Gbit/s\nenergy: 4 pJ/bit\n";
    const char *path = temporary("named.yaml");
    vc_accelerator a;
    write_bytes(temporary("mine.yaml"), mine, sizeof mine - 1);
    write_bytes(temporary("base.yaml"), "like: changed.yaml\nmemory: hbm2\n", 32);
    changed("lines: 64 ", "lines: 64 ");
    for (size_t i = 0; i < 3; i++) {
        char text[256];
        snprintf(text, sizeof text, "like: %s\n%s\n", i == 2 ? "base.yaml" : "changed.yaml",
                 texts[i]);
        write_bytes(path, text, strlen(text));
        assert_ok(vc_accelerator_read(&a, path));
        assert_string_equal(a.memory.dram.name, names[i]);
        assert_int_equal(a.memory.model, i == 1 ? VC_MEMORY_BANDWIDTH : VC_MEMORY_DRAM);
    }
    static const char *const wrong[][2] = {
        {"memory: hbm3", "named.yaml:2: 'memory' is 'hbm3', wanted keys and values, a file, or one "
                         "of bandwidth, ddr4-2400, hbm2, lpddr4"},
        {"memory: [hbm2]", "named.yaml:2: 'memory' is a list"},
        {"memory:", "named.yaml:2: 'memory' is empty"},
        {"memory: named.yaml", "named.yaml: is a chip (YAML), wanted a memory (YAML)"},
    };
    for (size_t i = 0; i < 4; i++) {
        char text[256];
        snprintf(text, sizeof text, "like: changed.yaml\n%s\n", wrong[i][0]);
        write_bytes(path, text, strlen(text));
        assert_fails(vc_accelerator_read(&a, path), VC_EFORMAT, wrong[i][1]);
    }
}

static void expect(const char *from, const char *to, const char *message)
{
    vc_accelerator a;
    const char *path = changed(from, to);
    const vc_status status = vc_accelerator_read(&a, path);
    if (status == VC_OK || !strstr(vc_last_error(), message) || !strstr(vc_last_error(), path))
        fail_msg("'%s': %s, '%s', wanted '%s'", to, vc_status_name(status), vc_last_error(),
                 message);
}

/* ViTCoD's lines take turns at all but the index, arrays at what they use; elsewhere as many as
 * lines are no limit. */
static void banks_are_honoured_or_refused(void **state)
{
    (void)state;
    vc_accelerator a;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++) {
        const int honoured = b != VC_BUFFER_INDEX;
        char message[64];
        a = vc_accelerator_default();
        a.chip.buffers[b].banks = 8;
        snprintf(message, sizeof message, "'buffers.%s.banks' is 8", vc_buffer_name((vc_buffer)b));
        if (honoured)
            assert_ok(vc_chip_config_check(&a.chip));
        else
            assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL, message);
        a.chip.buffers[b].banks = 64;
        assert_ok(vc_chip_config_check(&a.chip));
        assert_ok(vc_accelerator_open(&a, "sanger"));
        a.chip.buffers[b].banks = 8;
        if (honoured && b != VC_BUFFER_DECODED)
            assert_ok(vc_chip_config_check(&a.chip));
        else
            assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL,
                         "on the dataflow sanger lines take turns at query, key, value, output");
    }
}

/* What only the lines of ViTCoD's dataflow know. */
static void keys_of_the_lines_are_refused_elsewhere(void **state)
{
    (void)state;
    vc_accelerator a;
    assert_ok(vc_accelerator_open(&a, "sanger"));
    a.chip.forward = 1;
    assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL,
                 "'forward' is not as by default, and the dataflow sanger makes no use of it");
    a.chip.forward = 0;
    a.chip.entries_per_sum = 8;
    assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL,
                 "'entries_per_sum' is not as by default");
    a.chip.entries_per_sum = 0;
    a.chip.dispatch = 4;
    assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL, "'dispatch' is not as by default");
    assert_ok(vc_accelerator_open(&a, "systolic"));
    a.chip.steps.reorder = 1;
    assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL,
                 "'reorder' is true, and the dataflow systolic uses no mask");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    expect("lines: 64 ", "lines: 0 ", ":5: 'lines' is '0', wanted 1 to 4096");
    expect("lines: 64 ", "line: 64 ", ":5: 'line' is unknown, did you mean 'lines'?");
    expect("clock: 500 MHz", "clock: 500 MB", ":4: 'clock' is '500 MB', wanted a unit of Hz");
    expect("split: kept", "split: half", "'split' is 'half', wanted one of kept, fixed");
    expect("query: {size: 53 KiB", "query: {size: 53",
           "'buffers.query.size' is '53', wanted a unit");
    expect("query: {size: 53 KiB}", "query: {banks: 64}", "'buffers.query.size' is missing");
    expect("query: {size: 53 KiB}", "query: {size: 53 KiB, banks: 0}",
           "'buffers.query.banks' is '0', wanted 1 to 65536");
    expect("index: {size: 20 KiB}", "index: {size: 20 KiB, banks: 8}",
           "changed.yaml:31: 'buffers.index.banks' is 8, wanted one for each of the 64 lines, or "
           "more, as where it is left out: on the dataflow vitcod lines take turns at query, key, "
           "value, output, decoded alone");
    expect("index: {size: 20 KiB}", "index: {size: 20 KiB, banks: 63}",
           "'buffers.index.banks' is 63");
    expect("output: {size: 108 KiB}", "output: {size: 108 KiB, banks: 0}",
           "'buffers.output.banks' is '0'");
    expect("  decoded: {size: 33 KiB}", "", "'buffers.decoded' is missing");
    expect("linear_rows: 8", "linear_rows: 7",
           "'linear_rows' is 7, wanted a divisor of the 64 lines");
    expect("add: {value: 0.038716 pJ, source: \"Horowitz, ISSCC 2014, 45 nm: add32 0.1; times "
           "(28/45)^2\"}",
           "add: {value: 0.038716 pJ}", "'energy.add.source' is missing");
    expect("model: dram", "model: magic",
           "'memory.model' is 'magic', wanted one of bandwidth, dram");
    expect("refi: 7.8 us", "refi: 350.5 ns", "'refi' is 420 clocks, wanted at least");
    expect("rcd: 17", "rcd: 17000", "'refi' is 9360 clocks, wanted at least");
    expect("ccd_s: 4", "ccd_s: 3", "ccd_s below burst");
    expect("rc: 56", "rc: 50", "'memory.timing' and what is beside it");
    expect("cl: 17", "cl: 17 ns", "'memory.timing.cl' is '17 ns', wanted a number without a unit");
}

static const char rows[] = "mac,compute,0.2,paper A\nadd,compute,0.04,A\n"
                           "multiplication,compute,0.7,A\nexponential,compute,0.8,A\n"
                           "leakage,leak,0.01,A\nquery,read,0.4,\"A, table 2\"\nquery,write,0.3,A\n"
                           "key,read,0.4,A\nkey,write,0.3,A\nvalue,read,0.4,A\nvalue,write,0.3,A\n"
                           "index,read,0.4,A\nindex,write,0.3,A\noutput,read,0.4,A\n"
                           "output,write,0.3,A\ndecoded,read,0.4,A\n";

/* A chip like ViTCoD's whose energy is in a table of its own, beside it. */
static vc_status read_with_table(vc_accelerator *out, const char *name, const char *text)
{
    char chip[2048], here[1024], path[512];
    assert_non_null(getcwd(here, sizeof here));
    write_bytes(temporary(name), text, strlen(text));
    snprintf(path, sizeof path, "%s", temporary("tabled.yaml"));
    snprintf(chip, sizeof chip, "like: %s/%s\nenergy: %s\n", here, shipped, name);
    write_bytes(path, chip, strlen(chip));
    return vc_accelerator_read(out, path);
}

static void energy_comes_from_a_table(void **state)
{
    (void)state;
    char text[2048];
    vc_accelerator a;
    snprintf(text, sizeof text, "component,action,energy,source\n%s", rows);
    assert_ok(read_with_table(&a, "table.csv", text));
    assert_near(a.energy.mac_pj, 0.2, 1e-12);
    assert_near(a.energy.read_pj_per_byte[VC_BUFFER_QUERY], 0.4, 1e-12);
    assert_near(a.energy.write_pj_per_byte[VC_BUFFER_DECODED], 0.36, 1e-6); /* as it was */
    assert_near(a.energy.node_factor, 1.0, 0.0);
    assert_ok(
        read_with_table(&a, "table.csv", "component,action,energy,source\nnode,scale,0.5,B\n"));
    assert_near(a.energy.node_factor, 0.5, 1e-12);
    assert_near(a.energy.mac_pj, 0.116148, 1e-6);
    assert_ok(read_with_table(&a, "table.yaml",
                              "node: {value: 0.25, source: C}\n"
                              "mac: {value: 0.3 pJ, source: C}\n"));
    assert_near(a.energy.node_factor, 0.25, 1e-12);
    assert_near(a.energy.mac_pj, 0.3, 1e-12);
}

/* Units and accesses take so much less, leakage and the memory do not. */
static void a_node_scales_what_is_done(void **state)
{
    (void)state;
    const vc_chip_config c = vc_chip_config_default();
    const vc_chip_counts n = {.cycles = 1000, .macs = 100, .read_bytes = {10}, .exponentials = 5};
    const vc_memory_counters m = {.energy_pj = 7.0, .standby_pj = 3.0};
    vc_energy_table t = vc_energy_table_default();
    const vc_chip_energy before = vc_chip_energy_of(&n, &c, &t, &m);
    t.node_factor = 0.5;
    const vc_chip_energy after = vc_chip_energy_of(&n, &c, &t, &m);
    for (int p = 0; p < VC_ENERGY_COUNT; p++)
        assert_near(after.pj[p], before.pj[p] * (p < VC_ENERGY_LEAKAGE ? 0.5 : 1.0), 1e-9);
}

static void wrong_tables_are_named(void **state)
{
    (void)state;
    static const char head[] = "component,action,energy,source\n";
    const struct {
        const char *text, *message;
    } wrong[] = {
        {"", "table.csv: is empty, wanted 'component,action"},
        {"name,energy\n", "table.csv:1: begins with 'name,energy', wanted 'component,action"},
        {"mac,compute,0.2\n", "table.csv:2: has no source"},
        {"mac,compute,0.2,\n", "table.csv:2: has no source"},
        {"mac,read,0.2,A\n", "table.csv:2: no 'read' of 'mac', wanted compute of mac"},
        {"cache,read,0.2,A\n", "table.csv:2: no 'read' of 'cache'"},
        {"mac,compute,0.2 pJ,A\n", "table.csv:2: the energy is '0.2 pJ', wanted a number"},
        {"mac,compute,-1,A\n", "table.csv:2: the energy is '-1'"},
        {"mac,compute,nan,A\n", "table.csv:2: the energy is 'nan'"},
        {"node,scale,0,A\n", "wanted a number from 0 to 1e12, and of a node above 0"},
        {"mac,compute,1,A\nmac,compute,1,A\n", "table.csv:3: 'compute' of 'mac' is there twice"},
    };
    vc_accelerator a;
    char text[4096];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "%s%s", i > 1 ? head : "", wrong[i].text);
        assert_fails(read_with_table(&a, "table.csv", text), VC_EFORMAT, wrong[i].message);
    }
    /* A line is not over at a byte 0, nor empty if it begins with one. */
    static const char *const with_zeros[] = {"node,scale,0.5,A@\n", "@node,scale,0.5,A\n", "@\n"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%s%s", head, with_zeros[i]);
        const size_t bytes = strlen(text);
        *strchr(text, '@') = '\0';
        write_bytes(temporary("table.csv"), text, bytes);
        assert_fails(vc_accelerator_read(&a, temporary("tabled.yaml")), VC_EFORMAT,
                     "table.csv:2: has a byte 0, wanted text");
    }
    assert_fails(read_with_table(&a, "table.yaml", "node: {value: 0, source: C}\n"), VC_EFORMAT,
                 "'node' has the value 0, wanted a factor above 0");
    assert_fails(read_with_table(&a, "table.yaml", "node: {value: 0.5}\n"), VC_EFORMAT,
                 "'node.source' is missing");
    /* A chip that is like no other wants all rows. */
    char chip[8192];
    FILE *file = fopen(shipped, "r");
    assert_non_null(file);
    chip[fread(chip, 1, sizeof chip - 1, file)] = '\0';
    fclose(file);
    char *energy = strstr(chip, "\nenergy:"), *area = strstr(chip, "\narea:");
    assert_true(energy && area);
    snprintf(text, sizeof text, "%s", area);
    snprintf(energy, sizeof chip - (size_t)(energy - chip), "\nenergy: table.csv%s", text);
    write_bytes(temporary("whole.yaml"), chip, strlen(chip));
    snprintf(text, sizeof text, "%s%s", head, rows);
    write_bytes(temporary("table.csv"), text, strlen(text));
    assert_fails(vc_accelerator_read(&a, temporary("whole.yaml")), VC_EFORMAT,
                 "table.csv: has no row 'decoded,write'");
    snprintf(text, sizeof text, "%s%sdecoded,write,0.3,A\n", head, rows);
    write_bytes(temporary("table.csv"), text, strlen(text));
    assert_ok(vc_accelerator_read(&a, temporary("whole.yaml")));
    assert_near(a.energy.write_pj_per_byte[VC_BUFFER_DECODED], 0.3, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_what_is_built_in),
        cmocka_unit_test(all_files_are_what_is_built_in),
        cmocka_unit_test(the_figure_differs_from_our_chip),
        cmocka_unit_test(all_memories_are_as_their_files),
        cmocka_unit_test(a_chip_may_name_its_memory),
        cmocka_unit_test(every_key_shows_in_json),
        cmocka_unit_test(files_on_top_of_files),
        cmocka_unit_test(banks_are_honoured_or_refused),
        cmocka_unit_test(energy_comes_from_a_table),
        cmocka_unit_test(a_node_scales_what_is_done),
        cmocka_unit_test(wrong_tables_are_named),
        cmocka_unit_test(keys_of_the_lines_are_refused_elsewhere),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
