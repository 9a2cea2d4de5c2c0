/* OpenCL's host program on a driver that checks its calls and runs nothing (opencl_stub.c): what a
 * driver refuses, and a device that is lost. What kernels compute is tested on PoCL. */
#include "stub_engine.h"

static const vc_backend *opencl(void)
{
    return backend_named("opencl");
}

static void is_not_built(void **state)
{
    (void)state;
    printf("# SKIPPED: %s\n", vc_last_error());
    skip();
}

static void calls_are_right(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    check_products(opencl(), model, 0);
    vc_model_close(model);
}

/* Every call fails in turn, or all from there on: a sentence, and nothing is left. */
static void any_call_fails(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(opencl(), VC_IN_FP32);
    size_t compiled = 0, ran = 0, idle = 0, unknown = 0;
    begin(0);
    assert_ok(run_all(model, &options));
    const size_t calls = stub->calls;
    for (int lost = 0; lost < 2; lost++)
        for (size_t at = 1; at <= calls; at++) {
            begin(at);
            stub->lost = lost;
            const vc_status status = run_all(model, &options);
            if (!stub->failed)
                fail_msg("call %zu of %zu was not made", at, calls);
            /* Nothing runs where times are turned on or off, and times are still right. */
            idle += status == VC_OK && strcmp(stub->failed, "clFinish") == 0;
            if (status == VC_OK && (lost || strcmp(stub->failed, "clFinish") != 0))
                fail_msg("%s failed, and nobody noticed", stub->failed);
            assert_true(status == VC_OK || strlen(vc_last_error()) > 10);
            if (!lost && strcmp(stub->failed, "clBuildProgram") == 0) {
                assert_non_null(strstr(vc_last_error(), "opencl:0 (Stub): refuses the kernels, "
                                                        "error -11, the compiler refuses: "));
                assert_non_null(strstr(vc_last_error(), "vitcod.cl:7: error: as the test wants"));
                compiled++;
            }
            if (!lost && strcmp(stub->failed, "clGetEventProfilingInfo") == 0) {
                assert_string_equal(vc_last_error(), "opencl:0 (Stub): reading the time of an "
                                                     "operator failed: its driver has none");
                unknown++;
            }
            if (status != VC_OK && !lost && strcmp(stub->failed, "clFinish") == 0) {
                assert_string_equal(vc_last_error(),
                                    "opencl:0 (Stub): running failed: out of resources");
                ran++;
            }
            check_end();
        }
    assert_int_equal(compiled, 2);
    assert_int_equal(idle, 2);
    assert_true(ran >= 5);
    assert_true(unknown > 100);
    vc_model_close(model);
}

static void what_there_is(void **state)
{
    (void)state;
    vc_device_info *devices;
    size_t count;
    begin(0);
    stub->devices = 2;
    assert_ok(opencl()->devices(&devices, &count));
    assert_int_equal(count, 2);
    assert_string_equal(devices[1].name, "Stub");
    assert_string_equal(devices[1].kind, "gpu");
    assert_string_equal(devices[1].products, "CLBlast");
    assert_int_equal(devices[1].largest_bytes, (size_t)1 << 27);
    free(devices);
    stub->devices = 0;
    assert_fails(opencl()->devices(&devices, &count), VC_EUNSUPPORTED,
                 "its drivers show no device");
    stub->devices = 1;
    check_end();
}

static void too_little(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    vc_engine_options options = options_on(opencl(), VC_IN_FP32);
    begin(0);
    stub->memory_bytes = 65536;
    assert_fails(run_all(model, &options), VC_ENOMEM, "opencl:0 (Stub) has no room for");
    stub->memory_bytes = (size_t)40 << 20;
    options.batch = 100000;
    assert_fails(run_all(model, &options), VC_ENOMEM, "a batch of 100000 images: ");
    assert_non_null(strstr(vc_last_error(), "and it has 40.0; wanted at most"));
    /* All of it would fit, one piece does not. */
    stub->memory_bytes = (size_t)40 << 20;
    options.batch = 1000;
    assert_fails(run_all(model, &options), VC_ENOMEM, "wanted at most 5.0 in one piece");
    options.batch = IMAGES;
    stub->memory_bytes = (size_t)1 << 30;
    stub->local_bytes = 4096;
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "heads of 16 and 16 values want");
    stub->local_bytes = 49152;
    stub->lanes = 32;
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED,
                 "opencl:0 (Stub) has work-groups of at most 32 lanes, wanted 64");
    stub->lanes = 256;
    options.device = 1;
    assert_fails(run_all(model, &options), VC_EINVAL, "no device opencl:1, wanted 0 to 0");
    check_end();
    vc_model_close(model);
}

/* A library that is asked for and not there, or a loader. */
static void libraries_are_missed(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(opencl(), VC_IN_FP32);
    char stub_path[4096];
    snprintf(stub_path, sizeof stub_path, "%s", getenv("VC_CLBLAST"));
    begin(0);
    setenv("VC_CLBLAST", "/proc/none", 1);
    assert_ok(run_all(model, &options));
    assert_int_equal(stub->multiplications, 0);
    setenv("VC_PRODUCTS", "library", 1);
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "VC_PRODUCTS is library, and");
    unsetenv("VC_PRODUCTS");
    setenv("VC_OPENCL", "/proc/none", 1);
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "no loader of OpenCL");
    setenv("VC_OPENCL", stub_path, 1);
    setenv("VC_CLBLAST", stub_path, 1);
    check_end();
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_right), cmocka_unit_test(any_call_fails),
        cmocka_unit_test(what_there_is), cmocka_unit_test(too_little),
        cmocka_unit_test(libraries_are_missed)};
    const struct CMUnitTest none[] = {cmocka_unit_test(is_not_built)};
    vc_device_info *devices;
    size_t count;
    if (opencl()->devices(&devices, &count) == VC_OK)
        free(devices);
    else if (strstr(vc_last_error(), "this build has no OpenCL"))
        return cmocka_run_group_tests(none, NULL, NULL);
    return cmocka_run_group_tests(tests, find_stub, NULL);
}
