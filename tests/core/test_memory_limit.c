/* What fits into memory and what does not, in words. */
#include "testing.h"
#include "vitcod/arena.h"
#include "vitcod/file.h"
#include "vitcod/memory_limit.h"

static void limits_are_read(void **state)
{
    (void)state;
    size_t bytes;
    assert_ok(vc_memory_parse(&bytes, "1.5GiB"));
    assert_int_equal(bytes, 3u << 29);
    assert_ok(vc_memory_parse(&bytes, "2097152"));
    assert_int_equal(bytes, 2u << 20);
    static const char *const wrong[] = {"",    "GiB", "1GB",  "-1GiB", "1MiB ",
                                        "nan", "inf", "1KiB", "0",     "99999999TiB"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(vc_memory_parse(&bytes, wrong[i]), VC_EINVAL, "a limit of memory is");
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    vc_arena arena = {0};
    assert_true(vc_memory_limit() > (size_t)1 << 20);
    vc_memory_set_limit((size_t)256 << 20);
    assert_ok(vc_memory_allow((size_t)1 << 20));
    assert_fails(vc_memory_allow((size_t)300 << 20), VC_ENOMEM,
                 "wanted 300.0 MiB in one block, and of the 256.0 MiB");
    assert_null(vc_arena_take(&arena, (size_t)300 << 20));
    assert_fails(vc_arena_reserve(&arena), VC_ENOMEM, "out of memory");
    assert_null(vc_memory_take((size_t)300 << 20, 1, "PATH: a map"));
    assert_non_null(strstr(vc_last_error(), "PATH: a map: out of memory"));
    assert_null(vc_memory_take(SIZE_MAX / 2, 3, "PATH"));
    assert_non_null(strstr(vc_last_error(), "address space"));
    void *block = vc_memory_take(0, 8, "PATH");
    assert_non_null(block);
    free(block);
    vc_memory_set_limit((size_t)1 << 40);
}

/* A file that others write into while it is mapped; one that is replaced is another file. */
static void changes_are_noticed(void **state)
{
    (void)state;
    vc_mapped_file file;
    char path[300];
    snprintf(path, sizeof path, "%s", temporary("replaced"));
    write_bytes(path, "old", 3);
    assert_ok(vc_file_map(&file, path));
    assert_string_equal(vc_file_mapped_at(file.data + 2), path);
    assert_null(vc_file_mapped_at(file.data + 3));
    write_bytes(temporary("new"), "new", 3);
    assert_int_equal(rename(temporary("new"), path), 0);
    assert_memory_equal(file.data, "old", 3);
    assert_ok(vc_file_check_unchanged());
    vc_file_unmap(&file);
    assert_ok(vc_file_check_unchanged());
    assert_ok(vc_file_map(&file, path));
    write_bytes(path, "other", 5);
    assert_fails(vc_file_check_unchanged(), VC_EIO, "replaced: was changed while it was read");
    assert_fails(vc_file_check_unchanged(), VC_EIO, "replaced: was changed while it was read");
    vc_file_unmap(&file);
    assert_fails(vc_file_check_unchanged(), VC_EIO, "replaced: was changed while it was read");
    assert_ok(vc_file_check_unchanged()); /* a program that goes on is told once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_read),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(changes_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
