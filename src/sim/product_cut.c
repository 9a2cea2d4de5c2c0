/* How dense products are cut, so that they fit the scratchpads (eq. D11, D13). */
#include "product_impl.h"

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

/* Cuts a product so that the weights pass as few times as possible, and of equal cuts into the
 * widest tiles. Returns the number of passes, 0 if nothing fits. */
static uint64_t cut_product(product *out, uint64_t unit, uint64_t pool, int keep)
{
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
            p->writes =
                cut_product(p, unit, pool, 1) != 1 || cut_product(&next, unit, pool, 0) != 1;
        }
        if (p->writes && cut_product(p, unit, pool, 0) == 0)
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
