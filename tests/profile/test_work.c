/* What is counted, what an engine does, and what the workload of the simulator says. */
#include <stdlib.h>
#include <string.h>

#include "../../src/models/deit/deit.h"
#include "../../src/models/levit/levit.h"
#include "testing.h"
#include "vitcod/engine.h"
#include "vitcod/model.h"
#include "vitcod/profile.h"

static uint64_t executed(const vc_model *model)
{
    vc_engine *engine;
    uint64_t macs = 0;
    const vc_engine_options how = vc_engine_options_default();
    assert_ok(vc_engine_open(&engine, model, &how));
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        if (op.macs > 0 && vc_op_work(op.kind) == VC_WORK_RESHAPE)
            fail_msg("'%s' multiplies, which no reshape does", op.name);
        macs += op.macs;
    }
    vc_engine_close(engine);
    return macs;
}

/* The sum over kinds of work, which must be the workload's. */
static uint64_t counted(const vc_model_config *config, const vc_plan *plan)
{
    vc_workload workload = {0};
    const size_t layers = vc_model_layers(config);
    vc_cost *costs = malloc((layers + 1) * VC_WORK_COUNT * sizeof *costs);
    uint64_t macs = 0;
    assert_non_null(costs);
    assert_ok(vc_model_lower(&workload, config, plan));
    vc_profile_count(costs, &workload, layers, 4);
    for (size_t i = 0; i < (layers + 1) * VC_WORK_COUNT; i++)
        macs += costs[i].macs;
    assert_int_equal(macs, vc_workload_macs(&workload, 0));
    vc_workload_close(&workload);
    free(costs);
    return macs;
}

/* Behind its last attention a DeiT's engine has class tokens alone; patches' products run on their
 * rows as well. */
static uint64_t left_out(const vc__deit_config *c)
{
    const uint64_t tokens = vc__deit_tokens(c), classes = vc__deit_prefix_tokens(c), w = c->width;
    const uint64_t each = 2 * w * w + 2 * tokens * w + 2 * w * c->hidden;
    return (tokens - classes) * each - classes * vc__deit_patch_values(c) * w;
}

static void a_deit_does_what_is_counted(void **state)
{
    (void)state;
    for (int distilled = 0; distilled < 2; distilled++) {
        vc_model *model;
        vc_model_config config;
        assert_ok(vc_model_preset(&config, distilled ? "deit_tiny_distilled_patch16_224"
                                                     : "deit_tiny_patch16_224"));
        assert_ok(vc_model_resize(&config, vc_square(64)));
        assert_ok(vc_model_create(&model, &config, 1));
        assert_int_equal(executed(model) + left_out(vc__deit_sizes_of(&config)),
                         counted(&config, NULL));
        vc_model_close(model);
    }
}

/* Its two heads are one product in an engine. */
static void a_levit_does_what_is_counted(void **state)
{
    (void)state;
    vc_model *model;
    vc_model_config config;
    assert_ok(vc_model_preset(&config, "levit_128s"));
    assert_ok(vc_model_resize(&config, vc_square(64)));
    assert_ok(vc_model_create(&model, &config, 1));
    const uint64_t second = vc__levit_sizes_of(&config)->stages[VC__LEVIT_STAGES - 1].width *
                            (uint64_t)vc__levit_sizes_of(&config)->classes;
    assert_int_equal(executed(model) + second, counted(&config, NULL));
    vc_model_close(model);
}

static void published_macs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double macs; /* 10^9: timm's tables for DeiT, table 4 of LeViT (Graham et al. 2021) */
    } published[] = {{"deit_tiny_patch16_224", 1.26},
                     {"deit_small_patch16_224", 4.61},
                     {"deit_base_patch16_224", 17.58},
                     {"levit_128s", 0.305},
                     {"levit_128", 0.406},
                     {"levit_192", 0.658},
                     {"levit_256", 1.12},
                     {"levit_384", 2.35}};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        vc_model_config config;
        assert_ok(vc_model_preset(&config, published[i].name));
        const double macs = 1e-9 * (double)counted(&config, NULL);
        if (macs < 0.99 * published[i].macs || macs > 1.01 * published[i].macs)
            fail_msg("%s: %.4f GMACs, wanted %.3f", published[i].name, macs, published[i].macs);
    }
}

static void events_are_all_that_happened(void **state)
{
    (void)state;
    enum { IMAGES = 3, SIZE = 64 };
    static float images[IMAGES * 3 * SIZE * SIZE], logits[IMAGES * 1000];
    vc_model *model;
    vc_model_config config;
    vc_engine *engine;
    vc_engine_options how = vc_engine_options_default();
    how.batch = IMAGES;
    how.threads = 2;
    assert_ok(vc_model_preset(&config, "deit_tiny_patch16_224"));
    assert_ok(vc_model_resize(&config, vc_square(SIZE)));
    assert_ok(vc_model_create(&model, &config, 1));
    assert_ok(vc_engine_open(&engine, model, &how));
    assert_ok(vc_engine_trace(engine, 1));
    vc_engine_time(engine, 1);
    assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    for (size_t t = 0; t < 2; t++) {
        double end = 0.0, sum = 0.0;
        assert_true(vc_engine_event_count(engine, t) > 0);
        for (size_t i = 0; i < vc_engine_event_count(engine, t); i++) {
            const vc_engine_event event = vc_engine_event_at(engine, t, i);
            assert_true(event.op <= vc_engine_op_count(engine));
            assert_true(event.start >= end && event.seconds >= 0.0);
            end = event.start + event.seconds * (1.0 - 1e-9);
            sum += event.seconds;
        }
        assert_true(sum > 0.0);
    }
    vc_engine_op attention = {0};
    for (size_t i = 0; i < vc_engine_op_count(engine); i++)
        if (strcmp(vc_engine_op_at(engine, i).name, "attention") == 0)
            attention = vc_engine_op_at(engine, i);
    const double phases = attention.phases[0] + attention.phases[1] + attention.phases[2];
    assert_true(phases == 0.0 || (phases > 0.999 && phases < 1.001));
    vc_engine_close(engine);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deit_does_what_is_counted),
        cmocka_unit_test(a_levit_does_what_is_counted),
        cmocka_unit_test(published_macs),
        cmocka_unit_test(events_are_all_that_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
