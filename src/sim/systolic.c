/* A systolic array with dense attention: weights stay, rows of the other operand stream through (eq. E5). */
#include "rivals.h"

/* Cycles of a product: tiles of weights as large as the array, each seen by all rows; the next tile's weights are brought
 * meanwhile, which takes as many cycles as the array has rows. Filled and drained once. */
static uint64_t product_cycles(const vc_chip_config *c, uint64_t rows, uint64_t inputs,
                               uint64_t outputs)
{
    const vc_systolic_config *s = &c->systolic;
    const uint64_t tiles = vc__ceil_div(inputs, s->rows) * vc__ceil_div(outputs, s->columns);
    return tiles * vc__later(rows, s->rows) + s->rows + s->columns - 2;
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const vc_attention_sizes *s = &a->sizes;
    const uint64_t rows = end - first, keys = s->keys;
    (void)head;
    b->unit = VC_CHIP_UNIT_DENSER;
    b->entries = rows * keys;
    b->bytes[VC_BUFFER_QUERY] = rows * s->head_dim;
    b->bytes[VC_BUFFER_KEY] = keys * s->head_dim;
    b->bytes[VC_BUFFER_VALUE] = keys * s->value_dim;
    b->stored_bytes = rows * s->value_dim;
    b->macs[0] = b->entries * s->head_dim;
    b->macs[1] = b->entries * s->value_dim;
    b->score = product_cycles(c, rows, s->head_dim, keys);
    b->sum = product_cycles(c, rows, keys, s->value_dim);
    b->additions = b->entries * (vc__ceil_div(s->head_dim, c->systolic.rows) - 1) +
                   rows * s->value_dim * vc__ceil_div(keys, c->systolic.rows);
    b->softmax = rows * vc__ceil_div(keys, c->softmax_lanes);
    b->reads[VC_BUFFER_QUERY] = rows * s->head_dim * vc__ceil_div(keys, c->systolic.columns);
    b->reads[VC_BUFFER_KEY] = keys * s->head_dim;
    b->reads[VC_BUFFER_VALUE] = keys * s->value_dim;
}

vc_status vc__systolic(vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    const vc__rival rival = {make_block, s->heads, s->queries, s->keys, 1};
    return vc__rival_run(a, &rival);
}
