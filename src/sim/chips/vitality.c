/* ViTALiTy (Dass et al., HPCA 2023): softmax taken as its first-order Taylor series, so that keys
 * and values are multiplied first, and attention is linear in tokens (eq. E14). */
#include "rivals.h"

typedef struct vitality {
    uint64_t rows, columns; /* of MACs */
} vitality;
_Static_assert(sizeof(vitality) <= VC_CHIP_OWN_BYTES, "it lies in the chip");

static const vc_chip_field fields[] = {
    VC__COUNT_FIELD(vitality, rows, "rows", "rows", 1, 4096, "MACs along the values of a key"),
    VC__COUNT_FIELD(vitality, columns, "columns", "columns", 1, 4096, "outputs side by side"),
};

static const vc_chip_variant variants[] = {
    {.key = "vitality", .name = "vitality", .own = &(vitality){.rows = 32, .columns = 16}},
};

static const vitality *vitality_of(const vc_chip_config *c)
{
    return (const vitality *)(const void *)c->own;
}

static vc_status check_array(const vc_chip_config *c)
{
    return vc__check_array(c, vitality_of(c)->rows * vitality_of(c)->columns);
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const vitality *array = vitality_of(c);
    const vc_attention_sizes *s = &a->sizes;
    const uint64_t rows = end - first, keys = s->keys, d = s->head_dim, dv = s->value_dim,
                   along = vc__ceil_div(d, array->rows), across = vc__ceil_div(dv, array->columns),
                   skew = array->rows + array->columns - 2;
    (void)head;
    b->unit = VC_CHIP_UNIT_DENSER;
    b->values_first = 1;
    b->bytes[VC_BUFFER_QUERY] = rows * d;
    b->bytes[VC_BUFFER_KEY] = keys * d;
    b->bytes[VC_BUFFER_VALUE] = keys * dv;
    b->stored_bytes = rows * dv;
    if (first == 0) { /* keys less their mean, times values: sums stay in the array */
        b->cycles[VC__PREDICT] = vc__ceil_div(keys * d, c->vector_lanes);
        b->cycles[VC__SCORE] = along * across * (keys + skew);
        b->macs[0] = keys * d * dv;
        b->reads[VC__PREDICT][VC_BUFFER_KEY] = keys * d;
        b->reads[VC__PREDICT][VC_BUFFER_VALUE] = keys * dv;
        b->reads[VC__SCORE][VC_BUFFER_KEY] = keys * d * across;
        b->reads[VC__SCORE][VC_BUFFER_VALUE] = keys * dv * along;
        b->vector_additions = 2 * keys * d + keys * dv;
    }
    b->cycles[VC__SUM] = along * across * (array->rows + rows + skew);
    b->macs[1] = rows * d * dv;
    b->reads[VC__SUM][VC_BUFFER_QUERY] = rows * d * across;
    b->additions[VC__SUM] = rows * dv * (along - 1);
    b->vector_multiplications = rows * dv; /* by what a row is divided by */
}

static vc_status run_linear(vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    const vc__rival rival = {.make = make_block,
                             .heads = s->heads,
                             .queries = s->queries,
                             .keys = s->keys,
                             .value_bytes = 1,
                             .held_bytes = s->head_dim * s->value_dim * sizeof(int32_t),
                             .no_scores = 1};
    return vc__rival_run(a, &rival);
}

static const char *why_ahead(const vc_chip_config *c)
{
    (void)c;
    return "it has no scores: keys and values are multiplied first (assumption E14), which is "
           "another function than softmax, and a model has to be trained for it";
}

static const char *const unused[] = {VC__RIVAL_UNUSED, "softmax_lanes", NULL};

const vc_chip_kind vc__kind_vitality = {
    .name = "vitality",
    .own_bytes = sizeof(vitality),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .banked = VC__RIVAL_BANKED,
    .unused = unused,
    .check = check_array,
    .run = run_linear,
    .ahead = why_ahead,
};
