/* A sweep on a machine that is full: the linker sends every allocation of our own objects through
 * here, and jansson's come by themselves (see CMakeLists.txt). */
#include <signal.h>
#include <sys/resource.h>

#include "small_masks.h"
#include "vitcod/json.h"
#include "vitcod/sweep.h"
#include "vitcod/threads.h"

static long left = -1; /* allocations until memory is full; -1: it never is */

static int is_full(void)
{
    left -= left > 0;
    return left == 0;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    return is_full() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_full() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return is_full() ? NULL : __real_realloc(old, bytes);
}

static vc_sweep *open_space(const char *more)
{
    char text[1024];
    vc_sweep *s;
    const char *path = temporary("space.yaml");
    snprintf(text, sizeof text,
             "masks: %s\naxes: {model: deit_tiny_patch16_224, sparsity: 0.95, "
             "chip: prune-reorder, %s}\n",
             write_small_masks(), more);
    write_bytes(path, text, strlen(text));
    assert_ok(vc_sweep_open(&s, path, 0));
    return s;
}

static size_t lines_of(const char *path, const char *holds)
{
    char line[65536];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, holds) != NULL;
    if (file)
        fclose(file);
    return count;
}

/* Wherever memory ends, the run does, and no point gets that for its result. */
static void a_full_machine_ends_the_run(void **state)
{
    (void)state;
    char results[256];
    vc_sweep_done done;
    vc_sweep *s = open_space("lines: [32, 64]");
    vc_status status = VC_ENOMEM;
    snprintf(results, sizeof results, "%s", temporary("results.jsonl"));
    for (long n = 1; status != VC_OK && n < 1L << 20; n += 1 + n / 4) {
        left = n;
        status = vc_sweep_run(&done, s, results, NULL, NULL);
        left = -1;
        if (status != VC_OK)
            if (status != VC_ENOMEM)
                fail_msg("after %ld allocations: %s: %s", n, vc_status_name(status),
                         vc_last_error());
        assert_int_equal(lines_of(results, "\"error\""), 0);
    }
    assert_ok(status);
    assert_int_equal(lines_of(results, "\"cycles\""), 2);
    assert_int_equal(done.impossible, 0);
    vc_sweep_close(s);
}

static void let_files_grow_to(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* So does a disk that takes no more, wherever that is; what is whole before it stays. */
static void a_full_disk_ends_the_run(void **state)
{
    (void)state;
    enum { STEP = 211 };
    char results[256];
    size_t failed = 0;
    vc_sweep_done done;
    vc_sweep *s = open_space("lines: [32, 64, 128]");
    vc_status status = VC_EIO;
    snprintf(results, sizeof results, "%s", temporary("cut.jsonl"));
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails instead */
    for (rlim_t room = 1; status != VC_OK && room < 1U << 20; room += STEP) {
        let_files_grow_to(room);
        status = vc_sweep_run(&done, s, results, NULL, NULL);
        let_files_grow_to(RLIM_INFINITY);
        failed += status != VC_OK;
        if (status != VC_OK && status != VC_EIO)
            fail_msg("room for %zu bytes: %s: %s", (size_t)room, vc_status_name(status),
                     vc_last_error());
        if (status != VC_OK && !strstr(vc_last_error(), "cut.jsonl: "))
            fail_msg("%s", vc_last_error());
        assert_int_equal(lines_of(results, "\"error\""), 0);
    }
    assert_ok(status);
    assert_true(failed > 3);
    assert_int_equal(lines_of(results, "\"cycles\""), 3);
    assert_int_equal(done.before + done.now, 3);
    assert_int_equal(done.impossible, 0);
    vc_sweep_close(s);
}

/* What is impossible is a result, and counted, also when the file is gone on with. */
static void impossible_points_are_counted(void **state)
{
    (void)state;
    char results[256];
    vc_sweep_done done;
    vc_sweep *s = open_space("lines: [12, 32, 36]");
    snprintf(results, sizeof results, "%s", temporary("impossible.jsonl"));
    for (uint64_t now = 3; now <= 3; now -= 3) {
        assert_ok(vc_sweep_run(&done, s, results, NULL, NULL));
        assert_int_equal(done.now, now);
        assert_int_equal(done.impossible, 2);
        assert_int_equal(done.first, 0);
        assert_non_null(strstr(done.reason, "'linear_rows' is 8, wanted a divisor of the 12"));
    }
    assert_int_equal(lines_of(results, "\"error\""), 2);
    vc_sweep_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_machine_ends_the_run),
        cmocka_unit_test(a_full_disk_ends_the_run),
        cmocka_unit_test(impossible_points_are_counted),
    };
    json_set_alloc_funcs(__wrap_malloc, free);
    vc_threads_set(1);
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
