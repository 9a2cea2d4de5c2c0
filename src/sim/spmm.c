/* SV with the output stationary: a line holds the sums of a row, and probabilities and values
 * pass. */
#include "chip_impl.h"

typedef struct pass {
    vc__chip_layer *a;
    const vc_pattern_head *head;
    const vc__chip_tile *tile;
    vc__key_parts parts;
    const uint64_t *ready;
    const vc__operand *v;
    uint64_t cycles, gather; /* of an entry of the denser and of the sparser part */
    uint64_t visit;
    uint64_t visits; /* counted as they go */
} pass;

static uint64_t start_row(vc__lines *lines, pass *p, size_t query)
{
    p->visits++;
    return vc__wait(lines->spent, vc__lines_start(lines), p->ready[query - p->tile->query_first],
                    VC_SPENT_SOFTMAX);
}

static uint64_t sum(vc__lines *lines, const pass *p, uint64_t t, size_t key, uint64_t cycles)
{
    if (t < p->v->last)
        t = vc__wait_for(lines->spent, t, p->v, key - p->tile->key_first);
    return t + cycles;
}

static void denser_row(vc__lines *lines, pass *p, size_t query)
{
    for (size_t first = 0; first < p->parts.panel; first += p->visit) {
        const size_t end = first + p->visit < p->parts.panel ? first + p->visit : p->parts.panel;
        uint64_t t = start_row(lines, p, query);
        for (size_t i = first; i < end; i++) {
            const size_t key = vc__panel_key(&p->parts, p->tile, i);
            t = sum(lines, p, t, key, p->cycles);
            if (p->a->flow)
                vc__flow_sum_panel(p->a->flow, p->tile->head, query, key);
        }
        lines->spent[VC_SPENT_BUSY] += (end - first) * p->cycles;
        vc__lines_take(lines, t);
    }
}

static uint64_t sparser_row(vc__lines *lines, pass *p, size_t query)
{
    const vc__range row =
        vc__row_entries(p->head, query, p->parts.global_end, p->parts.sparser_end);
    for (size_t e = row.first; e < row.end;) {
        const size_t end = e + p->visit < row.end ? e + p->visit : row.end;
        uint64_t t = start_row(lines, p, query);
        lines->spent[VC_SPENT_BUSY] += (end - e) * p->cycles;
        lines->spent[VC_SPENT_BUFFER] += (end - e) * (p->gather - p->cycles);
        for (; e < end; e++) {
            const size_t key = (size_t)p->head->row_keys[e];
            t = sum(lines, p, t, key, p->gather);
            if (p->a->flow)
                vc__flow_sum_entry(p->a->flow, p->tile->head, (size_t)p->head->row_entry[e], query,
                                   key);
        }
        vc__lines_take(lines, t);
    }
    return row.end - row.first;
}

/* Computes the sum of the values of the tile as one more row of the panel, in parts. Returns when
 * it is complete (eq. D17). */
static uint64_t mean_of_values(vc__lines *lines, pass *p)
{
    uint64_t done = 0;
    for (size_t first = p->tile->key_first; first < p->tile->key_end; first += p->visit) {
        const size_t left = p->tile->key_end - first,
                     end = first + (left < p->visit ? left : p->visit);
        uint64_t t = vc__lines_start(lines);
        for (size_t key = first; key < end; key++)
            t = sum(lines, p, t, key, p->cycles);
        lines->spent[VC_SPENT_BUSY] += (end - first) * p->cycles;
        vc__lines_take(lines, t);
        done = vc__later(done, t);
        p->visits++;
    }
    return done;
}

/* Adds the mean as one more entry of a row. */
static void add_mean(vc__lines *lines, pass *p, size_t query, uint64_t mean)
{
    const uint64_t t = vc__wait(lines->spent, start_row(lines, p, query), mean, VC_SPENT_IMBALANCE);
    lines->spent[VC_SPENT_BUSY] += p->cycles;
    vc__lines_take(lines, t + p->cycles);
}

static uint64_t count_sparser(const pass *p)
{
    uint64_t entries = 0;
    for (size_t query = p->tile->query_first; query < p->tile->query_end; query++) {
        const vc__range row =
            vc__row_entries(p->head, query, p->parts.global_end, p->parts.sparser_end);
        entries += row.end - row.first;
    }
    return entries;
}

vc_status vc__spmm(vc__chip_layer *a, const vc__chip_tile *tile, const size_t *order,
                   const uint64_t *ready, const vc__operand *v)
{
    vc__machine *m = a->machine;
    const vc_chip_config *c = m->config;
    const uint64_t dv = a->sizes.value_dim, rows = tile->query_end - tile->query_first;
    pass p = {.a = a,
              .head = &a->pattern.head[tile->head],
              .tile = tile,
              .parts = vc__parts_of(a, tile),
              .ready = ready,
              .v = v,
              .cycles = vc__entry_cycles(c, dv),
              .gather = vc__gather_cycles(c, VC_BUFFER_VALUE, dv),
              .visit = c->entries_per_visit};
    const uint64_t panel = rows * p.parts.panel, entries = count_sparser(&p);
    const int means = p.head->kept_share != NULL && tile->query_first == 0,
              adds = p.head->kept_share != NULL && tile->key_end == a->sizes.keys;
    const uint64_t residual = (means ? tile->key_end - tile->key_first : 0) + (adds ? rows : 0);
    size_t wide;
    VC_TRY(vc__split_lines(&wide, m, tile, (panel + residual) * p.cycles, entries * p.gather));
    vc__lines dense, sparse;
    vc__lines_open(&dense, wide, m->now, c->dispatch, m->counts.spent[VC_CHIP_UNIT_DENSER]);
    vc__lines_open(&sparse, c->lines - wide, m->now, c->dispatch,
                   m->counts.spent[VC_CHIP_UNIT_SPARSER]);
    vc__lines *regular =
        wide > 0 ? &dense : &sparse; /* a fixed split may leave the denser part none */
    const uint64_t mean = means ? mean_of_values(regular, &p) : m->now;
    for (size_t i = 0; i < rows; i++) {
        denser_row(&dense, &p, tile->query_first + order[i]);
        sparser_row(&sparse, &p, tile->query_first + order[i]);
    }
    for (size_t i = 0; adds && i < rows; i++)
        add_mean(regular, &p, tile->query_first + order[i], mean);
    const uint64_t end =
        vc__later(m->now, vc__later(vc__lines_end(&dense), vc__lines_end(&sparse)));
    vc__lines_close(&dense, end);
    vc__lines_close(&sparse, end);
    vc__span(m, "denser", "SpMM", (int)tile->head, m->now, vc__lines_end(&dense));
    vc__span(m, "sparser", "SpMM", (int)tile->head, m->now, vc__lines_end(&sparse));
    m->now = end;
    m->counts.macs += (panel + entries + residual) * dv;
    m->counts.read_bytes[VC_BUFFER_VALUE] += (panel + entries + residual) * dv;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += panel + entries; /* probabilities */
    /* The sums of a visit are added to those of the row, in the output scratchpad. */
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += p.visits * dv * sizeof(int32_t);
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += p.visits * dv * sizeof(int32_t);
    m->counts.additions += p.visits * dv;
    return VC_OK;
}
