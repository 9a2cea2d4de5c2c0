/* CUDA's host program on a driver that checks its calls and runs nothing (cuda_stub.c). Nothing
 * here says that a GPU computes what it should. */
#include <sys/stat.h>

#include "../../src/engine/device/cuda_impl.h"
#include "stub_engine.h"
#include "vitcod/file.h"

static const vc_backend *cuda(void)
{
    return backend_named("cuda");
}

static void calls_are_right(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    check_products(cuda(), model, 2);
    const vc_engine_options options = options_on(cuda(), VC_IN_FP32);
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
    vc_engine_options options = options_on(cuda(), VC_IN_FP16);
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
    const vc_engine_options options = options_on(cuda(), VC_IN_BF16);
    size_t refused = 0, synchronise = 0, recorded = 0;
    begin(0);
    assert_ok(run_all(model, &options));
    const size_t calls = stub->calls;
    for (size_t at = 1; at <= calls; at++) {
        begin(at);
        const vc_status status = run_all(model, &options);
        if (!stub->failed)
            fail_msg("call %zu of %zu was not made", at, calls);
        /* What cannot be recorded, or replayed, is launched one by one, which is told. */
        const int does_without = stub->failed_recording || strstr(stub->failed, "Capture") ||
                                 strstr(stub->failed, "Graph");
        assert_true(!does_without || status == VC_OK);
        if (does_without) {
            assert_int_equal(told_count, 1);
            assert_non_null(strstr(told, "launches are not recorded any more, and run one by one"));
            assert_non_null(strstr(told, "cuda:0 (Stub): "));
            recorded += (size_t)stub->failed_recording;
        }
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
    assert_true(recorded > 50); /* operators' launches and products */
    vc_model_close(model);
}

/* From a call on nothing goes any more: a sentence, also where it was lost while its launches were
 * recorded, and all is released. */
static void device_is_lost(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(cuda(), VC_IN_FP16);
    size_t recorded = 0;
    begin(0);
    assert_ok(run_all(model, &options));
    const size_t calls = stub->calls;
    for (size_t at = 1; at <= calls; at++) {
        begin(at);
        stub->lost = 1;
        const vc_status status = run_all(model, &options);
        /* That of closing is not told. */
        assert_true(status != VC_OK || strcmp(stub->failed, "cuCtxSetCurrent") == 0);
        if (strcmp(stub->failed, "cuLaunchKernel") == 0 && stub->failed_recording) {
            assert_int_equal(told_count, 1);
            assert_non_null(strstr(vc_last_error(), "cuda:0 (Stub): "));
            recorded++;
        }
        check_end();
    }
    assert_true(recorded > 20);
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
    stub->devices = 0;
    assert_fails(cuda()->devices(&devices, &count), VC_EUNSUPPORTED, "the driver shows no device");
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
    vc_engine_options options = options_on(cuda(), VC_IN_FP32);
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

/* What was compiled once is in the cache, unless somebody changed it there, or could have. */
static void kernels_are_kept(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(cuda(), VC_IN_FP32);
    const char *folder = temporary("cache");
    vc_cached_files files;
    char path[4096];
    setenv("XDG_CACHE_HOME", folder, 1);
    for (int run = 0; run < 3; run++) {
        begin(0);
        assert_ok(run_all(model, &options));
        assert_int_equal(stub->compilations, run == 0 ? 2 : run == 1 ? 0 : 1);
        check_end();
        assert_ok(vc_cached_files_open(&files));
        assert_int_equal(files.count, 2);
        vc_cache_path(path, sizeof path, files.files[0].name);
        vc_cached_files_close(&files);
        if (run == 0)
            continue;
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, 1500, SEEK_SET), 0);
        fputc('#', file);
        fclose(file);
    }
    assert_ok(vc_cached_files_open(&files));
    vc_cache_path(path, sizeof path, files.files[1].name);
    vc_cached_files_close(&files);
    for (int others = 0; others < 2; others++) {
        assert_int_equal(chmod(path, others ? 0602 : 0620), 0);
        begin(0);
        assert_ok(run_all(model, &options));
        assert_int_equal(stub->compilations, others ? 1 : 2); /* the first was damaged, too */
        check_end();
    }
    begin(0);
    stub->architecture = 90; /* another device */
    assert_ok(run_all(model, &options));
    assert_int_equal(stub->compilations, 2);
    check_end();
    stub->architecture = 87;
    setenv("XDG_CACHE_HOME", "/proc/none", 1);
    vc_model_close(model);
}

/* Machine code is of the device's own architecture; for another there is PTX, as for a desktop's
 * sm_89 where NVRTC knows a Jetson's sm_87 alone. */
static void another_architecture(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(cuda(), VC_IN_FP32);
    begin(0);
    stub->architecture = 89;
    assert_ok(run_all(model, &options));
    check_end();
    stub->architecture = 50;
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "has nothing for sm_50");
    check_end();
    stub->architecture = 87;
    vc_model_close(model);
}

/* Libraries of the driver's CUDA, or of an older one, stand before newer ones. */
static void newer_than_the_driver(void **state)
{
    static const char *const versions[] = {"13", "12", "11.2", NULL};
    const char *ordered[4];
    (void)state;
    vc__cu_order(ordered, versions, 12040);
    assert_string_equal(ordered[0], "12");
    assert_string_equal(ordered[1], "11.2");
    assert_string_equal(ordered[2], "13");
    assert_null(ordered[3]);
    vc__cu_order(ordered, versions, 13000);
    assert_string_equal(ordered[0], "13");
    vc__cu_order(ordered, versions, 0);
    assert_string_equal(ordered[0], "13");
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(cuda(), VC_IN_FP32);
    stub->driver = 12020;
    for (size_t at = 1;; at++) {
        begin(at);
        const vc_status status = run_all(model, &options);
        check_end();
        if (strcmp(stub->failed, "cuModuleLoadData") != 0)
            continue;
        assert_fails(status, VC_EUNSUPPORTED, "loading the kernels failed, error 200: as the test");
        assert_non_null(strstr(vc_last_error(), "NVRTC is of CUDA 12.4, wanted one that is no "
                                                "newer than 12.2, the driver's, or its file in"));
        break;
    }
    stub->driver = 12040;
    vc_model_close(model);
}

/* Attention is told with all that its tiles of 16 queries and 32 keys compute: 17 tokens and the
 * summaries are two blocks of a tile; in the last layer one row is, of the class token. */
static void tiles_are_counted(void **state)
{
    (void)state;
    vc_model *model = model_with_summaries();
    const vc_engine_options options = options_on(cuda(), VC_IN_FP32);
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
    const vc_engine_options options = options_on(cuda(), VC_IN_FP32);
    vc_device_info *devices;
    size_t count;
    char stub_path[4096];
    static float images[IMAGES * PIXELS], logits[IMAGES * CLASSES];
    vc_engine *engine;
    snprintf(stub_path, sizeof stub_path, "%s", getenv("VC_CUBLASLT"));
    begin(0);
    setenv("VC_PRODUCTS", "none", 1);
    assert_fails(run_all(model, &options), VC_EINVAL, "VC_PRODUCTS is 'none', wanted plain or");
    assert_fails(cuda()->devices(&devices, &count), VC_EINVAL, "VC_PRODUCTS is 'none'");
    unsetenv("VC_PRODUCTS");
    setenv("VC_GRAPHS", "off", 1);
    assert_fails(run_all(model, &options), VC_EINVAL, "VC_GRAPHS is 'off', wanted none or");
    unsetenv("VC_GRAPHS");
    stub->no_algorithm = 1;
    assert_ok(vc_engine_open(&engine, model, &options));
    assert_fails(vc_engine_run(engine, logits, images, IMAGES), VC_EUNSUPPORTED,
                 "cuBLASLt has no product of 34 rows");
    vc_engine_close(engine);
    stub->no_algorithm = 0;
    setenv("VC_CUBLASLT", "/proc/none", 1);
    assert_fails(run_all(model, &options), VC_EUNSUPPORTED, "is asked for, and not there: /proc");
    setenv("VC_CUBLASLT", stub_path, 1);
    check_end();
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_right),       cmocka_unit_test(maps_are_read),
        cmocka_unit_test(any_call_fails),        cmocka_unit_test(device_is_lost),
        cmocka_unit_test(what_there_is),         cmocka_unit_test(too_little),
        cmocka_unit_test(tiles_are_counted),     cmocka_unit_test(another_architecture),
        cmocka_unit_test(newer_than_the_driver), cmocka_unit_test(kernels_are_kept),
        cmocka_unit_test(products_are_refused)};
    return cmocka_run_group_tests(tests, find_stub, remove_temporary);
}
