#include "testing.h"
#include "vitcod/file.h"
#include "vitcod/json.h"

static void writes_aside_and_renames(void **state)
{
    (void)state;
    vc_file_writer writer;
    assert_ok(vc_file_write_begin(&writer, temporary("f")));
    fputs("text", writer.stream);
    assert_int_not_equal(access(temporary("f"), F_OK), 0);
    assert_ok(vc_file_write_commit(&writer));
    assert_int_equal(access(temporary("f"), F_OK), 0);
}

static void abort_leaves_nothing(void **state)
{
    (void)state;
    vc_file_writer writer;
    assert_ok(vc_file_write_begin(&writer, temporary("g")));
    char aside[512];
    snprintf(aside, sizeof aside, "%s", writer.aside);
    vc_file_write_abort(&writer);
    assert_int_not_equal(access(temporary("g"), F_OK), 0);
    assert_int_not_equal(access(aside, F_OK), 0);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    vc_file_writer writer;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_ok(vc_file_write_begin(&writer, "/dev/full")); /* like a full disk */
    fputs("text", writer.stream);
    assert_fails(vc_file_write_commit(&writer), VC_EIO, "cannot write");
    assert_int_equal(access("/dev/full", W_OK), 0); /* a device is neither removed nor replaced */
}

static void mapping_wants_a_regular_file(void **state)
{
    (void)state;
    vc_mapped_file file;
    assert_fails(vc_file_map(&file, "/tmp"), VC_EIO, "regular");
    write_bytes(temporary("empty"), "", 0);
    assert_fails(vc_file_map(&file, temporary("empty")), VC_EFORMAT, "empty");
}

static void json_round_trip_and_errors(void **state)
{
    (void)state;
    json_t *value = json_pack("{s:i}", "a", 3), *back;
    assert_ok(vc_json_write(temporary("a.json"), value));
    assert_ok(vc_json_read(&back, temporary("a.json")));
    assert_true(json_equal(value, back));
    json_decref(value);
    json_decref(back);
    write_bytes(temporary("b.json"), "{\n\"a\": }", 8);
    assert_fails(vc_json_read(&back, temporary("b.json")), VC_EFORMAT, "line 2");
}

static void directories(void **state)
{
    (void)state;
    assert_fails(vc_directory_make(""), VC_EINVAL, "empty");
    assert_ok(vc_directory_make(temporary("a/b/c")));
    assert_ok(vc_directory_make(temporary("a/b/c")));
    assert_int_equal(access(temporary("a/b/c"), W_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_aside_and_renames),
                                       cmocka_unit_test(abort_leaves_nothing),
                                       cmocka_unit_test(a_full_disk_is_an_error),
                                       cmocka_unit_test(mapping_wants_a_regular_file),
                                       cmocka_unit_test(json_round_trip_and_errors),
                                       cmocka_unit_test(directories)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
