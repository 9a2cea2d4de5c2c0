/* SpAtten (Wang et al., HPCA 2021): tokens and heads pruned from layer to layer, values pruned, low
 * bits fetched where they are needed; scores and sums in a pipeline of two halves (eq. E9 to E12).
 */
#include <math.h>

#include "rivals.h"

typedef struct spatten {
    double token_keep, head_keep, value_keep; /* shares: of a layer's tokens, heads, kept keys */
    uint64_t first_layer;                     /* the layers before it keep all */
    double
        least_significant; /* share of queries whose softmax is flat: scores again, low bits too */
    uint64_t top_k;        /* values that the top-k unit takes per cycle */
    uint64_t drain;        /* cycles through the pipeline */
    uint64_t value_bits, first_bits; /* of Q, K and V; what is fetched at first */
} spatten;
_Static_assert(sizeof(spatten) <= VC_CHIP_OWN_BYTES, "it lies in the chip");

static const vc_chip_field fields[] = {
    VC__SHARE_FIELD(spatten, token_keep, "token_keep", "of a layer's tokens"),
    VC__SHARE_FIELD(spatten, head_keep, "head_keep", "of a layer's heads"),
    VC__SHARE_FIELD(spatten, value_keep, "value_keep", "of the values of kept keys"),
    VC__COUNT_FIELD(spatten, first_layer, "first_layer", "first_layer", 0, 1e6,
                    "the layers before it keep all"),
    VC__SHARE_FIELD(spatten, least_significant, "least_significant",
                    "of queries whose softmax is flat: their scores again, with the low bits"),
    VC__COUNT_FIELD(spatten, top_k, "top_k", "top_k", 0, 4096,
                    "values per cycle of the top-k unit"),
    VC__COUNT_FIELD(spatten, drain, "drain", "drain_cycles", 0, 1e6, "through the pipeline"),
    VC__COUNT_FIELD(spatten, value_bits, "value_bits", "value_bits", 1, 64, "of Q, K and V"),
    VC__COUNT_FIELD(spatten, first_bits, "first_bits", "first_bits", 1, 64, "fetched at first"),
};

#define PUBLISHED_PIPELINE                                                                         \
    {                                                                                              \
        .token_keep = 1.0, .head_keep = 1.0, .value_keep = 1.0, .top_k = 4, .drain = 101,          \
        .value_bits = 8, .first_bits = 8                                                           \
    }

static const vc_chip_variant variants[] = {
    {.key = "spatten", .name = "spatten", .own = &(spatten)PUBLISHED_PIPELINE},
    {.key = "spatten-published",
     .name = "spatten, as published",
     .own = &(spatten)PUBLISHED_PIPELINE,
     .published = &(vc_chip_published){1e9, 16, "16 channels of HBM2", 512e9, VC__HBM2_PJ_PER_BIT}},
};

static const spatten *spatten_of(const vc_chip_config *c)
{
    return (const spatten *)(const void *)c->own;
}

static vc_status check_bits(const vc_chip_config *c)
{
    const spatten *p = spatten_of(c);
    const uint64_t macs = c->lines * c->macs_per_line;
    if (macs < 2 || p->first_bits > p->value_bits)
        return vc_fail(VC_EINVAL,
                       "'spatten.first_bits' is %zu of %zu 'value_bits' on %zu MACs, wanted 1 to "
                       "all, and 2 MACs",
                       (size_t)p->first_bits, (size_t)p->value_bits, (size_t)macs);
    return VC_OK;
}

/* Keeps as many tokens as leave the number of scores that a mask keeps, unless a number is
 * given. */
static void keep_as_a_mask(vc_chip_config *c, const vc_fair_work *work)
{
    spatten *p = (spatten *)(void *)c->own;
    p->token_keep = isnan(work->token_keep) ? sqrt(work->kept_share) : work->token_keep;
    if (!isnan(work->flat_rows))
        p->least_significant = work->flat_rows;
}

/* The share of a count, at least one. */
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
    const spatten *c = spatten_of(a->machine->config);
    const vc_attention_sizes *s = &a->sizes;
    const int all = a->machine->layer < (int)c->first_layer;
    const double tokens = all ? 1.0 : c->token_keep;
    kept k = {share_of(all ? 1.0 : c->head_keep, s->heads), share_of(tokens, s->queries),
              share_of(tokens, s->keys), 0};
    k.values = share_of(c->value_keep, k.keys);
    return k;
}

/* Bytes of an operand: the first bits of all values, and the other bits of a share of them. */
static uint64_t operand_bytes(const spatten *c, uint64_t values, double share)
{
    const double bits = (double)c->first_bits + share * (double)(c->value_bits - c->first_bits);
    return (uint64_t)ceil((double)values * bits / 8.0 - 1e-9);
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const spatten *sp = spatten_of(c);
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
    b->cycles[VC__SCORE] = vc__later(scores, sums);
    b->softmax = rows * vc__ceil_div(k.keys, c->softmax_lanes);
    b->select = sp->top_k ? 2 * vc__ceil_div(k.keys, sp->top_k) : 0;
    b->drain = sp->drain;
    b->additions[VC__SUM] = rows * s->value_dim; /* sums stay in the pipeline for a row */
    const uint64_t bits = rows * sp->first_bits + again * sp->value_bits;
    b->reads[VC__SCORE][VC_BUFFER_QUERY] = vc__ceil_div(bits * s->head_dim, 8);
    b->reads[VC__SCORE][VC_BUFFER_KEY] = vc__ceil_div(bits * k.keys * s->head_dim, 8);
    b->reads[VC__SUM][VC_BUFFER_VALUE] =
        vc__ceil_div(rows * k.values * s->value_dim * sp->value_bits, 8);
}

static vc_status run_pipeline(vc__chip_layer *a)
{
    const kept k = kept_of(a);
    const uint64_t bytes = vc__ceil_div(spatten_of(a->machine->config)->value_bits, 8);
    const vc__rival rival = {.make = make_block,
                             .heads = k.heads,
                             .queries = k.queries,
                             .keys = k.keys,
                             .value_bytes = bytes};
    return vc__rival_run(a, &rival);
}

static const char *why_ahead(const vc_chip_config *c)
{
    (void)c;
    return "it drops whole tokens until as many scores are left as the mask keeps (assumption E9), "
           "which is dense work, and nothing says that a model stays right; the paper's 10.1 is "
           "what it gives when it keeps nearly all tokens (--token-keep 1)";
}

static const char *const unused[] = {VC__RIVAL_UNUSED, NULL};

const vc_chip_kind vc__kind_spatten = {
    .name = "spatten",
    .own_bytes = sizeof(spatten),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .banked = VC__RIVAL_BANKED,
    .unused = unused,
    .check = check_bits,
    .run = run_pipeline,
    .adapt = keep_as_a_mask,
    .ahead = why_ahead,
};
