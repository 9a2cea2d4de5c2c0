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
    assert_ok(vc_run_folder_open(&f, folder));
    vc_run_folder_runs(&run, &f, 1);
    assert_string_equal(run.name, "run");
    assert_int_equal(json_object_size(run.results), 1);
    assert_near(vc_json_number(json_object_get(run.results, "dense.json"), "top1"), 70.5, 0.0);
    assert_int_equal(json_array_size(json_object_get(run.logs, "log.jsonl")), 2);
    assert_int_equal(json_array_size(run.notes), 2); /* odd.json, the second line */
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
    json_t *parts = json_object();
    mkdir(folder, 0755);
    assert_fails(vc_run_folder_open(&f, folder), VC_EINVAL, "holds no result of a run");
    assert_fails(vc_run_folder_open(&f, temporary("absent")), VC_EIO, "cannot open");
    assert_fails(vc_run_folder_gather(parts, folder), VC_EINVAL, "holds no result of a run");
    write_text(folder, "prune.json", "{\"verb\": \"prune\", \"sparsity\": 0.9}");
    assert_ok(vc_run_folder_gather(parts, folder));
    assert_near(vc_json_number(json_object_get(parts, "prune"), "sparsity"), 0.9, 0.0);
    json_decref(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_logs_and_notes),
        cmocka_unit_test(maps_become_layers),
        cmocka_unit_test(runs_of_one_name),
        cmocka_unit_test(nothing_to_report),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
