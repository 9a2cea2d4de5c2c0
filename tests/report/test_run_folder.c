/* Run folders: results by file name, notes for what cannot be shown, names of runs, gathered
 * parts. */
#include <sys/stat.h>

#include "testing.h"
#include "vitcod/maps.h"
#include "vitcod/npy.h"
#include "vitcod/run_folder.h"

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    write_bytes(path, text, strlen(text));
}

static void results_logs_and_notes(void **state)
{
    (void)state;
    const char *folder = temporary("run");
    vc_run_folder *f;
    vc_report_run run;
    mkdir(folder, 0755);
    write_text(folder, "dense.json", "{\"verb\": \"eval\", \"top1\": 70.5}");
    write_text(folder, "odd.json", "{\"top1\": 1.0}");
    write_text(folder, "log.jsonl", "{\"epoch\": 1}\nno object\n{\"epoch\": 2}\n");
    write_text(folder, "notes.txt", "no result");
    assert_ok(vc_run_folder_open(&f, folder));
    vc_run_folder_runs(&run, &f, 1);
    assert_string_equal(run.name, "run");
    assert_int_equal(json_object_size(run.results), 1);
    assert_near(vc_json_number(json_object_get(run.results, "dense.json"), "top1"), 70.5, 0.0);
    assert_int_equal(json_array_size(json_object_get(run.logs, "log.jsonl")), 2);
    assert_int_equal(json_array_size(run.notes), 3); /* odd.json, the second line, the rest */
    assert_string_equal(json_string_value(json_array_get(run.notes, 2)),
                        "not results, and not shown: notes.txt");
    assert_int_equal(run.layer_count, 0);
    vc_run_folder_close(f);
}

static void maps_become_layers(void **state)
{
    (void)state;
    enum { L = 2, H = 1, T = 3 };
    float values[L * H * T * T];
    char path[512];
    const char *folder = temporary("maps");
    const vc_tensor maps = {VC_F32, 4, {L, H, T, T}, values};
    vc_run_folder *f;
    vc_report_run run;
    for (size_t i = 0; i < L * H * T * T; i++)
        values[i] = (float)i;
    mkdir(folder, 0755);
    snprintf(path, sizeof path, "%s/attention.npy", folder);
    assert_ok(vc_npy_write(path, &maps));
    assert_ok(vc_run_folder_open(&f, folder));
    vc_run_folder_runs(&run, &f, 1);
    assert_int_equal(run.layer_count, L);
    assert_int_equal(run.layers[1].queries, T);
    assert_near(run.layers[1].attention[0], H * T * T, 0.0);
    assert_int_equal(json_array_size(run.notes), 0); /* the maps are shown */
    assert_null(run.layers[1].pruned);
    vc_run_folder_close(f);
}

/* Two folders of the same name are shown by their paths. */
static void runs_of_one_name(void **state)
{
    (void)state;
    vc_run_folder *f[2];
    vc_report_run runs[2];
    const char *parents[2] = {temporary("a"), temporary("b")};
    for (size_t i = 0; i < 2; i++) {
        char folder[300];
        mkdir(parents[i], 0755);
        snprintf(folder, sizeof folder, "%s/same", parents[i]);
        mkdir(folder, 0755);
        write_text(folder, "dense.json", "{\"verb\": \"eval\"}");
        assert_ok(vc_run_folder_open(&f[i], folder));
    }
    vc_run_folder_runs(runs, f, 2);
    assert_non_null(strstr(runs[0].name, "a/same"));
    assert_non_null(strstr(runs[1].name, "b/same"));
    for (size_t i = 0; i < 2; i++)
        vc_run_folder_close(f[i]);
}

static void nothing_to_report(void **state)
{
    (void)state;
    const char *folder = temporary("empty");
    vc_run_folder *f;
    json_t *parts, *notes;
    mkdir(folder, 0755);
    assert_fails(vc_run_folder_open(&f, folder), VC_EINVAL, "it is empty");
    write_text(folder, "model.pt", "?");
    assert_fails(vc_run_folder_open(&f, folder), VC_EINVAL, "not shown: model.pt");
    assert_fails(vc_run_folder_open(&f, temporary("absent")), VC_EIO, "cannot open");
    write_text(folder, "my.prune.json", "{\"verb\": \"prune\", \"sparsity\": 0.9}");
    assert_ok(vc_run_folder_gather(&parts, &notes, folder));
    assert_near(vc_json_number(json_object_get(parts, "my.prune"), "sparsity"), 0.9, 0.0);
    assert_int_equal(json_array_size(notes), 1);
    json_decref(parts);
    json_decref(notes);
}

/* Another verb's result.json is not replaced by a table. */
static void a_table_has_its_place(void **state)
{
    (void)state;
    char table[512];
    bool write;
    const char *folder = temporary("tabled");
    mkdir(folder, 0755);
    assert_ok(vc_run_folder_table(table, sizeof table, &write, folder));
    assert_true(write);
    assert_non_null(strstr(table, "tabled/result.json"));
    write_text(folder, "result.json", "{\"verb\": \"report\"}");
    assert_ok(vc_run_folder_table(table, sizeof table, &write, folder));
    assert_true(write);
    write_text(folder, "result.json", "{\"verb\": \"codesign\"}");
    assert_ok(vc_run_folder_table(table, sizeof table, &write, folder));
    assert_false(write);
    char file[512];
    snprintf(file, sizeof file, "%s/result.json", folder);
    assert_ok(vc_run_folder_table(table, sizeof table, &write, file));
    assert_false(write); /* a file has no table beside it */
}

/* What trtexec wrote on a Jetson TX2, and PyTorch's profiler on an RTX 2080 Ti, in small: they are
 * drawn beside a profile of ours. */
static void times_from_elsewhere(void **state)
{
    (void)state;
    const char *folder = temporary("elsewhere"), *page = temporary("elsewhere.html");
    const vc_run_paths runs = {.paths = &folder, .count = 1, .measured_batch = 4};
    vc_run_folder *f;
    vc_report_run run;
    mkdir(folder, 0755);
    write_text(folder, "tx2.json",
               "[{\"count\": 10}, {\"name\": \"/blocks.0/attn/qkv/MatMul\", \"timeMs\": 80, "
               "\"averageMs\": 8, \"percentage\": 80}, {\"name\": \"/blocks.0/attn/Softmax\", "
               "\"timeMs\": 20, \"averageMs\": 2, \"percentage\": 20}]");
    write_text(folder, "rtx-2080-ti.json",
               "{\"traceEvents\": [{\"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": "
               "\"aten::softmax\", \"ts\": 0, \"dur\": 9, \"tid\": 1, \"args\": {\"External id\": "
               "5}}, {\"ph\": \"X\", \"cat\": \"kernel\", \"name\": \"softmax_warp_forward\", "
               "\"ts\": 4, \"dur\": 3000, \"args\": {\"External id\": 5, \"device\": 0}}]}");
    write_text(folder, "profile.json",
               "{\"verb\": \"profile\", \"device\": \"opencl\", \"dtype\": \"fp32\", \"batch\": 2, "
               "\"work\": [{\"work\": \"qkv\", \"ms\": 6.0}, {\"work\": \"softmax\", \"ms\": "
               "2.0}]}");
    write_text(folder, "broken.json", "[{\"name\": \"x\"}]");
    assert_ok(vc_run_folder_open(&f, folder));
    vc_run_folder_runs(&run, &f, 1);
    assert_int_equal(json_object_size(run.results), 3);
    assert_int_equal(json_array_size(run.notes), 1);
    assert_string_equal(json_string_value(json_array_get(run.notes, 0)),
                        "broken.json is not shown: broken.json: 'x' has no number 'averageMs'");
    const json_t *tx2 = json_object_get(run.results, "tx2.json");
    assert_string_equal(json_string_value(json_object_get(tx2, "kind")), "TensorRT");
    assert_near(vc_json_number(tx2, "end_to_end_us"), 1e4, 1e-9); /* of a run */
    vc_run_folder_close(f);
    assert_ok(vc_run_folders_page(page, &runs, "", NULL));
    char *text = file_text(page);
    static const char *const holds[] = {"tx2, TensorRT</th>",
                                        "rtx-2080-ti, PyTorch</th>",
                                        "profile, on opencl in fp32, 4 ms</th>",
                                        "taken to have 4 images",
                                        "tx2, TensorRT, softmax: 0.5 ms (20.0 %)",
                                        "tx2, TensorRT, 2.5 ms, softmax: 20 % (20.0 %)"};
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++)
        if (!strstr(text, holds[i]))
            fail_msg("the page does not hold '%s'", holds[i]);
    free(text);
}

static void runs_have_titles(void **state)
{
    (void)state;
    const char *paths[2] = {temporary("first"), temporary("second")};
    const char *titles[2] = {"Ours", "second"}, *page = temporary("titles.html");
    vc_run_paths runs = {paths, titles, 2, 1, 0};
    for (size_t i = 0; i < 2; i++) {
        mkdir(paths[i], 0755);
        write_text(paths[i], "dense.json", "{\"verb\": \"eval\", \"top1\": 50.0}");
    }
    assert_ok(vc_run_folders_page(page, &runs, "", NULL));
    titles[0] = "second";
    assert_fails(vc_run_folders_page(page, &runs, "", NULL), VC_EINVAL, "called 'second'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_logs_and_notes), cmocka_unit_test(maps_become_layers),
        cmocka_unit_test(runs_of_one_name),       cmocka_unit_test(nothing_to_report),
        cmocka_unit_test(a_table_has_its_place),  cmocka_unit_test(runs_have_titles),
        cmocka_unit_test(times_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
