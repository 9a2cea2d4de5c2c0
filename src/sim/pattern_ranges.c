/* A head's entries inside a tile, by columns and by rows. */
#include "chip_impl.h"

/* The first position from `low` on, before `high`, whose value is not below `wanted`. */
static size_t first_not_below(const int32_t *sorted, size_t low, size_t high, size_t wanted)
{
    if (low < high && (size_t)sorted[high - 1] < wanted)
        return high;
    if (low < high && (size_t)sorted[low] >= wanted)
        return low;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((size_t)sorted[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

vc__range vc__column_entries(const vc_pattern_head *head, size_t key, size_t first, size_t end)
{
    const size_t from = (size_t)head->column_start[key], to = (size_t)head->column_start[key + 1];
    return (vc__range){first_not_below(head->column_rows, from, to, first),
                       first_not_below(head->column_rows, from, to, end)};
}

vc__range vc__row_entries(const vc_pattern_head *head, size_t query, size_t first, size_t end)
{
    if (!head->row_start)
        return (vc__range){0, 0};
    const size_t from = (size_t)head->row_start[query], to = (size_t)head->row_start[query + 1];
    return (vc__range){first_not_below(head->row_keys, from, to, first),
                       first_not_below(head->row_keys, from, to, end)};
}

vc__key_parts vc__parts_of(const vc__chip_layer *a, const vc__chip_tile *tile)
{
    const size_t globals =
        a->pattern.head[tile->head].panel_count - vc_pattern_summaries(&a->pattern);
    const size_t first = tile->key_first, end = tile->key_end, tokens = a->sizes.keys;
    vc__key_parts p = {.global_end = globals < first ? first
                                     : globals > end ? end
                                                     : globals,
                       .sparser_end = tokens < first ? first
                                      : tokens > end ? end
                                                     : tokens};
    p.panel = p.global_end - first + end - p.sparser_end;
    return p;
}

static int same_tile(const vc__chip_tile *a, const vc__chip_tile *b)
{
    return a->head == b->head && a->query_first == b->query_first && a->query_end == b->query_end &&
           a->key_first == b->key_first && a->key_end == b->key_end;
}

const vc__range *vc__tile_columns(const vc__chip_layer *a, const vc__chip_tile *tile)
{
    const vc_pattern_head *head = &a->pattern.head[tile->head];
    const vc__key_parts parts = vc__parts_of(a, tile);
    vc__columns *c = a->columns;
    if (same_tile(&c->tile, tile))
        return c->of;
    c->tile = *tile;
    for (size_t key = parts.global_end; key < parts.sparser_end; key++)
        c->of[key] = vc__column_entries(head, key, tile->query_first, tile->query_end);
    return c->of;
}

uint64_t vc__kept_in_row(const vc_pattern_head *head, size_t query)
{
    return head->panel_count + vc_row_count(head, query);
}

uint64_t vc__kept_in_tile(const vc__chip_layer *a, const vc__chip_tile *tile, size_t query)
{
    const vc__key_parts parts = vc__parts_of(a, tile);
    const vc__range own =
        vc__row_entries(&a->pattern.head[tile->head], query, parts.global_end, parts.sparser_end);
    return parts.panel + own.end - own.first;
}
