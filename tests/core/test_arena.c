#include "testing.h"
#include "vitcod/arena.h"
#include "vitcod/chunks.h"

static void measures_then_places(void **state)
{
    (void)state;
    vc_arena arena = {0};
    assert_null(vc_arena_floats(&arena, 3));
    assert_null(vc_arena_take(&arena, 65));
    assert_int_equal(arena.used, 64 + 128);
    assert_ok(vc_arena_reserve(&arena));
    float *a = vc_arena_floats(&arena, 3);
    unsigned char *b = vc_arena_take(&arena, 65);
    assert_int_equal((uintptr_t)a % VC_ARENA_ALIGN, 0);
    assert_ptr_equal(b, (unsigned char *)a + 64);
    assert_true(a[2] == 0.0f && b[64] == 0);
    vc_arena_close(&arena);
}

/* A size that wraps must not end in a small block. */
static void sizes_beyond_memory_fail(void **state)
{
    (void)state;
    const size_t counts[] = {SIZE_MAX, SIZE_MAX / 4, SIZE_MAX / 8 + 1};
    for (size_t i = 0; i < 3; i++) {
        vc_arena arena = {0};
        vc_arena_floats(&arena, 7);
        vc_arena_floats(&arena, counts[i]);
        vc_arena_floats(&arena, counts[i]);
        vc_arena_floats(&arena, 7);
        assert_fails(vc_arena_reserve(&arena), VC_ENOMEM, "out of memory");
    }
}

/* Pieces of all sizes, none of which another one overwrites. */
static void chunks_keep_what_is_in_them(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 63, 64, 65, 4096, 1 << 20, 5 << 20, 100, 3 << 20, 3 << 20};
    enum { PIECES = sizeof sizes / sizeof *sizes };
    unsigned char *pieces[PIECES];
    vc_chunks chunks = {0};
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = vc_chunks_take(&chunks, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % VC_ARENA_ALIGN, 0);
        memset(pieces[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], i + 1);
    assert_null(vc_chunks_take(&chunks, SIZE_MAX));
    vc_chunks_close(&chunks);
    vc_chunks_close(&chunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measures_then_places),
                                       cmocka_unit_test(sizes_beyond_memory_fail),
                                       cmocka_unit_test(chunks_keep_what_is_in_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
