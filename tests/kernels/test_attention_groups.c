/* Groups of queries that share the reading of K and V: what they list, when they are made. That
 * they compute the right thing is in test_packed_attention.c. */
#include "attention_problem.h"

/* The number of the group's sets that hold a key for a query, and that all counts are as stated. */
static size_t times_listed(const vc_row_groups *groups, size_t query, int32_t key)
{
    static const unsigned set_at[VC_GROUP_SETS] = {
#define VC_SET(index, set) [index] = (set),
        VC_GROUP_SETS_OF(VC_SET)
#undef VC_SET
    };
    const size_t group = query / VC_GROUP_ROWS;
    size_t found = 0;
    for (size_t p = groups->part_start[group]; p < groups->part_start[group + 1]; p++) {
        const int32_t *keys = groups->keys + groups->parts[p].start;
        size_t own = 0;
        for (size_t i = 0; i < VC_GROUP_SETS; i++) {
            const size_t count = groups->parts[p].counts[i];
            const int mine = (int)(set_at[i] >> query % VC_GROUP_ROWS & 1u);
            assert_true((set_at[i] & (set_at[i] - 1u)) == 0 || count % 4 == 0);
            own += mine ? count : 0;
            for (size_t j = 0; j < count; j++)
                found += (size_t)(mine && keys[j] == key);
            keys += count;
        }
        assert_true(own <= VC_GROUP_KEYS);
    }
    return found;
}

/* Every entry of a row is listed once for it, and nothing else; and what a row gives does not
 * depend on the rows that are computed with it. */
static void groups_hold_every_entry_once(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 3, 5, 96};
    const vc_packed_attention *of[] = {&shapes[0], &shapes[4]};
    for (size_t s = 0; s < sizeof of / sizeof *of; s++) {
        problem p;
        opened o;
        open_problem(&p, of[s], 0.6, 0, 0);
        open_layer(&o, &p, &grouped, 0);
        const vc_packed_attention *l = &o.layer;
        const size_t bytes = l->queries * l->heads * l->value_dim * sizeof(float);
        for (size_t h = 0; h < l->heads; h++) {
            const vc_row_groups *groups = l->head[h].groups;
            const vc_pattern_head *head = &l->pattern.head[h];
            assert_non_null(groups);
            assert_true(groups->key_count < vc_rows_count(head, l->queries));
            for (size_t i = 0; i < l->queries; i++)
                for (size_t j = 0; j < l->keys; j++)
                    assert_int_equal(times_listed(groups, i, (int32_t)j),
                                     head->panel_place[j] < 0 &&
                                         !p.pruned[(h * l->queries + i) * l->keys + j]);
        }
        float *all = room(bytes), *some = room(bytes);
        for (int isa = 0; isa < VC_ISA_COUNT; isa++) {
            const vc_kernels *kernels = vc_kernels_of((vc_isa)isa);
            if (!kernels)
                continue;
            attend(all, &p, &o, kernels, l->queries);
            for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                attend(some, &p, &o, kernels, steps[i]);
                assert_memory_equal(some, all, bytes);
            }
        }
        free(all);
        free(some);
        close_layer(&o);
        close_problem(&p);
    }
}

/* Rows that share nothing, and those whose costs are unknown, are not grouped. */
static void groups_have_to_pay(void **state)
{
    (void)state;
    const vc_pattern_options dear = {
        .split = VC_PATTERN_BY_PLAN,
        .costs = {.panel_entry = 1.0, .row_entry = 1.0 + 1e-6, .row = 7.0}};
    const struct {
        const vc_pattern_options *how;
        double density;
        int pays;
    } cases[] = {
        {&grouped, 0.6, 1},
        {&by_plan, 0.6, 0},
        {&dear, 0.6, 0},
        {&whole, 0.6, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problem p;
        opened o;
        open_problem(&p, &shapes[0], cases[i].density, 0, 0);
        open_layer(&o, &p, cases[i].how, 0);
        assert_int_equal(o.layer.head[0].groups != NULL, cases[i].pays);
        close_layer(&o);
        close_problem(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_hold_every_entry_once),
        cmocka_unit_test(groups_have_to_pay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
