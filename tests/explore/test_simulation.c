/* Models and plans on chips, as `simulate` runs them. */
#include "small_masks.h"
#include "vitcod/chip_summary.h"
#include "vitcod/point.h"
#include "vitcod/subject.h"
#include "vitcod/timeline.h"

static vc_model_config tiny_model(void)
{
    vc_model_config config;
    assert_ok(vc_model_preset(&config, "deit_tiny_patch16_224"));
    return config;
}

static vc_plan small_plan(const vc_model_config *model)
{
    vc_plan plan;
    assert_ok(
        vc_subject_plan(&plan, model, write_small_masks(), "deit_tiny_patch16_224", 0.95, 50));
    return plan;
}

static void a_timeline_is_of_the_model(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    const vc_accelerator chip = vc_accelerator_default();
    vc_plan plan = small_plan(&model);
    const vc_timeline_options how = {.functional = true, .seed = 1};
    vc_simulation s;
    vc_timeline t;
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_ok(vc_simulation_check(&s));
    assert_ok(vc_timeline_run(&t, &s, &how));
    assert_true(t.of_model && t.bounded && t.bit_exact);
    assert_int_equal(t.checked.layers, 12);
    assert_true(t.attention.all.work.cycles >= t.bound.attention.cycles);
    assert_true(t.end_to_end.all.work.cycles >= t.bound.end_to_end.cycles);
    assert_true(t.end_to_end.all.work.cycles > t.attention.all.work.cycles);
    vc_timeline_close(&t);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
}

/* The same cycles, whether a model brings the plan or nobody does. */
static void a_plan_alone_is_its_attention(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    const vc_accelerator chip = vc_accelerator_default();
    vc_plan plan = small_plan(&model);
    const vc_simulation_options how = {.attention_only = 1};
    vc_simulation s;
    vc_chip_result r;
    double cycles;
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_ok(vc_simulation_run(&r, &s, &how));
    assert_ok(vc_point_plan_cycles(&cycles, &plan, 64, &chip));
    assert_near(cycles, (double)r.total.cycles, 0.0);
    vc_chip_result_close(&r);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
}

static void what_a_chip_cannot_is_refused(void **state)
{
    (void)state;
    vc_model_config model = tiny_model();
    vc_accelerator chip;
    vc_simulation s;
    vc_bound bound;
    assert_ok(vc_model_compress(&model, 0, VC_CODED_QK));
    assert_ok(vc_accelerator_open(&chip, "sanger"));
    assert_ok(vc_simulation_of_model(&s, &model, NULL, &chip, "plan"));
    assert_fails(vc_simulation_check(&s), VC_EINVAL, "has 'autoencoder: false', and 'qk'");
    assert_fails(vc_simulation_bound(&bound, &s, 1), VC_EUNSUPPORTED,
                 "the dataflow sanger does other work");
    vc_simulation_close(&s);
}

static vc_status bound_of_seven(vc_bound *out, const vc_workload *workload,
                                const vc_bound_config *config, int attention_only)
{
    (void)workload;
    (void)config;
    *out = (vc_bound){.cycles = attention_only ? 7 : 8};
    return VC_OK;
}

static vc_status no_bound(vc_bound *out, const vc_workload *workload, const vc_bound_config *config,
                          int attention_only)
{
    *out = (vc_bound){0};
    (void)workload;
    (void)config;
    (void)attention_only;
    return vc_fail(VC_EINVAL, "too much to count");
}

/* That of the chip's kind; where it cannot be found, the timeline cannot either. */
static void a_bound_is_of_the_kind(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    vc_accelerator chip = vc_accelerator_default();
    vc_chip_kind kind = *chip.chip.kind;
    const vc_timeline_options how = {0};
    vc_simulation s;
    vc_timeline t;
    chip.chip.kind = &kind;
    assert_ok(vc_simulation_of_model(&s, &model, NULL, &chip, "plan"));
    kind.bound = bound_of_seven;
    assert_ok(vc_timeline_run(&t, &s, &how));
    assert_true(t.bounded);
    assert_int_equal(t.bound.attention.cycles, 7);
    assert_int_equal(t.bound.end_to_end.cycles, 8);
    vc_timeline_close(&t);
    kind.bound = no_bound;
    assert_fails(vc_timeline_run(&t, &s, &how), VC_EINVAL, "too much to count");
    vc_timeline_close(&t);
    vc_simulation_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeline_is_of_the_model),
        cmocka_unit_test(a_plan_alone_is_its_attention),
        cmocka_unit_test(what_a_chip_cannot_is_refused),
        cmocka_unit_test(a_bound_is_of_the_kind),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
