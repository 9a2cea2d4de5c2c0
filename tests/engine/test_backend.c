/* The seam between an engine and what it runs on: a second backend, which is one file,
 * checking_backend.c, and one row, and models of many layers. */
#include <stdlib.h>

#include "../../src/models/deit/deit.h"
#include "../engine_logits.h"
#include "../tiny_levit.h"
#include "checking_backend.c"

enum { IMAGES = 3 };

/* Logits of the CPU's row and of the checking one, of one image and of three. */
static void check(const vc_model *model)
{
    const size_t values = IMAGES * vc_model_image_values(&model->config),
                 outputs = IMAGES * vc_model_input_of(&model->config).outputs;
    float *images = malloc(values * sizeof *images), *want = malloc(outputs * sizeof *want),
          *have = malloc(outputs * sizeof *have);
    vc_rng rng = vc_rng_open(5, 0, 0);
    for (size_t i = 0; i < values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    for (vc_precision precision = 0; precision < VC_PRECISION_COUNT; precision++) {
        if (!vc_precision_supported(precision))
            continue;
        vc_engine_options options = vc_engine_options_default();
        vc_engine *engine;
        options.batch = IMAGES;
        options.precision = precision;
        options.threads = 2;
        run_engine(want, model, images, IMAGES, &options);
        options.backend = &checking_backend;
        assert_ok(vc_engine_open(&engine, model, &options));
        for (size_t run = 0; run < 2; run++) {
            assert_ok(vc_engine_run(engine, have, images, IMAGES));
            assert_memory_equal(have, want, outputs * sizeof *have);
        }
        assert_ok(vc_engine_run(engine, have, images, 1));
        assert_memory_equal(have, want, outputs / IMAGES * sizeof *have);
        vc_engine_time(engine, 1);
        assert_int_equal(checking.unwritten, 0);
        assert_int_equal(checking.allocations, 1);
        assert_int_equal(checking.prepared, 2);
        assert_int_equal(checking.synchronised, 3);
        assert_int_equal(checking.timed, 1);
        assert_true(checking.packed > 0 && checking.steps > 3);
        vc_engine_close(engine);
        assert_int_equal(checking.closed, 1);
    }
    free(images);
    free(want);
    free(have);
}

static void a_deit(void **state)
{
    (void)state;
    for (int distilled = 0; distilled < 2; distilled++) {
        const vc__deit_config config = {.image = 24,
                                        .patch = 4,
                                        .channels = 3,
                                        .classes = 7,
                                        .width = 48,
                                        .depth = 3,
                                        .heads = 3,
                                        .hidden = 96,
                                        .distilled = distilled,
                                        .std = {1, 1, 1}};
        vc_model *model;
        assert_ok(vc__deit_create(&model, &config, 1));
        check(model);
        vc_model_close(model);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_deit), cmocka_unit_test(a_levit),
                                       cmocka_unit_test(many_attentions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
