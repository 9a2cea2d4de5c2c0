#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "testing.h"
#include "vitcod/file.h"
#include "vitcod/json.h"

/* How many files of the temporary folder have names that begin so. */
static int files_beginning_with(const char *start)
{
    int count = 0;
    DIR *folder = opendir(temporary(""));
    assert_non_null(folder);
    for (const struct dirent *e; (e = readdir(folder)) != NULL;)
        count += strncmp(e->d_name, start, strlen(start)) == 0;
    closedir(folder);
    return count;
}

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
    fputs("text", writer.stream);
    vc_file_write_abort(&writer);
    assert_int_not_equal(access(temporary("g"), F_OK), 0);
    assert_int_equal(files_beginning_with("g"), 0);
}

/* Writes a file in one go. */
static void write_text(const char *path, const char *text)
{
    vc_file_writer writer;
    assert_ok(vc_file_write_begin(&writer, path));
    fputs(text, writer.stream);
    assert_ok(vc_file_write_commit(&writer));
}

static void a_killed_writer_leaves_nothing(void **state)
{
    (void)state;
    vc_file_writer writer;
    int status;
    const pid_t child = fork();
    if (child == 0) {
        if (vc_file_write_begin(&writer, temporary("killed")) == VC_OK)
            fputs("half", writer.stream);
        fflush(writer.stream);
        _exit(writer.aside ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        skip(); /* the file system has no files without a name */
    assert_int_equal(files_beginning_with("killed"), 0);
}

/* What was left over goes when the file is written again; what is being written stays, and so does
 * what only looks alike. */
static void strays_are_removed(void **state)
{
    (void)state;
    static const char *const alike[] = {"stray.part", "stray.0123456.part", "stray.0123456g.part",
                                        "stray.01234567.part.x", "astray.01234567.part"};
    vc_file_writer writer;
    write_bytes(temporary("stray.0123abcd.part"), "half", 4);
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        write_bytes(temporary(alike[i]), "", 0);
    write_bytes(temporary("stray.00000000.part"), "", 0);
    FILE *held = fopen(temporary("stray.00000000.part"), "r");
    assert_int_equal(flock(fileno(held), LOCK_EX), 0); /* as another writer does */
    assert_ok(vc_file_write_begin(&writer, temporary("stray")));
    assert_int_not_equal(access(temporary("stray.0123abcd.part"), F_OK), 0);
    write_text(temporary("stray"), "of the same process"); /* which removes nothing of the first */
    assert_ok(vc_file_write_commit(&writer));
    assert_int_equal(access(temporary("stray.00000000.part"), F_OK), 0);
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        assert_int_equal(access(temporary(alike[i]), F_OK), 0);
    fclose(held);
    assert_ok(vc_file_try(temporary("stray")));
    assert_int_not_equal(access(temporary("stray.00000000.part"), F_OK), 0);
}

/* One at a time; what a killed holder has left holds nobody up; devices are nobody's. */
static void locks_are_held_once(void **state)
{
    (void)state;
    vc_file_lock one, other;
    write_bytes(temporary("locked.lock"), "", 0); /* left over */
    assert_ok(vc_file_lock_open(&one, temporary("locked")));
    assert_fails(vc_file_lock_open(&other, temporary("locked")), VC_EIO, "another run writes it");
    assert_null(other.path);
    vc_file_lock_close(&other);
    vc_file_lock_close(&one);
    assert_int_equal(files_beginning_with("locked"), 0);
    assert_ok(vc_file_lock_open(&one, temporary("locked")));
    vc_file_lock_close(&one);
    assert_ok(vc_file_lock_open(&one, "/dev/null"));
    assert_null(one.path);
    assert_ok(vc_file_lock_open(&one, NULL));
    assert_fails(vc_file_lock_open(&one, temporary("no/folder")), VC_EIO, "cannot write");
}

static void permissions_stay(void **state)
{
    (void)state;
    struct stat info;
    write_text(temporary("private"), "old");
    assert_int_equal(chmod(temporary("private"), 0600), 0);
    write_text(temporary("private"), "new");
    assert_int_equal(stat(temporary("private"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(files_beginning_with("private"), 1);
}

/* The target of a link is replaced, not the link; also a target that is not there yet. */
static void links_are_followed(void **state)
{
    (void)state;
    struct stat info;
    char target[512];
    snprintf(target, sizeof target, "%s", temporary("target"));
    assert_int_equal(symlink("target", temporary("link")), 0);
    for (int i = 0; i < 2; i++) {
        write_text(temporary("link"), i == 0 ? "a" : "text");
        assert_int_equal(lstat(temporary("link"), &info), 0);
        assert_true(S_ISLNK(info.st_mode));
        assert_int_equal(lstat(target, &info), 0);
        assert_true(S_ISREG(info.st_mode));
        assert_int_equal(info.st_size, i == 0 ? 1 : 4);
    }
    vc_file_writer writer;
    assert_int_equal(symlink("round", temporary("round")), 0);
    assert_fails(vc_file_write_begin(&writer, temporary("round")), VC_EIO, "symbolic links");
}

static void what_cannot_be_written_says_why(void **state)
{
    (void)state;
    vc_file_writer writer;
    char path[512] = ""; /* a name that is no longer than names may be, but for what is added */
    strcat(path, temporary(""));
    memset(path + strlen(path), 'n', 250);
    assert_fails(vc_file_try(path), VC_EIO, "File name too long");
    assert_fails(vc_file_try(""), VC_EINVAL, "is empty");
    assert_fails(vc_file_write_begin(&writer, temporary("no/folder/f")), VC_EIO, "No such file");
    assert_fails(vc_file_write_begin(&writer, "/proc/no-file"), VC_EIO, "cannot write");
    assert_fails(vc_file_write_begin(&writer, "/tmp"), VC_EIO, "Is a directory");
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

static void numbers_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    static const double values[] = {0.95,    0.1,       1.0,       1e22,
                                    -2.5e-7, 1.0 / 3.0, 0.1 + 0.2, 123456789.0};
    json_t *list = json_array(), *back;
    json_error_t error;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        vc_json_append(&list, json_real(values[i]));
    vc_json_append(&list, json_string("0.94999999999999996 \\\" 0.94999999999999996"));
    char *text = vc_json_dump(list, JSON_COMPACT);
    assert_string_equal(text, "[0.95,0.1,1.0,1e22,-2.5e-07,0.3333333333333333,0.30000000000000004,"
                              "123456789.0,\"0.94999999999999996 \\\\\\\" 0.94999999999999996\"]");
    back = vc_json_parse(text, strlen(text), 0, &error);
    assert_true(json_equal(list, back));
    free(text);
    json_decref(list);
    json_decref(back);
}

/* Whole numbers of many digits would be longer with an exponent. */
static void numbers_get_no_longer(void **state)
{
    (void)state;
    json_t *value = json_pack("{s:[f,f,i]}", "a", 123456789012340.0, 0.1, 5);
    char *text = vc_json_dump(value, JSON_COMPACT);
    assert_string_equal(text, "{\"a\":[123456789012340.0,0.1,5]}");
    free(text);
    json_decref(value);
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
                                       cmocka_unit_test(a_killed_writer_leaves_nothing),
                                       cmocka_unit_test(strays_are_removed),
                                       cmocka_unit_test(locks_are_held_once),
                                       cmocka_unit_test(permissions_stay),
                                       cmocka_unit_test(links_are_followed),
                                       cmocka_unit_test(what_cannot_be_written_says_why),
                                       cmocka_unit_test(a_full_disk_is_an_error),
                                       cmocka_unit_test(mapping_wants_a_regular_file),
                                       cmocka_unit_test(numbers_are_as_short_as_they_can_be),
                                       cmocka_unit_test(numbers_get_no_longer),
                                       cmocka_unit_test(json_round_trip_and_errors),
                                       cmocka_unit_test(directories)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
