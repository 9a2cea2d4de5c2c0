/* Times from elsewhere, in traces that were made by hand. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"
#include "vitcod/measured.h"

static vc_status read_text(vc_measured *out, const char *text, size_t batch)
{
    const char *path = temporary("measured.json");
    write_bytes(path, text, strlen(text));
    return vc_measured_read(out, path, batch);
}

static double us_of(const vc_measured *m, const char *work)
{
    for (size_t i = 0; i < m->class_count; i++)
        if (strcmp(m->classes[i].work, work) == 0)
            return m->classes[i].us;
    return 0.0;
}

static void layers_of_tensorrt(void **state)
{
    (void)state;
    vc_measured m;
    assert_ok(read_text(
        &m,
        "[{\"count\": 50},"
        "{\"name\": \"/patch_embed/proj/Conv\", \"timeMs\": 50, \"averageMs\": 1.0},"
        "{\"name\": \"/blocks.0/norm1/LayerNormalization\", \"averageMs\": 0.25},"
        "{\"name\": \"/blocks.0/attn/qkv/MatMul + /blocks.0/attn/qkv/Add\", \"averageMs\": 2},"
        "{\"name\": \"/blocks.0/attn/Reshape + /blocks.0/attn/Transpose\", \"averageMs\": 0.5},"
        "{\"name\": \"/blocks.0/attn/MatMul\", \"averageMs\": 0.75},"
        "{\"name\": \"/blocks.0/attn/Softmax\", \"averageMs\": 1.5},"
        "{\"name\": \"/blocks.0/attn/MatMul_1\", \"averageMs\": 0.125},"
        "{\"name\": \"/blocks.0/attn/proj/MatMul\", \"averageMs\": 0.0625},"
        "{\"name\": \"/blocks.0/Add\", \"averageMs\": 0.5},"
        "{\"name\": \"/blocks.0/mlp/fc1/MatMul\", \"averageMs\": 3},"
        "{\"name\": \"PWN(/blocks.0/mlp/act/Erf)\", \"averageMs\": 0.25},"
        "{\"name\": \"{ForeignNode[/blocks.1/norm1/Pow.../blocks.1/mlp/fc2/Add]}\","
        " \"averageMs\": 4}]",
        2));
    assert_string_equal(m.kind, "TensorRT");
    assert_near(us_of(&m, "patch_embed"), 500.0, 1e-9);
    assert_near(us_of(&m, "norm"), 125.0, 1e-9);
    assert_near(us_of(&m, "qkv"), 1000.0, 1e-9);
    assert_near(us_of(&m, "reshape"), 250.0, 1e-9);
    assert_near(us_of(&m, "qk"), 375.0, 1e-9);
    assert_near(us_of(&m, "softmax"), 750.0, 1e-9);
    assert_near(us_of(&m, "sv"), 62.5, 1e-9);
    assert_near(us_of(&m, "projection"), 31.25, 1e-9);
    assert_near(us_of(&m, "elementwise"), 375.0, 1e-9);
    assert_near(us_of(&m, "mlp"), 1500.0, 1e-9);
    assert_near(us_of(&m, "other"), 2000.0, 1e-9);
    assert_near(m.attention_us, 1187.5, 1e-9);
    assert_near(m.end_to_end_us, 6968.75, 1e-9);
    vc_measured_close(&m);
}

static const struct {
    const char *name;
    int start, length;
    const char *dims;
} operators[] = {{"linear", 0, 100, "[8,197,192],[576,192],[576]"},
                 {"addmm", 10, 80, "[576],[1576,192],[192,576]"},
                 {"reshape", 100, 4, ""},
                 {"matmul", 104, 40, "[8,3,197,64],[8,3,64,197]"},
                 {"expand", 105, 2, ""},
                 {"bmm", 110, 30, "[24,197,64],[24,64,197]"},
                 {"_softmax", 144, 20, "[8,3,197,197]"},
                 {"bmm", 164, 16, "[24,197,197],[24,197,64]"},
                 {"addmm", 180, 12, "[192],[1576,192],[192,192]"},
                 {"addmm", 192, 32, "[768],[1576,192],[192,768]"},
                 {"addmm", 224, 32, "[192],[1576,768],[768,192]"},
                 {"gelu", 256, 6, ""},
                 {"native_layer_norm", 262, 6, ""},
                 {"addmm", 268, 2, "[1000],[8,192],[192,1000]"},
                 {"empty", 270, 1, ""}};
enum { OPERATORS = sizeof operators / sizeof *operators, ROOM = 8192 };

/* A trace of them, numbered from 1, and of more events. */
static const char *trace(char text[ROOM], const char *begin, const char *more, const char *end)
{
    size_t at = (size_t)snprintf(text, ROOM, "%s", begin);
    for (size_t i = 0; i < OPERATORS; i++)
        at += (size_t)snprintf(
            text + at, ROOM - at,
            "%s{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::%s\", \"tid\": 7, "
            "\"ts\": %d, \"dur\": %d, \"args\": {\"External id\": %zu, \"Input Dims\": [%s]}}",
            i ? "," : "", operators[i].name, operators[i].start, operators[i].length, i + 1,
            operators[i].dims);
    snprintf(text + at, ROOM - at, "%s%s", more, end);
    return text;
}

/* Of an operator that calls others all time is of its class. */
static void operators_of_pytorch(void **state)
{
    (void)state;
    vc_measured m;
    char text[ROOM];
    const char *const steps =
        ", {\"ph\": \"X\", \"cat\": \"user_annotation\", \"name\": \"ProfilerStep#1\"},"
        "{\"ph\": \"X\", \"cat\": \"user_annotation\", \"name\": \"ProfilerStep#2\"}";
    assert_ok(read_text(&m, trace(text, "{\"traceEvents\": [", steps, "]}"), 8));
    assert_string_equal(m.kind, "PyTorch");
    assert_near(us_of(&m, "qkv"), 100.0 / 16, 1e-9);
    assert_near(us_of(&m, "reshape"), 4.0 / 16, 1e-9);
    assert_near(us_of(&m, "qk"), 40.0 / 16, 1e-9);
    assert_near(us_of(&m, "softmax"), 20.0 / 16, 1e-9);
    assert_near(us_of(&m, "sv"), 1.0, 1e-9);
    assert_near(us_of(&m, "projection"), 12.0 / 16, 1e-9);
    assert_near(us_of(&m, "mlp"), 4.0, 1e-9);
    assert_near(us_of(&m, "elementwise"), 6.0 / 16, 1e-9);
    assert_near(us_of(&m, "norm"), 6.0 / 16, 1e-9);
    assert_near(us_of(&m, "head"), 2.0 / 16, 1e-9);
    assert_near(us_of(&m, "other"), 1.0 / 16, 1e-9);
    assert_near(m.attention_us, 76.0 / 16, 1e-9);
    assert_near(m.end_to_end_us, 271.0 / 16, 1e-9);
    vc_measured_close(&m);
}

/* A head of four classes is no MLP, though 192 is a multiple of 4. */
static void a_small_head_of_pytorch(void **state)
{
    (void)state;
    vc_measured m;
    assert_ok(
        read_text(&m,
                  "[{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::addmm\", \"ts\": 0, "
                  "\"dur\": 3, \"args\": {\"Input Dims\": [[4], [8, 192], [192, 4]]}}]",
                  1));
    assert_near(us_of(&m, "head"), 3.0, 1e-9);
    assert_true(isnan(m.attention_us)); /* there is none */
    vc_measured_close(&m);
}

/* With kernels theirs count, by the operator that started them; a list alone is a trace as well. */
static void kernels_of_pytorch(void **state)
{
    (void)state;
    vc_measured m;
    char text[ROOM];
    const char *const kernels =
        ", {\"cat\": \"kernel\", \"dur\": 5, \"args\": {\"External id\": 2}},"
        "{\"cat\": \"kernel\", \"dur\": 3, \"args\": {\"External id\": 6}},"
        "{\"cat\": \"kernel\", \"dur\": 4, \"args\": {\"External id\": 6}},"
        "{\"cat\": \"kernel\", \"dur\": 2},"
        "{\"cat\": \"kernel\", \"dur\": 7, \"args\": {\"External id\": 77}}";
    assert_ok(read_text(&m, trace(text, "[", kernels, "]"), 0));
    assert_near(us_of(&m, "qkv"), 5.0, 1e-9);
    assert_near(us_of(&m, "qk"), 7.0, 1e-9);
    assert_near(us_of(&m, "other"), 9.0, 1e-9);
    assert_near(m.end_to_end_us, 21.0, 1e-9);
    vc_measured_close(&m);
}

/* Of two that overlap, neither inside the other, the shared time counts once. */
static void operators_that_overlap(void **state)
{
    (void)state;
    vc_measured m;
    assert_ok(read_text(
        &m,
        "[{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"call\", \"ts\": 0, \"dur\": 20},"
        "{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"gelu\", \"ts\": 2, \"dur\": 8},"
        "{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::softmax\", \"ts\": 6, \"dur\": 9}]",
        1));
    assert_near(m.end_to_end_us, 20.0, 1e-9);
    assert_near(us_of(&m, "other"), 7.0, 1e-9);
    vc_measured_close(&m);
}

/* ms of a batch become us of an image; attention is one operator of the engine. */
static void own_results(void **state)
{
    (void)state;
    vc_measured m;
    assert_ok(read_text(&m,
                        "{\"verb\": \"bench\", \"batch\": 4, \"median_ms\": 10, \"operators\": ["
                        "{\"name\": \"attention\", \"layer\": 0, \"ms\": 2},"
                        "{\"name\": \"fc1\", \"ms\": 1}, {\"name\": \"fc2\", \"ms\": 3}]}",
                        9));
    assert_near(m.attention_us, 500.0, 1e-9);
    assert_near(m.end_to_end_us, 2500.0, 1e-9);
    assert_near(us_of(&m, "mlp"), 1000.0, 1e-9);
    vc_measured_close(&m);
    assert_ok(read_text(&m,
                        "{\"verb\": \"profile\", \"batch\": 2, \"untimed_ms\": {\"median\": 8}, "
                        "\"work\": [{\"work\": \"qk\", \"ms\": 1}, {\"work\": \"sv\", \"ms\": 2},"
                        "{\"work\": \"softmax\", \"ms\": 0.5}]}",
                        0));
    assert_near(m.attention_us, 1750.0, 1e-9);
    assert_near(m.end_to_end_us, 4000.0, 1e-9);
    assert_near(m.classes[0].share, 2.0 / 7.0, 1e-9);
    vc_measured_close(&m);
}

static void what_is_no_measurement_is_refused(void **state)
{
    (void)state;
    vc_measured m;
    static const char *const texts[][2] = {
        {"{\"verb\": \"eval\"}", "wanted the JSON of"},
        {"[]", "wanted the JSON of"},
        {"[{\"count\": 3}]", "no times of operators"},
        {"[{\"count\": 3}, {\"name\": \"x\"}]", "'x' has no number 'averageMs'"},
        {"{\"traceEvents\": [{\"ph\": \"M\"}]}", "no event of the category 'cpu_op'"},
        {"[{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::mm\", \"ts\": 3}]",
         "'aten::mm' has no number 'dur'"},
        {"[{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::mm\", \"dur\": 3}]",
         "'aten::mm' has no number 'ts'"},
        {"[{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::mm\", \"ts\": 0, \"dur\": 3},"
         "{\"ph\": \"X\", \"cat\": \"kernel\", \"name\": \"gemm\"}]",
         "'gemm' has no number 'dur'"},
        {"{\"verb\": \"profile\", \"macs\": 3}", "'profile' has no time of a whole model"},
        {"[{\"count\": 3}, {\"averageMs\": 1}]", "layer 1 has no 'name'"},
        {"[{\"name\": \"x\", \"averageMs\": -1}]", "'x' has -1 as 'averageMs', wanted 0 to 1e18"},
        {"[{\"name\": \"x\", \"averageMs\": 1e300}]", "'x' has 1e+300 as 'averageMs'"},
        {"[{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"a\", \"ts\": 0, \"dur\": -3}]",
         "'a' has -3 as 'dur'"},
        {"{\"verb\": \"bench\", \"median_ms\": 3}", "no number 'batch' of images"},
        {"{\"verb\": \"bench\", \"median_ms\": 3, \"batch\": 1, "
         "\"operators\": [{\"name\": \"qkv\"}]}",
         "'qkv' has no number 'ms'"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_text(&m, texts[i][0], 1), VC_EFORMAT);
        if (!strstr(vc_last_error(), texts[i][1]))
            fail_msg("'%s', wanted '%s'", vc_last_error(), texts[i][1]);
    }
    assert_int_equal(vc_measured_read(&m, "nothing.json", 1), VC_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_of_tensorrt),
        cmocka_unit_test(operators_of_pytorch),
        cmocka_unit_test(a_small_head_of_pytorch),
        cmocka_unit_test(kernels_of_pytorch),
        cmocka_unit_test(operators_that_overlap),
        cmocka_unit_test(own_results),
        cmocka_unit_test(what_is_no_measurement_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
