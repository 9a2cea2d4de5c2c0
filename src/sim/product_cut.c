/* How dense products are cut, so that they fit the scratchpads (eq. D11, D13). */
#include <math.h>

#include "product_impl.h"

enum { MOST_PARTS = 64 /* of the rows that fit beside weights that stay */ };
enum { UNIT = 8 /* outputs; a tile of weights has a multiple */ };

static uint64_t pool_bytes(const vc_chip_config *c)
{
    uint64_t bytes = 0;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        if (b != VC_BUFFER_INDEX)
            bytes += c->buffers[b].bytes;
    return bytes;
}

/* Bytes of a row: its input, its output (or two tiles of it, and of what they are added to), and
 * the sums of a tile. */
static uint64_t row_bytes(const product *p, uint64_t outputs, int keep)
{
    const uint64_t tiles = p->adds ? 2 * SLOTS : SLOTS;
    return p->value_bytes * (p->shape->inputs + (keep ? p->shape->outputs : tiles * outputs)) +
           SUM_BYTES * outputs;
}

/* Tiles of weights are a multiple of this wide. */
static uint64_t unit_of(const vc_chip_config *c)
{
    return c->kind->product_outputs ? c->kind->product_outputs(c) : UNIT;
}

/* ---- `mapping: search` (eq. D33) */

/* A way to cut a product. */
typedef struct cut {
    uint64_t rows, outputs; /* of a pass, of a tile */
    int stays;
} cut;

static uint64_t tile_cycles(const vc_chip_config *c, uint64_t rows, uint64_t inputs,
                            uint64_t outputs)
{
    vc_chip_product p;
    if (!c->kind->product)
        return vc__ceil_div(rows, c->linear_rows) *
               vc__ceil_div(outputs, c->lines / c->linear_rows) * vc__entry_cycles(c, inputs);
    c->kind->product(&p, c, rows, inputs, outputs);
    return p.cycles + p.stall;
}

/* What a cut comes to. */
typedef struct cost {
    double cycles, bytes;
} cost;

/* Of the first burst that comes. */
static double latency_cycles(const vc__machine *m)
{
    const vc_memory_config *c = m->options->memory;
    const vc_dram_timing *t = &c->dram.timing;
    return c->model == VC_MEMORY_DRAM
               ? (double)(t->rcd + t->cl + t->burst) * m->config->clock_hz / c->dram.clock_hz
               : 0.0;
}

/* What a pass waits for before its lines have all they want: the first weights and rows, then rows
 * that come, or leave LayerNorm, more slowly than the first tile takes them. */
static double begin_cycles(const vc__machine *m, const product *p, const cut *by, double rate)
{
    const vc_chip_config *c = m->config;
    const vc_product_shape *s = p->shape;
    const uint64_t first = vc__smaller(by->outputs, s->outputs);
    const double row = (double)(s->inputs * p->value_bytes),
                 normal =
                     p->normalised ? 2.0 * ceil((double)s->inputs / (double)c->vector_lanes) : 0.0,
                 each = row / rate > normal ? row / rate : normal,
                 rows =
                     (double)by->rows * each - (double)tile_cycles(c, by->rows, s->inputs, first);
    return latency_cycles(m) + (double)vc__smaller(by->rows, c->linear_rows) * each +
           (rows > 0.0 ? rows : 0.0) + (by->stays ? 0.0 : (double)first * row / rate);
}

/* Lines and memory at best, whichever takes longer; what each pass begins with; the vector unit and
 * the store behind the last tile. */
static cost estimate(const vc__machine *m, const product *p, const cut *by)
{
    const vc_chip_config *c = m->config;
    const vc_product_shape *s = p->shape;
    const double rate = vc_memory_peak(m->options->memory) / c->clock_hz,
                 passes = (double)vc__ceil_div(s->rows, by->rows), each = (double)p->value_bytes,
                 weights = each * (by->stays ? 1.0 : passes) * (double)(s->inputs * s->outputs),
                 moved = weights + each * (double)(s->rows * (s->inputs + s->outputs)),
                 last = (double)(by->rows * vc__smaller(by->outputs, s->outputs));
    const uint64_t whole = s->outputs / by->outputs, rest = s->outputs % by->outputs;
    /* Weights that stay come before all passes; and a pass's rows come while the one before is
     * stored. */
    const double kept = by->stays ? (weights + passes * each * last) / rate : 0.0;
    double lines = (double)(whole * tile_cycles(c, by->rows, s->inputs, by->outputs));
    if (rest)
        lines += (double)tile_cycles(c, by->rows, s->inputs, rest);
    lines *= passes;
    return (cost){(lines > moved / rate ? lines : moved / rate) + kept +
                      passes * begin_cycles(m, p, by, rate) + last / (double)c->vector_lanes +
                      each * last / rate,
                  moved};
}

/* The cut so many outputs wide; 0: it does not fit. `keep`: all outputs stay, in one pass. `stays`:
 * 0, or weights stay, and a pass has one such part of the rows that fit, in whole groups. */
static int fit_cut(cut *out, const product *p, uint64_t outputs, uint64_t stays, uint64_t pool,
                   int keep, uint64_t group)
{
    const vc_product_shape *s = p->shape;
    const uint64_t row = row_bytes(p, outputs, keep),
                   weights = (stays ? 1 : SLOTS) * outputs * s->inputs * p->value_bytes;
    if (weights + row > pool || (stays && outputs < s->outputs))
        return 0;
    const uint64_t all = (pool - weights) / row, part = stays ? vc__ceil_div(all, stays) : all,
                   fit = stays && part > group ? part / group * group : part,
                   rows = fit < s->rows ? fit : s->rows, passes = vc__ceil_div(s->rows, rows);
    *out = (cut){stays ? rows : vc__ceil_div(s->rows, passes), outputs, stays > 0};
    return !keep || passes == 1;
}

/* A search under way: the lowest estimate, and of those near it the fewest bytes. */
typedef struct search {
    double least, fewest;
    uint64_t passes; /* of the best so far */
} search;

static void try_cut(search *of, product *out, const vc__machine *m, const cut *by, int look)
{
    const double near = 1.005;
    const cost c = estimate(m, out, by);
    if (look == 0 && (of->least == 0.0 || c.cycles < of->least))
        of->least = c.cycles;
    if (look == 0 || c.cycles > near * of->least || (of->passes && c.bytes >= of->fewest))
        return;
    of->fewest = c.bytes;
    of->passes = vc__ceil_div(out->shape->rows, by->rows);
    out->pass_rows = by->rows;
    out->tile_outputs = by->outputs;
    out->stays = by->stays;
}

/* Of the cuts within half a percent of the lowest estimate the one that moves the fewest bytes; the
 * number of its passes, 0 if nothing fits. */
static uint64_t search_cut(product *out, const vc__machine *m, uint64_t unit, uint64_t pool,
                           int keep)
{
    search of = {0};
    cut by;
    for (int look = 0; look < 2; look++)
        for (uint64_t stays = 0; stays <= MOST_PARTS; stays = stays ? 2 * stays : 1)
            for (uint64_t n = unit; n < out->shape->outputs + unit; n += unit)
                if (fit_cut(&by, out, n, stays, pool, keep, m->config->linear_rows))
                    try_cut(&of, out, m, &by, look);
    return of.passes;
}

/* ---- */

/* Cuts a product so that the weights pass as few times as possible, and of equal cuts into the
 * widest tiles, or as a search says. Returns the number of passes, 0 if nothing fits. */
static uint64_t cut_product(product *out, const vc__machine *m, uint64_t unit, uint64_t pool,
                            int keep)
{
    if (m->config->mapping == VC_CHIP_MAPPING_SEARCH)
        return search_cut(out, m, unit, pool, keep);
    const vc_product_shape *p = out->shape;
    uint64_t least = 0;
    for (uint64_t outputs = unit; outputs < p->outputs + unit; outputs += unit) {
        const uint64_t weights = SLOTS * outputs * p->inputs * out->value_bytes,
                       row = row_bytes(out, outputs, keep);
        if (weights + row > pool)
            break;
        const uint64_t fit = (pool - weights) / row, rows = fit < p->rows ? fit : p->rows,
                       passes = vc__ceil_div(p->rows, rows);
        if (least == 0 || passes <= least) {
            least = passes;
            out->pass_rows = vc__ceil_div(p->rows, passes);
            out->tile_outputs = outputs;
        }
    }
    return least;
}

int vc__product_chained(const vc_op *op)
{
    return op->kind == VC_OP_MLP || op->kind == VC_OP_PATCH_EMBED;
}

static vc_status cut_all(operator* o, uint64_t taken)
{
    const uint64_t all = pool_bytes(o->m->config), pool = all > taken ? all - taken : 0,
                   unit = unit_of(o->m->config);
    for (size_t i = 0; i < o->count; i++) {
        product *p = &o->products[i];
        p->reads = i == 0 || o->products[i - 1].writes;
        p->writes = 1;
        if (vc__product_chained(o->op) && i + 1 < o->count) {
            product next = {.shape = &o->op->products[i + 1],
                            .value_bytes = p->value_bytes,
                            .adds = o->products[i + 1].adds};
            p->writes = cut_product(p, o->m, unit, pool, 1) != 1 ||
                        cut_product(&next, o->m, unit, pool, 0) != 1;
        }
        if (p->writes && cut_product(p, o->m, unit, pool, 0) == 0)
            return vc_fail(
                VC_EINVAL,
                "layer %d: the scratchpads have %zu bytes together, wanted %zu for %s with "
                "%zu inputs",
                o->op->layer, (size_t)pool,
                (size_t)(SLOTS * unit * p->shape->inputs * p->value_bytes + row_bytes(p, unit, 0)),
                vc_op_name(o->op->kind), (size_t)p->shape->inputs);
    }
    return VC_OK;
}

/* Whether all products pass once, so that their input can stay. */
static int passes_once(const operator* o)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->products[i].pass_rows < o->products[i].shape->rows)
            return 0;
    return 1;
}

/* The residual stream stays on the chip where it is the input and there is room for it beside the
 * products; else it comes again, with the tiles that are added to it (eq. D13). */
vc_status vc__product_cut(operator* o)
{
    const uint64_t residual = o->op->residual_values * vc_chip_value_bytes(o->m->config);
    uint64_t taken = vc__pool_bytes(&o->pool);
    for (int b = VC_BUFFER_QUERY; o->forward && b <= VC_BUFFER_VALUE; b++)
        taken += vc__forwarded_bytes(o->m->config, o->forward, (vc_buffer)b);
    product *last = &o->products[o->count - 1];
    if (residual && o->op->residual_is_input && cut_all(o, taken + residual) == VC_OK &&
        passes_once(o))
        return VC_OK;
    last->adds = residual > 0;
    return cut_all(o, taken);
}
