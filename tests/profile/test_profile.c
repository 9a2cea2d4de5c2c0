#include "../summary_plans.h"
#include "../tiny_levit.h"

#include <math.h>

#include "vitcod/backend.h"
#include "vitcod/bench.h"
#include "vitcod/polarize.h"
#include "vitcod/profile.h"

static void spread(void **state)
{
    (void)state;
    double samples[] = {5, 1, 4, 2, 3}, one[] = {7};
    vc_spread s = vc_spread_of(samples, 5);
    assert_near(s.median, 3.0, 0.0);
    assert_near(s.low, 2.0, 0.0);
    assert_near(s.high, 4.0, 0.0);
    s = vc_spread_of(one, 1);
    assert_near(s.low, 7.0, 0.0);
    assert_near(s.high, 7.0, 0.0);
}

static void times_what_it_has_verified(void **state)
{
    (void)state;
    enum { T = 20 };
    static uint8_t pruned[2 * T * T];
    const vc_mask mask = {1, 2, T, T, pruned};
    vc_plan plan;
    vc_attention_times times;
    for (size_t i = 0; i < sizeof pruned; i++)
        pruned[i] = i % T != 0 && i % 4 != 0;
    assert_ok(vc_polarize(&plan, &mask, 10, "mask"));
    for (int i = 0; i < 4; i++) {
        const vc_pattern_options split = {.split = i % 2 ? VC_PATTERN_BY_COST : VC_PATTERN_BY_PLAN};
        if (i == 2)
            add_summaries(&plan, 0, 0);
        assert_ok(vc_profile_attention(&times, &plan, 8, &split, 2, 5, 1, NULL));
        assert_near(times.largest_difference, 0.0, 1e-5);
        assert_true(times.dense.median > 0.0 && times.sparse.median > 0.0);
        assert_true(times.ratio.low <= times.ratio.median &&
                    times.ratio.median <= times.ratio.high);
    }
    double seconds;
    assert_ok(vc_profile_plan_attention(&seconds, &plan, 8));
    assert_true(seconds > 0.0);
    vc_plan_close(&plan);
}

/* Of each layer, as of the whole plan, scores of summaries count as kept. */
static void a_benchmark_counts_summaries(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    const vc_bench_options how = {
        .split = VC_ENGINE_USUAL_SPLIT, .batch = 1, .runs = 20, .warm_up = 3};
    vc_model *model = tiny_levit_open(&config);
    vc_mask masks[TINY_GROUPS];
    vc_bench_result r;
    vc_plan plan;
    tiny_levit_masks(masks, &config);
    assert_ok(vc_polarize_groups(&plan, masks, TINY_GROUPS, 6, "masks"));
    add_summaries(&plan, 0, 0);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    assert_ok(vc_bench(&r, model, &how));
    assert_true(r.ms.low <= r.ms.median && r.ms.median <= r.p90_ms && r.p90_ms <= r.p99_ms);
    assert_true(r.seconds >= 1e-3 * 20.0 * r.ms.low && r.peak_mib > 1.0);
    for (size_t i = 1; i < r.runs; i++)
        assert_true(r.runs_ms[i - 1] <= r.runs_ms[i]);
    assert_true(r.runs_ms[0] <= r.ms.low && r.runs_ms[r.runs - 1] >= r.p99_ms);
    assert_int_equal(r.warm_up, 3);
    const vc_plan_layer *first = &plan.layers[0];
    double scores = (double)(first->heads * first->queries * first->pooling.count);
    for (size_t h = 0; h < first->heads; h++)
        scores += (double)vc_plan_kept(first, h);
    assert_near(r.layers[0].kept_share,
                scores / (double)(first->heads * first->queries * first->keys), 1e-12);
    vc_record_free(&vc_bench_record, &r);
    for (size_t g = 0; g < TINY_GROUPS; g++)
        vc_mask_close(&masks[g]);
    vc_plan_close(&plan);
    vc_model_close(model);
}

static size_t runs;

static vc_status count_run(void *device, const vc_program *program, size_t first, size_t count,
                           size_t images)
{
    runs++;
    return vc_backend_cpu.run(device, program, first, count, images);
}

/* And says nothing of the CPU's peak. */
static void a_benchmark_runs_on_the_backend_it_is_given(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_backend other = vc_backend_cpu;
    const vc_bench_options how = {.backend = &other, .batch = 1, .runs = 2};
    vc_bench_result r;
    other.run = count_run;
    assert_ok(vc_bench(&r, model, &how));
    assert_true(runs >= 4 && r.attention_ms > 0.0);
    assert_true(isnan(r.peak_gops) && isnan(r.share_of_peak));
    vc_record_free(&vc_bench_record, &r);
    vc_model_close(model);
}

/* ViTCoD's own profiles: an eighth of the tokens, one head of keys that are values too. */
static void linformer_as_published(void **state)
{
    (void)state;
    static const size_t wanted[][2] = {{196, 24}, {1024, 128}, {2048, 256}, {9000, 256},
                                       {197, 24}, {64, 8},     {63, 8},     {5, 5}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_int_equal(vc_linformer_tokens(wanted[i][0]), wanted[i][1]);
    vc_length_options o = {.heads = 3,
                           .head_dim = 64,
                           .sparsity = 0.9,
                           .repeats = 1,
                           .split = {.split = VC_PATTERN_WHOLE}};
    vc_length_times times;
    assert_ok(vc_profile_length(&times, 196, &o));
    assert_int_equal(times.projected, 24);
    assert_int_equal(times.macs[VC_WAY_DENSE], 2 * 196 * 196 * 192);
    assert_int_equal(times.macs[VC_WAY_LINFORMER], 24 * 196 * 64 + 2 * 196 * 24 * 192);
    o.projected = 7;
    assert_ok(vc_profile_length(&times, 50, &o));
    assert_int_equal(times.projected, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread), cmocka_unit_test(times_what_it_has_verified),
        cmocka_unit_test(a_benchmark_counts_summaries), cmocka_unit_test(linformer_as_published),
        cmocka_unit_test(a_benchmark_runs_on_the_backend_it_is_given)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
