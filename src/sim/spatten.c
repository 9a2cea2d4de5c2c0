/* SpAtten (Wang et al., HPCA 2021): tokens and heads pruned from layer to layer, values pruned, low bits fetched where
 * they are needed; scores and sums in a pipeline of two halves (eq. E9 to E12). */
#include <math.h>

#include "rivals.h"

/* At least one. */
static uint64_t share_of(double share, uint64_t count)
{
    const uint64_t kept = (uint64_t)ceil(share * (double)count - 1e-9);
    return kept > 0 ? kept : 1;
}

typedef struct kept {
    uint64_t heads, queries, keys, values;
} kept;

static kept kept_of(const vc__chip_layer *a)
{
    const vc_spatten_config *c = &a->machine->config->spatten;
    const vc_attention_sizes *s = &a->sizes;
    const int all = a->machine->layer < (int)c->first_layer;
    const double tokens = all ? 1.0 : c->token_keep;
    kept k = {share_of(all ? 1.0 : c->head_keep, s->heads), share_of(tokens, s->queries),
              share_of(tokens, s->keys), 0};
    k.values = share_of(c->value_keep, k.keys);
    return k;
}

/* Bytes of an operand: the first bits of all values, the others of a share. */
static uint64_t operand_bytes(const vc_spatten_config *c, uint64_t values, double share)
{
    const double bits = (double)c->first_bits + share * (double)(c->value_bits - c->first_bits);
    return (uint64_t)ceil((double)values * bits / 8.0 - 1e-9);
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const vc_spatten_config *sp = &c->spatten;
    const vc_attention_sizes *s = &a->sizes;
    const kept k = kept_of(a);
    /* half of the MACs for scores, half for sums; at least one key at a time */
    const uint64_t half = c->lines * c->macs_per_line / 2, rows = end - first,
                   again = (uint64_t)ceil(sp->least_significant * (double)rows - 1e-9);
    (void)head;
    b->unit = VC_CHIP_UNIT_DENSER;
    b->entries = rows * k.keys;
    b->bytes[VC_BUFFER_QUERY] = operand_bytes(sp, rows * s->head_dim, sp->least_significant);
    b->bytes[VC_BUFFER_KEY] = operand_bytes(sp, k.keys * s->head_dim, sp->least_significant);
    b->bytes[VC_BUFFER_VALUE] = vc__ceil_div(k.values * s->value_dim * sp->value_bits, 8);
    b->stored_bytes = vc__ceil_div(rows * s->value_dim * sp->value_bits, 8);
    b->macs[0] = (rows + again) * k.keys * s->head_dim;
    b->macs[1] = rows * k.values * s->value_dim;
    const uint64_t scores = (rows + again) * vc__ceil_div(k.keys * s->head_dim, half),
                   sums = rows * vc__ceil_div(k.values * s->value_dim, half);
    b->score = vc__later(scores, sums);
    b->softmax = rows * vc__ceil_div(k.keys, c->softmax_lanes);
    b->select = sp->top_k ? 2 * vc__ceil_div(k.keys, sp->top_k) : 0;
    b->drain = sp->drain;
    b->additions = rows * s->value_dim; /* sums stay in the pipeline for a row */
    b->reads[VC_BUFFER_QUERY] = (rows + again) * s->head_dim;
    b->reads[VC_BUFFER_KEY] = (rows + again) * k.keys * s->head_dim;
    b->reads[VC_BUFFER_VALUE] = rows * k.values * s->value_dim;
}

vc_status vc__spatten(vc__chip_layer *a)
{
    const kept k = kept_of(a);
    const uint64_t bytes = vc__ceil_div(a->machine->config->spatten.value_bits, 8);
    const vc__rival rival = {make_block, k.heads, k.queries, k.keys, bytes};
    return vc__rival_run(a, &rival);
}
