/* The control against the published log, the bound against closed forms. */
#include "vitcod/bound.h"
#include "vitcod/control.h"
#include "vitcod/polarize.h"
#include "with_summaries.h"

static void equals_the_published_log(void **state)
{
    (void)state;
    /* global tokens, SDDMM denser / sparser, SpMM denser / sparser of head 0, per layer */
    static const uint64_t log[12][5] = {
        {1, 120, 117, 119, 115},  {1, 30, 30, 29, 28},      {70, 840, 744, 767, 745},
        {1, 54, 54, 54, 54},      {1, 87, 75, 85, 74},      {20, 300, 270, 269, 269},
        {17, 255, 213, 224, 211}, {1, 87, 84, 85, 82},      {1, 33, 33, 32, 31},
        {9, 135, 117, 121, 116},  {10, 150, 138, 145, 136}, {31, 372, 303, 316, 301}};
    vc_mask mask;
    vc_plan plan;
    vc_control_layer layers[12];
    vc_control_result r = {.layers = layers};
    const vc_control_options o = {64, 0.667, 192};
    assert_ok(vc_mask_read(&mask, shared("vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy")));
    assert_ok(vc_polarize(&plan, &mask, 50, "mask"));
    assert_ok(vc_control_compute(&r, &plan, &o, "plan"));
    assert_int_equal(r.preload, 9492);
    assert_int_equal(r.decode, 4728);
    assert_int_equal(r.compute, 4709);
    assert_int_equal(r.total, 9492);
    assert_int_equal(r.linear, 681492);
    assert_int_equal(r.linear_preload, 23304);
    assert_int_equal(r.ffn, 1361664);
    assert_int_equal(r.end_to_end, 2043156);
    for (int l = 0; l < 12; l++) {
        const uint64_t have[5] = {layers[l].global_tokens, layers[l].sddmm_denser,
                                  layers[l].sddmm_sparser, layers[l].spmm_denser,
                                  layers[l].spmm_sparser};
        for (int i = 0; i < 5; i++)
            assert_near((double)have[i], (double)log[l][i], 0.0);
    }
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

/* T tokens, everything kept in the first column, and the diagonal. */
static void make_plan(vc_plan *plan, size_t tokens)
{
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, 1, tokens, tokens));
    for (size_t i = 0; i < tokens * tokens; i++)
        mask.pruned[i] = i % tokens != 0 && i % tokens != i / tokens;
    assert_ok(vc_polarize(plan, &mask, tokens / 2, "mask"));
    vc_mask_close(&mask);
}

static void control_refuses_what_divides_by_zero(void **state)
{
    (void)state;
    enum { T = 80 };
    vc_mask mask;
    vc_plan plan;
    vc_control_layer layer;
    vc_control_result r = {.layers = &layer};
    const vc_control_options o = {64, 0.667, 0};
    assert_ok(
        vc_mask_open(&mask, 1, 1, T, T)); /* one global column beside a full rest: share 1/80 */
    assert_ok(vc_polarize(&plan, &mask, T, "mask"));
    plan.layers[0].global_tokens[0] = 1;
    assert_fails(vc_control_compute(&r, &plan, &o, "plan"), VC_EINVAL, "divides by zero");
    const vc_control_options bad = {64, 0.0, 0};
    assert_fails(vc_control_compute(&r, &plan, &bad, "plan"), VC_EINVAL, "ratio 0");
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

/* Six global tokens of 64 queries beside 63 entries: 54 lines, and 10. Loads: 69 keys and values,
 * 64 queries, three times the decoder's weights, a cycle each. */
static void control_with_summaries(void **state)
{
    (void)state;
    vc_plan plan;
    vc_control_layer layer;
    vc_control_result r = {.layers = &layer};
    const vc_control_options o = {16, 0.667, 0};
    make_plan(&plan, 64);
    add_summaries(&plan.layers[0], 5, 1);
    assert_ok(vc_control_compute(&r, &plan, &o, "plan"));
    assert_int_equal(layer.global_tokens, 6);
    assert_int_equal(layer.sddmm_denser, 6 * 2);
    assert_int_equal(layer.sddmm_sparser, 7);
    assert_int_equal(layer.spmm_denser, 2);
    assert_int_equal(layer.spmm_sparser, 2);
    assert_int_equal(layer.compute, 12 + 2);
    assert_int_equal(layer.preload, 69 + 69 + 64 + 3);
    vc_plan_close(&plan);
}

static void bound_of_a_plan_in_closed_form(void **state)
{
    (void)state;
    enum { T = 64, D = 16 };
    vc_plan plan;
    vc_workload workload = {0};
    const vc_bound_config config = vc_bound_config_default();
    make_plan(&plan, T);
    assert_ok(vc_workload_add_plan(&workload, &plan, &plan, D, NULL, "plan"));
    /* scores: the panel of T and T - 1 on the diagonal; Q, K, V in and the output out */
    uint64_t scores = T + T - 1, indices = T - 1 + T - 1;
    vc_bound b;
    assert_ok(vc_bound_compute(&b, &workload, &config, 1));
    assert_int_equal(b.macs, 2 * scores * D);
    assert_near(b.dram_bytes, 4.0 * T * D + 2.0 * (double)indices, 0.0);
    double sddmm = ceil((2.0 * T * D + 2.0 * (double)indices) * 500e6 / 76.8e9);
    double spmm = ceil(2.0 * T * D * 500e6 / 76.8e9);
    assert_near((double)b.sequential_cycles, sddmm + spmm, 0.0); /* MACs take 4 cycles each */
    assert_near((double)b.cycles, ceil(b.dram_bytes * 500e6 / 76.8e9), 0.0);
    vc_workload_close(&workload);
    vc_plan_close(&plan);
}

/* As above, and G summaries: as many columns of the panel, rows of K and of V, and biases of 16
 * bit. Pooling is not on the lines. */
static void bound_with_summaries(void **state)
{
    (void)state;
    enum { T = 64, D = 16, G = 5 };
    vc_plan plan;
    vc_workload workload = {0};
    const vc_bound_config config = vc_bound_config_default();
    const vc_attention_sizes sizes = {1, T, T, D, D, {0, 0}};
    vc_bound b;
    make_plan(&plan, T);
    add_summaries(&plan.layers[0], G, 1);
    assert_ok(vc_workload_add_pooling(&workload, 0, &sizes, &plan.layers[0]));
    assert_ok(vc_workload_add_attention(&workload, 0, &sizes, &plan.layers[0]));
    const uint64_t scores = T + T - 1 + T * G, indices = 2 * (T - 1);
    assert_ok(vc_bound_compute(&b, &workload, &config, 1));
    assert_int_equal(b.macs, 2 * scores * D);
    assert_near(b.dram_bytes, 4.0 * T * D + 2.0 * G * D + 2.0 * (double)indices + 2.0 * T * G, 0.0);
    const double attention = b.dram_bytes;
    assert_ok(vc_bound_compute(&b, &workload, &config, 0));
    assert_int_equal(b.macs, 2 * scores * D);
    assert_int_equal(b.coder_macs, 0);
    /* sums of K and of V written; of each of the T - 1 pooled tokens number and weight, of each sum
     * its length */
    assert_near(b.dram_bytes, attention + 2.0 * G * D + 2.0 * (2.0 * (T - 1) + G), 0.0);
    assert_int_equal(vc_workload_macs(&workload, 0), 2 * scores * D + (T - 1) * 2 * D);
    vc_workload_close(&workload);
    /* a query is read, and multiplied with the T - 1 keys beside the lines */
    const double constant = b.dram_bytes;
    add_queries(&plan.layers[0], D, 1.0f, 1);
    assert_ok(vc_workload_add_pooling(&workload, 0, &sizes, &plan.layers[0]));
    assert_ok(vc_workload_add_attention(&workload, 0, &sizes, &plan.layers[0]));
    assert_ok(vc_bound_compute(&b, &workload, &config, 0));
    assert_int_equal(b.macs, 2 * scores * D);
    assert_near(b.dram_bytes, constant + 2.0 * D, 0.0);
    assert_int_equal(vc_workload_macs(&workload, 0), 2 * scores * D + (T - 1) * 3 * D);
    vc_workload_close(&workload);
    vc_plan_close(&plan);
}

static void overlapping_and_in_sequence(void **state)
{
    (void)state;
    const vc_bound_config config = vc_bound_config_default();
    const vc_op ops[] = {{.kind = VC_OP_MLP,
                          .macs = 51201,
                          .weight_values = 10,
                          .input_values = 10,
                          .output_values = 10},
                         {.kind = VC_OP_QKV, .macs = 512, .weight_values = 15360},
                         {.kind = VC_OP_ENCODE, .macs = 5120}};
    vc_workload workload = {0};
    vc_bound b;
    for (size_t i = 0; i < 3; i++)
        assert_ok(vc_workload_add(&workload, &ops[i]));
    assert_ok(vc_bound_compute(&b, &workload, &config, 0));
    assert_int_equal(b.compute_cycles, 102); /* 51713 MACs on 512 lanes; the encoder has its own */
    assert_int_equal(b.memory_cycles, 101);  /* 15390 bytes at 153.6 a cycle */
    assert_int_equal(b.cycles, 102);
    assert_int_equal(b.sequential_cycles, 101 + 100);
    assert_int_equal(b.coder_macs, 5120);
    vc_workload_close(&workload);
}

static void sizes_out_of_range_are_refused(void **state)
{
    (void)state;
    vc_plan plan;
    vc_workload workload = {0};
    const size_t two[2] = {0, 2};
    make_plan(&plan, 8);
    assert_fails(vc_workload_add_plan(&workload, &plan, &plan, 0, NULL, "plan"), VC_EINVAL,
                 "head dimension 0");
    assert_fails(vc_workload_add_plan(&workload, &plan, &plan, SIZE_MAX, NULL, "plan"), VC_EINVAL,
                 "head dimension");
    assert_fails(vc_workload_add_plan(&workload, &plan, &plan, 8, two, "plan"), VC_EINVAL,
                 "2 compressed heads");
    vc_workload_close(&workload);
    vc_plan_close(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_published_log),
                                       cmocka_unit_test(control_refuses_what_divides_by_zero),
                                       cmocka_unit_test(control_with_summaries),
                                       cmocka_unit_test(bound_of_a_plan_in_closed_form),
                                       cmocka_unit_test(bound_with_summaries),
                                       cmocka_unit_test(overlapping_and_in_sequence),
                                       cmocka_unit_test(sizes_out_of_range_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
