/* A burst that has waited longer than `age_cap` goes first (C5), held against every command. */
#include "testing.h"
#include "vitcod/memory.h"
#include "vitcod/rng.h"

enum { COUNT = 400, RATE = 12 };

/* Reads that wait, in the order in which they came. */
typedef struct waiting {
    const vc_dram_config *config;
    struct {
        uint64_t came, bank, row, column;
    } reads[COUNT];
    size_t count, late; /* commands that went because the oldest was late */
} waiting;

/* A field of a burst's number. */
static uint64_t field_of(const vc_dram_config *c, uint64_t burst, vc_dram_field field)
{
    const uint64_t sizes[VC_DRAM_FIELDS] = {[VC_DRAM_ROW] = c->rows,
                                            [VC_DRAM_RANK] = c->ranks,
                                            [VC_DRAM_BANK] = c->banks,
                                            [VC_DRAM_BANK_GROUP] = c->bank_groups,
                                            [VC_DRAM_COLUMN] = c->row_bytes / c->burst_bytes,
                                            [VC_DRAM_CHANNEL] = c->channels};
    for (int i = VC_DRAM_FIELDS - 1; c->mapping[i] != field; i--)
        burst /= sizes[c->mapping[i]];
    return burst % sizes[field];
}

static void comes(void *context, const vc_dram_request *r)
{
    waiting *w = context;
    const uint64_t burst = r->address / w->config->burst_bytes;
    assert_true(w->count < COUNT);
    w->reads[w->count].came = r->clock;
    w->reads[w->count].bank = field_of(w->config, burst, VC_DRAM_BANK_GROUP) * w->config->banks +
                              field_of(w->config, burst, VC_DRAM_BANK);
    w->reads[w->count].row = field_of(w->config, burst, VC_DRAM_ROW);
    w->reads[w->count++].column = field_of(w->config, burst, VC_DRAM_COLUMN);
}

static void goes(void *context, const vc_dram_command *command)
{
    waiting *w = context;
    const uint64_t bank = command->group * w->config->banks + command->bank,
                   age = command->clock - w->reads[0].came;
    size_t i = 0;
    assert_true(w->count > 0);
    if (age > w->config->age_cap) {
        w->late++;
        if (bank != w->reads[0].bank ||
            (command->kind != VC_DRAM_PRE && command->row != w->reads[0].row))
            fail_msg("at clock %zu bank %zu row %u goes, and bank %zu row %zu waits since %zu",
                     (size_t)command->clock, (size_t)bank, command->row, (size_t)w->reads[0].bank,
                     (size_t)w->reads[0].row, (size_t)w->reads[0].came);
    }
    if (command->kind != VC_DRAM_RD)
        return;
    while (i < w->count && (w->reads[i].bank != bank || w->reads[i].row != command->row ||
                            w->reads[i].column != command->column))
        i++;
    assert_true(i < w->count);
    memmove(&w->reads[i], &w->reads[i + 1], (--w->count - i) * sizeof *w->reads);
}

/* Reads of a few rows of a few banks, which come about as fast as they are served. */
static size_t late_of(size_t queue, uint64_t cap, uint64_t seed)
{
    vc_memory_config config = vc_memory_config_default();
    vc_memory *m;
    vc_transfer *t = calloc(COUNT, sizeof *t);
    waiting *w = calloc(1, sizeof *w);
    vc_rng rng = vc_rng_open(seed, 4, 4);
    uint64_t issue = 0;
    assert_true(t && w);
    config.dram.channels = config.dram.ranks = 1;
    config.dram.timing.refi_s = 1.0; /* no refresh */
    config.dram.read_queue = queue;
    config.dram.age_cap = cap;
    w->config = &config.dram;
    assert_ok(vc_memory_open(&m, &config, config.dram.clock_hz));
    vc_memory_watch(m, goes, w);
    vc_memory_watch_requests(m, comes, w);
    for (int i = 0; i < COUNT; i++) {
        const uint64_t banks = config.dram.banks * config.dram.bank_groups,
                       row = vc_rng_below(&rng, 3) * banks + vc_rng_below(&rng, 2);
        issue += vc_rng_below(&rng, 2 * RATE);
        t[i] = (vc_transfer){
            .address = (row << 13) + vc_rng_below(&rng, 128) * 64, .bytes = 64, .issue = issue};
        vc_memory_push(m, &t[i]);
    }
    vc_memory_wait(m, &t[COUNT - 1]);
    const size_t late = w->late;
    vc_memory_close(m);
    free(t);
    free(w);
    return late;
}

static void the_oldest_goes_first_when_it_is_late(void **state)
{
    (void)state;
    static const size_t queues[] = {4, 16, 64};
    size_t late = 0;
    for (uint64_t seed = 0; seed < 30; seed++)
        for (size_t q = 0; q < 3; q++)
            late += late_of(queues[q], 20 + 40 * (seed % 5), seed);
    assert_true(late > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_goes_first_when_it_is_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
