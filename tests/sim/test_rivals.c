/* Rivals' attention against hand-computed timelines. */
#include "../chip_set.h"
#include "../with_summaries.h"
#include "run_attention.h"
#include "vitcod/accelerator.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"

static void set(vc_accelerator *a, const char *key, double value)
{
    chip_set(&a->chip, key, value);
}

/* 8 lines of one MAC, 32 bytes per cycle, nothing ahead. */
static vc_accelerator small_chip(const char *name)
{
    vc_accelerator a;
    assert_ok(vc_accelerator_open(&a, name));
    a.chip.lines = 8;
    a.chip.macs_per_line = 1;
    a.chip.interleave = 0;
    a.memory =
        (vc_memory_config){.model = VC_MEMORY_BANDWIDTH, .bytes_per_second = 32 * a.chip.clock_hz};
    return a;
}

static vc_chip_counts run(const vc_accelerator *a, const vc_attention_sizes *s, const vc_plan *plan)
{
    return run_attention(&a->chip, &a->memory, s, plan, NULL);
}

/* Four tokens, eight values, an array of 4 x 2. K and Q (32 bytes each) are there at 2. Scores:
 * two tiles along the sum, two of outputs, each 4 cycles of weights, 4 rows, 4 to fill and drain:
 * 48. Softmax: first row complete at 2 + 12 + 4, the last at 54, its two passes and 16: 72. V was
 * there at 3. Sums: one tile along the keys, four of outputs: 48, from 50 to 98. Store of 32
 * bytes: 102 to 103. Pipelined, a tile takes 4 cycles, and the array is filled and drained once:
 * scores 20, until 22; first row complete at 2 + 5 + 4, the last at 26: 44; sums from 11 + 2 + 16
 * = 29 to 49, and not before the last row and a fifth of it: 49. Store: 53 to 54. */
static void systolic_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("systolic");
    set(&a, "systolic_rows", 4);
    set(&a, "systolic_columns", 2);
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    vc_chip_counts n = run(&a, &s, NULL);
    assert_int_equal(n.macs, 2 * 4 * 4 * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUSY], 2 * 4 * 4 * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_DRAM], 2 * 8);
    assert_int_equal(n.cycles, 103);
    set(&a, "systolic_pipelined", 1);
    n = run(&a, &s, NULL);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_SOFTMAX], (29 - 22) * 8);
    assert_int_equal(n.cycles, 54);
}

/* Its linear layers run on the same array: 256 bytes of weights are there at 8, the first row is
 * wanted 4 cycles later. 4 x 8 tiles of 4 + 8 + 4 cycles: 520. Store of 128 bytes: 524 to 528. */
static void systolic_product_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("systolic");
    const vc_chip_options o = {.config = &a.chip, .memory = &a.memory};
    const vc_op op = {.kind = VC_OP_HEAD,
                      .macs = 8 * 16 * 16,
                      .weight_values = 256,
                      .input_values = 128,
                      .output_values = 128,
                      .products = {{8, 16, 16}}};
    vc_workload w = {0};
    vc_chip_result r;
    set(&a, "systolic_rows", 4);
    set(&a, "systolic_columns", 2);
    assert_ok(vc_workload_add(&w, &op));
    assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
    assert_int_equal(r.total.cycles, 528);
    assert_int_equal(r.total.macs, 8 * 16 * 16);
    assert_int_equal(r.total.additions, 8 * 16 * 3);
    vc_chip_result_close(&r);
    vc_workload_close(&w);
}

/* Four tokens, eight values, an array of 4 x 2, and 4 lanes of the vector unit. K, Q and V are
 * there at 1, 2 and 3; the mean of K takes until 11. K times V: two by four tiles of four keys and
 * 4 to fill and drain, 64: 75. Rows are ready 16 cycles behind the first, which ends at 11 + 16 +
 * 4: 47. Q times that: 8 tiles of 4 + 4 + 4 cycles, from 75 to 171. The last row is ready at 75 +
 * 4 + 16 and a fourth of that behind it. Store of 32 bytes: 175 to 176. */
static void vitality_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("vitality");
    set(&a, "vitality_rows", 4);
    set(&a, "vitality_columns", 2);
    a.chip.vector_lanes = 4;
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    const vc_chip_counts n = run(&a, &s, NULL);
    assert_int_equal(n.macs, 2 * 4 * 8 * 8);
    assert_int_equal(n.exponentials, 0);
    assert_int_equal(n.multiplications, 4 * 8);
    assert_int_equal(n.additions, 3 * 4 * 8 + 4 * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_SOFTMAX], 0);
    assert_int_equal(n.cycles, 176);
}

static int on_two_diagonals(size_t query, size_t key)
{
    return key == query || key == (query + 4) % 8;
}

static void make_plan(vc_plan *out, size_t tokens, int (*kept)(size_t query, size_t key))
{
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, 1, tokens, tokens));
    for (size_t i = 0; i < tokens * tokens; i++)
        mask.pruned[i] = !kept(i / tokens, i % tokens);
    assert_ok(vc_polarize(out, &mask, tokens, "mask"));
    vc_mask_close(&mask);
}

/* Eight tokens, eight values, two entries in each row, four keys apart: one in each of the two
 * tiles of four keys. An array of 4 sub-rows x 2 entries: eight sub-rows a tile, two groups, four
 * in all, each 8 cycles deep, and a skew of 3: 35. Prediction: 8 x 8 x 8 products, 8 MACs x 4: 16
 * cycles. K and Q are there at 4: predicted at 20, scores at 55, the last row complete at 59, ready
 * at 59 + 1 + 1 + 16 = 77; the first at 20 + 5 + 4 + 18 = 47. Sums from 55 to 90, not before 77
 * + 5. Store of 64 bytes: 94 to 96. */
static void sanger_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("sanger");
    vc_plan plan;
    set(&a, "sanger_rows", 4);
    set(&a, "sanger_entries", 2);
    set(&a, "sanger_positions", 4);
    set(&a, "sanger_skew", 3);
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    make_plan(&plan, 8, on_two_diagonals);
    vc_chip_counts n = run(&a, &s, &plan);
    assert_int_equal(n.macs, 2 * 16 * 8);
    assert_int_equal(n.predicted_macs, 8 * 8 * 8);
    assert_int_equal(n.cycles, 96);
    set(&a, "sanger_pipelined", 0); /* every group pays: 44; scores at 64, sums at 108 */
    n = run(&a, &s, &plan);
    assert_int_equal(n.cycles, 114);
    vc_plan_close(&plan);
}

/* In two blocks of four queries the second one's prediction, 4 x 8 x 8 products of 8 MACs x 4,
 * takes 8 cycles of all lines; or none, where it has MACs of its own and the block before takes
 * longer. */
static void sanger_predicts_apart_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("sanger");
    vc_plan plan;
    set(&a, "sanger_rows", 4);
    set(&a, "sanger_entries", 2);
    set(&a, "sanger_positions", 4);
    set(&a, "query_size", 64);
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    make_plan(&plan, 8, on_two_diagonals);
    const vc_chip_counts before = run(&a, &s, &plan);
    set(&a, "sanger_apart", 1);
    const vc_chip_counts apart = run(&a, &s, &plan);
    assert_int_equal(before.cycles - apart.cycles, 8);
    assert_int_equal(apart.predicted_macs, before.predicted_macs);
    assert_int_equal(before.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUSY] -
                         apart.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUSY],
                     2 * 8 * 8);
    assert_int_equal(apart.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_INDEX], 8 * 8);
    vc_plan_close(&plan);
}

/* Half of eight tokens, eight values: 4 MACs take half a key per cycle, four queries x four keys 2
 * cycles each: 32, scores and sums at once. K, Q, V are there at 3; 35. The last row at 39, ready
 * at 57, top-k of four keys at four per cycle, twice: 59, drained in 5: 64. Store of 32 bytes: 65.
 */
static void spatten_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("spatten");
    set(&a, "spatten_token_keep", 0.5);
    set(&a, "spatten_drain", 5);
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    vc_chip_counts n = run(&a, &s, NULL);
    assert_int_equal(n.macs, 2 * 4 * 4 * 8);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], 32);
    assert_int_equal(n.cycles, 65);
    set(&a, "spatten_least_significant", 0.5); /* two queries again: 48 instead of 32 */
    set(&a, "spatten_first_bits", 4);          /* and 24 of 32 bytes of K and Q */
    n = run(&a, &s, NULL);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], 24);
    assert_int_equal(n.cycles, 65 + 16);
    set(&a, "spatten_first_layer", 1); /* layer 0 keeps all */
    n = run(&a, &s, NULL);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_VALUE], 64);
}

/* Eight tokens, eight values, 32 MACs for scores: 2 cycles for a query, 16 in all. From one bank
 * K's 8 x 64 bytes take 64, and all lines wait 48. A systolic tile of 32 x 16 weights takes as many
 * cycles from one bank as it has words, 64, where the array takes a row in each, 32. */
static void banks_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("spatten");
    a.chip.macs_per_line = 8;
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    const uint64_t before = run(&a, &s, NULL).cycles;
    a.chip.buffers[VC_BUFFER_KEY].banks = 1;
    vc_chip_counts n = run(&a, &s, NULL);
    assert_int_equal(n.cycles, before + 48);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUFFER], 48 * 8);
    assert_ok(vc_accelerator_open(&a, "systolic"));
    const vc_attention_sizes one = {1, 16, 16, 32, 32, {0, 0}}; /* scores are one tile */
    assert_int_equal(run(&a, &one, NULL).spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUFFER], 0);
    a.chip.buffers[VC_BUFFER_KEY].banks = 1;
    n = run(&a, &one, NULL);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUFFER], 32 * 64);
}

/* On ViTCoD's lines, two of which share weights: four outputs side by side take 2 cycles, all 16
 * outputs 8; 256 bytes of weights from one bank take 32. So does each of the four groups of rows.
 */
static void banks_of_a_product_by_hand(void **state)
{
    (void)state;
    vc_accelerator a = small_chip("prune-reorder");
    const vc_chip_options o = {.config = &a.chip, .memory = &a.memory};
    const vc_op op = {.kind = VC_OP_HEAD,
                      .macs = 8 * 16 * 16,
                      .weight_values = 256,
                      .input_values = 128,
                      .output_values = 128,
                      .products = {{8, 16, 16}}};
    vc_workload w = {0};
    uint64_t cycles[2];
    a.chip.macs_per_line = 8;
    a.chip.linear_rows = 2;
    assert_ok(vc_workload_add(&w, &op));
    for (int i = 0; i < 2; i++) {
        vc_chip_result r;
        a.chip.buffers[VC_BUFFER_VALUE].banks = i ? 1 : 0;
        assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
        assert_int_equal(r.total.spent[VC_CHIP_UNIT_LINEAR][VC_SPENT_BUFFER], i ? 4 * 24 * 8 : 0);
        cycles[i] = r.total.cycles;
        vc_chip_result_close(&r);
    }
    assert_int_equal(cycles[1], cycles[0] + 4 * 24);
    vc_workload_close(&w);
}

/* ---- against the rivals' own cost models */

static vc_plan random_plan(size_t tokens, double density)
{
    vc_rng rng = vc_rng_open(1, 21, 0);
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_mask_open(&mask, 1, 1, tokens, tokens));
    for (size_t i = 0; i < tokens * tokens; i++)
        mask.pruned[i] = i / tokens != i % tokens && vc_rng_uniform(&rng) >= density;
    assert_ok(vc_polarize(&plan, &mask, tokens, "mask"));
    vc_mask_close(&mask);
    return plan;
}

/* Entries over what sub-rows of up to 16 have room for, sub-rows without entries left out. */
static double load_balance(const vc_plan *plan, size_t tokens)
{
    double kept = 0.0, sub_rows = 0.0;
    uint8_t *pruned = malloc(tokens * tokens);
    vc_plan_layer_mask(pruned, &plan->layers[0]);
    for (size_t q = 0; q < tokens; q++)
        for (size_t k = 0; k < tokens; k += 64) {
            size_t n = 0;
            for (size_t j = k; j < k + 64; j++)
                n += !pruned[q * tokens + j];
            kept += (double)n;
            sub_rows += (double)((n + 15) / 16);
        }
    free(pruned);
    return kept / (16.0 * sub_rows);
}

/* Sanger's published model of T = 512, one head of 768 values. Its SV takes a cycle per sub-row and
 * 64, ours one per value and 64; with its depth put in the place of ours the rest agrees. */
static void sanger_against_its_own_model(void **state)
{
    (void)state;
    const size_t tokens = 512, width = 768;
    for (double density = 0.1; density < 0.45; density += 0.1) {
        vc_plan plan = random_plan(tokens, density);
        vc_accelerator a;
        assert_ok(vc_accelerator_open(&a, "sanger-published"));
        set(&a, "sanger_predictions", 64); /* its model has no prediction */
        a.chip.buffers[VC_BUFFER_QUERY].bytes = a.chip.buffers[VC_BUFFER_KEY].bytes =
            a.chip.buffers[VC_BUFFER_VALUE].bytes = a.chip.buffers[VC_BUFFER_OUTPUT].bytes =
                1 << 24;
        const double kept = (double)vc_plan_kept(&plan.layers[0], 0) / (double)(tokens * tokens),
                     sub_rows = kept / load_balance(&plan, tokens) / 0.25 * (double)tokens,
                     tiles = sub_rows / 64.0 * (double)tokens / 64.0;
        const vc_attention_sizes s = {1, tokens, tokens, width, (size_t)sub_rows, {0, 0}};
        const vc_chip_counts n = run(&a, &s, &plan);
        const double theirs = tiles * ((double)width + 64.0 + sub_rows + 64.0);
        const double ours = (double)(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUSY] +
                                     n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_IMBALANCE]) /
                            64.0;
        if (fabs(ours / theirs - 1.0) > 0.15)
            fail_msg("density %g: %.0f cycles, Sanger's model says %.0f", density, ours, theirs);
        vc_plan_close(&plan);
    }
}

/* SpAtten's published model, BERT-Base's shape, half of the tokens kept: DRAM transactions one
 * after the other, queries x batches of keys, the last drain, top-k. Ours loads behind computing,
 * so that only the first load shows. */
static void spatten_against_its_own_model(void **state)
{
    (void)state;
    const size_t heads = 12, tokens = 384, depth = 64;
    vc_accelerator a;
    assert_ok(vc_accelerator_open(&a, "spatten-published"));
    set(&a, "spatten_token_keep", 0.5);
    const vc_attention_sizes s = {heads, tokens, tokens, depth, depth, {0, 0}};
    const vc_chip_counts n = run(&a, &s, NULL);
    const double kept = 0.5 * (double)tokens, batches = kept / (512.0 / (double)depth),
                 fill = (double)heads * kept * batches,
                 transactions = (double)heads * 2.0 * kept * (double)depth / 32.0 / 16.0,
                 drain = 11.0 + 87.0 + batches + 5.0,
                 top_k = (double)heads * (batches + 2.0 * kept / 4.0 + kept / 8.0),
                 theirs = transactions + fill + drain + top_k;
    if (fabs((double)n.cycles / theirs - 1.0) > 0.15)
        fail_msg("%zu cycles, SpAtten's model says %.0f", (size_t)n.cycles, theirs);
}

static void any_length(void **state)
{
    (void)state;
    static const char *const names[] = {"systolic", "sanger", "spatten"};
    const size_t lengths[] = {1, 2, 63, 65, 197, 1025};
    for (size_t i = 0; i < 3; i++)
        for (size_t l = 0; l < 6; l++) {
            vc_accelerator a;
            assert_ok(vc_accelerator_open(&a, names[i]));
            const vc_attention_sizes s = {3, lengths[l], lengths[l], 64, 64, {0, 0}};
            vc_plan plan = random_plan(lengths[l], 0.1);
            const vc_attention_sizes one = {1, lengths[l], lengths[l], 64, 64, {0, 0}};
            const vc_chip_counts dense = run(&a, &s, NULL), sparse = run(&a, &one, &plan);
            assert_true(dense.cycles > sparse.cycles);
            vc_plan_close(&plan);
        }
}

/* A rival gets no summaries (vc_chip_plan sees to it), and would not know what to do with any. */
static void no_summaries(void **state)
{
    (void)state;
    static const char *const names[] = {"systolic", "sanger", "spatten"};
    const vc_attention_sizes s = {1, 16, 16, 8, 8, {0, 0}};
    for (size_t i = 0; i < 3; i++) {
        vc_accelerator a;
        vc_plan plan = random_plan(16, 0.3), room;
        const vc_plan *used;
        vc_workload w = {0};
        vc_chip_result r;
        assert_ok(vc_accelerator_open(&a, names[i]));
        const vc_chip_options o = {.config = &a.chip, .memory = &a.memory, .attention_only = 1};
        add_summaries(&plan.layers[0], 3, 1);
        assert_ok(vc_workload_add_attention(&w, 0, &s, &plan.layers[0]));
        assert_fails(vc_chip_simulate(&r, &w, &plan, &o), VC_EUNSUPPORTED, "computes no summaries");
        assert_ok(vc_chip_plan(&used, &room, &a.chip, &plan));
        if (used) {
            assert_int_equal(used->layers[0].pooling.count, 0);
            assert_int_equal(vc_plan_kept(&used->layers[0], 0), vc_plan_kept(&plan.layers[0], 0));
        }
        vc_plan_close(&room);
        vc_workload_close(&w);
        vc_plan_close(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systolic_by_hand),
        cmocka_unit_test(systolic_product_by_hand),
        cmocka_unit_test(vitality_by_hand),
        cmocka_unit_test(sanger_by_hand),
        cmocka_unit_test(sanger_predicts_apart_by_hand),
        cmocka_unit_test(spatten_by_hand),
        cmocka_unit_test(banks_by_hand),
        cmocka_unit_test(banks_of_a_product_by_hand),
        cmocka_unit_test(sanger_against_its_own_model),
        cmocka_unit_test(spatten_against_its_own_model),
        cmocka_unit_test(any_length),
        cmocka_unit_test(no_summaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
