/* That lane_runtime.c sees what it is there for, on kernels that are wrong on purpose; and that no
 * kernel's index loses its upper bits where buffers have more than 2^31 values. */
#include <sys/mman.h>

#include "lane_runtime.c"

static const char kernels[] = "#define LANES 64\n"
                              "KERNEL(LANES) void right(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    SHARED int room[LANES];\n"
                              "    room[LANE] = LANE;\n"
                              "    BARRIER();\n"
                              "    y[GROUP * LANES + LANE] = by * room[LANES - 1 - LANE];\n"
                              "}\n"
                              "KERNEL(LANES) void no_barrier(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    SHARED int room[LANES];\n"
                              "    room[LANE] = LANE;\n"
                              "    y[GROUP * LANES + LANE] = by * room[LANES - 1 - LANE];\n"
                              "}\n"
                              "KERNEL(LANES) void read_before_written(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    SHARED int room[LANES];\n"
                              "    room[LANE] = LANE;\n"
                              "    BARRIER();\n"
                              "    y[GROUP * LANES + LANE] = by * room[LANES - 1 - LANE];\n"
                              "    room[LANE] = 0;\n"
                              "}\n"
                              "KERNEL(LANES) void lanes_share(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    y[GROUP * LANES + LANE / 2] = by;\n"
                              "}\n"
                              "KERNEL(LANES) void groups_share(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    y[LANE] = by;\n"
                              "}\n"
                              "KERNEL(LANES) void some_wait(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    if (LANE < 32)\n"
                              "        BARRIER();\n"
                              "    y[GROUP * LANES + LANE] = by;\n"
                              "}\n"
                              "KERNEL(LANES) void too_far(GLOBAL int *y, int by)\n"
                              "{\n"
                              "    y[GROUP * LANES + LANE + 1] = by;\n"
                              "}\n";

typedef struct lane_case {
    const char *name, *fault; /* NULL: none */
} lane_case;

static const lane_case wrong[] = {
    {"right", NULL},
    {"no_barrier", "group 0, lane 32 touches local memory that another lane touches"},
    {"read_before_written", "group 0, lane 32 touches local memory that another lane touches"},
    {"lanes_share", "group 0, lane 1 touches memory that another lane touches"},
    {"groups_share", "group 1, lane 0 touches memory that another group touches"},
    {"some_wait", "group 0, lane 32 is not at the barrier of the first lane"},
    {"too_far", "group 1, lane 63 touches what is no memory of its own"},
};

static void faults_are_seen(void **state)
{
    const char *const sources[] = {LANES_PRELUDE, kernels};
    const size_t groups[2] = {2, 1};
    vc_device_info info;
    vc__kernel kernel;
    vc__memory y;
    void *queue, *program;
    int32_t have[2 * LANES];
    (void)state;
    if (lanes_open(&queue, 0, &info) != VC_OK)
        skip();
    assert_ok(lanes_build(&program, queue, sources, 2, "-DNARROW=1"));
    assert_ok(lanes_allocate(&y, queue, sizeof have, NULL));
    const vc__argument arguments[] = {{.kind = VC__MEMORY, .memory = y.handle},
                                      {.kind = VC__INT, .number = 3},
                                      {.kind = VC__INT, .number = 3}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_ok(lanes_kernel(&kernel, queue, program, wrong[i].name));
        const vc_status status = lanes_launch(queue, &kernel, groups, arguments, 2);
        if (wrong[i].fault)
            assert_fails(status, VC_EINVAL, wrong[i].fault);
        else
            assert_ok(status);
        if (wrong[i].fault)
            continue;
        assert_ok(lanes_read(queue, have, y, sizeof have));
        for (int k = 0; k < 2 * LANES; k++)
            assert_int_equal(have[k], 3 * (LANES - 1 - k % LANES));
        assert_fails(lanes_launch(queue, &kernel, groups, arguments, 3), VC_EINVAL, "3 arguments");
        assert_fails(lanes_launch(queue, &kernel, groups, arguments + 1, 2), VC_EINVAL,
                     "argument 0 is of another kind");
    }
    lanes_release(queue, y);
    lanes_close(queue);
}

/* ---- indices beyond 32 bits */

extern const char vc__common_cl[], vc__rows_cl[], vc__product_cl[], vc__attention_cl[],
    vc__apart_cl[], vc__pool_cl[];

enum { WIDE = 65536, GROUP = 40000, IMAGE = 5000000, TILE = 5000000, MOST_ARGUMENTS = 24 };

/* Memory that is there when it is touched, behind as much that is not: an index that has lost its
 * upper bits is negative, and before it. NULL: the system gives no such room. */
static char *huge(void)
{
    const size_t gap = (size_t)1 << 33, bytes = (size_t)1 << 34;
    char *at =
        mmap(NULL, gap + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED || mprotect(at + gap, bytes, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    piece *made = lanes_add(at + gap, 0, 0);
    free(made->cells);
    made->cells = NULL;
    made->bytes = bytes;
    return at + gap;
}

#define M(at)                                                                                      \
    {                                                                                              \
        .kind = VC__MEMORY, .memory = (uint64_t)(uintptr_t)(at)                                    \
    }
#define I(value)                                                                                   \
    {                                                                                              \
        .kind = VC__INT, .number = value                                                           \
    }
#define L(value)                                                                                   \
    {                                                                                              \
        .kind = VC__LONG, .wide = value                                                            \
    }
#define F(value)                                                                                   \
    {                                                                                              \
        .kind = VC__FLOAT, .real = value                                                           \
    }

typedef struct far_case {
    const char *kernel;
    size_t x, y; /* the group that runs */
    vc__argument arguments[MOST_ARGUMENTS];
} far_case;

static void run_far(void *queue, void *program, const far_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vc__kernel kernel;
        assert_ok(lanes_kernel(&kernel, queue, program, cases[i].kernel));
        lanes.kernel = kernel.handle;
        lanes.arguments = cases[i].arguments;
        lanes.launch++;
        lanes.furthest = 0;
        run_group(cases[i].x, cases[i].y, 0);
        if (lanes.fault[0])
            fail_msg("%s", lanes.fault);
        if (lanes.furthest < sizeof(float) << 31)
            fail_msg("%s: went to byte %zu alone", cases[i].kernel, lanes.furthest);
    }
}

static void rows_are_far(void *queue, char *from, char *to)
{
    const char *const sources[] = {LANES_PRELUDE, vc__common_cl, vc__rows_cl, vc__product_cl};
    const far_case cases[] = {
        {"layernorm",
         GROUP,
         0,
         {M(to), M(from), M(from), M(from), I(WIDE), F(1.0f), I(0), I(0), I(0)}},
        {"positions", GROUP, 0, {M(to), M(from), I(1000), I(WIDE), I(1), I(0)}},
        {"patches",
         GROUP,
         0,
         {M(to), M(from), I(1), I(0), I(256), I(256), I(256), I(256), I(1), I(0), I(0)}},
        {"windows",
         GROUP,
         0,
         {M(to), M(from), I(1), I(1), I(256), I(256), I(256), I(0), I(1), L(WIDE), L(1), L(WIDE),
          I(0), I(0)}},
        {"prefix_rows", GROUP, 0, {M(to), M(from), I(1), I(1), I(WIDE), I(0), I(0)}},
        {"subsample", GROUP, 0, {M(to), M(from), I(1), I(1), I(WIDE), I(1), I(0), I(0)}},
        {"spans", GROUP, 0, {M(to), M(from), I(1), I(1), I(WIDE), I(1), I(1), I(0), I(0), I(0)}},
        {"mean_rows",
         GROUP,
         0,
         {M(to), M(from), I(1), I(0), I(1), I(WIDE), I(0), I(WIDE), I(0), I(0)}},
        {"gate", GROUP, 0, {M(to), M(from), I(WIDE / 2), I(0), I(0)}},
        {"narrow_rows", GROUP, 0, {M(to), M(from), I(WIDE)}},
        {"finish_product", GROUP, 0, {M(to), M(from), M(from), I(WIDE), I(0), I(0)}},
        {"copy_values", GROUP, 0, {M(to), M(from), I(WIDE / LANES)}},
        {"product",
         64 * GROUP,
         0,
         {M(to), M(from), M(from), M(NULL), I(64 * GROUP * 64 + 1), I(16), I(16), I(0), I(1), I(0),
          I(0), I(0)}},
        {"product",
         0,
         64 * GROUP,
         {M(to), M(from), M(from), M(NULL), I(16), I(16), I(64 * GROUP * 64 + 1), I(0), I(1), I(0),
          I(0), I(0)}},
    };
    void *program;
    assert_ok(lanes_build(&program, queue, sources, 4, "-DNARROW=1"));
    run_far(queue, program, cases, sizeof cases / sizeof *cases);
}

/* A tile far behind the others, of an image far behind the others: of its keys one is a summary. */
static void heads_are_far(void *queue, char *from, char *to)
{
    const char *const sources[] = {LANES_PRELUDE, vc__common_cl, vc__attention_cl, vc__apart_cl,
                                   vc__pool_cl};
    vc__memory spans;
    const int32_t values[] = {TILE, 1, 0, 0, 1};
    assert_ok(lanes_allocate(&spans, queue, sizeof values, values));
    const char *first = (const char *)(uintptr_t)spans.handle, *count = first + 4,
               *zero = first + 8;
    ((int32_t *)(void *)from)[(size_t)TILE * 32 + 1] = 16;
    memset(from + (size_t)TILE * 16 * sizeof(float), 0xff, 16 * sizeof(uint32_t));
    const far_case cases[] = {
        {"attention", IMAGE, 0, {M(to),   M(from), M(from), M(from), M(first), M(count),
                                 M(from), M(from), M(from), M(NULL), M(NULL),  I(1),
                                 I(1),    I(32),   I(16),   I(16),   I(16),    I(32),
                                 I(0),    I(16),   I(0),    I(0)}},
        {"scores_apart",
         IMAGE,
         0,
         {M(to), M(from), M(from), M(from), M(first), M(count), M(zero), M(from), I(1), I(1), I(32),
          I(16), I(16), I(16), I(32), I(0), I(1), I(0)}},
        {"softmax_apart",
         IMAGE,
         0,
         {M(to), M(first), M(count), M(zero), M(from), M(from), I(1), I(1), I(1)}},
        {"values_apart", IMAGE, 0, {M(to),   M(from), M(from), M(from), M(first), M(count), M(zero),
                                    M(from), M(NULL), M(NULL), I(1),    I(1),     I(32),    I(16),
                                    I(16),   I(32),   I(16),   I(0),    I(1),     I(0)}},
        {"sum_maps",
         0,
         0,
         {M(to), M(from), M(first), M(count), M(zero), M(from), I(2), I(1), I(16), I(170000000),
          I(TILE)}},
        {"pool",
         (size_t)IMAGE * 16,
         0,
         {M(to), M(from), M(zero + 4), M(zero), M(from), M(NULL), I(1), I(16), I(16), I(32), I(0),
          I(16), F(0.0f), I(0), I(0)}},
    };
    void *program;
    assert_ok(lanes_build(&program, queue, sources, 5, "-DNARROW=1 -DHEAD_DIM=16 -DVALUE_DIM=16"));
    run_far(queue, program, cases, sizeof cases / sizeof *cases);
    lanes_release(queue, spans);
}

static void indices_are_wide(void **state)
{
    char *from = huge(), *to = huge();
    vc_device_info info;
    void *queue;
    (void)state;
    if (!from || !to) {
        printf("# skipped: no room for 48 GiB of addresses\n");
        skip();
    }
    if (lanes_open(&queue, 0, &info) != VC_OK)
        skip();
    rows_are_far(queue, from, to);
    heads_are_far(queue, from, to);
    lanes_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults_are_seen),
                                       cmocka_unit_test(indices_are_wide)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
