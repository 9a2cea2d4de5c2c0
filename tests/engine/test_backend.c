/* The seam between an engine and what it runs on: every backend that there is, and those of
 * checking_backend.c, against the CPU's logits. */
#include <math.h>
#include <stdlib.h>

#include "../../src/models/deit/deit.h"
#include "../engine_logits.h"
#include "../strided.h"
#include "../summary_plans.h"
#include "../tiny_levit.h"
#include "checking_backend.c"
#include "every_backend.h"

enum { IMAGES = 3 };

static const vc_backend *backend_at(size_t index)
{
    return every_backend(index, checking_backends,
                         sizeof checking_backends / sizeof *checking_backends);
}

static void compare(const float *have, const float *want, size_t count, double tolerance)
{
    double most = 0.0;
    if (tolerance <= 0.0) {
        assert_memory_equal(have, want, count * sizeof *have);
        return;
    }
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++)
        assert_true(fabs((double)have[i] - (double)want[i]) <= tolerance * most);
}

/* After two runs of all images and one of a single image. */
static void check_calls(vc_engine *engine)
{
    vc_engine_time(engine, 1);
    assert_int_equal(checking.unwritten, 0);
    assert_int_equal(checking.allocations, 1);
    assert_int_equal(checking.prepared, 2);
    assert_int_equal(checking.synchronised, 3);
    assert_int_equal(checking.timed, 1);
    assert_true(checking.packed > 0 && checking.steps > 3);
}

static void check_on(const vc_model *model, const float *images, const float *want,
                     const vc_engine_options *options)
{
    const size_t outputs = IMAGES * vc_model_input_of(&model->config).outputs;
    const double tolerance = options->backend->tolerance[options->precision];
    const int checks = options->backend->open == device_open;
    float *have = malloc(outputs * sizeof *have);
    vc_engine *engine;
    const vc_status status = vc_engine_open(&engine, model, options);
    assert_true(status == VC_OK || status == VC_EUNSUPPORTED);
    for (size_t run = 0; status == VC_OK && run < 2; run++) {
        assert_ok(vc_engine_run(engine, have, images, IMAGES));
        compare(have, want, outputs, tolerance);
    }
    if (status == VC_OK) {
        assert_ok(vc_engine_run(engine, have, images, 1));
        compare(have, want, outputs / IMAGES, tolerance);
        if (checks)
            check_calls(engine);
    }
    vc_engine_close(engine);
    if (checks)
        assert_int_equal(checking.closed, status == VC_OK);
    free(have);
}

/* Logits of every backend beside the CPU's, of one image and of three. */
static void check(const vc_model *model)
{
    const size_t values = IMAGES * vc_model_image_values(&model->config),
                 outputs = IMAGES * vc_model_input_of(&model->config).outputs;
    float *images = malloc(values * sizeof *images), *want = malloc(outputs * sizeof *want);
    const vc_backend *backend;
    vc_rng rng = vc_rng_open(5, 0, 0);
    for (size_t i = 0; i < values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    for (vc_precision precision = 0; precision < VC_PRECISION_COUNT; precision++) {
        /* No CPU has fp16. */
        const vc_precision cpu = precision == VC_IN_FP16 ? VC_IN_FP32 : precision;
        if (!vc_precision_supported(cpu))
            continue;
        vc_engine_options options = vc_engine_options_default();
        options.batch = IMAGES;
        options.precision = cpu;
        options.threads = 2;
        run_engine(want, model, images, IMAGES, &options);
        options.precision = precision;
        for (size_t i = 0; (backend = backend_at(i)); i++) {
            options.backend = backend;
            check_on(model, images, want, &options);
        }
    }
    free(images);
    free(want);
}

/* Masks as a plan with summaries. */
static void use_summaries(vc_model *model, vc_mask *masks, size_t groups, size_t prefix)
{
    vc_plan plan;
    assert_ok(vc_polarize_groups(&plan, masks, groups, 6, "masks"));
    add_summaries(&plan, prefix, 0);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_plan_close(&plan);
    for (size_t g = 0; g < groups; g++)
        vc_mask_close(&masks[g]);
}

static void a_deit(void **state)
{
    (void)state;
    for (int distilled = 0; distilled < 2; distilled++) {
        const vc__deit_config config = {.image = {24, 24},
                                        .patch = {4, 4},
                                        .channels = 3,
                                        .classes = 7,
                                        .width = 48,
                                        .depth = 3,
                                        .heads = 3,
                                        .hidden = 96,
                                        .distilled = distilled,
                                        .std = {1, 1, 1}};
        vc_model *model;
        const size_t prefix = distilled ? 2 : 1, tokens = 36 + prefix;
        vc_mask mask;
        assert_ok(vc__deit_create(&model, &config, 1));
        check(model);
        assert_ok(vc_mask_open(&mask, config.depth, config.heads, tokens, tokens));
        summary_mask(&mask, 0);
        use_summaries(model, &mask, 1, prefix);
        check(model);
        vc_model_close(model);
    }
}

static void a_strided_transformer(void **state)
{
    (void)state;
    vc_model *model = strided_open(&strided_kinds[0], VC_CODED_NONE, 0);
    check(model);
    vc_model_close(model);
}

static void a_levit(void **state)
{
    (void)state;
    for (tiny_restriction how = TINY_DENSE; how <= TINY_RESIDUAL; how++) {
        const vc_model_config config = tiny_levit();
        vc_model *model = tiny_levit_open(&config);
        tiny_levit_restrict(model, how);
        check(model);
        vc_model_close(model);
    }
}

static void a_levit_with_summaries(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_mask masks[TINY_GROUPS];
    tiny_levit_masks(masks, &config);
    use_summaries(model, masks, TINY_GROUPS, 0);
    check(model);
    vc_model_close(model);
}

/* There is no most number of attentions: 20 of them, and the two that subsample. */
static void many_attentions(void **state)
{
    (void)state;
    vc_model_config config = tiny_levit();
    vc__levit_config sizes = *vc__levit_sizes_of(&config);
    sizes.stages[0].depth = 9;
    sizes.stages[1].depth = 6;
    sizes.stages[2].depth = 5;
    config = vc__levit_model(&sizes);
    assert_int_equal(vc_model_layers(&config), 22);
    vc_model *model = tiny_levit_open(&config);
    check(model);
    vc_model_close(model);
}

static vc_status refuse(void **out, const vc_backend_options *options)
{
    *out = NULL;
    return vc_fail(VC_EUNSUPPORTED, "no products in %s", vc_precision_name(options->precision));
}

static int has_in_fp32(vc_op_kind kind, vc_precision precision)
{
    return precision == VC_IN_FP32 && vc_backend_cpu.has(kind, precision);
}

/* What can be computed is the backend's word, not the CPU's. */
static void says_what_it_cannot(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_backend refusing = checking_backends[0], narrow = checking_backends[0];
    vc_engine_options options = vc_engine_options_default();
    vc_engine *engine;
    refusing.open = refuse;
    narrow.has = has_in_fp32;
    for (vc_precision p = 0; p < VC_PRECISION_COUNT; p++) {
        options.precision = p;
        options.backend = &refusing;
        assert_fails(vc_engine_open(&engine, model, &options), VC_EUNSUPPORTED,
                     vc_precision_name(p));
        options.backend = &narrow;
        if (p == VC_IN_FP32 || !vc_precision_supported(p))
            continue;
        assert_fails(vc_engine_open(&engine, model, &options), VC_EUNSUPPORTED,
                     "checking has no operator 'stem' in");
        assert_int_equal(checking.packed, 0);
    }
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deit),          cmocka_unit_test(a_strided_transformer),
        cmocka_unit_test(a_levit),         cmocka_unit_test(a_levit_with_summaries),
        cmocka_unit_test(many_attentions), cmocka_unit_test(says_what_it_cannot)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
