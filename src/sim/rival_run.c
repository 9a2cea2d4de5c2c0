/* Runs the blocks of a rival: loads ahead, predictions, scores, softmax, sums and stores (eq. E1 to
 * E4). */
#include <assert.h>

#include "rivals.h"

enum {
    SLOTS = 2 /* of a scratchpad */,
    AHEAD = 4 /* blocks under way */,
    SCORE_BYTES = 4,
    SUM_BYTES = 4
};

/* A block that is under way. */
typedef struct work {
    vc__block b;
    size_t slot;
    uint64_t
        stall[VC__RIVAL_STEPS]; /* cycles that lines wait for ports; those of the block have it */
    vc_transfer loads[VC_BUFFER_COUNT];
    uint64_t first_ready, last_ready; /* probabilities */
} work;

typedef struct store {
    vc_transfer transfer;
    int pending;
} store;

typedef struct runner {
    vc__chip_layer *a;
    vc__machine *m;
    const vc__rival *rival;
    size_t blocks_per_head, blocks;
    work work[AHEAD];
    store stores[SLOTS];
    uint64_t predicted; /* when what predicts by itself is free */
} runner;

/* ---- cutting */

static uint64_t widest_row(const runner *r)
{
    uint64_t widest = 0;
    for (size_t h = 0; h < r->rival->heads; h++)
        for (size_t q = 0; q < r->rival->queries; q++)
            widest = vc__later(widest, vc__kept_in_row(&r->a->pattern.head[h], q));
    return widest < r->rival->keys ? widest : r->rival->keys;
}

static vc_status cut_into_blocks(runner *r)
{
    const vc_chip_config *c = r->m->config;
    const vc_attention_sizes *s = &r->a->sizes;
    const uint64_t row = s->head_dim * r->rival->value_bytes,
                   widest = r->rival->no_scores ? 0 : widest_row(r),
                   scores = widest * SCORE_BYTES * (c->interleave ? SLOTS : 1) +
                            s->value_dim * (SUM_BYTES + SLOTS * r->rival->value_bytes);
    const uint64_t fit = c->buffers[VC_BUFFER_QUERY].bytes / SLOTS / row,
                   all = c->buffers[VC_BUFFER_OUTPUT].bytes,
                   held = all > r->rival->held_bytes ? (all - r->rival->held_bytes) / scores : 0,
                   least = fit < held ? fit : held;
    if (fit == 0)
        return vc__does_not_fit(r->m, VC_BUFFER_QUERY, row, "a query needs in each half");
    if (held == 0)
        return vc__does_not_fit(r->m, VC_BUFFER_OUTPUT, r->rival->held_bytes + scores,
                                "a row needs");
    r->blocks_per_head = vc__ceil_div(r->rival->queries, least);
    r->blocks = r->rival->heads * r->blocks_per_head;
    return VC_OK;
}

/* 1 if keys and values do not fit and must be loaded again for each block of a head. */
static int comes_again(const runner *r, vc_buffer buffer)
{
    const vc_attention_sizes *s = &r->a->sizes;
    const uint64_t width = buffer == VC_BUFFER_VALUE ? s->value_dim : s->head_dim,
                   bytes = r->rival->keys * width * r->rival->value_bytes;
    return bytes > r->m->config->buffers[buffer].bytes / SLOTS;
}

/* Cycles in which the scratchpads can give and take what a step of a block moves. */
static uint64_t port_cycles(const runner *r, const vc__block *b, vc__rival_step step)
{
    const int at_once = step == VC__SCORE && b->cycles[VC__SUM] == 0;
    uint64_t most = b->ported[step];
    for (int i = 0; i < VC_BUFFER_COUNT; i++) {
        uint64_t bytes = b->reads[step][i] + (at_once ? b->reads[VC__SUM][i] : 0);
        if (i == VC_BUFFER_OUTPUT) /* sums, which are read and written */
            bytes += (b->additions[step] + (at_once ? b->additions[VC__SUM] : 0)) * SUM_BYTES;
        most = vc__later(most, vc__move_cycles(r->m->config, (vc_buffer)i, bytes));
    }
    return most;
}

static void wait_for_ports(const runner *r, work *w)
{
    for (vc__rival_step step = VC__PREDICT; step < VC__RIVAL_STEPS; step++) {
        const uint64_t cycles = w->b.cycles[step], ports = port_cycles(r, &w->b, step);
        w->stall[step] = cycles > 0 && ports > cycles ? ports - cycles : 0;
    }
    for (int step = 0; step < VC__RIVAL_STEPS; step++)
        w->b.cycles[step] += w->stall[step];
}

static void open_block(runner *r, size_t index)
{
    work *w = &r->work[index % AHEAD];
    const size_t head = index / r->blocks_per_head, tile = index % r->blocks_per_head,
                 first = r->rival->queries * tile / r->blocks_per_head,
                 end = r->rival->queries * (tile + 1) / r->blocks_per_head;
    *w = (work){.slot = index % SLOTS};
    w->b = (vc__block){.head = head, .queries = end - first, .predictions = 1};
    r->rival->make(&w->b, r->a, head, first, end);
    wait_for_ports(r, w);
    if (tile > 0 && !comes_again(r, VC_BUFFER_KEY))
        w->b.bytes[VC_BUFFER_KEY] = 0;
    if (tile > 0 && !comes_again(r, VC_BUFFER_VALUE))
        w->b.bytes[VC_BUFFER_VALUE] = 0;
}

/* ---- loads */

static void start_load(runner *r, work *w, vc_buffer buffer)
{
    vc_transfer *t = &w->loads[buffer];
    *t = (vc_transfer){.address = r->m->address, .bytes = w->b.bytes[buffer]};
    if (t->bytes == 0)
        return;
    r->m->address += (t->bytes + 63) / 64 * 64;
    r->m->counts.loaded_bytes[buffer] += t->bytes;
    r->m->counts.written_bytes[buffer] += t->bytes;
    vc__read(r->m, t, r->m->now);
}

static void load_scores(runner *r, size_t index)
{
    if (index >= r->blocks)
        return;
    open_block(r, index);
    start_load(r, &r->work[index % AHEAD], VC_BUFFER_KEY);
    start_load(r, &r->work[index % AHEAD], VC_BUFFER_QUERY);
}

static void load_values(runner *r, size_t index)
{
    if (index < r->blocks)
        start_load(r, &r->work[index % AHEAD], VC_BUFFER_VALUE);
}

/* Returns when it is there; 0: it is there already. */
static uint64_t wait_for_load(runner *r, work *w, vc_buffer buffer)
{
    static const char *const tracks[][SLOTS] = {[VC_BUFFER_QUERY] = {"query 0", "query 1"},
                                                [VC_BUFFER_KEY] = {"key 0", "key 1"},
                                                [VC_BUFFER_VALUE] = {"value 0", "value 1"}};
    vc_transfer *t = &w->loads[buffer];
    if (t->bytes == 0)
        return 0;
    const uint64_t end = vc_memory_wait(r->m->memory, t);
    vc__span(r->m, tracks[buffer][w->slot], "load", (int)w->b.head, t->issue, end);
    vc__lines_idle(r->m, end, w->b.unit, VC_SPENT_DRAM);
    return end;
}

/* ---- phases */

/* Occupies all lines for a step, of which `busy` line cycles are work. */
static void occupy_lines(runner *r, const work *w, const char *name, vc__rival_step step,
                         uint64_t busy)
{
    uint64_t *spent = r->m->counts.spent[w->b.unit];
    const uint64_t lines = r->m->config->lines, cycles = w->b.cycles[step],
                   stall = w->stall[step] * lines, all = cycles * lines - stall;
    assert(busy <= all);
    spent[VC_SPENT_BUSY] += busy;
    spent[VC_SPENT_BUFFER] += stall;
    spent[VC_SPENT_IMBALANCE] += all - busy;
    vc__span(r->m, vc_chip_unit_name(w->b.unit), name, (int)w->b.head, r->m->now,
             r->m->now + cycles);
    r->m->now += cycles;
}

/* Rows are complete one after the other while scores are computed, the last one at the end (eq.
 * E3). */
static void soften_rows_of(runner *r, work *w, uint64_t start)
{
    vc__machine *m = r->m;
    const vc_chip_config *c = m->config;
    const vc__block *b = &w->b;
    const uint64_t row = vc__ceil_div(b->softmax, b->queries), complete = m->now + c->line_latency,
                   first = start + vc__ceil_div(b->cycles[VC__SCORE], b->queries) + c->line_latency,
                   begin = vc__later(first, m->unit_free[VC_CHIP_UNIT_SOFTMAX]),
                   through = vc__unit_work(m, VC_CHIP_UNIT_SOFTMAX, first, b->softmax);
    w->first_ready = begin + 2 * row + c->softmax_latency;
    w->last_ready = vc__later(through, complete + row) + row + c->softmax_latency + b->select;
    m->unit_free[VC_CHIP_UNIT_SOFTMAX] = vc__later(through, complete + row);
    vc__span(m, "softmax", "softmax", (int)b->head, begin, m->unit_free[VC_CHIP_UNIT_SOFTMAX]);
    m->counts.exponentials += b->entries;
    m->counts.multiplications += b->entries;
    m->counts.additions += b->entries;
}

/* Predictions beside the lines, which wait for them as for indices. */
static void predict_apart(runner *r, const work *w, uint64_t loaded)
{
    const uint64_t start = vc__later(loaded, r->predicted);
    r->predicted = start + w->b.cycles[VC__PREDICT];
    vc__span(r->m, "prediction", "predict", (int)w->b.head, start, r->predicted);
    vc__lines_idle(r->m, r->predicted, w->b.unit, VC_SPENT_INDEX);
}

static void count_block(vc_chip_counts *n, const vc__block *b)
{
    uint64_t additions = 0;
    for (int step = 0; step < VC__RIVAL_STEPS; step++) {
        additions += b->additions[step];
        for (size_t i = 0; i < VC_BUFFER_COUNT; i++)
            n->read_bytes[i] += b->reads[step][i];
    }
    n->predicted_macs += b->predicted_macs;
    n->macs += b->macs[0] + b->macs[1];
    n->additions += additions + b->vector_additions;
    n->multiplications += b->vector_multiplications;
    n->written_bytes[VC_BUFFER_OUTPUT] += b->entries * (SCORE_BYTES + 1) + additions * SUM_BYTES;
    n->read_bytes[VC_BUFFER_OUTPUT] += b->entries * (SCORE_BYTES + 1) + additions * SUM_BYTES;
}

static void run_scores(runner *r, size_t index)
{
    vc__machine *m = r->m;
    work *w = &r->work[index % AHEAD];
    const vc__block *b = &w->b;
    const int later = b->cycles[VC__SUM] > 0;
    const uint64_t q = wait_for_load(r, w, VC_BUFFER_QUERY), k = wait_for_load(r, w, VC_BUFFER_KEY);
    if (!later || b->values_first)
        wait_for_load(r, w, VC_BUFFER_VALUE);
    const uint64_t per_line = m->config->macs_per_line;
    if (b->cycles[VC__PREDICT] && r->rival->predicts_apart)
        predict_apart(r, w, vc__later(q, k));
    else if (b->cycles[VC__PREDICT])
        occupy_lines(r, w, "predict", VC__PREDICT, b->predicted_macs / (per_line * b->predictions));
    const uint64_t start = m->now;
    occupy_lines(r, w, later ? "SDDMM" : "SDDMM and SpMM", VC__SCORE,
                 (b->macs[0] + (later ? 0 : b->macs[1])) / per_line);
    soften_rows_of(r, w, start);
    count_block(&m->counts, b);
    load_scores(r, index + SLOTS);
}

static void wait_for_store(runner *r, size_t slot, vc_chip_unit unit, vc_spent cause)
{
    static const char *const tracks[SLOTS] = {"output 0", "output 1"};
    store *s = &r->stores[slot];
    if (!s->pending)
        return;
    const uint64_t end = vc_memory_wait(r->m->memory, &s->transfer);
    vc__span(r->m, tracks[slot], "store", -1, s->transfer.issue, end);
    vc__lines_idle(r->m, end, unit, cause);
    s->pending = 0;
}

static void store_results(runner *r, const work *w, uint64_t ready)
{
    vc__machine *m = r->m;
    store *s = &r->stores[w->slot];
    const uint64_t bytes = w->b.stored_bytes;
    wait_for_store(r, w->slot, w->b.unit, VC_SPENT_BUFFER);
    *s = (store){{.address = m->address, .bytes = bytes}, 1};
    m->address += (bytes + 63) / 64 * 64;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += bytes;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += bytes * (1 + SUM_BYTES);
    vc__write(m, &s->transfer, vc__later(ready, m->now));
}

static void run_sums(runner *r, size_t index)
{
    vc__machine *m = r->m;
    work *w = &r->work[index % AHEAD];
    const vc__block *b = &w->b;
    uint64_t ready = w->last_ready + b->drain;
    if (b->cycles[VC__SUM]) {
        wait_for_load(r, w, VC_BUFFER_VALUE);
        vc__lines_idle(m, w->first_ready, b->unit, VC_SPENT_SOFTMAX);
        occupy_lines(r, w, "SpMM", VC__SUM, b->macs[1] / m->config->macs_per_line);
        vc__lines_idle(m, w->last_ready + vc__ceil_div(b->cycles[VC__SUM], b->queries), b->unit,
                       VC_SPENT_SOFTMAX);
        ready = m->now + m->config->line_latency + b->drain;
    }
    store_results(r, w, ready);
    load_values(r, index + SLOTS);
}

static void run_blocks(runner *r)
{
    for (size_t i = 0; i < SLOTS; i++) {
        load_scores(r, i);
        load_values(r, i);
    }
    const int ahead = r->m->config->interleave && r->work[0].b.cycles[VC__SUM] > 0;
    for (size_t i = 0; i < r->blocks; i++) {
        if (i == 0 || !ahead)
            run_scores(r, i);
        if (ahead && i + 1 < r->blocks)
            run_scores(r, i + 1);
        run_sums(r, i);
    }
    for (size_t i = 0; i < SLOTS; i++)
        wait_for_store(r, (r->blocks + i) % SLOTS, r->work[0].b.unit, VC_SPENT_DRAIN);
}

vc_status vc__rival_run(vc__chip_layer *a, const vc__rival *rival)
{
    runner r = {.a = a, .m = a->machine, .rival = rival};
    VC_TRY(cut_into_blocks(&r));
    r.m->read_issue = vc__later(r.m->read_issue, r.m->now);
    r.predicted = r.m->now;
    run_blocks(&r);
    return VC_OK;
}

vc_status vc__check_array(const vc_chip_config *c, uint64_t macs)
{
    const uint64_t all = c->lines * c->macs_per_line;
    if (macs >= 1 && macs <= all)
        return VC_OK;
    return vc_fail(VC_EINVAL, "'%s' has an array of %zu MACs, wanted 1 to the %zu of all lines",
                   c->kind->name, (size_t)macs, (size_t)all);
}
