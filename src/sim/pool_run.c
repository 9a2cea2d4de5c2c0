/* Pooling, as keys and values leave the lines: in the vector unit, and where weights depend on the
 * image, in the softmax unit as well (eq. D20, D21). */
#include "chip_impl.h"

enum { SUM_BYTES = 4, SCORE_BYTES = 4, WEIGHT_BYTES = 2 };

static int by_query(const vc__pool *p)
{
    return p->pooling->query != NULL;
}

/* The values of a sum. An encoder mixes heads, so weights that are a head's own come before it. */
static uint64_t summed_width(const vc__pool *p)
{
    return by_query(p) ? p->sizes->heads * (p->sizes->head_dim + p->sizes->value_dim) : p->width;
}

uint64_t vc__pool_stored(const vc__pool *p)
{
    return p->pooling ? p->pooling->count * p->width : 0;
}

/* With queries: K of a head until its weights are there, and the scores of all heads. */
uint64_t vc__pool_bytes(const vc__pool *p)
{
    if (!p->pooling)
        return 0;
    const uint64_t scored = p->sizes->head_dim + p->sizes->heads * SCORE_BYTES;
    return p->pooling->count * summed_width(p) * SUM_BYTES +
           (by_query(p) ? p->pooling->entries * scored : 0);
}

static uint64_t entries_of(const vc__pool *p, size_t summary, const vc__product_tile *t)
{
    uint64_t count = 0;
    for (int32_t e = p->pooling->start[summary]; e < p->pooling->start[summary + 1]; e++)
        count += (uint64_t)p->pooling->keys[e] >= t->first &&
                 (uint64_t)p->pooling->keys[e] < t->first + t->rows;
    return count;
}

static uint64_t entries_in(const vc__pool *p, const vc__product_tile *t)
{
    uint64_t count = 0;
    for (size_t g = 0; g < p->pooling->count; g++)
        count += entries_of(p, g, t);
    return count;
}

static uint64_t vector_work(vc__machine *m, const char *name, uint64_t ready, uint64_t products)
{
    const uint64_t cycles = vc__ceil_div(products, m->config->vector_lanes),
                   end = vc__unit_work(m, VC_CHIP_UNIT_VECTOR, ready, cycles);
    vc__span(m, "vector", name, -1, end - cycles, end);
    m->counts.multiplications += products;
    return end;
}

/* Adds `width` values of so many entries to the sums. With queries a later pass over the weights
 * brings a new largest score, to which all sums so far are scaled. */
static void add_entries(const vc__pool *p, const vc__product_tile *t, uint64_t entries,
                        uint64_t width, uint64_t ready)
{
    vc__machine *m = p->m;
    const uint64_t scaled = by_query(p) && t->first > 0 ? p->pooling->count * width : 0;
    vector_work(m, "pool", ready, entries * width + scaled);
    m->counts.additions += entries * width;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += entries * width * (1 + SUM_BYTES);
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += entries * width * SUM_BYTES;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += scaled * SUM_BYTES;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += scaled * SUM_BYTES;
}

/* Multiplies queries with columns [from, to) of K. Sums of a head that lies in two tiles are kept
 * between them. Returns when the scores are there. */
static uint64_t score_keys(const vc__pool *p, uint64_t entries, uint64_t from, uint64_t to)
{
    vc__machine *m = p->m;
    const uint64_t d = p->sizes->head_dim, products = entries * (to - from),
                   heads = (to - 1) / d - from / d + 1, begun = from % d > 0;
    m->counts.additions += products;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += products + entries * begun * SCORE_BYTES;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += entries * heads * SCORE_BYTES;
    return vector_work(m, "score", m->now, products);
}

/* Softmax over the entries of each summary, one after the other. Returns when all weights of the
 * head are there. */
static uint64_t weigh_entries(vc__pool *p, const vc__product_tile *t, size_t head, uint64_t scored)
{
    vc__machine *m = p->m;
    uint64_t first = UINT64_MAX, through = scored, done = scored;
    for (size_t g = 0; g < p->pooling->count; g++) {
        const uint64_t entries = entries_of(p, g, t),
                       pass = vc__ceil_div(entries, m->config->softmax_lanes);
        if (entries == 0)
            continue;
        through = vc__unit_work(m, VC_CHIP_UNIT_SOFTMAX, scored, pass);
        first = vc__smaller(first, through - pass);
        /* The second pass has its own lanes, one summary after the other. */
        p->scaled = vc__later(p->scaled, through) + pass;
        done = p->scaled + m->config->softmax_latency;
        m->counts.exponentials += entries;
        m->counts.multiplications += entries;
        m->counts.additions += entries;
        m->counts.read_bytes[VC_BUFFER_OUTPUT] += entries * SCORE_BYTES;
        m->counts.written_bytes[VC_BUFFER_OUTPUT] += entries * WEIGHT_BYTES;
    }
    vc__span(m, "softmax", "softmax", (int)head, first, through);
    return done;
}

static void pool_by_query(vc__pool *p, const vc__product_tile *t, uint64_t entries, uint64_t ready)
{
    const uint64_t d = p->sizes->head_dim, keys = p->sizes->heads * d,
                   from = vc__later(t->before, p->from) - p->from, to = t->after - p->from,
                   keys_end = vc__smaller(to, keys);
    if (from < keys_end) {
        const uint64_t scored = score_keys(p, entries, from, keys_end);
        for (size_t h = from / d; h < keys_end / d; h++) {
            p->weighed = weigh_entries(p, t, h, scored);
            add_entries(p, t, entries, d, p->weighed);
        }
    }
    if (to > keys)
        add_entries(p, t, entries, to - vc__later(from, keys), vc__later(ready, p->weighed));
}

/* Of a row of the product that the encoder made shorter, the part that lies before `output`. */
static uint64_t stored_before(const vc__pool *p, uint64_t output)
{
    return output <= p->from ? 0 : p->width * (output - p->from) / (p->outputs - p->from);
}

void vc__pool_tile(vc__pool *p, const vc__product_tile *t, uint64_t ready)
{
    const uint64_t width = stored_before(p, t->after) - stored_before(p, t->before),
                   entries = entries_in(p, t);
    if (entries == 0 || t->after <= p->from)
        return;
    if (by_query(p))
        pool_by_query(p, t, entries, ready);
    else if (width > 0)
        add_entries(p, t, entries, width, ready);
}

uint64_t vc__pool_finish(vc__pool *p)
{
    vc__machine *m = p->m;
    const vc_attention_sizes *s = p->sizes;
    const uint64_t values = p->pooling->count * summed_width(p),
                   end = vc__later(m->now, m->unit_free[VC_CHIP_UNIT_VECTOR]);
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += values * SUM_BYTES + vc__pool_stored(p);
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += values;
    if (!by_query(p) || !s->compressed[1])
        return end;
    const uint64_t macs = p->pooling->count * s->heads * s->head_dim * s->compressed[1],
                   cycles = vc__ceil_div(macs, m->config->encoder_macs),
                   encoded = vc__unit_work(m, VC_CHIP_UNIT_ENCODER, end, cycles);
    vc__span(m, "encoder", "encode", -1, encoded - cycles, encoded);
    m->counts.coder_macs += macs;
    return encoded;
}
