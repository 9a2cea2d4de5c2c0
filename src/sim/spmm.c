/* SV with the output stationary: a line holds the sums of a row, and probabilities and values
 * pass. */
#include "chip_impl.h"

typedef struct pass {
    vc__chip_layer *a;
    const vc_pattern_head *head;
    const vc__chip_tile *tile;
    vc__key_parts parts;
    const size_t *order; /* of rows, by when they are ready */
    size_t rows;
    const uint64_t *ready;
    const vc__operand *v;
    uint64_t cycles, gather; /* of an entry of the denser and of the sparser part */
    uint64_t visit;
    uint64_t visits;    /* counted as they go */
    uint64_t sum_bytes; /* of a row */
    vc__port port;      /* of the output scratchpad */
    uint64_t mean;      /* when it is there */
} pass;

/* What an engine has left to do: first the mean of values, then rows, then the mean as one more
 * entry of each row (eq. D17). */
typedef struct engine {
    vc__lines lines;
    int sparser, means, adds;
    size_t row, at;    /* of the next visit: its place in the order, its first entry */
    vc__range entries; /* of that row, once `known` */
    int known;
    size_t value, mean; /* the next of the mean's values, and the next row that gets it */
    size_t fresh;       /* lines that have no sums yet */
    size_t through;     /* lines whose last sums have left, once there are no more visits */
} engine;

static void open_engine(engine *e, const pass *p, size_t count, vc_chip_unit unit)
{
    vc__machine *m = p->a->machine;
    vc__lines_open(&e->lines, count, m->now, m->config->dispatch, m->counts.spent[unit]);
    e->sparser = unit == VC_CHIP_UNIT_SPARSER;
    e->means = e->adds = 0;
    e->row = e->at = e->mean = e->through = 0;
    e->known = 0;
    e->value = p->tile->key_first;
    e->fresh = count;
}

/* The line that is free first gives its sums away, which takes as long as the ports say, and takes
 * the next visit. */
static uint64_t start_visit(engine *e, pass *p)
{
    uint64_t *first = &e->lines.free[0];
    p->visits++;
    if (e->fresh > 0)
        e->fresh--;
    else
        *first = vc__wait(e->lines.spent, *first, vc__port_take(&p->port, *first, p->sum_bytes),
                          VC_SPENT_BUFFER);
    return vc__lines_start(&e->lines);
}

static uint64_t start_row(engine *e, pass *p, size_t query)
{
    return vc__wait(e->lines.spent, start_visit(e, p), p->ready[query - p->tile->query_first],
                    VC_SPENT_SOFTMAX);
}

static uint64_t value_there(const engine *e, const pass *p, uint64_t t, size_t key)
{
    return t < p->v->last ? vc__wait_for(e->lines.spent, t, p->v, key - p->tile->key_first) : t;
}

static size_t end_of(size_t first, size_t end, uint64_t visit)
{
    return end - first > visit ? first + (size_t)visit : end;
}

static uint64_t denser_visit(engine *e, pass *p, size_t query)
{
    const size_t end = end_of(e->at, p->parts.panel, p->visit);
    const uint64_t start = start_row(e, p, query);
    uint64_t t = start;
    e->lines.spent[VC_SPENT_BUSY] += (end - e->at) * p->cycles;
    if (!p->a->flow && t >= p->v->last) { /* waits for no value */
        t += (end - e->at) * p->cycles;
        e->at = end;
    }
    for (; e->at < end; e->at++) {
        const size_t key = vc__panel_key(&p->parts, p->tile, e->at);
        t = value_there(e, p, t, key) + p->cycles;
        if (p->a->flow)
            vc__flow_sum_panel(p->a->flow, p->tile->head, query, key);
    }
    vc__lines_take(&e->lines, t);
    return start;
}

static void sparser_visit(engine *e, pass *p, size_t query, vc__range row)
{
    const size_t end = end_of(row.first + e->at, row.end, p->visit), first = row.first + e->at;
    const uint64_t now = e->lines.free[0];
    uint64_t t = start_row(e, p, query);
    e->lines.spent[VC_SPENT_BUSY] += (end - first) * p->cycles;
    e->lines.spent[VC_SPENT_BUFFER] += (end - first) * (p->gather - p->cycles);
    for (size_t i = first; i < end; i++) {
        const size_t key = (size_t)p->head->row_keys[i];
        t = value_there(e, p, t, key);
        t = vc__gather(p->a->machine, e->lines.spent, now, t, key - p->tile->key_first);
        t += p->gather;
        if (p->a->flow)
            vc__flow_sum_entry(p->a->flow, p->tile->head, (size_t)p->head->row_entry[i], query,
                               key);
    }
    vc__lines_take(&e->lines, t);
    e->at = end - row.first;
}

/* Adds a part of the sum of the values of the tile, which is one more row of the panel. */
static void mean_visit(engine *e, pass *p)
{
    const size_t end = end_of(e->value, p->tile->key_end, p->visit);
    uint64_t t = start_visit(e, p);
    e->lines.spent[VC_SPENT_BUSY] += (end - e->value) * p->cycles;
    for (; e->value < end; e->value++) {
        t = value_there(e, p, t, e->value) + p->cycles;
        if (p->a->flow)
            vc__flow_sum_mean(p->a->flow, p->tile->head, e->value);
    }
    vc__lines_take(&e->lines, t);
    p->mean = vc__later(p->mean, t);
}

/* Adds the mean as one more entry of a row. */
static void add_mean(engine *e, pass *p, size_t query)
{
    const uint64_t t =
        vc__wait(e->lines.spent, start_row(e, p, query), p->mean, VC_SPENT_IMBALANCE);
    e->lines.spent[VC_SPENT_BUSY] += p->cycles;
    vc__lines_take(&e->lines, t + p->cycles);
    if (p->a->flow)
        vc__flow_add_mean(p->a->flow, p->tile->head, query);
}

static size_t query_at(const pass *p, size_t place)
{
    return p->tile->query_first + p->order[place];
}

static vc__range sparser_row(const pass *p, size_t query)
{
    return vc__row_entries(p->head, query, p->parts.global_end, p->parts.sparser_end);
}

/* Does the engine's next visit; 0: there is none. */
static int next_visit(engine *e, pass *p)
{
    if (e->means && e->value < p->tile->key_end) {
        mean_visit(e, p);
        return 1;
    }
    for (; e->row < p->rows; e->row++, e->at = 0, e->known = 0) {
        const size_t query = query_at(p, e->row);
        if (!e->known)
            e->entries = e->sparser ? sparser_row(p, query) : (vc__range){0, p->parts.panel};
        e->known = 1;
        if (e->at == e->entries.end - e->entries.first)
            continue;
        if (e->sparser)
            sparser_visit(e, p, query, e->entries);
        else
            denser_visit(e, p, query);
        return 1;
    }
    if (!e->adds || e->mean == p->rows)
        return 0;
    add_mean(e, p, query_at(p, e->mean++));
    return 1;
}

/* How many rounds from `visit` on find their rows ready. */
static uint64_t ready_rounds(const vc__rounds *r, const engine *e, const pass *p, uint64_t visit,
                             uint64_t per_row)
{
    const uint64_t lines = e->lines.count, rounds = (p->rows * per_row - visit) / lines,
                   end = visit + rounds * lines;
    for (uint64_t row = vc__ceil_div(visit, per_row); row * per_row < end; row++)
        if (p->ready[p->order[row]] > vc__rounds_start(r, &e->lines, row * per_row))
            return (row * per_row - visit) / lines;
    return rounds;
}

/* Rows of a panel alone, whose visits are alike, or those of a round are what those of the round
 * before were. */
static void run_panel(engine *e, pass *p)
{
    const uint64_t lines = e->lines.count, per_row = vc__ceil_div(p->parts.panel, p->visit),
                   all = p->rows * per_row;
    const int alike = p->parts.panel % p->visit == 0 || (per_row && lines % per_row == 0);
    vc__machine *m = p->a->machine;
    vc__rounds r = {.first = UINT64_MAX, .free = m->round_room[0], .start = m->round_room[1]};
    uint64_t visit = 0;
    for (; alike && visit + 2 * lines <= all; visit++) {
        if (vc__rounds_repeat(&r, visit, &e->lines, &p->port) &&
            e->lines.spent[VC_SPENT_SOFTMAX] == r.spent[VC_SPENT_SOFTMAX]) {
            const uint64_t rounds = ready_rounds(&r, e, p, visit, per_row);
            vc__rounds_skip(&r, &e->lines, &p->port, rounds);
            visit += rounds * lines;
            p->visits += rounds * lines;
            if (visit + 2 * lines > all)
                break;
        }
        if (visit >= r.first + lines || r.first == UINT64_MAX) {
            r.first = UINT64_MAX;
            if (e->fresh == 0 && e->lines.free[0] >= p->v->last)
                vc__rounds_watch(&r, visit, &e->lines, &p->port);
        }
        e->row = (size_t)(visit / per_row);
        e->at = (size_t)(visit % per_row * p->visit);
        const uint64_t start = denser_visit(e, p, query_at(p, e->row));
        if (r.first != UINT64_MAX)
            r.start[visit - r.first] = start;
    }
    if (visit > 0) {
        e->row = (size_t)(visit / per_row);
        e->at = (size_t)(visit % per_row * p->visit);
    }
}

/* The next line that is free gives its last sums away. */
static void end_line(engine *e, pass *p)
{
    uint64_t *at = &e->lines.free[e->through];
    if (e->through++ >= e->fresh)
        *at = vc__wait(e->lines.spent, *at, vc__port_take(&p->port, *at, p->sum_bytes),
                       VC_SPENT_BUFFER);
}

/* Both engines' visits in the order of time, in which their sums move. */
static void run_engines(engine *denser, engine *sparser, pass *p)
{
    engine *const both[2] = {denser, sparser};
    int done[2] = {0, 0};
    for (;;) {
        engine *next = NULL;
        int which = 0;
        for (int i = 0; i < 2; i++) {
            engine *e = both[i];
            if (e->through < e->lines.count &&
                (!next || e->lines.free[e->through] < next->lines.free[next->through])) {
                next = e;
                which = i;
            }
        }
        if (!next)
            return;
        done[which] = done[which] || !next_visit(next, p);
        if (done[which])
            end_line(next, p);
    }
}

static uint64_t count_sparser(const pass *p)
{
    uint64_t entries = 0;
    for (size_t query = p->tile->query_first; query < p->tile->query_end; query++) {
        const vc__range row = sparser_row(p, query);
        entries += row.end - row.first;
    }
    return entries;
}

vc_status vc__spmm(vc__chip_layer *a, const vc__chip_tile *tile, const size_t *order,
                   const uint64_t *ready, const vc__operand *v)
{
    vc__machine *m = a->machine;
    const vc_chip_config *c = m->config;
    const uint64_t dv = a->sizes.value_dim, each = vc_chip_value_bytes(c),
                   rows = tile->query_end - tile->query_first;
    pass p = {.a = a,
              .head = &a->pattern.head[tile->head],
              .tile = tile,
              .parts = vc__parts_of(a, tile),
              .order = order,
              .rows = rows,
              .ready = ready,
              .v = v,
              .cycles = vc__entry_cycles(c, dv),
              .gather = vc__gather_cycles(c, VC_BUFFER_VALUE, dv),
              .visit = c->entries_per_sum ? c->entries_per_sum : c->entries_per_visit,
              .sum_bytes = dv * sizeof(int32_t)};
    const uint64_t panel = rows * p.parts.panel, entries = count_sparser(&p);
    const int means = p.head->kept_share != NULL && tile->query_first == 0,
              adds = p.head->kept_share != NULL && tile->key_end == a->sizes.keys;
    const uint64_t residual = (means ? tile->key_end - tile->key_first : 0) + (adds ? rows : 0);
    size_t wide;
    VC_TRY(vc__split_lines(&wide, m, tile, (panel + residual) * p.cycles, entries * p.gather));
    engine dense, sparse;
    open_engine(&dense, &p, wide, VC_CHIP_UNIT_DENSER);
    open_engine(&sparse, &p, c->lines - wide, VC_CHIP_UNIT_SPARSER);
    engine *regular =
        wide > 0 ? &dense : &sparse; /* a fixed split may leave the denser part none */
    regular->means = means;
    regular->adds = adds;
    vc__port_open(&p.port, c, VC_BUFFER_OUTPUT, c->lines, p.sum_bytes);
    vc__banks_clear(&m->banks, vc_chip_banks(c, VC_BUFFER_VALUE), p.cycles);
    p.mean = m->now;
    if (!a->flow && residual == 0 && sparse.lines.count == 0)
        run_panel(&dense, &p);
    run_engines(&dense, &sparse, &p);
    const uint64_t dense_end = vc__lines_end(&dense.lines),
                   sparse_end = vc__lines_end(&sparse.lines),
                   end = vc__later(m->now, vc__later(dense_end, sparse_end));
    vc__lines_close(&dense.lines, end);
    vc__lines_close(&sparse.lines, end);
    vc__span(m, "denser", "SpMM", (int)tile->head, m->now, dense_end);
    vc__span(m, "sparser", "SpMM", (int)tile->head, m->now, sparse_end);
    m->now = end;
    m->counts.macs += (panel + entries + residual) * dv;
    m->counts.read_bytes[VC_BUFFER_VALUE] += (panel + entries + residual) * dv * each;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += (panel + entries) * each; /* probabilities */
    /* The sums of a visit are added to those of the row, in the output scratchpad. */
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += p.visits * p.sum_bytes;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += p.visits * p.sum_bytes;
    m->counts.additions += p.visits * dv;
    return VC_OK;
}
