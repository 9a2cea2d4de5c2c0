/* Rounds of visits that repeat are not run one by one: times and counts are what they are where
 * each visit is run, as it is with data. */
#include "run_attention.h"
#include "small_chip.h"

static vc_chip_counts simulate(const vc_attention_sizes *s, const vc_plan *plan,
                               const vc_chip_config *c, const vc_chip_values *values)
{
    const vc_memory_config memory = small_memory(c);
    return run_attention(c, &memory, s, plan, values);
}

static void expect_the_same(const vc_attention_sizes *s, const vc_plan *plan,
                            const vc_chip_config *c, size_t at, size_t chip)
{
    const size_t q = s->heads * s->queries, k = s->heads * s->keys;
    int8_t *bytes = calloc(q * s->head_dim + k * (s->head_dim + s->value_dim), 1);
    int32_t *out = calloc(q * s->value_dim, sizeof *out);
    const vc_chip_values values = {.q = bytes,
                                   .k = bytes + q * s->head_dim,
                                   .v = bytes + q * s->head_dim + k * s->head_dim,
                                   .score_scale = 1e-4f,
                                   .out = out};
    const vc_chip_counts each = simulate(s, plan, c, &values), rounds = simulate(s, plan, c, NULL);
    if (memcmp(&each, &rounds, sizeof each) != 0)
        fail_msg("sizes %zu, chip %zu: %zu cycles, wanted %zu, or other counts", at, chip,
                 (size_t)rounds.cycles, (size_t)each.cycles);
    free(bytes);
    free(out);
}

static void rounds_are_their_visits(void **state)
{
    (void)state;
    const vc_attention_sizes sizes[] = {
        {2, 197, 197, 64, 64, {0, 0}}, {1, 600, 600, 64, 64, {0, 0}}, {1, 300, 700, 16, 32, {0, 0}},
        {2, 64, 64, 8, 8, {0, 0}},     {2, 197, 196, 64, 64, {1, 1}}, {1, 63, 64, 24, 8, {0, 0}}};
    vc_chip_config chips[8];
    enum { CHIPS = sizeof chips / sizeof *chips };
    for (size_t c = 0; c < CHIPS; c++)
        chips[c] = vc_chip_config_default();
    chips[1].dispatch = 1;
    chips[2].dispatch = 4;
    chips[2].entries_per_visit = 3;
    chips[3].buffers[VC_BUFFER_KEY].banks = chips[3].buffers[VC_BUFFER_OUTPUT].banks = 8;
    chips[4].entries_per_sum = 16;
    chips[5].softmax = VC_CHIP_SOFTMAX_WHOLE;
    chips[6].lines = 48;
    chips[6].interleave = 0;
    chips[7].split = VC_LINE_SPLIT_FIXED;
    chips[7].softmax_lanes = 2;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t c = 0; c < CHIPS; c++)
            for (int sparse = 0; sparse < 2; sparse++) {
                vc_plan plan;
                if (sparse)
                    make_random_plan(&plan, &sizes[i], i, 0.7);
                expect_the_same(&sizes[i], sparse ? &plan : NULL, &chips[c], i, c);
                if (sparse)
                    vc_plan_close(&plan);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rounds_are_their_visits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
