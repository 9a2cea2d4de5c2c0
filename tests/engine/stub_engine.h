/* A small model on the stubs of devices (device_stub.h), for the tests of each runtime. */
#ifndef VC_TEST_STUB_ENGINE_H
#define VC_TEST_STUB_ENGINE_H

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../src/models/deit/deit.h"
#include "../engine_logits.h"
#include "../summary_plans.h"
#include "find_stub.h"
#include "vitcod/backend.h"
#include "vitcod/device.h"

enum { IMAGES = 2, CLASSES = 7, PIXELS = 3 * 16 * 16, PATCHES = 16 };

static device_stub *stub;

static const vc_backend *backend_named(const char *name)
{
    const vc_backend *backend;
    for (size_t i = 0; (backend = vc_backend_at(i)); i++)
        if (strcmp(backend->name, name) == 0)
            return backend;
    fail();
    return NULL;
}

/* What the engine told, and how often. */
static char told[1024];
static size_t told_count;

static void on_note(const char *sentence)
{
    snprintf(told, sizeof told, "%s", sentence);
    told_count++;
}

static int find_stub(void **state)
{
    static const char *const variables[] = {"VC_CUDA", "VC_NVRTC", "VC_CUBLASLT", "VC_OPENCL",
                                            "VC_CLBLAST"};
    (void)state;
    setenv("XDG_CACHE_HOME", "/proc/none", 1); /* what a stub compiles is not kept */
    stub = device_stub_find(variables, sizeof variables / sizeof *variables);
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

static vc_engine_options options_on(const vc_backend *backend, vc_precision precision)
{
    vc_engine_options options = vc_engine_options_default();
    options.backend = backend;
    options.on_note = on_note;
    options.precision = precision;
    options.batch = IMAGES;
    options.threads = 1;
    return options;
}

static void begin(size_t fail_at)
{
    stub->calls = stub->launches = stub->multiplications = stub->writes = stub->reads = 0;
    stub->replays = stub->compilations = 0;
    stub->fail_at = fail_at;
    stub->lost = 0;
    stub->queued = 0;
    stub->failed = NULL;
    told[0] = '\0';
    told_count = 0;
    stub->fault[0] = '\0';
}

static void check_end(void)
{
    if (stub->fault[0])
        fail_msg("%s", stub->fault);
    assert_int_equal(stub->live, 0);
}

/* Of two runs. Every span is a millisecond; by CUDA each operator is one, by OpenCL a launch. */
static void check_time(double seconds, const vc_engine_options *options)
{
    const double spans = 1e3 * seconds / 2.0;
    assert_near(spans, round(spans), 1e-3);
    assert_in_range((size_t)round(spans), 1, options->backend == backend_named("cuda") ? 1 : 4);
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
        check_time(vc_engine_op_at(engine, i).seconds, options);
    vc_engine_time(engine, 0);
    for (int run = 0; status == VC_OK && run < 2; run++)
        status = vc_engine_run(engine, logits, images, IMAGES);
    if (status != VC_OK && stub->lost)
        assert_true(vc_engine_run(engine, logits, images, IMAGES) != VC_OK);
    else if (status != VC_OK) /* what failed once is made ready the next time */
        assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    /* Nothing that is queued is to be left: the caller's images and logits may go. */
    if (!stub->lost && (!stub->failed || strcmp(stub->failed, "cuCtxSetCurrent") != 0))
        assert_int_equal(stub->queued, 0);
    vc_engine_close(engine);
    return status;
}

/* Every precision that a device computes in, with products by its library and by our kernel; how
 * often a recording is run again. */
static void check_products(const vc_backend *backend, const vc_model *model, size_t replays)
{
    for (int plain = 0; plain < 2; plain++)
        for (vc_precision p = VC_IN_FP32; p < VC_PRECISION_COUNT; p++) {
            const vc_engine_options options = options_on(backend, p);
            if (p == VC_IN_INT8)
                continue;
            if (plain)
                setenv("VC_PRODUCTS", "plain", 1);
            begin(0);
            assert_ok(run_all(model, &options));
            unsetenv("VC_PRODUCTS");
            assert_int_equal(stub->writes, 5);
            assert_int_equal(stub->reads, 5);
            assert_int_equal(stub->replays, replays);
            assert_true(stub->launches > 4 * 20);
            assert_int_equal(stub->multiplications > 0, !plain);
            assert_int_equal(told_count, 0);
            check_end();
        }
}

#endif
