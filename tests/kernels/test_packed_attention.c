/* Attention for inference: every instruction set, every way to split a head, against the definition
 * in double. */
#include "attention_problem.h"
#include "vitcod/attention_costs.h"

/* `step` queries at a time: the cut must not matter. */
static void check(const problem *p, const vc_kernels *kernels, const vc_pattern_options *how,
                  size_t step, int bf16)
{
    opened o;
    open_layer(&o, p, how, bf16);
    const size_t tq = p->layer.queries, v_stride = p->layer.heads * p->layer.value_dim;
    float *out = room(tq * v_stride * sizeof *out);
    attend(out, p, &o, kernels, step);
    /* 1e-5: float32 sums of up to a thousand products of normal numbers; 0.03: a few scores of up
     * to 4, Q and K rounded by 1/512, change powers by half a per cent, V is as far off, and
     * outputs are up to 4. */
    const double tolerance = bf16 ? 0.03 : 1e-5;
    for (size_t i = 0; i < tq * v_stride; i++)
        if (!(fabs((double)out[i] - p->want[i]) <= tolerance))
            fail_msg("%s, %zu x %zu + %zu, D %zu, %zu, split %d, step %zu, index %zu: %.9g, wanted "
                     "%.9g",
                     vc_isa_name(kernels->isa), tq, p->layer.keys, p->summaries, p->layer.head_dim,
                     p->layer.value_dim, (int)how->split, step, i, (double)out[i], p->want[i]);
    free(out);
    close_layer(&o);
}

static void check_all(const vc_packed_attention *sizes, double density, int biased,
                      size_t summaries)
{
    problem p;
    open_problem(&p, sizes, density, biased, summaries);
    for (int isa = 0; isa < VC_ISA_COUNT; isa++) {
        const vc_kernels *kernels = vc_kernels_of((vc_isa)isa);
        if (!kernels)
            continue;
        check(&p, kernels, &by_cost, sizes->queries, 0);
        check(&p, kernels, &by_cost, 5, 0);
        check(&p, kernels, &by_plan, sizes->queries, 0);
        check(&p, kernels, &grouped, sizes->queries, 0);
        check(&p, kernels, &grouped, 5, 0);
        check(&p, kernels, &whole, sizes->queries, 0);
        if (sizes->head_dim % 16 || sizes->value_dim % 16 ||
            (isa == VC_ISA_AVX512 && !vc_cpu_has_bf16()))
            continue;
        check(&p, kernels, &by_cost, 5, 1);
        check(&p, kernels, &by_plan, 5, 1);
        check(&p, kernels, &grouped, 5, 1);
        check(&p, kernels, &whole, sizes->queries, 1);
    }
    close_problem(&p);
}

static void equals_the_definition(void **state)
{
    (void)state;
    static const double densities[] = {-1.0 /* no mask */, 0.0, 0.1, 0.6};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < sizeof densities / sizeof *densities; i++)
            for (int biased = 0; biased < 2; biased++)
                check_all(&shapes[s], densities[i], biased, 0);
}

/* The panel ends with summaries: in one block with tokens, alone, and across blocks. */
static void summaries_join_the_softmax(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 9, 40};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (int biased = 0; biased < 2; biased++) {
                pools_by_queries = biased;
                check_all(&shapes[s], i == 1 ? 0.1 : 0.0, biased, counts[i]);
            }
    pools_by_queries = 0;
}

/* Both parts are in use, or the test above says little. */
static void splits_by_cost(void **state)
{
    (void)state;
    problem p;
    open_problem(&p, &shapes[0], 0.1, 0, 0);
    vc_packed_attention layer = p.layer;
    assert_ok(vc_packed_attention_open(&layer, p.plan.layers, NULL, &by_cost));
    assert_in_range(layer.pattern.head[0].panel_count, 1, 40);
    assert_non_null(layer.pattern.head[0].row_start);
    assert_int_equal(layer.pattern.head[0].kept, vc_plan_kept(p.plan.layers, 0));
    vc_packed_attention_close(&layer);
    close_problem(&p);

    open_problem(&p, &shapes[0], 0.1, 0, 0); /* nearly full: dense is cheaper */
    layer = p.layer;
    memset(p.pruned, 0, layer.heads * layer.queries * layer.keys);
    p.pruned[5] = 1;
    vc_plan_close(&p.plan);
    make_plan(&p);
    assert_ok(vc_packed_attention_open(&layer, p.plan.layers, NULL, &by_cost));
    assert_int_equal(layer.pattern.head[0].panel_count, layer.keys);
    assert_null(layer.pattern.head[0].row_start);
    vc_packed_attention_close(&layer);
    close_problem(&p);
}

static void costs_are_measured_or_given(void **state)
{
    (void)state;
    vc_attention_costs have;
    assert_int_equal(setenv("VC_ATTENTION_COSTS", "2,3.5,7,1", 1), 0);
    assert_ok(vc_attention_costs_get(&have, 0));
    assert_true(have.source == VC_COSTS_GIVEN && have.costs.panel_entry == 2.0 &&
                have.costs.row_entry == 3.5 && have.costs.row == 7.0);
    assert_ok(vc_attention_costs_get(&have, 1));
    assert_true(have.costs.panel_entry == 1.0);
    static const char *const wrong[] = {"1",     "1,2",       "1,2,x",  "1,2,3,",
                                        "0,1,2", "1,2,3,4,5", "1,2,nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(setenv("VC_ATTENTION_COSTS", wrong[i], 1), 0);
        assert_fails(vc_attention_costs_get(&have, 0), VC_EINVAL, wrong[i]);
    }
    assert_int_equal(unsetenv("VC_ATTENTION_COSTS"), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
    for (int bf16 = 0; bf16 <= vc_cpu_has_bf16(); bf16++) {
        assert_ok(vc_attention_costs_get(&have, bf16));
        assert_int_equal(have.source, VC_COSTS_MEASURED);
        assert_true(have.costs.panel_entry > 0.0 && have.costs.panel_entry < 1e6);
        assert_true(have.costs.row_entry > 0.0 && have.costs.row_entry < 1e6);
        assert_true(have.costs.row > 0.0 && have.costs.row < 1e6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_definition),
        cmocka_unit_test(summaries_join_the_softmax),
        cmocka_unit_test(splits_by_cost),
        cmocka_unit_test(costs_are_measured_or_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
