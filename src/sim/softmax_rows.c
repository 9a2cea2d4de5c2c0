/* Softmax of a tile's rows, whole (eq. D9) or in parts (eq. D26). */
#include "chip_impl.h"

static void count_entries(vc__machine *m, uint64_t entries, uint64_t exponentials)
{
    m->counts.exponentials += exponentials;
    m->counts.multiplications += entries;
    m->counts.additions += entries;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += entries * sizeof(int32_t);
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += entries * vc_chip_value_bytes(m->config);
}

static void flow_row(vc__chip_layer *a, const vc__softened *r, size_t query)
{
    const vc__key_parts keys = vc__parts_of(a, r->tile);
    if (a->flow && r->online)
        vc__flow_soften(a->flow, r->tile, &keys, query, r->part);
    else if (a->flow)
        vc__flow_softmax(a->flow, r->tile->head, query);
}

void vc__soften_rows(vc__chip_layer *a, const vc__softened *r)
{
    vc__machine *m = a->machine;
    const vc_chip_config *c = m->config;
    const size_t rows = r->tile->query_end - r->tile->query_first;
    uint64_t first = UINT64_MAX;
    vc__order_rows(r->order, r->spare, r->done, rows);
    for (size_t i = 0; i < rows; i++) {
        const size_t row = r->order[i], query = r->tile->query_first + row;
        const uint64_t entries = r->online
                                     ? vc__kept_in_tile(a, r->tile, query)
                                     : vc__kept_in_row(&a->pattern.head[r->tile->head], query);
        if (r->online && entries == 0)
            continue;
        /* The highest score so far is one more, and by how much it rose one more exponential. */
        const uint64_t scores = entries + (r->online != 0);
        const uint64_t pass = vc__ceil_div(scores, c->softmax_lanes);
        const uint64_t through = vc__unit_work(m, VC_CHIP_UNIT_SOFTMAX, r->done[row], pass);
        first = vc__smaller(first, through - pass);
        /* The second pass has its own lanes, one row after the other. */
        *r->scaled = vc__later(*r->scaled, through) + pass;
        r->done[row] = *r->scaled + c->softmax_latency;
        count_entries(m, entries, scores);
        flow_row(a, r, query);
    }
    if (first < UINT64_MAX)
        vc__span(m, "softmax", "softmax", (int)r->tile->head, first,
                 m->unit_free[VC_CHIP_UNIT_SOFTMAX]);
}

/* Sums of a row pass through the vector unit. */
static uint64_t scale_row(vc__chip_layer *a, uint64_t ready)
{
    vc__machine *m = a->machine;
    const uint64_t dv = a->sizes.value_dim;
    m->counts.multiplications += dv;
    return vc__unit_work(m, VC_CHIP_UNIT_VECTOR, ready, vc__ceil_div(dv, m->config->vector_lanes));
}

void vc__rescale_rows(vc__chip_layer *a, const vc__softened *r, uint64_t place)
{
    vc__machine *m = a->machine;
    const vc__chip_tile *tile = r->tile;
    const uint64_t bytes = a->sizes.value_dim * sizeof(int32_t);
    for (size_t i = 0; i < tile->query_end - tile->query_first; i++) {
        const size_t row = r->order[i], query = tile->query_first + row;
        uint64_t *ready = &r->done[row];
        *ready = vc__later(*ready, place);
        if (tile->key_first == 0 || vc__kept_in_tile(a, tile, query) == 0)
            continue;
        *ready = scale_row(a, vc__later(*ready, m->now));
        m->counts.read_bytes[VC_BUFFER_OUTPUT] += bytes;
        m->counts.written_bytes[VC_BUFFER_OUTPUT] += bytes;
        if (a->flow)
            vc__flow_rescale(a->flow, tile->head, query, r->part);
    }
}

uint64_t vc__finish_rows(vc__chip_layer *a, const vc__softened *r)
{
    vc__machine *m = a->machine;
    const vc__chip_tile *tile = r->tile;
    uint64_t end = m->now + m->config->line_latency;
    for (size_t query = tile->query_first; query < tile->query_end; query++) {
        m->counts.multiplications++; /* one over the sum */
        end = scale_row(a, end);
        if (a->flow)
            vc__flow_finish(a->flow, tile->head, query);
    }
    return end;
}
