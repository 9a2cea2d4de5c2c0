/* Products on the chip, and what follows them, against hand-computed timelines. */
#include "small_chip.h"
#include "vitcod/accelerator.h"
#include "with_summaries.h"

/* A layer's QKV stores nothing then. 384 bytes of weights are there at 12, eight rows by twos from
 * 13 on; pairs of rows take 24 cycles: 109. */
static void forwarding_product_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory};
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    const vc_op op = {.kind = VC_OP_QKV,
                      .macs = 8 * 16 * 24,
                      .weight_values = 384,
                      .input_values = 128,
                      .output_values = 192,
                      .products = {{8, 16, 24}}};
    for (int forward = 0; forward < 2; forward++) {
        vc_workload w = {0};
        vc_chip_result r;
        c.forward = forward;
        assert_ok(vc_workload_add(&w, &op));
        add_attention(&w, 0, &s, NULL);
        assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
        assert_int_equal(r.stages[0].counts.cycles, forward ? 109 : 109 + 4 + 6);
        assert_int_equal(r.stages[0].counts.stored_bytes, forward ? 0 : 192);
        /* Written by the lines, and read by what takes it on: the DMA or the other scratchpads. */
        const vc_chip_counts *qkv = &r.stages[0].counts;
        assert_int_equal(qkv->written_bytes[VC_BUFFER_OUTPUT], 192);
        assert_int_equal(qkv->read_bytes[VC_BUFFER_OUTPUT], 192);
        for (int b = VC_BUFFER_QUERY; b <= VC_BUFFER_VALUE; b++)
            assert_int_equal(qkv->written_bytes[b], forward ? 64 : 0);
        assert_int_equal(r.memory.read_bytes, 384 + 128 + (forward ? 0 : 192));
        assert_int_equal(r.memory.written_bytes, 64 + (forward ? 0 : 192));
        vc_chip_result_close(&r);
        vc_workload_close(&w);
    }
}

/* Eight rows of 16 times 16 x 16. 256 bytes of weights are there at 8, two rows with each cycle
 * behind them. Pairs of rows take 2 x 4 MACs a line: 16 / 2 outputs, 16 / 8 steps: 16 cycles, four
 * times, from 9 to 73. 128 sums in the vector unit: 75. Store of 128 bytes: 79 to 83. */
static void product_by_hand(void **state)
{
    (void)state;
    const vc_chip_config c = small_chip();
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory};
    const vc_op op = {.kind = VC_OP_PROJECTION,
                      .macs = 8 * 16 * 16,
                      .weight_values = 256,
                      .input_values = 128,
                      .output_values = 128,
                      .products = {{8, 16, 16}}};
    vc_workload w = {0};
    vc_chip_result r;
    assert_ok(vc_workload_add(&w, &op));
    assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
    assert_int_equal(r.total.cycles, 83);
    expect_spent(&r.total, VC_CHIP_UNIT_LINEAR,
                 (uint64_t[VC_SPENT_COUNT]){
                     [VC_SPENT_BUSY] = 4 * 64, [VC_SPENT_DRAM] = 4 * 9, [VC_SPENT_DRAIN] = 4 * 10});
    expect_spent(&r.total, VC_CHIP_UNIT_VECTOR,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 2, [VC_SPENT_IDLE] = 81});
    assert_int_equal(r.total.weight_bytes, 256);
    assert_int_equal(r.total.input_bytes, 128);
    vc_chip_result_close(&r);
    vc_workload_close(&w);
}

/* The same with a residual stream: 128 bytes behind the rows, there at 16. Where it is the input,
 * it stays on the chip. With 96 bytes of scratchpads (tiles of 8 outputs wait for 256 bytes of
 * weights in two halves) it comes in any case. */
static void residual_stream_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory};
    for (int input = 0; input < 2; input++)
        for (int small = 0; small < 2; small++) {
            const vc_op op = {.kind = VC_OP_PROJECTION,
                              .macs = 8 * 16 * 16,
                              .weight_values = 256,
                              .input_values = 128,
                              .output_values = 128,
                              .residual_values = 128,
                              .residual_is_input = input,
                              .products = {{8, 16, 16}}};
            vc_workload w = {0};
            vc_chip_result r;
            for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
                c.buffers[b].bytes = small ? 96 : 65536;
            assert_ok(vc_workload_add(&w, &op));
            assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
            assert_int_equal(r.total.input_bytes, 128 + (input && !small ? 0 : 128));
            if (!small)
                assert_int_equal(r.total.cycles, 83);
            vc_chip_result_close(&r);
            vc_workload_close(&w);
        }
}

/* Q, K and V of eight tokens, 16 to 3 x 8 values; seven tokens are pooled to two summaries, with
 * or without a query of eight values. */
static void simulate_pooling(vc_chip_result *out, int queried, size_t softmax_lanes)
{
    vc_chip_config c = small_chip();
    c.softmax_lanes = softmax_lanes;
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory};
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    const vc_op op = {.kind = VC_OP_QKV,
                      .macs = 8 * 16 * 24,
                      .weight_values = 384,
                      .input_values = 128,
                      .output_values = 192,
                      .products = {{8, 16, 24}}};
    vc_workload w = {0};
    vc_plan plan;
    make_plan(&plan, 8, 4, everywhere);
    add_summaries(&plan.layers[0], 2, 0);
    plan.layers[0].pooling.start[1] = 4; /* the first has one more than the other */
    if (queried)
        add_queries(&plan.layers[0], 8, 1.0f, 0);
    assert_ok(vc_workload_add(&w, &op));
    assert_ok(vc_workload_add_pooling(&w, 0, &s, &plan.layers[0]));
    assert_ok(vc_chip_simulate(out, &w, &plan, &o));
    assert_int_equal(out->total.macs, op.macs);
    assert_int_equal(out->total.stored_bytes, 192 + 32);
    vc_workload_close(&w);
    vc_plan_close(&plan);
}

/* 384 bytes of weights, 7 numbers and 7 weights of tokens, 2 lengths: 416 bytes, at 13; rows from
 * 14 on, by twos. Pairs of rows take 24 cycles: 110. 7 x 16 values of K and V in the vector unit:
 * 112. The store, of 192 bytes, from 114 on: 120; that of the summaries, 32 bytes, follows. */
static void pooling_by_hand(void **state)
{
    (void)state;
    vc_chip_result r;
    simulate_pooling(&r, 0, 16);
    assert_int_equal(r.total.cycles, 121);
    expect_spent(&r.total, VC_CHIP_UNIT_VECTOR,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 2, [VC_SPENT_IDLE] = 119});
    assert_int_equal(r.total.weight_bytes, 416);
    assert_int_equal(r.total.multiplications, 7 * 16);
    assert_int_equal(r.total.additions, 7 * 16);
    vc_chip_result_close(&r);
}

/* As above with a query of eight values: 432 bytes, at 14; lines are through at 111. Seven scores
 * in the vector unit: 112. Softmax takes a cycle for each summary: 114, its second pass one, its
 * pipeline 16: weights are there at 131. K in the vector unit: 132; V: 133. The store of the
 * summaries takes one cycle from then on. */
static void pooling_by_query_by_hand(void **state)
{
    (void)state;
    vc_chip_result r;
    simulate_pooling(&r, 1, 16);
    assert_int_equal(r.total.cycles, 134);
    expect_spent(&r.total, VC_CHIP_UNIT_VECTOR,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 3, [VC_SPENT_IDLE] = 131});
    expect_spent(&r.total, VC_CHIP_UNIT_SOFTMAX,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 2, [VC_SPENT_IDLE] = 132});
    assert_int_equal(r.total.weight_bytes, 432);
    assert_int_equal(r.total.exponentials, 7);
    assert_int_equal(r.total.multiplications, 7 * 8 + 7 + 7 * 16);
    assert_int_equal(r.total.additions, 7 * 8 + 7 + 7 * 16);
    vc_chip_result_close(&r);
}

/* With one lane: four entries are through at 116, the three behind them at 119. The second pass of
 * the four is busy until 120, so that of the three ends at 123: with the pipeline weights are there
 * at 139, and all is over eight cycles later than above. */
static void second_pass_of_summaries_by_hand(void **state)
{
    (void)state;
    vc_chip_result r;
    simulate_pooling(&r, 1, 1);
    assert_int_equal(r.total.cycles, 142);
    vc_chip_result_close(&r);
}

/* Two heads, K compressed to one, in scratchpads that make it one pass or several: each after the
 * first scales all sums. Pooled rows of K go through the encoder. */
static void pooling_by_query_in_passes(void **state)
{
    (void)state;
    enum { T = 40, G = 3, H = 2, D = 12, WIDTH = 2 * H * D, E = T - 1 };
    const vc_attention_sizes s = {H, T, T, D, D, {0, 1}};
    const vc_op ops[] = {{.kind = VC_OP_QKV,
                          .macs = T * 16 * 3 * H * D,
                          .weight_values = 16 * 3 * H * D,
                          .input_values = T * 16,
                          .output_values = T * 3 * H * D,
                          .products = {{T, 16, 3 * H * D}}},
                         {.kind = VC_OP_ENCODE, .macs = T * 3 * H * D, .sizes = s}};
    uint64_t most_passes = 0;
    for (uint64_t bytes = 600; bytes < 4096; bytes += 500) {
        vc_chip_config c = small_chip();
        const vc_memory_config memory = small_memory(&c);
        const vc_chip_options o = {.config = &c, .memory = &memory};
        vc_workload w = {0};
        vc_chip_result r, plain;
        vc_plan plan;
        for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
            c.buffers[b].bytes = bytes;
        make_plan(&plan, T, 4, everywhere);
        assert_ok(vc_workload_add(&w, &ops[0]));
        assert_ok(vc_workload_add(&w, &ops[1]));
        assert_ok(vc_chip_simulate(&plain, &w, &plan, &o));
        add_summaries(&plan.layers[0], G, 0);
        add_queries(&plan.layers[0], H * D, 1.0f, 0);
        plan.layers[0].pooling.dim = D;
        assert_ok(vc_workload_add_pooling(&w, 0, &s, &plan.layers[0]));
        assert_ok(vc_chip_simulate(&r, &w, &plan, &o));
        const uint64_t extra = 2 * (E + H * D) + 2 * (E + G),
                       passes = (r.total.weight_bytes - extra) / ops[0].weight_values,
                       scaled = (passes - 1) * G * WIDTH, products = E * (H * D + H + WIDTH);
        assert_int_equal(r.total.weight_bytes, passes * ops[0].weight_values + extra);
        assert_int_equal(r.total.multiplications, products + scaled);
        assert_int_equal(r.total.additions, products);
        assert_int_equal(r.total.exponentials, E * H);
        assert_int_equal(r.total.coder_macs - plain.total.coder_macs, G * H * D);
        assert_int_equal(r.total.stored_bytes - plain.total.stored_bytes, G * (D + H * D));
        most_passes = passes > most_passes ? passes : most_passes;
        vc_chip_result_close(&plain);
        vc_chip_result_close(&r);
        vc_workload_close(&w);
        vc_plan_close(&plan);
    }
    assert_true(most_passes > 1);
}

/* The same in two tiles of 8 outputs: 128 bytes of weights are there at 4, two rows at 5; both
 * tiles take 32 cycles, until 69; 64 sums until 70, their store from 74 to 76. */
static void search_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory};
    const vc_op op = {.kind = VC_OP_PROJECTION,
                      .macs = 8 * 16 * 16,
                      .weight_values = 256,
                      .input_values = 128,
                      .output_values = 128,
                      .products = {{8, 16, 16}}};
    vc_workload w = {0};
    vc_chip_result r;
    c.mapping = VC_CHIP_MAPPING_SEARCH;
    assert_ok(vc_workload_add(&w, &op));
    assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
    assert_int_equal(r.total.cycles, 76);
    assert_int_equal(r.total.macs, 8 * 16 * 16);
    vc_chip_result_close(&r);
    vc_workload_close(&w);
}

/* Many rows behind a slow memory: the weights of 64 KiB, which pass again for each part of the
 * rows, stay where that is looked for. */
static void weights_stay_while_rows_pass(void **state)
{
    (void)state;
    vc_accelerator a;
    assert_ok(vc_accelerator_open_with(&a, "vitcod", "bandwidth"));
    a.memory.bytes_per_second = 1e9;
    const vc_op op = {.kind = VC_OP_HEAD,
                      .macs = 8192 * 256 * 256,
                      .weight_values = 256 * 256,
                      .input_values = 8192 * 256,
                      .output_values = 8192 * 256,
                      .products = {{8192, 256, 256}}};
    vc_chip_counts n[2];
    for (int search = 0; search < 2; search++) {
        const vc_chip_options o = {.config = &a.chip, .memory = &a.memory};
        vc_workload w = {0};
        vc_chip_result r;
        a.chip.mapping = search ? VC_CHIP_MAPPING_SEARCH : VC_CHIP_MAPPING_PASSES;
        assert_ok(vc_workload_add(&w, &op));
        assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
        n[search] = r.total;
        vc_chip_result_close(&r);
        vc_workload_close(&w);
    }
    assert_true(n[0].weight_bytes > 256 * 256);
    assert_int_equal(n[1].weight_bytes, 256 * 256);
    assert_int_equal(n[1].input_bytes, n[0].input_bytes);
    assert_int_equal(n[1].stored_bytes, n[0].stored_bytes);
    if (n[1].cycles > n[0].cycles)
        fail_msg("%zu cycles, %zu without a search", (size_t)n[1].cycles, (size_t)n[0].cycles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forwarding_product_by_hand),
        cmocka_unit_test(product_by_hand),
        cmocka_unit_test(search_by_hand),
        cmocka_unit_test(weights_stay_while_rows_pass),
        cmocka_unit_test(residual_stream_by_hand),
        cmocka_unit_test(pooling_by_hand),
        cmocka_unit_test(pooling_by_query_by_hand),
        cmocka_unit_test(second_pass_of_summaries_by_hand),
        cmocka_unit_test(pooling_by_query_in_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
