/* What comes first where two could, and when a half of a scratchpad is free (eq. D29). */
#include "../../src/sim/chip_impl.h"
#include "small_chip.h"

static void rows_of_a_cycle_go_by_number(void **state)
{
    (void)state;
    enum { ROWS = 6 };
    const uint64_t time[ROWS] = {70000, 9, 70000, 9, 300, 9};
    const size_t want[ROWS] = {1, 3, 5, 4, 0, 2};
    size_t order[ROWS], spare[ROWS];
    vc__order_rows(order, spare, time, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(order[i], want[i]);
}

enum { MOST_SPANS = 64 };

typedef struct spans {
    vc_chip_span all[MOST_SPANS];
    size_t count;
} spans;

static void keep(void *context, const vc_chip_span *span)
{
    spans *s = context;
    assert_true(s->count < MOST_SPANS);
    s->all[s->count++] = *span;
}

/* The n-th span of a track with that name, in the order of time. */
static const vc_chip_span *span_of(const spans *s, const char *track, const char *name, size_t n)
{
    const vc_chip_span *found = NULL;
    for (uint64_t after = 0;; after = found->start + 1) {
        found = NULL;
        for (size_t i = 0; i < s->count; i++) {
            const vc_chip_span *x = &s->all[i];
            if (strcmp(x->track, track) == 0 && strcmp(x->name, name) == 0 && x->start >= after &&
                (!found || x->start < found->start))
                found = x;
        }
        if (!found)
            fail_msg("no %s of %s", name, track);
        if (n-- == 0)
            return found;
    }
}

/* Twelve keys, four in each half of the value scratchpad. The first half of K is filled again once
 * all lines are through with it, at 6, and that of V likewise, when SpMM has used it. */
static void a_half_is_free_behind_its_phase(void **state)
{
    (void)state;
    vc_chip_config c = small_chip();
    const vc_attention_sizes s = {1, 4, 12, 8, 8, {0, 0}};
    const vc_memory_config memory = small_memory(&c);
    spans seen = {.count = 0};
    const vc_chip_options o = {
        .config = &c, .memory = &memory, .attention_only = 1, .watch = keep, .watcher = &seen};
    vc_workload w = {0};
    vc_chip_result r;
    c.buffers[VC_BUFFER_VALUE].bytes = 64;
    c.softmax = VC_CHIP_SOFTMAX_WHOLE;
    add_attention(&w, 0, &s, NULL);
    assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
    assert_int_equal(span_of(&seen, "denser", "SDDMM", 0)->end, 6);
    assert_int_equal(span_of(&seen, "key 0", "load", 1)->start, 6);
    assert_int_equal(span_of(&seen, "value 0", "load", 1)->start,
                     span_of(&seen, "denser", "SpMM", 0)->end);
    vc_chip_result_close(&r);
    vc_workload_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_cycle_go_by_number),
        cmocka_unit_test(a_half_is_free_behind_its_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
