/* Sanger (Lu et al., MICRO 2021): a mask predicted at low precision, rows packed and split into
 * sub-rows, a score-stationary array (eq. E6 to E8). */
#include "rivals.h"

typedef struct sanger {
    uint64_t rows, entries; /* of the array: sub-rows, and MACs of each */
    uint64_t positions;     /* keys among which the entries of a sub-row are */
    uint64_t predictions;   /* products of a MAC per cycle in the precision of the prediction */
    uint64_t skew;          /* cycles from the first to the last position */
    int pipelined;          /* 1: skew once for a head instead of for every tile */
    uint64_t value_bytes;
    int apart; /* 1: predictions have MACs of their own, beside the block before */
} sanger;
_Static_assert(sizeof(sanger) <= VC_CHIP_OWN_BYTES, "it lies in the chip");

static const vc_chip_field fields[] = {
    VC__COUNT_FIELD(sanger, rows, "rows", "rows", 1, 4096, "sub-rows at a time"),
    VC__COUNT_FIELD(sanger, entries, "entries", "entries", 1, 4096, "of a sub-row, a MAC each"),
    VC__COUNT_FIELD(sanger, positions, "positions", "positions", 1, 65536,
                    "keys that the entries of a sub-row lie among"),
    VC__COUNT_FIELD(sanger, predictions, "predictions", "predictions", 1, 64,
                    "products of a MAC per cycle when scores are predicted"),
    VC__COUNT_FIELD(sanger, skew, "skew", "skew_cycles", 0, 65536,
                    "from the first to the last position"),
    VC__FLAG_FIELD(sanger, pipelined, "pipelined", "the skew is paid once for a head"),
    VC__BYTES_FIELD(sanger, value_bytes, "value_size", "value_bytes", 1, 8, "of an operand"),
    {{.key = "apart", .kind = VC_YAML_FLAG, .offset = offsetof(sanger, apart), .optional = 1},
     "apart",
     "predictions have MACs of their own, and run beside the block before"},
};

static const vc_chip_variant variants[] = {
    {.key = "sanger",
     .name = "sanger",
     .steps = {.prune = 1},
     .own = &(sanger){.rows = 32,
                      .entries = 16,
                      .positions = 64,
                      .predictions = 4,
                      .skew = 64,
                      .pipelined = 1,
                      .value_bytes = 1}},
    {.key = "sanger-published",
     .name = "sanger, as published",
     .steps = {.prune = 1},
     .own = &(sanger){.rows = 64,
                      .entries = 16,
                      .positions = 64,
                      .predictions = 4,
                      .skew = 64,
                      .value_bytes = 2},
     .published = &(vc_chip_published){1e9, 16, "128 GB/s", 128e9, VC__HBM2_PJ_PER_BIT}},
};

static const sanger *sanger_of(const vc_chip_config *c)
{
    return (const sanger *)(const void *)c->own;
}

static uint64_t predictions_of(const vc_chip_config *c)
{
    return sanger_of(c)->predictions;
}

static vc_status check_array(const vc_chip_config *c)
{
    return vc__check_array(c, sanger_of(c)->rows * sanger_of(c)->entries);
}

/* Counts the sub-rows of some queries among the keys from `first` on. Each holds up to `entries`
 * entries of one query. */
static uint64_t sub_rows(const vc_pattern_head *head, const sanger *c, size_t query_first,
                         size_t query_end, size_t first, size_t end)
{
    uint64_t count = 0;
    for (size_t q = query_first; q < query_end; q++) {
        const size_t panel_end = end < head->panel_count ? end : head->panel_count;
        const uint64_t panel = first < panel_end ? panel_end - first : 0;
        const vc__range r =
            vc__row_entries(head, q, first > head->panel_count ? first : head->panel_count, end);
        count += vc__ceil_div(panel + (r.end - r.first), c->entries);
    }
    return count;
}

/* Counts groups of sub-rows, each as large as the array, for one tile of keys after the other. Also
 * counts the sub-rows. */
static uint64_t array_groups(uint64_t *total, const vc_pattern_head *head, size_t keys,
                             const sanger *c, size_t query_first, size_t query_end)
{
    uint64_t groups = 0;
    for (size_t key = 0; key < keys; key += c->positions) {
        const size_t end = key + c->positions < keys ? key + c->positions : keys;
        const uint64_t count = sub_rows(head, c, query_first, query_end, key, end);
        groups += vc__ceil_div(count, c->rows);
        *total += count;
    }
    return groups;
}

static uint64_t pass_cycles(const sanger *c, uint64_t groups, uint64_t depth)
{
    return groups == 0 ? 0 : c->pipelined ? groups * depth + c->skew : groups * (depth + c->skew);
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const sanger *own = sanger_of(c);
    const vc_attention_sizes *s = &a->sizes;
    const vc_pattern_head *map = &a->pattern.head[head];
    const uint64_t rows = end - first, bytes = own->value_bytes,
                   groups = array_groups(&b->additions[VC__SUM], map, s->keys, own, first, end);
    b->unit = VC_CHIP_UNIT_SPARSER;
    for (size_t q = first; q < end; q++) {
        b->entries += vc__kept_in_row(map, q);
        b->softmax += vc__ceil_div(vc__kept_in_row(map, q), c->softmax_lanes);
    }
    b->bytes[VC_BUFFER_QUERY] = rows * s->head_dim * bytes;
    b->bytes[VC_BUFFER_KEY] = s->keys * s->head_dim * bytes;
    b->bytes[VC_BUFFER_VALUE] = s->keys * s->value_dim * bytes;
    b->stored_bytes = rows * s->value_dim * bytes;
    b->macs[0] = b->entries * s->head_dim;
    b->macs[1] = b->entries * s->value_dim;
    b->predictions = own->predictions;
    b->predicted_macs = rows * s->keys * s->head_dim;
    b->cycles[VC__PREDICT] =
        vc__ceil_div(b->predicted_macs, c->lines * c->macs_per_line * own->predictions);
    b->cycles[VC__SCORE] = pass_cycles(own, groups, s->head_dim);
    b->cycles[VC__SUM] = pass_cycles(own, groups, s->value_dim);
    b->additions[VC__SUM] *= s->value_dim; /* a sub-row's sums are added to its row's */
    b->reads[VC__PREDICT][VC_BUFFER_QUERY] = b->bytes[VC_BUFFER_QUERY] / 2;
    b->reads[VC__PREDICT][VC_BUFFER_KEY] = b->bytes[VC_BUFFER_KEY] / 2;
    b->reads[VC__SCORE][VC_BUFFER_QUERY] = groups * own->rows * s->head_dim * bytes;
    b->reads[VC__SCORE][VC_BUFFER_KEY] = groups * own->positions * s->head_dim * bytes;
    b->reads[VC__SUM][VC_BUFFER_VALUE] = groups * own->positions * s->value_dim * bytes;
}

static vc_status run_packed(vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    const vc__rival rival = {.make = make_block,
                             .heads = s->heads,
                             .queries = s->queries,
                             .keys = s->keys,
                             .value_bytes = sanger_of(a->machine->config)->value_bytes,
                             .predicts_apart = sanger_of(a->machine->config)->apart};
    return vc__rival_run(a, &rival);
}

static const char *why_ahead(const vc_chip_config *c)
{
    (void)c;
    return "its array shares the operands that it reads, and adds to the sums in a scratchpad once "
           "for a sub-row (assumptions E4, E7); ViTCoD's lines do so once for a visit (D8)";
}

static const char *const unused[] = {VC__RIVAL_UNUSED, NULL};

const vc_chip_kind vc__kind_sanger = {
    .name = "sanger",
    .own_bytes = sizeof(sanger),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .uses_mask = 1,
    .predictions = predictions_of,
    .banked = VC__RIVAL_BANKED,
    .unused = unused,
    .check = check_array,
    .run = run_packed,
    .ahead = why_ahead,
};
