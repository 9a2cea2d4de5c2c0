/* A layer of a plan, by columns and by rows. */
#include <stdlib.h>

#include "chip_impl.h"

static void fill_rows(vc__head_map *head)
{
    const int32_t *start = head->column_start;
    for (size_t j = head->globals; j < head->keys; j++)
        for (int32_t e = start[j]; e < start[j + 1]; e++)
            head->row_start[head->rows[e] + 1]++;
    for (size_t q = 0; q < head->queries; q++)
        head->row_start[q + 1] += head->row_start[q];
    for (size_t j = head->globals; j < head->keys;
         j++) /* row_start[q] runs, and is set back below */
        for (int32_t e = start[j]; e < start[j + 1]; e++) {
            const int32_t at = head->row_start[head->rows[e]]++;
            head->row_keys[at] = (int32_t)j;
            head->row_entry[at] = e;
        }
    for (size_t q = head->queries; q > 0; q--)
        head->row_start[q] = head->row_start[q - 1];
    head->row_start[0] = 0;
}

static size_t sparser_entries(const vc_plan_layer *layer, size_t head)
{
    return layer ? vc_plan_kept_sparser(layer, head) : 0;
}

static vc__head_map head_of(const vc_attention_sizes *s, const vc_plan_layer *layer, size_t h,
                            int32_t **room)
{
    vc__head_map head = {.queries = s->queries, .keys = s->keys, .globals = s->keys};
    const size_t entries = sparser_entries(layer, h);
    head.row_start = *room;
    head.row_keys = head.row_start + s->queries + 1;
    head.row_entry = head.row_keys + entries;
    *room = head.row_entry + entries;
    if (layer) {
        head.globals = (size_t)layer->global_tokens[h];
        head.query_order = layer->query_order + h * s->queries;
        head.key_order = layer->key_order + h * s->keys;
        head.column_start = layer->column_start + h * (s->keys + 1);
        head.rows = layer->rows;
        head.residual = layer->kept_share != NULL;
        fill_rows(&head);
    }
    return head;
}

vc_status vc__layer_map_open(vc__layer_map *out, const vc_attention_sizes *s,
                             const vc_plan_layer *layer)
{
    size_t wanted = 0;
    for (size_t h = 0; h < s->heads; h++)
        wanted += s->queries + 1 + 2 * sparser_entries(layer, h);
    *out = (vc__layer_map){.heads = s->heads,
                           .head = calloc(s->heads, sizeof *out->head),
                           .room = calloc(wanted, sizeof *out->room)};
    if (!out->head || !out->room) {
        vc__layer_map_close(out);
        return vc_fail(VC_ENOMEM, "out of memory for a layer's map of %zu entries", wanted);
    }
    int32_t *room = out->room;
    for (size_t h = 0; h < s->heads; h++)
        out->head[h] = head_of(s, layer, h, &room);
    return VC_OK;
}

void vc__layer_map_close(vc__layer_map *map)
{
    free(map->head);
    free(map->room);
    *map = (vc__layer_map){0};
}

/* The first position in [low, high) whose value is at least `wanted`. */
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

vc__range vc__column_entries(const vc__head_map *head, size_t key, size_t first, size_t end)
{
    const size_t from = (size_t)head->column_start[key], to = (size_t)head->column_start[key + 1];
    if (first == 0 && end == head->queries)
        return (vc__range){from, to};
    return (vc__range){first_not_below(head->rows, from, to, first),
                       first_not_below(head->rows, from, to, end)};
}

vc__range vc__row_entries(const vc__head_map *head, size_t query, size_t first, size_t end)
{
    const size_t from = (size_t)head->row_start[query], to = (size_t)head->row_start[query + 1];
    if (first <= head->globals && end == head->keys)
        return (vc__range){from, to};
    return (vc__range){first_not_below(head->row_keys, from, to, first),
                       first_not_below(head->row_keys, from, to, end)};
}

uint64_t vc__kept_in_row(const vc__head_map *head, size_t query)
{
    return head->globals + (uint64_t)(head->row_start[query + 1] - head->row_start[query]);
}
