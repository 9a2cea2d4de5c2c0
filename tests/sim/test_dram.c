/* DRAM against its timing: latencies, streams, random rows, refresh, and every command trace
 * through the checker. */
#include "testing.h"
#include "vitcod/memory.h"
#include "vitcod/rng.h"

typedef struct trace {
    vc_dram_command *commands;
    size_t count, room;
} trace;

static void record(void *context, const vc_dram_command *command)
{
    trace *t = context;
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->commands = realloc(t->commands, t->room * sizeof *t->commands);
        assert_non_null(t->commands);
    }
    t->commands[t->count++] = *command;
}

/* DRAM on a chip of the same clock: cycles are its clocks. No refresh gets in the way of short
 * runs. */
static vc_memory *open_memory(const vc_memory_config *config, trace *t)
{
    vc_memory *m;
    assert_ok(vc_memory_open(&m, config, config->dram.clock_hz));
    if (t)
        vc_memory_watch(m, record, t);
    return m;
}

static uint64_t transfer(vc_memory *m, uint64_t address, uint64_t bytes, int write, uint64_t issue)
{
    vc_transfer t = {.address = address, .bytes = bytes, .write = write, .issue = issue};
    vc_memory_push(m, &t);
    return vc_memory_wait(m, &t);
}

/* A row is 8 KiB over four channels and four groups: the next row of a bank is this far. */
static uint64_t next_row(const vc_dram_config *c)
{
    return c->row_bytes * c->channels * c->bank_groups * c->banks * c->ranks;
}

static void unloaded_latencies(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    config.dram.power_down = config.dram.self_refresh = 0;
    const vc_dram_timing *t = &config.dram.timing;
    vc_memory *m = open_memory(&config, NULL);
    assert_int_equal(transfer(m, 0, 64, 0, 100), 100 + t->rcd + t->cl + t->burst);
    assert_int_equal(transfer(m, 0, 64, 0, 200), 200 + t->cl + t->burst);
    assert_int_equal(transfer(m, next_row(&config.dram), 64, 0, 300),
                     300 + t->rp + t->rcd + t->cl + t->burst);
    assert_int_equal(transfer(m, 64, 64, 1, 400), 400 + t->rcd + t->cwl + t->burst);
    const vc_memory_counters n = vc_memory_count(m, 500);
    assert_int_equal(n.reads, 3);
    assert_int_equal(n.row_hits, 1);
    assert_int_equal(n.activates, 3);
    assert_int_equal(n.precharges, 1);
    vc_memory_close(m);
    /* 500 MHz beside 1200: cycle 100 is clock 240, 38 clocks more are clock 278: cycle 115.8. */
    assert_ok(vc_memory_open(&m, &config, 500e6));
    assert_int_equal(transfer(m, 0, 64, 0, 100), 116);
    vc_memory_close(m);
}

static double share_of_peak(const vc_memory_config *config, uint64_t bytes, int write, trace *t)
{
    vc_memory *m = open_memory(config, t);
    const uint64_t end = transfer(m, 0, bytes, write, 0);
    vc_memory_close(m);
    return (double)bytes / ((double)end / config->dram.clock_hz) / vc_memory_peak(config);
}

static void check_trace(trace *t, const vc_memory_config *config);

/* A read at 100 wakes a rank that sleeps since 80: ACT at 108, RD at 125, data until 146. The rank
 * closes its rows and sleeps again from 226 on. Those of the other three channels sleep on. A read
 * at 300 opens the row again, at 308. */
static void power_down_by_hand(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    const vc_dram_config *c = &config.dram;
    trace t = {0};
    vc_memory *m = open_memory(&config, &t);
    assert_int_equal(transfer(m, 0, 64, 0, 100), 146);
    vc_memory_counters n = vc_memory_count(m, 500);
    assert_int_equal(n.state_clocks[VC_DRAM_PRECHARGED], 80 + 8 + 3 * 80);
    assert_int_equal(n.state_clocks[VC_DRAM_POWER_DOWN], 20 + 274 + 3 * 420);
    assert_int_equal(n.state_clocks[VC_DRAM_ACTIVE], 118);
    assert_int_equal(n.state_clocks[VC_DRAM_SELF_REFRESH], 0);
    assert_near(
        n.standby_pj,
        1e12 * c->vdd * 8 / c->clock_hz * (328 * c->idd2n + 1554 * c->idd2p + 118 * c->idd3n), 1.0);
    assert_int_equal(transfer(m, 0, 64, 0, 300), 346);
    n = vc_memory_count(m, 346);
    assert_int_equal(n.activates, 2);
    assert_int_equal(n.precharges, 1);
    vc_memory_close(m);
    check_trace(&t, &config);
    config.dram.power_down = 10;
    assert_fails(vc_memory_open(&m, &config, 1e9), VC_EINVAL,
                 "'power_down' is 10 clocks, wanted 74 or more");
}

/* A rank refreshes itself from 200 on: it takes commands again at 1432. The read is over at 1470;
 * the rank sleeps from 1550 on, and is there again at 1670; it takes the next read at 2432. */
static void self_refresh_by_hand(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    trace t = {0};
    config.dram.self_refresh = 200;
    vc_memory *m = open_memory(&config, &t);
    assert_int_equal(transfer(m, 0, 64, 0, 1000), 1432 + 17 + 17 + 4);
    vc_memory_counters n = vc_memory_count(m, 1480);
    assert_int_equal(n.state_clocks[VC_DRAM_SELF_REFRESH], 800 + 3 * 1280);
    assert_int_equal(n.state_clocks[VC_DRAM_POWER_DOWN], 4 * 120);
    assert_int_equal(n.state_clocks[VC_DRAM_PRECHARGED], 4 * 80 + 432);
    assert_int_equal(n.state_clocks[VC_DRAM_ACTIVE], 48);
    assert_int_equal(transfer(m, 0, 64, 0, 2000), 2432 + 17 + 17 + 4);
    /* Nobody refreshes it from outside meanwhile. */
    assert_int_equal(transfer(m, 0, 64, 0, 100000), 100432 + 17 + 17 + 4);
    n = vc_memory_count(m, 100470);
    assert_int_equal(n.refreshes, 0);
    assert_int_equal(n.activates, 3);
    assert_int_equal(n.precharges, 2);
    vc_memory_close(m);
    check_trace(&t, &config);
    config.dram.idd6 = 0.0;
    assert_fails(vc_memory_open(&m, &config, 1e9), VC_EINVAL, "later, with idd6 and xs");
}

/* Refreshes of a rank that sleeps are over when a burst comes: ten of them, every 9360 clocks, 420
 * each, during which it does not sleep. The read at 100 ends at 146; the rank sleeps again from 226
 * on, and takes the next one 8 clocks after it came. */
static void sleep_does_not_put_refreshes_off(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    trace t = {0};
    config.dram.self_refresh = 0;
    vc_memory *m = open_memory(&config, &t);
    assert_int_equal(transfer(m, 0, 64, 0, 100), 146);
    assert_int_equal(transfer(m, 0, 64, 0, 100000), 100046);
    const vc_memory_counters n = vc_memory_count(m, 100046);
    assert_int_equal(n.refreshes, 10);
    assert_int_equal(n.state_clocks[VC_DRAM_ACTIVE], 118 + 38);
    assert_int_equal(n.state_clocks[VC_DRAM_PRECHARGED], 80 + 8 + 10 * 420 + 8 + 3 * 80);
    vc_memory_close(m);
    check_trace(&t, &config);
}

/* Traffic with pauses of any length: each clock of a rank is in one state, and commands keep their
 * distance. */
static void states_fill_the_time(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    config.dram.ranks = 2;
    config.dram.self_refresh = 3000;
    vc_rng rng = vc_rng_open(5, 6, 7);
    trace t = {0};
    vc_memory *m = open_memory(&config, &t);
    uint64_t now = 0;
    for (int i = 0; i < 2000; i++)
        now = transfer(
            m, vc_rng_below(&rng, 1 << 28) * 64, (uint64_t)64 << vc_rng_below(&rng, 6), i % 3 == 0,
            now + (vc_rng_below(&rng, 8) ? vc_rng_below(&rng, 200) : vc_rng_below(&rng, 30000)));
    const vc_memory_counters n = vc_memory_count(m, now);
    uint64_t sum = 0;
    for (int s = 0; s < VC_DRAM_STATES; s++) {
        assert_true(n.state_clocks[s] > 0);
        sum += n.state_clocks[s];
    }
    assert_in_range(sum, 8 * now, 8 * now + 8 * 420); /* a refresh may be under way */
    vc_memory_close(m);
    check_trace(&t, &config);
}

static void check_trace(trace *t, const vc_memory_config *config)
{
    assert_ok(vc_dram_check(t->commands, t->count, &config->dram));
    free(t->commands);
    *t = (trace){0};
}

static void streams_come_near_the_peak(void **state)
{
    (void)state;
    const char *const files[] = {"configs/memory/ddr4-2400.yaml", "configs/memory/hbm2.yaml",
                                 "configs/memory/lpddr4.yaml"};
    for (size_t i = 0; i < 3; i++) {
        vc_memory_config config;
        trace t = {0};
        assert_ok(vc_memory_config_read(&config, files[i]));
        const double refresh = 1.0 - config.dram.timing.rfc_s / config.dram.timing.refi_s;
        for (int write = 0; write < 2; write++) {
            const double share = share_of_peak(&config, 8 << 20, write, &t);
            if (share < 0.96 * refresh || share > 1.0)
                fail_msg("%s, write %d: %.3f of the peak, wanted %.3f", files[i], write, share,
                         0.96 * refresh);
            check_trace(&t, &config);
        }
    }
}

/* Columns below bank groups: bursts follow each other in one group, tCCD_L apart. */
static void one_group_at_a_time_is_slower(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    const vc_dram_field blind[] = {VC_DRAM_ROW,        VC_DRAM_RANK,   VC_DRAM_BANK,
                                   VC_DRAM_BANK_GROUP, VC_DRAM_COLUMN, VC_DRAM_CHANNEL};
    memcpy(config.dram.mapping, blind, sizeof blind);
    config.dram.read_queue = 4; /* no looking ahead into the next group */
    const double share = share_of_peak(&config, 8 << 20, 0, NULL);
    if (share < 0.60 || share > 4.0 / 6.0)
        fail_msg("%.3f of the peak, wanted a little less than tCCD_S / tCCD_L = 0.667", share);
}

/* Rows of one bank come tRC apart, rows of all banks no closer than tFAW allows. */
static void random_rows(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    vc_memory_config config = vc_memory_config_default();
    config.dram.timing.refi_s = 1.0; /* no refresh */
    config.dram.channels = 1;
    vc_memory *m = open_memory(&config, NULL);
    vc_transfer *t = calloc(COUNT, sizeof *t);
    for (int i = 0; i < COUNT; i++) {
        t[i] = (vc_transfer){.address = next_row(&config.dram) * (uint64_t)i, .bytes = 64};
        vc_memory_push(m, &t[i]);
    }
    uint64_t end = vc_memory_wait(m, &t[COUNT - 1]);
    assert_near((double)end, (double)(config.dram.timing.rc * COUNT), 60.0);
    vc_memory_close(m);
    m = open_memory(&config, NULL);
    vc_rng rng = vc_rng_open(3, 1, 1);
    for (int i = 0; i < COUNT; i++) {
        t[i] = (vc_transfer){.address = vc_rng_below(&rng, 1 << 30) / 64 * 64, .bytes = 64};
        vc_memory_push(m, &t[i]);
    }
    end = vc_memory_wait(m, &t[COUNT - 1]);
    const uint64_t least = (COUNT / 4 - 1) * config.dram.timing.faw;
    if (end < least || (double)end > 1.35 * (double)least)
        fail_msg("%d random rows took %zu clocks, wanted a little more than %zu (tFAW)", COUNT,
                 (size_t)end, (size_t)least);
    vc_memory_close(m);
    free(t);
}

static void refresh_takes_its_share(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    vc_memory *m = open_memory(&config, NULL);
    const uint64_t end = transfer(m, 0, 64 << 20, 0, 0);
    const vc_memory_counters n = vc_memory_count(m, end);
    const double wanted = (double)end / config.dram.clock_hz / config.dram.timing.refi_s *
                          (double)config.dram.channels;
    assert_near((double)n.refreshes, wanted, (double)config.dram.channels);
    vc_memory_close(m);
}

/* Reads and writes of all lengths and places; done[] and the counters agree with what was asked. */
static void mixed_traffic(vc_memory_config *config, uint64_t seed)
{
    enum { COUNT = 300, CHUNK = 200 };
    trace t = {0};
    vc_memory *m = open_memory(config, &t);
    vc_rng rng = vc_rng_open(seed, 2, 2);
    vc_transfer *all = calloc(COUNT, sizeof *all);
    uint64_t *done = calloc(COUNT * 64, sizeof *done), issue = 0, bytes[2] = {0}, bursts[2] = {0};
    for (int i = 0; i < COUNT; i++) {
        issue += vc_rng_below(&rng, 300);
        all[i] = (vc_transfer){.address = vc_rng_below(&rng, 1 << 26),
                               .bytes = 1 + vc_rng_below(&rng, 60 * CHUNK),
                               .write = (int)vc_rng_below(&rng, 2),
                               .issue = issue,
                               .chunk_bytes = CHUNK,
                               .done = done + i * 64};
        bytes[all[i].write] += all[i].bytes;
        bursts[all[i].write] += (all[i].address + all[i].bytes - 1) / config->dram.burst_bytes -
                                all[i].address / config->dram.burst_bytes + 1;
        vc_memory_push(m, &all[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        const uint64_t end = vc_memory_wait(m, &all[i]);
        uint64_t last = 0;
        for (uint64_t c = 0; c * CHUNK < all[i].bytes; c++) {
            assert_true(all[i].done[c] > all[i].issue);
            last = all[i].done[c] > last ? all[i].done[c] : last;
        }
        assert_int_equal(last, end);
    }
    const vc_memory_counters n = vc_memory_count(m, 0);
    assert_int_equal(n.read_bytes, bytes[0]);
    assert_int_equal(n.written_bytes, bytes[1]);
    assert_int_equal(n.reads, bursts[0]);
    assert_int_equal(n.writes, bursts[1]);
    vc_memory_close(m);
    free(all);
    free(done);
    check_trace(&t, config);
}

static void every_command_keeps_its_distance(void **state)
{
    (void)state;
    const char *const files[] = {"configs/memory/ddr4-2400.yaml", "configs/memory/hbm2.yaml",
                                 "configs/memory/lpddr4.yaml"};
    for (uint64_t seed = 0; seed < 12; seed++) {
        vc_memory_config config;
        assert_ok(vc_memory_config_read(&config, files[seed % 3]));
        if (seed >= 3)
            config.dram.ranks = 2;
        if (seed >= 6)
            config.dram.channels = 1;
        if (seed >= 9)
            config.dram.timing.refi_s = 1e-6;
        mixed_traffic(&config, seed);
    }
}

/* A good trace with one command moved or changed: the checker must notice. */
static void the_checker_notices(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    config.dram.channels = 1;
    config.dram.ranks = 2;
    trace t = {0};
    vc_memory *m = open_memory(&config, &t);
    vc_rng rng = vc_rng_open(5, 2, 2);
    for (int i = 0; i < 150; i++)
        transfer(m, vc_rng_below(&rng, 1 << 24), 1 + vc_rng_below(&rng, 500), i % 3 == 0, 0);
    vc_memory_close(m);
    vc_dram_command *copy = malloc(t.count * sizeof *copy);
    size_t noticed[VC_DRAM_KINDS] = {0}, moved[VC_DRAM_KINDS] = {0};
    for (size_t i = 1; i < t.count; i++) {
        memcpy(copy, t.commands, t.count * sizeof *copy);
        assert_ok(vc_dram_check(copy, t.count, &config.dram));
        memcpy(copy, t.commands, t.count * sizeof *copy);
        const vc_dram_kind kind = copy[i].kind;
        copy[i].clock -= copy[i].clock > 12 ? 12 : copy[i].clock;
        moved[kind]++;
        noticed[kind] += vc_dram_check(copy, t.count, &config.dram) != VC_OK;
        if (kind == VC_DRAM_RD) {
            memcpy(copy, t.commands, t.count * sizeof *copy);
            copy[i].row ^= 1;
            assert_int_not_equal(vc_dram_check(copy, t.count, &config.dram), VC_OK);
        }
    }
    /* A precharge rarely goes as early as it might. */
    const size_t wanted[VC_DRAM_KINDS] = {[VC_DRAM_ACT] = moved[VC_DRAM_ACT] / 2,
                                          [VC_DRAM_PRE] = 1,
                                          [VC_DRAM_RD] = moved[VC_DRAM_RD] / 2,
                                          [VC_DRAM_WR] = moved[VC_DRAM_WR] / 2};
    for (int kind = 0; kind < VC_DRAM_KINDS; kind++)
        if (noticed[kind] < wanted[kind])
            fail_msg("command kind %d, 12 clocks early: noticed %zu of %zu", kind, noticed[kind],
                     moved[kind]);
    free(copy);
    free(t.commands);
}

/* One rule at a time: two commands at its gap, and one clock closer. */
static void every_rule_has_its_gap(void **state)
{
    (void)state;
    vc_memory_config config = vc_memory_config_default();
    const vc_dram_timing *t = &config.dram.timing;
    config.dram.ranks = 2;
    const uint64_t far = 1000;
    const struct {
        vc_dram_command list[3];
        size_t count;
        uint64_t gap;
    } cases[] = {
        {{{.kind = VC_DRAM_ACT}, {.kind = VC_DRAM_RD}}, 2, t->rcd},
        {{{.kind = VC_DRAM_ACT}, {.kind = VC_DRAM_PRE}}, 2, t->ras},
        {{{.kind = VC_DRAM_ACT}, {.kind = VC_DRAM_ACT, .bank = 1}}, 2, t->rrd_l},
        {{{.kind = VC_DRAM_ACT}, {.kind = VC_DRAM_ACT, .group = 1}}, 2, t->rrd_s},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_RD}, {.kind = VC_DRAM_RD}},
         3,
         t->ccd_l},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_RD}, {.kind = VC_DRAM_WR}},
         3,
         t->cl + t->burst + 2 - t->cwl},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_WR}, {.kind = VC_DRAM_RD}},
         3,
         t->cwl + t->burst + t->wtr_l},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_WR}, {.kind = VC_DRAM_PRE}},
         3,
         t->cwl + t->burst + t->wr},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_RD}, {.kind = VC_DRAM_PRE}},
         3,
         t->rtp},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_PRE}, {.kind = VC_DRAM_ACT}},
         3,
         t->rp},
        {{{.kind = VC_DRAM_ACT}, {.clock = far, .kind = VC_DRAM_PREA}, {.kind = VC_DRAM_REF}},
         3,
         t->rp},
        {{{.kind = VC_DRAM_REF}, {.kind = VC_DRAM_ACT}}, 2, 420},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t early = 0; early < 2; early++) {
            vc_dram_command list[3];
            memcpy(list, cases[i].list, sizeof list);
            list[cases[i].count - 1].clock = list[cases[i].count - 2].clock + cases[i].gap - early;
            const vc_status status = vc_dram_check(list, cases[i].count, &config.dram);
            if ((status == VC_OK) == (early == 1))
                fail_msg("case %zu, %zu early: %s", i, (size_t)early, vc_last_error());
        }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    vc_memory *m;
    vc_memory_config c = vc_memory_config_default();
    c.dram.channels = 3;
    assert_fails(vc_memory_open(&m, &c, 5e8), VC_EINVAL, "'channels' is 3, wanted a power of two");
    c = vc_memory_config_default(); /* each in its range, and together more than a machine has */
    c.dram.channels = c.dram.banks = c.dram.ranks = 1 << 20;
    assert_fails(vc_memory_open(&m, &c, 5e8), VC_EINVAL, "banks, wanted at most 65536");
    c = vc_memory_config_default();
    c.dram.read_queue = 1 << 20;
    assert_fails(vc_memory_open(&m, &c, 5e8), VC_EINVAL, "bursts, wanted at most 1048576");
    c = vc_memory_config_default();
    c.dram.timing.rc = 50;
    assert_int_equal(vc_memory_open(&m, &c, 5e8), VC_EINVAL);
    c = vc_memory_config_default();
    c.dram.write_low = 30;
    assert_int_equal(vc_memory_open(&m, &c, 5e8), VC_EINVAL);
    c = vc_memory_config_default();
    c.dram.mapping[0] = VC_DRAM_CHANNEL;
    assert_int_equal(vc_memory_open(&m, &c, 5e8), VC_EINVAL);
    c = (vc_memory_config){.model = VC_MEMORY_BANDWIDTH};
    assert_int_equal(vc_memory_open(&m, &c, 5e8), VC_EINVAL);
}

/* 153.6 bytes a cycle: 25,344 bytes end with cycle 165, in however many transfers, and what is
 * asked for then begins then. */
static void bandwidth_to_the_cycle(void **state)
{
    (void)state;
    const vc_memory_config c = {.model = VC_MEMORY_BANDWIDTH, .bytes_per_second = 76.8e9};
    vc_memory *m;
    uint64_t done[2];
    vc_transfer t[] = {{.bytes = 12608},
                       {.bytes = 12608},
                       {.bytes = 128, .chunk_bytes = 64, .done = done},
                       {.bytes = 768, .issue = 165},
                       {.bytes = 768, .issue = 169, .write = 1}};
    assert_ok(vc_memory_open(&m, &c, 5e8));
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        vc_memory_push(m, &t[i]);
    assert_int_equal(t[0].finished, 83);
    assert_int_equal(t[1].finished, 165);
    assert_int_equal(done[0], 165);
    assert_int_equal(done[1], 165);
    assert_int_equal(t[3].finished, 170);
    assert_int_equal(t[4].finished, 175);
    vc_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bandwidth_to_the_cycle),
        cmocka_unit_test(unloaded_latencies),
        cmocka_unit_test(power_down_by_hand),
        cmocka_unit_test(self_refresh_by_hand),
        cmocka_unit_test(sleep_does_not_put_refreshes_off),
        cmocka_unit_test(states_fill_the_time),
        cmocka_unit_test(streams_come_near_the_peak),
        cmocka_unit_test(one_group_at_a_time_is_slower),
        cmocka_unit_test(random_rows),
        cmocka_unit_test(refresh_takes_its_share),
        cmocka_unit_test(every_command_keeps_its_distance),
        cmocka_unit_test(the_checker_notices),
        cmocka_unit_test(every_rule_has_its_gap),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
