/* CUDA's host program on a driver that checks its calls and runs nothing (cuda_stub.c). Nothing
 * here says that a GPU computes what it should. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../src/models/deit/deit.h"
#include "../engine_logits.h"
#include "../summary_plans.h"
#include "cuda_stub.h"
#include "vitcod/backend.h"
#include "vitcod/device.h"

enum { IMAGES = 2, CLASSES = 7, PIXELS = 3 * 16 * 16, PATCHES = 16 };

static cuda_stub *stub;

static const vc_backend *cuda(void)
{
    const vc_backend *backend;
    for (size_t i = 0; (backend = vc_backend_at(i)); i++)
        if (strcmp(backend->name, "cuda") == 0)
            return backend;
    fail();
    return NULL;
}

/* The stub lies beside this program. */
static int find_stub(void **state)
{
    char path[4096];
    (void)state;
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    assert_true(length > 0);
    path[length] = '\0';
    strcpy(strrchr(path, '/'), "/cuda_stub.so");
    setenv("VC_CUDA", path, 1);
    setenv("VC_NVRTC", path, 1);
    setenv("VC_CUBLASLT", path, 1);
    void *library = dlopen(path, RTLD_NOW | RTLD_NODELETE);
    assert_non_null(library);
    cuda_stub_get *get;
    void *symbol = dlsym(library, "cuda_stub_state");
    memcpy(&get, &symbol, sizeof get);
    stub = get();
    return 0;
}

static vc_model *model_with_summaries(void)
{
    const vc__deit_config config = {.image = {16, 16},
                                    .patch = {4, 4},
                                    .channels = 3,
                                    .classes = CLASSES,
                                    .width = 32,
                                    .depth = 2,
                                    .heads = 2,
                                    .hidden = 64,
                                    .std = {1, 1, 1}};
    const size_t tokens = PATCHES + 1;
    vc_model *model;
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc__deit_create(&model, &config, 1));
    assert_ok(vc_mask_open(&mask, config.depth, config.heads, tokens, tokens));
    summary_mask(&mask, 0);
    assert_ok(vc_plan_of_masks(&plan, &mask, 1));
    add_summaries(&plan, 1, 0);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    return model;
}

static vc_engine_options options_in(vc_precision precision)
{
    vc_engine_options options = vc_engine_options_default();
    options.backend = cuda();
    options.precision = precision;
    options.batch = IMAGES;
    options.threads = 1;
    return options;
}

static void begin(size_t fail_at)
{
    stub->calls = stub->launches = stub->multiplications = stub->writes = stub->reads = 0;
    stub->replays = 0;
    stub->fail_at = fail_at;
    stub->queued = 0;
    stub->failed = NULL;
    stub->fault[0] = '\0';
}

static void check_end(void)
{
    if (stub->fault[0])
        fail_msg("%s", stub->fault);
    assert_int_equal(stub->live, 0);
}

/* Opens, runs two batches with times and three without: single launches, what is recorded, and what
 * was. */
static vc_status run_all(const vc_model *model, const vc_engine_options *options)
{
    static float images[IMAGES * PIXELS], logits[IMAGES * CLASSES];
    vc_engine *engine;
    VC_TRY(vc_engine_open(&engine, model, options));
    assert_int_equal(stub->queued, 0); /* weights are there before anything runs */
    stub->writes = 0;
    vc_status status = vc_engine_run(engine, logits, images, IMAGES);
    vc_engine_time(engine, 1);
    if (status == VC_OK)
        status = vc_engine_run(engine, logits, images, 1);
    if (status == VC_OK)
        status = vc_engine_run(engine, logits, images, IMAGES);
    for (size_t i = 0; status == VC_OK && i < vc_engine_op_count(engine); i++)
        assert_near(vc_engine_op_at(engine, i).seconds, 2e-3, 1e-6);
    vc_engine_time(engine, 0);
    for (int run = 0; status == VC_OK && run < 2; run++)
        status = vc_engine_run(engine, logits, images, IMAGES);
    if (status != VC_OK) /* what failed once is made ready the next time */
        assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    /* Nothing that is queued is to be left: the caller's images and logits may go. */
    if (!stub->failed || strcmp(stub->failed, "cuCtxSetCurrent") != 0)
        assert_int_equal(stub->queued, 0);
    vc_engine_close(engine);
    return status;
}

static void calls_are_right(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    for (int plain = 0; plain < 2; plain++)
        for (vc_precision p = VC_IN_FP32; p < VC_PRECISION_COUNT; p++) {
            const vc_engine_options options = options_in(p);
            if (p == VC_IN_INT8)
                continue;
            if (plain)
                setenv("VC_PRODUCTS", "plain", 1);
            begin(0);
            assert_ok(run_all(model, &options));
            unsetenv("VC_PRODUCTS");
            assert_int_equal(stub->writes, 5);
            assert_int_equal(stub->reads, 5);
            assert_int_equal(stub->replays, 2);
            assert_true(stub->launches > 4 * 20);
            assert_int_equal(stub->multiplications > 0, !plain);
            check_end();
        }
    const vc_engine_options options = options_in(VC_IN_FP32);
    setenv("VC_GRAPHS", "none", 1);
    begin(0);
    assert_ok(run_all(model, &options));
    unsetenv("VC_GRAPHS");
    assert_int_equal(stub->replays, 0);
    check_end();
    vc_model_close(model);
}

static void maps_are_read(void **state)
{
    static float images[IMAGES * PIXELS], logits[IMAGES * CLASSES], maps[2 * 17 * 17];
    (void)state;
    vc_model *model = model_with_summaries();
    vc_engine_options options = options_in(VC_IN_FP16);
    vc_engine *engine;
    vc_roofs roofs;
    begin(0);
    options.attention = VC_ATTENTION_MAPS;
    assert_ok(vc_engine_open(&engine, model, &options));
    vc_engine_time(engine, 1);
    assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    assert_ok(vc_engine_maps(maps, engine, 1));
    assert_int_equal(stub->reads, 2);
    assert_ok(vc_engine_roofs(&roofs, engine)); /* the stub's spans are of 1 ms */
    assert_near(roofs.bytes_per_second, 2e3 * (1 << 27), 1e6);
    assert_near(roofs.flops_per_second, 2e3 * 4096.0 * 4096.0 * 4096.0, 1e8);
    vc_engine_close(engine);
    check_end();
    vc_model_close(model);
}

/* Every call fails in turn: a sentence, and nothing is left. */
static void any_call_fails(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_in(VC_IN_BF16);
    size_t refused = 0, synchronise = 0;
    begin(0);
    assert_ok(run_all(model, &options));
    const size_t calls = stub->calls;
    for (size_t at = 1; at <= calls; at++) {
        begin(at);
        const vc_status status = run_all(model, &options);
        if (!stub->failed)
            fail_msg("call %zu of %zu was not made", at, calls);
        /* Without graphs there are launches. */
        const int does_without =
            strstr(stub->failed, "Capture") || strstr(stub->failed, "Instantiate");
        assert_true(!does_without || status == VC_OK);
        if (!does_without &&
            strcmp(stub->failed, "cuCtxSetCurrent") != 0) { /* that of closing is not told */
            if (status == VC_OK)
                fail_msg("%s failed, and nobody noticed", stub->failed);
            assert_true(strlen(vc_last_error()) > 10);
            refused++;
        }
        if (strcmp(stub->failed, "cuStreamSynchronize") == 0 &&
            !strstr(vc_last_error(), "writing to it failed")) {
            assert_non_null(strstr(vc_last_error(), "cuda:0 (Stub): running failed"));
            assert_non_null(strstr(vc_last_error(), "the device is lost"));
            synchronise++;
        }
        if (strcmp(stub->failed, "nvrtcCompileProgram") == 0)
            assert_non_null(strstr(vc_last_error(), "error: as the test wants it"));
        check_end();
    }
    assert_true(refused > 50);
    assert_int_equal(synchronise, 5);
    vc_model_close(model);
}

static void what_there_is(void **state)
{
    (void)state;
    vc_device_info *devices;
    size_t count;
    const vc_backend *backend;
    begin(0);
    stub->devices = 2;
    assert_ok(cuda()->devices(&devices, &count));
    assert_int_equal(count, 2);
    assert_string_equal(devices[1].name, "Stub");
    assert_string_equal(devices[1].driver, "CUDA 12.4, sm_87, shares the host's memory");
    assert_int_equal(devices[1].memory_bytes, (size_t)1 << 30);
    assert_string_equal(devices[1].products, "cuBLASLt");
    assert_string_equal(devices[1].bus, "0000:01:00.0");
    free(devices);
    setenv("VC_PRODUCTS", "plain", 1);
    assert_ok(cuda()->devices(&devices, &count));
    assert_string_equal(devices[1].products, "plain");
    free(devices);
    unsetenv("VC_PRODUCTS");
    stub->devices = 1;
    assert_ok(vc_device_find(&backend, &count, "cuda:3"));
    assert_ptr_equal(backend, cuda());
    assert_int_equal(count, 3);
    assert_fails(vc_device_find(&backend, &count, "cuda:"), VC_EINVAL, "there is no device");
    assert_fails(vc_device_find(&backend, &count, "cud"), VC_EINVAL, "there is no device");
    check_end();
}

static void too_little(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    vc_engine_options options = options_in(VC_IN_FP32);
    begin(0);
    stub->memory_bytes = 65536;
    assert_fails(run_all(model, &options), VC_ENOMEM, "cuda:0 (Stub) has no room for");
    /* More images than fit are told before anything of them is allocated. */
    stub->memory_bytes = (size_t)40 << 20;
    options.batch = 100000;
    assert_fails(run_all(model, &options), VC_ENOMEM, "a batch of 100000 images: ");
    assert_non_null(
        strstr(vc_last_error(), "of weights and patterns, and it has 40.0; wanted at "));
    options.batch = IMAGES;
    stub->memory_bytes = (size_t)1 << 30;
    stub->local_bytes = 4096;
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "heads of 16 and 16 values want");
    stub->local_bytes = 49152;
    stub->architecture = 72;
    options.precision = VC_IN_BF16;
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "sm_72 has no bf16, wanted sm_80");
    options.precision = VC_IN_FP16;
    assert_ok(run_all(model, &options));
    stub->architecture = 87;
    options.device = 1;
    assert_fails(run_all(model, &options), VC_EINVAL, "no device cuda:1, wanted 0 to 0");
    check_end();
    vc_model_close(model);
}

/* Attention is told with all that its tiles of 16 queries and 32 keys compute: 17 tokens and the
 * summaries are two blocks of a tile; in the last layer one row is, of the class token. */
static void tiles_are_counted(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_in(VC_IN_FP32);
    vc_engine *engine;
    size_t attentions = 0;
    begin(0);
    assert_ok(vc_engine_open(&engine, model, &options));
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        if (op.kind != VC_OP_ATTENTION)
            continue;
        const size_t heads = 2, head_dim = 16, blocks = op.layer == 0 ? 2 : 1;
        assert_int_equal(op.score_macs, heads * blocks * 16 * 32 * head_dim);
        assert_int_equal(op.macs, 2 * op.score_macs);
        attentions++;
    }
    assert_int_equal(attentions, 2);
    vc_engine_close(engine);
    check_end();
    vc_model_close(model);
}

/* A library that is asked for and not there, or another word. */
static void products_are_refused(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_in(VC_IN_FP32);
    vc_device_info *devices;
    size_t count;
    char stub_path[4096];
    snprintf(stub_path, sizeof stub_path, "%s", getenv("VC_CUBLASLT"));
    begin(0);
    setenv("VC_PRODUCTS", "none", 1);
    assert_fails(run_all(model, &options), VC_EINVAL, "VC_PRODUCTS is 'none', wanted plain or");
    assert_fails(cuda()->devices(&devices, &count), VC_EINVAL, "VC_PRODUCTS is 'none'");
    unsetenv("VC_PRODUCTS");
    setenv("VC_CUBLASLT", "/proc/none", 1);
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "is asked for, and not there: /proc");
    setenv("VC_CUBLASLT", stub_path, 1);
    check_end();
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_right),     cmocka_unit_test(maps_are_read),
        cmocka_unit_test(any_call_fails),      cmocka_unit_test(what_there_is),
        cmocka_unit_test(too_little),          cmocka_unit_test(tiles_are_counted),
        cmocka_unit_test(products_are_refused)};
    return cmocka_run_group_tests(tests, find_stub, NULL);
}
