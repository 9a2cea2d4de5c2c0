/* A systolic array that computes dense attention: weights stay, rows of the other operand stream
 * through (eq. E5). */
#include "rivals.h"

typedef struct systolic {
    uint64_t rows, columns; /* of MACs: along the sum, and across outputs */
    int pipelined; /* 1: the next weights come, and the array fills and drains, behind work */
} systolic;
_Static_assert(sizeof(systolic) <= VC_CHIP_OWN_BYTES, "it lies in the chip");

static const vc_chip_field fields[] = {
    VC__COUNT_FIELD(systolic, rows, "rows", "rows", 1, 4096, "MACs along the sum"),
    VC__COUNT_FIELD(systolic, columns, "columns", "columns", 1, 4096, "outputs side by side"),
    {{.key = "pipelined",
      .kind = VC_YAML_FLAG,
      .offset = offsetof(systolic, pipelined),
      .optional = 1},
     "pipelined",
     "the next weights come, and the array fills and drains, behind work"},
};

static const vc_chip_variant variants[] = {
    {.key = "systolic", .name = "systolic", .own = &(systolic){.rows = 32, .columns = 16}},
};

static const systolic *systolic_of(const vc_chip_config *c)
{
    return (const systolic *)(const void *)c->own;
}

static vc_status check_array(const vc_chip_config *c)
{
    return vc__check_array(c, systolic_of(c)->rows * systolic_of(c)->columns);
}

/* Cycles of a product. Tiles of weights are as large as the array, and all rows stream past each.
 * For each, weights are loaded, a row of the array per cycle, and the array fills and drains, as in
 * SCALE-Sim; or all of that happens behind the rows of the tile before (eq. E5). `load` and
 * `stream` are the cycles of a tile's weights and of its rows. */
static uint64_t tile_cycles(const systolic *s, uint64_t inputs, uint64_t outputs, uint64_t load,
                            uint64_t stream)
{
    const uint64_t tiles = vc__ceil_div(inputs, s->rows) * vc__ceil_div(outputs, s->columns),
                   skew = s->rows + s->columns - 2;
    return s->pipelined ? tiles * vc__later(stream, load) + skew : tiles * (load + stream + skew);
}

static uint64_t product_cycles(const systolic *s, uint64_t rows, uint64_t inputs, uint64_t outputs)
{
    return tile_cycles(s, inputs, outputs, s->rows, rows);
}

/* The same where weights, rows, and sums that are added to others come and go through the banks of
 * their scratchpads. */
static uint64_t ported_cycles(const vc_chip_config *c, const vc_buffer from[2], uint64_t rows,
                              uint64_t inputs, uint64_t outputs, int adds)
{
    const systolic *s = systolic_of(c);
    const uint64_t load = vc__move_cycles(c, from[1], s->rows * s->columns),
                   read = from[0] == VC_BUFFER_COUNT
                              ? 0 /* probabilities, which find room (eq. D8) */
                              : vc__move_cycles(c, from[0], rows * vc__smaller(inputs, s->rows)),
                   sums = adds ? vc__move_cycles(c, VC_BUFFER_OUTPUT,
                                                 rows * vc__smaller(outputs, s->columns) *
                                                     sizeof(int32_t))
                               : 0;
    return tile_cycles(s, inputs, outputs, vc__later(load, s->rows),
                       vc__later(rows, vc__later(read, sums)));
}

static void linear_product(vc_chip_product *out, const vc_chip_config *c, uint64_t rows,
                           uint64_t inputs, uint64_t outputs)
{
    static const vc_buffer from[] = {VC_BUFFER_QUERY, VC_BUFFER_VALUE};
    const systolic *s = systolic_of(c);
    const uint64_t cycles = product_cycles(s, rows, inputs, outputs),
                   along = vc__ceil_div(inputs, s->rows);
    *out = (vc_chip_product){.cycles = cycles,
                             .stall =
                                 ported_cycles(c, from, rows, inputs, outputs, along > 1) - cycles,
                             .ahead = s->pipelined ? 0 : s->rows,
                             .input_reads = rows * inputs * vc__ceil_div(outputs, s->columns),
                             .additions = rows * outputs * (along - 1)};
}

static uint64_t array_columns(const vc_chip_config *c)
{
    return systolic_of(c)->columns;
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const systolic *array = systolic_of(c);
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
    b->cycles[VC__SCORE] = product_cycles(array, rows, s->head_dim, keys);
    b->cycles[VC__SUM] = product_cycles(array, rows, keys, s->value_dim);
    static const vc_buffer scores[] = {VC_BUFFER_QUERY, VC_BUFFER_KEY},
                           sums[] = {VC_BUFFER_COUNT, VC_BUFFER_VALUE};
    b->ported[VC__SCORE] =
        ported_cycles(c, scores, rows, s->head_dim, keys, s->head_dim > array->rows);
    b->ported[VC__SUM] = ported_cycles(c, sums, rows, keys, s->value_dim, 1);
    b->additions[VC__SCORE] = b->entries * (vc__ceil_div(s->head_dim, array->rows) - 1);
    b->additions[VC__SUM] = rows * s->value_dim * vc__ceil_div(keys, array->rows);
    b->softmax = rows * vc__ceil_div(keys, c->softmax_lanes);
    b->reads[VC__SCORE][VC_BUFFER_QUERY] = rows * s->head_dim * vc__ceil_div(keys, array->columns);
    b->reads[VC__SCORE][VC_BUFFER_KEY] = keys * s->head_dim;
    b->reads[VC__SUM][VC_BUFFER_VALUE] = keys * s->value_dim;
}

static vc_status run_dense(vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    const vc__rival rival = {.make = make_block,
                             .heads = s->heads,
                             .queries = s->queries,
                             .keys = s->keys,
                             .value_bytes = 1};
    return vc__rival_run(a, &rival);
}

static const char *const unused[] = {VC__RIVAL_UNUSED, "linear_rows", NULL};

const vc_chip_kind vc__kind_systolic = {
    .name = "systolic",
    .own_bytes = sizeof(systolic),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .banked = VC__RIVAL_BANKED,
    .unused = unused,
    .check = check_array,
    .run = run_dense,
    .product = linear_product,
    .product_outputs = array_columns,
};
