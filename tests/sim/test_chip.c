/* The chip against hand-computed timelines. */
#include "run_attention.h"
#include "small_chip.h"
#include "with_summaries.h"

static vc_chip_counts simulate(const vc_attention_sizes *s, const vc_plan *plan,
                               const vc_chip_config *c)
{
    const vc_memory_config memory = small_memory(c);
    return run_attention(c, &memory, s, plan, NULL);
}

/* One head, four tokens, eight values. K is there at 1, Q at 2, V at 3. Each line holds a key and
 * takes four queries, one per cycle: 2 to 6. Row i is complete at 3 + i + 4; softmax takes one
 * cycle, its second pass one, its pipeline 16: ready at 25 + i. Line i sums row i in four cycles:
 * the last is done at 32. The store is issued at 36 and over at 37. */
static void dense_by_hand(void **state)
{
    (void)state;
    const vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    const vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.cycles, 37);
    assert_int_equal(n.macs, 2 * 16 * 8);
    expect_spent(&n, VC_CHIP_UNIT_DENSER,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 32,
                                            [VC_SPENT_DRAM] = 8,
                                            [VC_SPENT_SOFTMAX] = 19 + 20 + 21 + 22,
                                            [VC_SPENT_IMBALANCE] = 3 + 2 + 1});
    expect_spent(&n, VC_CHIP_UNIT_SPARSER, (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_DRAIN] = 20});
    expect_spent(&n, VC_CHIP_UNIT_SOFTMAX,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 4, [VC_SPENT_IDLE] = 33});
}

/* As dense_by_hand, and a residual: line 0 sums the values while softmax is at work; the rows end
 * at 29 to 32, and their further entries, a cycle each, at 30, 31, 31 and 32. The sums of eight
 * visits leave from 29 on, 32 bytes per cycle, four of them under way: the last at 33, the store
 * at 38. */
static void residual_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0}};
    vc_plan plan;
    vc_workload w = {0};
    make_plan(&plan, 4, 3, everywhere);
    plan.layers[0].kept_share = calloc(4, sizeof(float));
    assert_non_null(plan.layers[0].kept_share);
    const vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.cycles, 38);
    assert_int_equal(n.macs, 2 * 16 * 8 + (4 + 4) * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUSY], 32 + 4 + 4);
    /* A visit for the mean, four for rows, four for what is added to them. */
    assert_int_equal(n.written_bytes[VC_BUFFER_OUTPUT], 16 * (4 + 1) + 9 * 32 + 32);
    c.entries_per_visit = 1; /* where a line adds up as many by itself, the same visits */
    c.entries_per_sum = 4;
    assert_int_equal(simulate(&s, &plan, &c).written_bytes[VC_BUFFER_OUTPUT],
                     16 * (4 + 1) + 9 * 32 + 32);
    add_attention(&w, 0, &s, &plan);
    assert_int_equal(vc_workload_macs(&w, 1), n.macs);
    vc_workload_close(&w);
    vc_plan_close(&plan);
}

/* As dense_by_hand, and Q, K and V are there at 0: row i is complete at 5 + i, ready at 23 + i,
 * summed at 27 + i. The store is issued at 34: 35. With a byte less for Q it is as it was. */
static void forwarded_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    c.forward = 1;
    vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.cycles, 35);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY] + n.loaded_bytes[VC_BUFFER_KEY] +
                         n.loaded_bytes[VC_BUFFER_VALUE],
                     0);
    c.buffers[VC_BUFFER_QUERY].bytes = 4 * 8 - 1;
    n = simulate(&s, NULL, &c);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY], 4 * 8);
    assert_true(n.cycles > 35);
}

/* As dense_by_hand with visits of one entry. SDDMM is the same. Sums of 32 bytes leave, one per
 * cycle, and each line has room for one. Row 0 is summed from 25 to 26, row 1 to 27; its lines go
 * on at 27, 28, 29, 30, those of row 2 at 31 to 34, and those of row 3 are through at 35 to 38.
 * The store is issued at 42: 43. Where a line keeps the sums of four entries, it is as it was. */
static void sums_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    c.entries_per_visit = 1;
    vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.cycles, 43);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUFFER], 6 + 12 + 12);
    assert_int_equal(n.written_bytes[VC_BUFFER_OUTPUT], 16 * (4 + 1) + 16 * 32 + 32);
    c.buffers[VC_BUFFER_OUTPUT].banks = 16; /* row 3 is summed from 28 to 29 */
    assert_int_equal(simulate(&s, NULL, &c).cycles, 34);
    c.buffers[VC_BUFFER_OUTPUT].banks = 0;
    c.entries_per_sum = 4;
    n = simulate(&s, NULL, &c);
    assert_int_equal(n.cycles, 37);
    assert_int_equal(n.written_bytes[VC_BUFFER_OUTPUT], 16 * (4 + 1) + 4 * 32 + 32);
}

/* The same visits, and keys from a single bank: one per cycle, and each line has one ahead. Query
 * 0 is scored until 3, query 1 until 4, its last key until 5; query 2 from 5 to 8 on, query 3 from
 * 9 to 12 on. Rows are ready at 25, 27, 31 and 35; the sums of rows 1, 2 and 3 hold lines up for 1
 * and 2 cycles, the last two until 37 and 38. The store is issued at 42: 43. */
static void keys_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    c.entries_per_visit = 1;
    c.buffers[VC_BUFFER_KEY].banks = 1;
    const vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUFFER], 1 + 9 + 12 + 3 * 3);
    assert_int_equal(n.cycles, 43);
}

static int in_first_row_or_on_diagonal(size_t query, size_t key)
{
    return query == 0 || query == key;
}

/* Four columns, each a line's: query 0 for all, then their own. In two banks query 3 waits for
 * query 1, which lies in the same; query 0 is read once for all, at 3. Rows are complete at 8, 9,
 * 9 and 10 and ready from 26 on. Row 0 reads the values 0 to 3, from 26 to 30; the other rows want
 * theirs in the cycles in which it does. */
static void conflicts_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    vc_plan plan;
    make_plan(&plan, 4, 3, in_first_row_or_on_diagonal);
    c.buffers[VC_BUFFER_QUERY].banks = c.buffers[VC_BUFFER_VALUE].banks = 2;
    vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUFFER], 1);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUSY], 2 * 7);
    assert_int_equal(n.cycles, 35);
    c.gather = VC_CHIP_GATHER_DIVIDED; /* all entries take twice as long */
    n = simulate(&s, &plan, &c);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUFFER], 2 * 7);
    vc_plan_close(&plan);
}

/* As dense_by_hand, and one visit starts per cycle: lines begin at 0 to 3, and the last has its
 * queries from 3 to 7, so that row i is complete at 8 + i and ready at 26 + i. Rows begin at 7 to
 * 10, wait for softmax, and end at 30 to 33: the store is issued at 37. As many as there are lines
 * is no limit. */
static void dispatch_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    c.dispatch = 1;
    const vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.cycles, 38);
    expect_spent(&n, VC_CHIP_UNIT_DENSER,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 32,
                                            [VC_SPENT_DRAM] = 2 + 1,
                                            [VC_SPENT_DISPATCH] = 2 * (1 + 2 + 3),
                                            [VC_SPENT_SOFTMAX] = 4 * 19,
                                            [VC_SPENT_IMBALANCE] = 3 + 3 + 2 + 1});
    c.dispatch = 4;
    assert_int_equal(simulate(&s, NULL, &c).cycles, 37);
    c.dispatch = 4097;
    assert_fails(vc_chip_config_check(&c), VC_EINVAL, "'dispatch' is 4097, wanted 0 to 4096");
}

/* As dense_by_hand, and a summary. K, 5 rows, is there at 1 and 2; Q, 10 bytes each with the bias,
 * two at 2, two at 3; V at 4. Lines have keys until 6, one of them the summary until 10. Row i is
 * complete at 11 + i, and ready at 29 + i. Each is a visit of four and one of one: lines end at 34,
 * 35, 34 and 36. The store is issued at 40: 41. */
static void summary_by_hand(void **state)
{
    (void)state;
    const vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0}};
    vc_plan plan;
    vc_workload w = {0};
    make_plan(&plan, 4, 3, everywhere);
    add_summaries(&plan.layers[0], 1, 0);
    const vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.cycles, 41);
    assert_int_equal(n.macs, 2 * 4 * 5 * 8);
    expect_spent(&n, VC_CHIP_UNIT_DENSER,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 20 + 20,
                                            [VC_SPENT_DRAM] = 4 * 2,
                                            [VC_SPENT_SOFTMAX] = 19 + 19 + 20 + 20 + 1,
                                            [VC_SPENT_IMBALANCE] = 3 * 4 + 2 + 1 + 2});
    assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY], 4 * 8);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], 5 * 8);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_VALUE], 5 * 8);
    assert_int_equal(n.bias_bytes, 4 * 2);
    assert_int_equal(n.read_bytes[VC_BUFFER_QUERY], 20 * 8 + 4 * 2);
    add_attention(&w, 0, &s, &plan);
    assert_int_equal(vc_workload_macs(&w, 1), n.macs);
    vc_workload_close(&w);
    vc_plan_close(&plan);
}

/* Every count of a DeiT's layer in closed form, however it is stored. */
static void counts_of_summaries(void **state)
{
    (void)state;
    enum { H = 3, T = 197, D = 64 };
    const vc_chip_config c = vc_chip_config_default();
    for (uint64_t g = 1; g < 20; g += 8)
        for (uint32_t coded = 0; coded < 3; coded += 2) {
            const vc_attention_sizes s = {H, T, T, D, D, {coded, coded}};
            const uint64_t stored = coded ? coded : H;
            vc_plan plan;
            make_random_plan(&plan, &s, g, 0.9);
            const vc_chip_counts without = simulate(&s, &plan, &c);
            add_summaries(&plan.layers[0], g, g);
            const vc_chip_counts n = simulate(&s, &plan, &c);
            assert_int_equal(n.macs - without.macs, 2 * H * T * g * D);
            assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY], stored * T * D);
            assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], stored * (T + g) * D);
            assert_int_equal(n.loaded_bytes[VC_BUFFER_VALUE], H * (T + g) * D);
            assert_int_equal(n.loaded_bytes[VC_BUFFER_INDEX],
                             without.loaded_bytes[VC_BUFFER_INDEX]);
            assert_int_equal(n.bias_bytes, 2 * H * T * g);
            assert_int_equal(n.exponentials - without.exponentials, H * T * g);
            assert_int_equal(n.coder_macs - without.coder_macs, coded * g * H * D);
            assert_int_equal(n.stored_bytes, without.stored_bytes);
            assert_true(n.cycles > without.cycles);
            vc_plan_close(&plan);
        }
}

/* The diagonal has no global token: four columns of one entry, all lines sparser. The index, 8
 * numbers of 2 bytes, comes after K and Q: 2.5, so all is there at 3. SDDMM 3 to 4, rows complete
 * at 8; softmax one after the other: 9 to 12 and 17 more; V came at 3.5. Line i ends at 27 + i; the
 * store is issued at 34: 35. */
static void diagonal_by_hand(void **state)
{
    (void)state;
    const vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    vc_plan plan;
    make_plan(&plan, 4, 3, on_diagonal);
    const vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.cycles, 35);
    expect_spent(&n, VC_CHIP_UNIT_SPARSER,
                 (uint64_t[VC_SPENT_COUNT]){[VC_SPENT_BUSY] = 8,
                                            [VC_SPENT_DRAM] = 0,
                                            [VC_SPENT_INDEX] = 4 * 3,
                                            [VC_SPENT_SOFTMAX] = 22 + 23 + 24 + 25,
                                            [VC_SPENT_IMBALANCE] = 3 + 2 + 1,
                                            [VC_SPENT_DRAIN] = 20});
    vc_plan_close(&plan);
}

static int on_diagonal_or_in_first_row(size_t query, size_t key)
{
    return query == key || query == 0;
}

/* The same, and row 0 keeps all. It is complete at 8, the others at 9; one lane is through with
 * them at 12 to 15. The second pass takes row 0 from 12 to 16 and the others behind it, though the
 * first pass was through with them: ready at 32 to 35. SDDMM ended at 5. */
static void second_pass_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 4, 8, 8, {0, 0}};
    vc_plan plan;
    make_plan(&plan, 4, 3, on_diagonal_or_in_first_row);
    c.softmax_lanes = 1;
    const vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_SOFTMAX], 27 + 28 + 29 + 30);
    assert_int_equal(n.cycles, 41);
    vc_plan_close(&plan);
}

/* One column is one key for all lines: eight queries are one visit of a line, the others wait. */
static void one_column_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    vc_plan plan;
    make_plan(&plan, 8, 4, in_first_column);
    vc_chip_counts n = simulate(&s, &plan, &c);
    /* K 2, Q 4: 8 queries from 4 (the first at 3) on: Q i is there at 3 for i < 4, then at 4. */
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUSY], 16);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUSY], 0);
    /* SDDMM 3 to 11, row i complete at 8 + i, ready at 26 + i; SpMM: 8 visits of one entry on 4
     * lines, the last at 34; the store of 64 bytes from 38 on: 40. */
    assert_int_equal(n.cycles, 40);
    c.entries_per_visit =
        2; /* shared by four lines; softmax still takes a row per cycle from 8 on */
    n = simulate(&s, &plan, &c);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUSY], 16);
    /* SDDMM: lines end at 5, 5, 6, 6; SpMM: at 31, 32, 33, 34. */
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_IMBALANCE], 2 + 6);
    assert_int_equal(n.cycles, 40);
    vc_plan_close(&plan);
}

/* Column 0 is global, row 0 keeps seven more. Two lines each. Denser: Q 0 to 3 from 3 to 7, Q 4 to
 * 7 from 4 to 8. Sparser: indices, 28 bytes behind K and Q, are there at 5; four rounds of one
 * entry: 9. Rows are complete at 9 (1, 4), 10 (2, 5), 11 (3, 6), 12 (7), 13 (0); softmax takes one
 * after the other: ready at 27 to 33, and row 0 at 34. SpMM: the denser part ends with row 0 at 35,
 * the sparser with its first four entries at 38. Store: 42 to 44. */
static void row_and_column_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    vc_plan plan;
    make_plan(&plan, 8, 4, in_first_row_or_column);
    vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DENSER][VC_SPENT_BUSY], 2 * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_BUSY], 2 * 7);
    assert_int_equal(n.spent[VC_CHIP_UNIT_SPARSER][VC_SPENT_INDEX], 2 * 5);
    assert_int_equal(n.macs, 2 * 15 * 8);
    assert_int_equal(n.cycles, 44);
    /* One line for the denser part: 3 to 11, so rows 1 to 3 at 9 to 11, 4 to 7 at 12 to 15, row 0
     * at 12. Ready from 27 to 34, SpMM of the last row 35; store 39 to 41. */
    c.split = VC_LINE_SPLIT_FIXED;
    c.denser_share = 0.25;
    n = simulate(&s, &plan, &c);
    assert_int_equal(n.cycles, 41);
    vc_plan_close(&plan);
}

/* Two queries, four keys, 16 values: K is there at 1, Q at 2, V at 4. SDDMM 2 to 4, rows complete
 * at 7 and 8, ready at 25 and 26; an entry takes two cycles, a row of four 8: 34. Store of 32
 * bytes: 38 to 39. */
static void rectangle_by_hand(void **state)
{
    (void)state;
    const vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 2, 4, 8, 16, {0, 0}};
    const vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.cycles, 39);
    assert_int_equal(n.macs, 8 * (8 + 16));
    assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY] + n.loaded_bytes[VC_BUFFER_KEY] +
                         n.loaded_bytes[VC_BUFFER_VALUE],
                     2 * 8 + 4 * 8 + 4 * 16);
    assert_int_equal(n.stored_bytes, 32);
}

/* Two heads, K compressed to one; of its four tokens the scratchpad holds two. Head 0: K0, K1 are
 * there at 1, K2, K3 take their places once they are decoded, at 3 and 4, decoded at 4 and 5; Q is
 * there from 4 on, the last at 5. Lines end at 8, 8, 8 and 9; row i is complete at 10 + i, ready at
 * 28 + i, summed at 32 + i; the store goes from 39 to 40. Head 1 begins with K3 and K2, which are
 * still there; K1 and K0 come behind the store, at 41, decoded at 42 and 43, Q until 42. Key 0 is
 * used from 43 to 47, row i complete at 48 + i, ready at 66 + i, summed at 70 + i; the store goes
 * from 77 to 78. */
static void a_stream_by_hand(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {2, 4, 4, 8, 8, {0, 1}};
    c.decoder_macs = 8;
    c.buffers[VC_BUFFER_KEY].bytes = 16;
    vc_chip_counts n = simulate(&s, NULL, &c);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], (4 + 2) * 8);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY], 2 * 4 * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DECODER][VC_SPENT_BUSY], 2 * 4);
    assert_int_equal(n.cycles, 78);
    c.head_parallel = 1; /* each token of K comes once, for both heads */
    n = simulate(&s, NULL, &c);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], 4 * 8);
    assert_int_equal(n.spent[VC_CHIP_UNIT_DECODER][VC_SPENT_BUSY], 2 * 4);
}

/* Q and K of twelve heads as six, of which the scratchpads hold 51 of 100 tokens: K and Q are
 * decoded once for each head, and V comes once. Six of eight parts stay. */
static void a_stream_is_decoded_once(void **state)
{
    (void)state;
    enum { H = 12, C = 6, T = 100, D = 64 };
    vc_chip_config c = vc_chip_config_default();
    const vc_attention_sizes s = {H, T, T, D, D, {C, C}};
    vc_plan plan;
    make_random_plan(&plan, &s, 1, 0.9);
    c.buffers[VC_BUFFER_QUERY].bytes = c.buffers[VC_BUFFER_KEY].bytes = 51 * C * D;
    const uint64_t part = 51 / 8, again = T - 6 * part - 2 * part;
    vc_chip_counts n = simulate(&s, &plan, &c);
    assert_int_equal(n.coder_macs, H * 2 * T * C * D);
    assert_int_equal(n.loaded_bytes[VC_BUFFER_VALUE], H * T * D);
    /* The last part of the stream is the shorter one, in turn. */
    assert_true(n.loaded_bytes[VC_BUFFER_KEY] <= (T + (H - 1) * (again + part)) * C * D);
    assert_true(n.loaded_bytes[VC_BUFFER_KEY] >= (T + (H - 1) * (again - part)) * C * D);
    const uint64_t cycles = n.cycles;
    c.head_parallel = 1;
    n = simulate(&s, &plan, &c);
    assert_true(n.coder_macs > H * 2 * T * C * D && n.cycles > cycles);
    vc_plan_close(&plan);
}

/* A decoder so slow that it is still at work when the lines are through: the stage ends with it. */
static void a_slow_decoder_ends_the_stage(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    c.decoder_macs = 1;
    vc_plan plan;
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, 2, 8, 8));
    for (size_t i = 0; i < 2 * 64; i++)
        mask.pruned[i] = i % 8 != 0; /* one key; seven are decoded for nobody */
    assert_ok(vc_polarize(&plan, &mask, 8, "mask"));
    vc_mask_close(&mask);
    for (size_t of = 1; of < 4; of++) { /* Q, K, both */
        const size_t q = of & 1, k = of / 2;
        const vc_attention_sizes s = {2, 8, 8, 8, 8, {q, k}};
        const vc_chip_counts n = simulate(&s, &plan, &c);
        const uint64_t busy = (q + k) * 2 * 8 * 8;
        assert_int_equal(n.spent[VC_CHIP_UNIT_DECODER][VC_SPENT_BUSY], busy);
        assert_int_equal(n.coder_macs, busy);
        assert_true(n.cycles >= busy);
        assert_int_equal(n.read_bytes[VC_BUFFER_DECODED], q * 2 * 8 * 8 + k * 2 * 1 * 8 * 2);
        assert_int_equal(n.loaded_bytes[VC_BUFFER_QUERY], (2 - q) * 8 * 8);
        assert_int_equal(n.loaded_bytes[VC_BUFFER_KEY], (2 - k) * 8 * 8);
    }
    vc_plan_close(&plan);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    const vc_attention_sizes s = {1, 8, 8, 64, 64, {0, 0}};
    vc_workload w = {0};
    vc_chip_result r;
    vc_chip_config c = small_chip();
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory, .attention_only = 1};
    add_attention(&w, 0, &s, NULL);
    c.buffers[VC_BUFFER_KEY].bytes = 100;
    assert_fails(
        vc_chip_simulate(&r, &w, NULL, &o), VC_EINVAL,
        "the built-in chip: 'buffers.key.size' is 100 B; layer 0 wants 64 B, which the smallest "
        "tile needs in each half");
    c = small_chip();
    c.buffers[VC_BUFFER_OUTPUT].bytes = 300;
    assert_fails(
        vc_chip_simulate(&r, &w, NULL, &o), VC_EINVAL,
        "the built-in chip: 'buffers.output.size' is 300 B; layer 0 wants 416 B, which a row "
        "needs");
    c = small_chip();
    c.lines = 0;
    assert_fails(vc_chip_simulate(&r, &w, NULL, &o), VC_EINVAL, "'lines' is 0, wanted 1 to 4096");
    vc_workload_close(&w);
}

static void queries_of_another_length_are_refused(void **state)
{
    (void)state;
    const vc_attention_sizes s = {1, 8, 8, 8, 8, {0, 0}};
    const vc_chip_config c = small_chip();
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_options o = {.config = &c, .memory = &memory, .attention_only = 1};
    vc_workload w = {0};
    vc_chip_result r;
    vc_plan plan;
    make_plan(&plan, 8, 4, everywhere);
    add_summaries(&plan.layers[0], 2, 0);
    add_queries(&plan.layers[0], 7, 1.0f, 0);
    add_attention(&w, 0, &s, &plan);
    assert_fails(vc_chip_simulate(&r, &w, &plan, &o), VC_EINVAL,
                 "layer 0 is pooled by queries of 7 values, wanted 8");
    vc_workload_close(&w);
    vc_plan_close(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_by_hand),
        cmocka_unit_test(forwarded_by_hand),
        cmocka_unit_test(sums_by_hand),
        cmocka_unit_test(keys_by_hand),
        cmocka_unit_test(conflicts_by_hand),
        cmocka_unit_test(dispatch_by_hand),
        cmocka_unit_test(residual_by_hand),
        cmocka_unit_test(summary_by_hand),
        cmocka_unit_test(counts_of_summaries),
        cmocka_unit_test(diagonal_by_hand),
        cmocka_unit_test(second_pass_by_hand),
        cmocka_unit_test(one_column_by_hand),
        cmocka_unit_test(row_and_column_by_hand),
        cmocka_unit_test(rectangle_by_hand),
        cmocka_unit_test(a_stream_by_hand),
        cmocka_unit_test(a_stream_is_decoded_once),
        cmocka_unit_test(a_slow_decoder_ends_the_stage),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(queries_of_another_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
