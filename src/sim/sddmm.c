/* QK^T with the key stationary: a line holds a key, queries pass, and it computes one score after
 * the other. */
#include "chip_impl.h"

#include <math.h>

vc_status vc__split_lines(size_t *denser, const vc__machine *m, const vc__chip_tile *tile,
                          uint64_t denser_work, uint64_t sparser_work)
{
    const vc_chip_config *c = m->config;
    const double kept = (double)denser_work + (double)sparser_work;
    const double share = c->split == VC_LINE_SPLIT_FIXED ? c->denser_share
                         : kept > 0.0                    ? (double)denser_work / kept
                                                         : 0.0;
    size_t lines = (size_t)lround((double)c->lines * share);
    if (c->split == VC_LINE_SPLIT_KEPT) { /* a part with work gets a line at least */
        if (denser_work > 0 && lines == 0)
            lines = 1;
        if (sparser_work > 0 && lines == c->lines)
            lines = (size_t)c->lines - 1;
    }
    if ((denser_work > 0 && lines == 0) || (sparser_work > 0 && lines == c->lines))
        return vc_fail(
            VC_EINVAL,
            "layer %d head %zu: of %zu lines the denser part gets %zu, and both parts have "
            "work (%zu and %zu line cycles): wanted at least one line for each",
            m->layer, tile->head, (size_t)c->lines, lines, (size_t)denser_work,
            (size_t)sparser_work);
    *denser = lines;
    return VC_OK;
}

/* Shared by the denser and the sparser part. */
typedef struct pass {
    vc__chip_layer *a;
    const vc_pattern_head *head;
    const vc__chip_tile *tile;
    vc__key_parts parts;
    const vc__range *columns;
    const vc__operand *q, *k;
    const uint64_t *index;
    uint64_t *done;
    uint64_t cycles, gather; /* of an entry of the denser and of the sparser part */
    uint64_t latency, visit;
    uint64_t bytes; /* of a key */
} pass;

/* When the line that is free first can start with a column. */
static uint64_t start_column(vc__lines *lines, vc__port *port, const pass *p, size_t key)
{
    uint64_t t = vc__lines_start(lines);
    t = vc__wait(lines->spent, t, vc__port_take(port, t, p->bytes), VC_SPENT_BUFFER);
    if (p->index)
        t = vc__wait(lines->spent, t, p->index[key - p->tile->key_first], VC_SPENT_INDEX);
    return vc__wait_for(lines->spent, t, p->k, key - p->tile->key_first);
}

static uint64_t query_there(vc__lines *lines, const pass *p, uint64_t t, size_t query)
{
    return t < p->q->last ? vc__wait_for(lines->spent, t, p->q, query - p->tile->query_first) : t;
}

static uint64_t score(const pass *p, uint64_t t, size_t query, uint64_t cycles)
{
    const size_t at = query - p->tile->query_first;
    t += cycles;
    p->done[at] = vc__later(p->done[at], t + p->latency);
    return t;
}

static uint64_t visit_denser(vc__lines *lines, vc__port *port, const pass *p, size_t first,
                             size_t place)
{
    const vc__chip_tile *tile = p->tile;
    const size_t key = vc__panel_key(&p->parts, tile, place),
                 end = vc__smaller(first + p->visit, tile->query_end);
    const uint64_t start = start_column(lines, port, p, key);
    uint64_t t = start;
    for (size_t query = first; query < end; query++) {
        t = score(p, query_there(lines, p, t, query), query, p->cycles);
        if (p->a->flow)
            vc__flow_score_panel(p->a->flow, tile->head, query, key);
    }
    lines->spent[VC_SPENT_BUSY] += (end - first) * p->cycles;
    vc__lines_take(lines, t);
    return start;
}

/* As many rounds as there are of visits of full groups, of which `visit` is the next. Of a row the
 * last visit of its group is the last to be complete. Returns the visit that is next then. */
static uint64_t skip_rounds(vc__rounds *r, vc__lines *lines, vc__port *port, const pass *p,
                            uint64_t visit, uint64_t full)
{
    const uint64_t panel = p->parts.panel, rounds = (full - visit) / lines->count,
                   end = visit + rounds * lines->count;
    for (uint64_t last = visit / panel * panel + panel - 1; last < end; last += panel) {
        uint64_t t = vc__rounds_start(r, lines, last);
        for (uint64_t i = 0; i < p->visit; i++)
            t = score(p, t, p->tile->query_first + last / panel * p->visit + i, p->cycles);
    }
    vc__rounds_skip(r, lines, port, rounds);
    return end;
}

/* Groups of queries, and in each the panel. Once all has arrived, visits of full groups are alike.
 */
static void score_denser(vc__lines *lines, vc__port *port, const pass *p)
{
    const vc__chip_tile *tile = p->tile;
    const uint64_t rows = tile->query_end - tile->query_first, panel = p->parts.panel,
                   all = vc__ceil_div(rows, p->visit) * panel, full = rows / p->visit * panel,
                   there = vc__later(p->q->last, p->k->last);
    vc__machine *m = p->a->machine;
    vc__rounds r = {.first = UINT64_MAX, .free = m->round_room[0], .start = m->round_room[1]};
    for (uint64_t visit = 0; visit < all; visit++) {
        if (vc__rounds_repeat(&r, visit, lines, port) && visit + lines->count <= full)
            visit = skip_rounds(&r, lines, port, p, visit, full);
        if (visit == all)
            return;
        if (visit >= r.first + lines->count || r.first == UINT64_MAX) {
            r.first = UINT64_MAX;
            if (!p->a->flow && lines->free[0] >= there && visit + 2 * lines->count <= full)
                vc__rounds_watch(&r, visit, lines, port);
        }
        const size_t first = tile->query_first + (size_t)(visit / panel * p->visit);
        const uint64_t start = visit_denser(lines, port, p, first, (size_t)(visit % panel));
        if (r.first != UINT64_MAX)
            r.start[visit - r.first] = start;
    }
}

static void score_sparser(vc__lines *lines, vc__port *port, const pass *p)
{
    const vc__chip_tile *tile = p->tile;
    for (size_t key = p->parts.global_end; key < p->parts.sparser_end; key++) {
        const vc__range column = p->columns[key];
        for (size_t e = column.first; e < column.end;) {
            const size_t end = e + p->visit < column.end ? e + p->visit : column.end;
            const uint64_t now = lines->free[0];
            uint64_t t = start_column(lines, port, p, key);
            lines->spent[VC_SPENT_BUSY] += (end - e) * p->cycles;
            lines->spent[VC_SPENT_BUFFER] += (end - e) * (p->gather - p->cycles);
            for (; e < end; e++) {
                const size_t query = (size_t)p->head->column_rows[e];
                t = query_there(lines, p, t, query);
                t = vc__gather(p->a->machine, lines->spent, now, t, query - tile->query_first);
                t = score(p, t, query, p->gather);
                if (p->a->flow)
                    vc__flow_score_entry(p->a->flow, tile->head, e, query, key);
            }
            vc__lines_take(lines, t);
        }
    }
}

/* Counts the entries of the sparser part in a tile, and the visits that they take. */
static void count_sparser(uint64_t *entries, uint64_t *visits, const pass *p)
{
    *entries = *visits = 0;
    for (size_t key = p->parts.global_end; key < p->parts.sparser_end; key++) {
        const vc__range column = p->columns[key];
        *entries += column.end - column.first;
        *visits += vc__ceil_div(column.end - column.first, p->visit);
    }
}

vc_status vc__sddmm(vc__chip_layer *a, const vc__chip_tile *tile, const vc__operand *q,
                    const vc__operand *k, const uint64_t *index, uint64_t *done)
{
    vc__machine *m = a->machine;
    const vc_chip_config *c = m->config;
    const uint64_t d = a->sizes.head_dim, each = vc_chip_value_bytes(c),
                   rows = tile->query_end - tile->query_first;
    const size_t *coded =
        a->sizes.compressed; /* what is lies in a scratchpad of its own (eq. D7) */
    const vc_buffer queries = coded[0] ? VC_BUFFER_DECODED : VC_BUFFER_QUERY,
                    keys = coded[1] ? VC_BUFFER_DECODED : VC_BUFFER_KEY;
    const pass p = {.a = a,
                    .head = &a->pattern.head[tile->head],
                    .tile = tile,
                    .parts = vc__parts_of(a, tile),
                    .columns = vc__tile_columns(a, tile),
                    .q = q,
                    .k = k,
                    .index = index,
                    .done = done,
                    .cycles = vc__entry_cycles(c, d),
                    .gather = vc__gather_cycles(c, queries, d),
                    .latency = c->line_latency,
                    .visit = c->entries_per_visit,
                    .bytes = d * each};
    uint64_t entries, visits;
    count_sparser(&entries, &visits, &p);
    const uint64_t panel = rows * p.parts.panel,
                   summaries = rows * (tile->key_end - p.parts.sparser_end);
    size_t wide;
    VC_TRY(vc__split_lines(&wide, m, tile, panel * p.cycles, entries * p.gather));
    vc__lines dense, sparse;
    vc__lines_open(&dense, wide, m->now, c->dispatch, m->counts.spent[VC_CHIP_UNIT_DENSER]);
    vc__lines_open(&sparse, c->lines - wide, m->now, c->dispatch,
                   m->counts.spent[VC_CHIP_UNIT_SPARSER]);
    vc__banks_clear(&m->banks, vc_chip_banks(c, queries), p.cycles);
    vc__port dense_keys, sparse_keys;
    vc__port_open(&dense_keys, c, keys, wide, p.bytes);
    vc__port_open(&sparse_keys, c, keys, c->lines - wide, p.bytes);
    score_denser(&dense, &dense_keys, &p);
    score_sparser(&sparse, &sparse_keys, &p);
    const uint64_t end =
        vc__later(m->now, vc__later(vc__lines_end(&dense), vc__lines_end(&sparse)));
    vc__lines_close(&dense, end);
    vc__lines_close(&sparse, end);
    vc__span(m, "denser", "SDDMM", (int)tile->head, m->now, vc__lines_end(&dense));
    vc__span(m, "sparser", "SDDMM", (int)tile->head, m->now, vc__lines_end(&sparse));
    m->now = end;
    const uint64_t denser_visits = vc__ceil_div(rows, p.visit) * p.parts.panel;
    m->counts.macs += (panel + entries) * d;
    m->counts.read_bytes[queries] += (panel + entries) * d * each;
    m->counts.read_bytes[VC_BUFFER_QUERY] += summaries * VC__SUMMARY_BYTES; /* biases */
    m->counts.read_bytes[keys] += (denser_visits + visits) * d * each;
    m->counts.read_bytes[VC_BUFFER_INDEX] += entries * c->index_bytes;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += (panel + entries) * sizeof(int32_t);
    return VC_OK;
}
