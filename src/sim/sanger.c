/* Sanger (Lu et al., MICRO 2021): a mask predicted at low precision, rows packed and split into sub-rows, a
 * score-stationary array (eq. E6 to E8). */
#include "rivals.h"

/* Sub-rows of some queries among the keys from `first` on: each holds up to `entries` of a query. */
static uint64_t sub_rows(const vc__head_map *head, const vc_sanger_config *c, size_t query_first,
                         size_t query_end, size_t first, size_t end)
{
    uint64_t count = 0;
    for (size_t q = query_first; q < query_end; q++) {
        const size_t panel_end = end < head->globals ? end : head->globals;
        const uint64_t panel = first < panel_end ? panel_end - first : 0;
        const vc__range r =
            vc__row_entries(head, q, first > head->globals ? first : head->globals, end);
        count += vc__ceil_div(panel + (r.end - r.first), c->entries);
    }
    return count;
}

/* Groups of as many sub-rows as the array has rows, tile of keys by tile of keys; counts the sub-rows too. */
static uint64_t array_groups(uint64_t *total, const vc__head_map *head, const vc_sanger_config *c,
                             size_t query_first, size_t query_end)
{
    uint64_t groups = 0;
    for (size_t key = 0; key < head->keys; key += c->positions) {
        const size_t end = key + c->positions < head->keys ? key + c->positions : head->keys;
        const uint64_t count = sub_rows(head, c, query_first, query_end, key, end);
        groups += vc__ceil_div(count, c->rows);
        *total += count;
    }
    return groups;
}

static uint64_t pass_cycles(const vc_sanger_config *c, uint64_t groups, uint64_t depth)
{
    return groups == 0 ? 0 : c->pipelined ? groups * depth + c->skew : groups * (depth + c->skew);
}

static void make_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first, size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const vc_sanger_config *sanger = &c->sanger;
    const vc_attention_sizes *s = &a->sizes;
    const vc__head_map *map = &a->map.head[head];
    const uint64_t rows = end - first, bytes = sanger->value_bytes,
                   groups = array_groups(&b->additions, map, sanger, first, end);
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
    b->predictions = sanger->predictions;
    b->predicted_macs = rows * s->keys * s->head_dim;
    b->predict = vc__ceil_div(b->predicted_macs, c->lines * c->macs_per_line * sanger->predictions);
    b->score = pass_cycles(sanger, groups, s->head_dim);
    b->sum = pass_cycles(sanger, groups, s->value_dim);
    b->additions *= s->value_dim; /* a sub-row's sums are added to its row's */
    b->reads[VC_BUFFER_QUERY] =
        groups * sanger->rows * s->head_dim * bytes + b->bytes[VC_BUFFER_QUERY] / 2;
    b->reads[VC_BUFFER_KEY] =
        groups * sanger->positions * s->head_dim * bytes + b->bytes[VC_BUFFER_KEY] / 2;
    b->reads[VC_BUFFER_VALUE] = groups * sanger->positions * s->value_dim * bytes;
}

vc_status vc__sanger(vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    const vc__rival rival = {make_block, s->heads, s->queries, s->keys,
                             a->machine->config->sanger.value_bytes};
    return vc__rival_run(a, &rival);
}
