/* DeiT-Tiny on every device that there is, against golden files that an independent program
 * computed in float64: dense, under ViTCoD's mask, on its plan, with the auto-encoder. */
#include <math.h>
#include <stdlib.h>

#include "../engine_logits.h"
#include "vitcod/backend.h"
#include "vitcod/mask.h"
#include "vitcod/npy.h"
#include "vitcod/polarize.h"

enum { IMAGES = 1, CLASSES = 1000 };

static const char weights[] = "deit_tiny_patch16_224.safetensors",
                  official[] = "vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy";

/* Shares of the largest logit. */
static const double tolerance[] = {[VC_IN_FP32] = 1e-4, [VC_IN_FP16] = 5e-3};

static void check_in(vc_precision precision, const vc_model *model, const vc_backend *backend,
                     const char *golden)
{
    vc_engine_options options = vc_engine_options_default();
    vc_npy x, want;
    float *logits = malloc(IMAGES * CLASSES * sizeof *logits);
    double largest = 0.0, most = 0.0;
    assert_non_null(logits);
    assert_ok(vc_npy_open(&x, shared("golden/deit_tiny_input.npy")));
    assert_ok(vc_npy_open(&want, shared(golden)));
    const float *wanted = want.tensor.data;
    options.backend = backend;
    options.precision = precision;
    options.batch = IMAGES;
    options.threads = 1;
    run_engine(logits, model, x.tensor.data, IMAGES, &options);
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        largest = fmax(largest, fabs((double)wanted[i]));
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        most = fmax(most, fabs((double)logits[i] - (double)wanted[i]) / largest);
    printf("# %s in %s: %s: within %.2g of the largest logit\n", backend->name,
           vc_precision_name(precision), golden, most);
    assert_true(most <= tolerance[precision]);
    free(logits);
    vc_npy_close(&want);
    vc_npy_close(&x);
}

static void check(const vc_model *model, const vc_backend *backend, const char *golden)
{
    check_in(VC_IN_FP32, model, backend, golden);
    check_in(VC_IN_FP16, model, backend, golden);
}

static int has_device(const vc_backend *backend)
{
    const vc_backend_options options = {.batch = 1, .threads = 1};
    void *device;
    const vc_status status = backend->open(&device, &options);
    if (status == VC_OK)
        backend->close(device);
    else
        printf("# skipped: %s\n", vc_last_error());
    return status == VC_OK;
}

static void check_all(const vc_backend *backend)
{
    static const char masked[] = "golden/deit_tiny_logits_mask095.npy",
                      coded[] = "golden/deit_tiny_logits_mask095_autoencoder.npy";
    const vc_model_options none = {0};
    vc_model *model;
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_model_open(&model, shared(weights), &none));
    check(model, backend, "golden/deit_tiny_logits.npy");
    assert_ok(vc_mask_read(&mask, shared(official)));
    assert_ok(vc_polarize(&plan, &mask, 50, "mask"));
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    check(model, backend, masked);
    vc_model_close(model);
    const vc_model_options with = {.autoencoder =
                                       shared("golden/deit_tiny_autoencoder.safetensors")};
    assert_ok(vc_model_open(&model, shared(weights), &with));
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    check(model, backend, coded);
    vc_model_close(model);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

static void every_device(void **state)
{
    const vc_backend *backend;
    size_t tried = 0;
    (void)state;
    shared(weights); /* or skipped */
    for (size_t i = 1; (backend = vc_backend_at(i)); i++)
        if (has_device(backend)) {
            check_all(backend);
            tried++;
        }
    if (tried == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_device)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
