/* The log's lines, what becomes of a log that is there, and checkpoints that go. */
#include "testing.h"
#include "vitcod/train_log.h"

static size_t lines_of(const char *path)
{
    size_t lines = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void a_line_for_each_epoch(void **state)
{
    (void)state;
    const vc_epoch_report report = {.epoch = 2,
                                    .epochs = 3,
                                    .mean = {.loss = 0.5, .train_top1 = 75.0},
                                    .tested = 1,
                                    .test = {.images = 8, .top1 = 6, .loss = 0.25}};
    const vc_train_line line = vc_train_line_of_epoch(&report);
    json_t *json;
    assert_ok(vc_record_json(&json, &vc_train_line_record, &line));
    assert_near(vc_json_number(json, "epoch"), 2, 0);
    assert_near(vc_json_number(json, "test_top1"), 75.0, 0);
    assert_null(json_object_get(json, "distillation_loss"));
    assert_null(json_object_get(json, "averaged_top1"));
    assert_null(json_object_get(json, "step"));
    assert_string_equal(json_string_value(json_object_get(json, "judged_by")), "test");
    json_decref(json);
    vc_train_log log = {.path = temporary("log.jsonl")};
    assert_ok(vc_train_log_write(&log, &line));
    assert_ok(vc_train_log_write(&log, &line));
    vc_train_log_close(&log);
    assert_int_equal(lines_of(temporary("log.jsonl")), 2);
    /* lines of the same steps are taken back, and so is what a kill left of one */
    log = (vc_train_log){.path = temporary("log.jsonl"), .append = 1};
    assert_ok(vc_train_log_write(&log, &line));
    vc_train_log_close(&log);
    assert_int_equal(lines_of(temporary("log.jsonl")), 1);
    FILE *file = fopen(temporary("log.jsonl"), "a");
    fputs("{\"epoch\":", file);
    fclose(file);
    vc_train_line later = line;
    later.epoch++;
    log = (vc_train_log){.path = temporary("log.jsonl"), .append = 1};
    assert_ok(vc_train_log_write(&log, &later));
    vc_train_log_close(&log);
    assert_int_equal(lines_of(temporary("log.jsonl")), 2);
    log = (vc_train_log){.path = temporary("log.jsonl")};
    assert_ok(vc_train_log_write(&log, &line));
    vc_train_log_close(&log);
    assert_int_equal(lines_of(temporary("log.jsonl")), 1);
}

/* Images held back are no test images, and none are none. */
static void what_an_epoch_is_judged_by(void **state)
{
    (void)state;
    vc_epoch_report report = {.epoch = 1,
                              .epochs = 1,
                              .tested = 1,
                              .held_back = 1,
                              .test = {.images = 8, .top1 = 6, .loss = 0.25}};
    vc_train_line line = vc_train_line_of_epoch(&report);
    json_t *json;
    assert_ok(vc_record_json(&json, &vc_train_line_record, &line));
    assert_string_equal(json_string_value(json_object_get(json, "judged_by")), "held-back");
    assert_near(vc_json_number(json, "held_back_top1"), 75.0, 0);
    assert_near(vc_json_number(json, "held_back_loss"), 0.25, 0);
    assert_null(json_object_get(json, "test_top1"));
    assert_null(json_object_get(json, "test_loss"));
    json_decref(json);
    report.tested = report.held_back = 0;
    line = vc_train_line_of_epoch(&report);
    assert_ok(vc_record_json(&json, &vc_train_line_record, &line));
    assert_string_equal(json_string_value(json_object_get(json, "judged_by")), "none");
    assert_null(json_object_get(json, "test_top1"));
    json_decref(json);
}

static void trying_leaves_no_trace(void **state)
{
    (void)state;
    assert_ok(vc_train_log_try(temporary("new.jsonl")));
    assert_int_not_equal(access(temporary("new.jsonl"), F_OK), 0);
    write_bytes(temporary("old.jsonl"), "{}\n", 3);
    assert_ok(vc_train_log_try(temporary("old.jsonl")));
    assert_int_equal(lines_of(temporary("old.jsonl")), 1);
    assert_fails(vc_train_log_try(temporary("no/log.jsonl")), VC_EIO, "cannot write");
}

static void one_run_writes_it(void **state)
{
    (void)state;
    const vc_train_line line = {.epoch = 1};
    vc_train_log one = {.path = temporary("one.jsonl")}, other = one;
    assert_ok(vc_train_log_write(&one, &line));
    for (int i = 0; i < 2; i++)
        assert_fails(vc_train_log_write(&other, &line), VC_EIO, "another run writes it");
    assert_null(other.file);
    vc_train_log_close(&one);
    assert_int_equal(lines_of(temporary("one.jsonl")), 1);
}

static void no_log_is_wanted(void **state)
{
    (void)state;
    vc_train_log log = {0};
    const vc_train_line line = {0};
    assert_ok(vc_train_log_write(&log, &line));
    vc_train_log_close(&log);
}

static void checkpoints_go(void **state)
{
    (void)state;
    const char *names[] = {"model.checkpoint", "model.checkpoint.1", "model.checkpoint.2"};
    for (size_t i = 0; i < 3; i++)
        write_bytes(temporary(names[i]), "x", 1);
    vc_checkpoint_remove(temporary(names[0]), 2);
    assert_int_not_equal(access(temporary(names[0]), F_OK), 0);
    assert_int_not_equal(access(temporary(names[1]), F_OK), 0);
    assert_int_equal(access(temporary(names[2]), F_OK),
                     0); /* of `keep` 3, which nobody asked for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_each_epoch),  cmocka_unit_test(what_an_epoch_is_judged_by),
        cmocka_unit_test(trying_leaves_no_trace), cmocka_unit_test(no_log_is_wanted),
        cmocka_unit_test(one_run_writes_it),      cmocka_unit_test(checkpoints_go),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
