/* That lane_runtime.c sees what it is there for, on kernels that are wrong on purpose. */
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

static const lane_case cases[] = {
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
    assert_ok(lanes_open(&queue, 0, &info));
    assert_ok(lanes_build(&program, queue, sources, 2, "-DNARROW=1"));
    assert_ok(lanes_allocate(&y, queue, sizeof have, NULL));
    const vc__argument arguments[] = {{.kind = VC__MEMORY, .memory = y.handle},
                                      {.kind = VC__INT, .number = 3},
                                      {.kind = VC__INT, .number = 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(lanes_kernel(&kernel, queue, program, cases[i].name));
        const vc_status status = lanes_launch(queue, &kernel, groups, arguments, 2);
        if (cases[i].fault)
            assert_fails(status, VC_EINVAL, cases[i].fault);
        else
            assert_ok(status);
        if (cases[i].fault)
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults_are_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
