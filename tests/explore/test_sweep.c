/* A sweep made by a program that only links the library. */
#include "small_masks.h"
#include "vitcod/accelerator.h"
#include "vitcod/sweep.h"

static const char *space_of(const char *text)
{
    const char *path = temporary("space.yaml");
    write_bytes(path, text, strlen(text));
    return path;
}

static json_t *point_of(const vc_sweep *s, uint64_t point)
{
    char line[VC_SWEEP_LINE];
    json_error_t error;
    vc_sweep_point(line, s, point);
    json_t *object = json_loads(line, 0, &error);
    if (!object)
        fail_msg("point %llu: '%s' is no JSON", (unsigned long long)point, line);
    return object;
}

static const json_t *value_of(const json_t *point, const char *key)
{
    return json_object_get(json_object_get(point, "values"), key);
}

static void a_space_is_run_and_gone_on_with(void **state)
{
    (void)state;
    char text[1024], results[256];
    vc_sweep *s;
    vc_sweep_done done;
    json_t *front;
    snprintf(text, sizeof text,
             "masks: %s\naxes:\n  model: deit_tiny_patch16_224\n  sparsity: 0.95\n"
             "  chip: prune-reorder\n  lines: [32, 64]\n  macs_per_line: [4, 8]\n",
             write_small_masks());
    snprintf(results, sizeof results, "%s", temporary("results.jsonl"));
    assert_ok(vc_sweep_open(&s, space_of(text), 0));
    assert_int_equal(vc_sweep_points(s), 4);
    assert_ok(vc_sweep_run(&done, s, results, NULL, NULL));
    assert_int_equal(done.before, 0);
    assert_int_equal(done.now, 4);
    assert_ok(vc_sweep_run(&done, s, results, NULL, NULL));
    assert_int_equal(done.before, 4);
    assert_int_equal(done.now, 0);
    assert_ok(vc_sweep_pareto(&front, results));
    assert_true(json_array_size(front) > 1);
    json_decref(front);
    vc_sweep_close(s);
}

/* The file says what made it, and another command goes on with it, also with half of that line. */
static void a_file_has_its_command(void **state)
{
    (void)state;
    char results[256], text[65536], *at;
    vc_sweep *s;
    vc_sweep_done done;
    snprintf(results, sizeof results, "%s", temporary("command.jsonl"));
    assert_ok(vc_sweep_open(&s, space_of("axes: {model: deit_tiny_patch16_224, lines: 64}\n"), 0));
    assert_ok(vc_sweep_run(&done, s, results, "vitcod sweep 'a b.yaml'", NULL));
    FILE *file = fopen(results, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_non_null(at = strstr(text, ",\"command\":\"vitcod sweep 'a b.yaml'\"}\n"));
    assert_ok(vc_sweep_run(&done, s, results, "another", NULL));
    assert_int_equal(done.before, 1);
    const size_t cuts[] = {20, (size_t)(at - text), (size_t)(at - text) + 20, strlen(text) - 1};
    for (size_t i = 0; i < 4; i++) {
        write_bytes(results, text, cuts[i]);
        assert_ok(vc_sweep_run(&done, s, results, "another", NULL));
        assert_int_equal(done.now, 1);
    }
    text[15] ^= 1; /* another hash */
    write_bytes(results, text, cuts[2]);
    assert_fails(vc_sweep_run(&done, s, results, "another", NULL), VC_EFORMAT, "does not begin");
    vc_sweep_close(s);
}

/* The last axis counts fastest, in the order that docs and files of results have. */
static void points_count_in_order(void **state)
{
    (void)state;
    vc_sweep *s;
    assert_ok(vc_sweep_open(&s,
                            space_of("axes: {model: deit_tiny_patch16_224, lines: [64, 32], "
                                     "chip: [dense, systolic], systolic_rows: [32, 16]}\n"),
                            0));
    assert_int_equal(vc_sweep_points(s), 8);
    for (uint64_t i = 0; i < 8; i++) {
        json_t *p = point_of(s, i);
        assert_string_equal(json_string_value(value_of(p, "chip")), i < 4 ? "dense" : "systolic");
        assert_int_equal(json_integer_value(value_of(p, "lines")), i / 2 % 2 ? 32 : 64);
        assert_int_equal(json_integer_value(value_of(p, "systolic_rows")), i % 2 ? 16 : 32);
        json_decref(p);
    }
    vc_sweep_close(s);
}

/* Words, flags and numbers of any kind of chip; a key of another kind changes nothing. */
static void every_key_of_a_chip_is_an_axis(void **state)
{
    (void)state;
    vc_sweep *s;
    json_t *p[4];
    assert_ok(vc_sweep_open(&s,
                            space_of("axes: {model: deit_tiny_patch16_224, chip: sanger, "
                                     "sanger_pipelined: [Yes, False], spatten_top_k: [1, 2]}\n"),
                            0));
    for (uint64_t i = 0; i < 4; i++)
        p[i] = point_of(s, i);
    assert_true(json_is_true(value_of(p[0], "sanger_pipelined")));
    assert_int_equal(json_integer_value(value_of(p[1], "spatten_top_k")), 2);
    assert_true(json_equal(json_object_get(p[0], "cycles"), json_object_get(p[1], "cycles")));
    assert_true(json_integer_value(json_object_get(p[2], "cycles")) >
                json_integer_value(json_object_get(p[0], "cycles")));
    for (size_t i = 0; i < 4; i++)
        json_decref(p[i]);
    vc_sweep_close(s);
}

/* A memory's are those of its file, too. */
static void a_memory_is_as_its_file(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"channels: 2000000", "'2000000', wanted 1 to 1048576"},
        {"bandwidth: 1 KB/s", "'1 KB/s', wanted 1000000 to 1e+18"}};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        vc_sweep *s;
        vc_memory_config m;
        snprintf(text, sizeof text, "axes: {model: deit_tiny_patch16_224, %s}\n", wrong[i][0]);
        assert_fails(vc_sweep_open(&s, space_of(text), 0), VC_EFORMAT, wrong[i][1]);
        snprintf(text, sizeof text, "%s%s\n",
                 i ? "model: bandwidth\nname: x\nrate" : "model: dram\n",
                 i ? strchr(wrong[i][0], ':') : wrong[i][0]);
        assert_fails(vc_memory_config_read(&m, space_of(text)), VC_EFORMAT, wrong[i][1]);
    }
}

/* A sweep and an accelerator's file have one table: what one refuses, the other does. */
static void limits_are_those_of_files(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"lines: 0", "'0', wanted 1 to 4096"},
                                           {"lines: 4097", "'4097', wanted 1 to 4096"},
                                           {"macs_per_line: 0", "'0', wanted 1 to 4096"},
                                           {"encoder_macs: 2000000", "wanted 1 to 1000000"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[512], here[1024];
        vc_sweep *s;
        vc_accelerator a;
        snprintf(text, sizeof text, "axes: {model: deit_tiny_patch16_224, %s}\n", wrong[i][0]);
        assert_fails(vc_sweep_open(&s, space_of(text), 0), VC_EFORMAT, wrong[i][1]);
        assert_non_null(getcwd(here, sizeof here));
        snprintf(text, sizeof text, "like: %.400s/configs/accelerators/vitcod.yaml\n%s\n", here,
                 wrong[i][0]);
        assert_fails(vc_accelerator_read(&a, space_of(text)), VC_EFORMAT, wrong[i][1]);
    }
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"axes: {lines: 64}", "'axes.model' is missing"},
        {"axes: {model: vgg}", "'axes.model' has 'vgg'"},
        {"axes: {model: deit_tiny_patch16_224, split: half}", "has 'half', wanted kept or fixed"},
        {"axes: {model: deit_tiny_patch16_224, interleave: 1}", "has '1', wanted false or true"},
        {"axes: {model: deit_tiny_patch16_224, lines: 1.5}", "has 1.5, wanted whole numbers"},
        {"axes:\n  model: deit_tiny_patch16_224\n  lines:\n  - 32\n  - 2 B\n",
         "space.yaml:5: 'axes.lines' is '2 B', wanted a number without a unit"},
        {"axes:\n  model: deit_tiny_patch16_224\n  lines:\n  - 32\n  - [2]\n",
         "space.yaml:5: 'axes.lines' is a list, wanted one value"},
        {"axes: {model: deit_tiny_patch16_224, line: 64}", "did you mean 'lines'?"},
        {"axes: {model: deit_tiny_patch16_224, sparsity: 0.9}", "no 'masks' beside 'axes'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        vc_sweep *s;
        assert_fails(vc_sweep_open(&s, space_of(wrong[i][0]), 0), VC_EFORMAT, wrong[i][1]);
    }
}

/* Results of one space are not gone on with by another, though their values look alike. */
static void spaces_are_told_apart(void **state)
{
    (void)state;
    char results[256];
    vc_sweep *a, *b;
    vc_sweep_done done;
    snprintf(results, sizeof results, "%s", temporary("apart.jsonl"));
    assert_ok(vc_sweep_open(
        &a, space_of("axes: {model: deit_tiny_patch16_224, line_latency: [4, 8]}\n"), 0));
    assert_ok(vc_sweep_open(
        &b, space_of("axes: {model: deit_tiny_patch16_224, softmax_latency: [4, 8]}\n"), 0));
    assert_ok(vc_sweep_run(&done, a, results, NULL, NULL));
    assert_fails(vc_sweep_run(&done, b, results, NULL, NULL), VC_EINVAL,
                 "another space, seed, mask or chip");
    vc_sweep_close(a);
    vc_sweep_close(b);
}

/* A line that lacks a number would beat all others by it. */
static void fronts_are_of_numbers(void **state)
{
    (void)state;
    static const char begin[] = "{\"sweep_hash\":\"0\"}\n"
                                "{\"point\":1,\"error\":\"too small\"}\n"
                                "{\"point\":0,\"time_us\":2,\"energy_uj\":3,\"area_mm2\":4}\n";
    static const char *const lines[][2] = {
        {"{\"point\":2,\"time_us\":9,\"energy_uj\":\"9\",\"area_mm2\":9}",
         "'energy_uj' is no such"},
        {"{\"point\":2,\"time_us\":9,\"energy_uj\":9}", ":4: 'area_mm2' is missing"},
        {"{\"point\":2,\"time_us\":-9,\"energy_uj\":9,\"area_mm2\":9}", "wanted 0 or more"},
        {"{\"point\":2", ":4: "}};
    char text[512];
    json_t *front;
    write_bytes(temporary("front"), begin, sizeof begin - 1);
    assert_ok(vc_sweep_pareto(&front, temporary("front")));
    assert_int_equal(json_array_size(front), 1);
    json_decref(front);
    /* A batch takes longer, and less for an image. */
    snprintf(text, sizeof text,
             "%s{\"point\":2,\"time_us\":8,\"energy_uj\":16,\"energy_per_image_uj\":2,"
             "\"area_mm2\":4}\n",
             begin);
    write_bytes(temporary("front"), text, strlen(text));
    assert_ok(vc_sweep_pareto(&front, temporary("front")));
    assert_int_equal(json_array_size(front), 2);
    json_decref(front);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, "%s%s\n", begin, lines[i][0]);
        write_bytes(temporary("front"), text, strlen(text));
        assert_fails(vc_sweep_pareto(&front, temporary("front")), VC_EFORMAT, lines[i][1]);
    }
    /* Nor is a line over at a byte 0. */
    snprintf(text, sizeof text, "%s\n", begin);
    text[sizeof begin - 2] = '\0';
    write_bytes(temporary("front"), text, sizeof begin);
    assert_fails(vc_sweep_pareto(&front, temporary("front")), VC_EFORMAT, ":3: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_are_of_numbers),
        cmocka_unit_test(a_space_is_run_and_gone_on_with),
        cmocka_unit_test(a_file_has_its_command),
        cmocka_unit_test(points_count_in_order),
        cmocka_unit_test(every_key_of_a_chip_is_an_axis),
        cmocka_unit_test(limits_are_those_of_files),
        cmocka_unit_test(a_memory_is_as_its_file),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(spaces_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
