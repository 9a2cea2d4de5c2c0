/* Compiling a layer of a plan: which keys are in the panel, and which entries of the others are
 * kept. */
#include "vitcod/pattern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "vitcod/arena.h"

const char *vc_pattern_split_name(vc_pattern_split split)
{
    static const char *const names[] = {"plan", "cost", "whole"};
    return names[split];
}

/* A head that is being compiled. A column is a key, numbered in the order of the plan. */
typedef struct compiled {
    const vc_plan_layer *layer;
    const vc_pattern_options *options;
    size_t head;
    const int32_t *column_start;
    int32_t *sequence; /* (Tk) columns in the order in which keys are listed */
    uint8_t *inside;   /* (Tk) 1: the column is in the panel */
    size_t panel, panel_entries, row_entries;
} compiled;

static size_t column_kept(const compiled *c, size_t column)
{
    return (size_t)(c->column_start[column + 1] - c->column_start[column]);
}

/* Keys are listed in the order of the plan if the plan decides the panel, else by their numbers. */
static void order_columns(compiled *c)
{
    const size_t keys = c->layer->keys;
    const int32_t *order = c->layer->key_order + c->head * keys;
    const int by_plan = c->options->split == VC_PATTERN_BY_PLAN || c->options->plan_order;
    for (size_t j = 0; j < keys; j++)
        c->sequence[by_plan ? j : (size_t)order[j]] = (int32_t)j;
}

static vc_status choose_panel(compiled *c)
{
    const size_t keys = c->layer->keys, globals = (size_t)c->layer->global_tokens[c->head];
    if (c->options->split == VC_PATTERN_BY_COST)
        VC_TRY(vc__choose_panel(c->inside, c->column_start, c->sequence, c->layer->queries, keys,
                                c->layer->pooling.count, &c->options->costs));
    else
        for (size_t j = 0; j < keys; j++)
            c->inside[j] = c->options->split == VC_PATTERN_WHOLE || j < globals;
    for (size_t j = 0; j < keys; j++) {
        c->panel += c->inside[j];
        *(c->inside[j] ? &c->panel_entries : &c->row_entries) += column_kept(c, j);
    }
    return VC_OK;
}

static int is_seen(const vc_plan_layer *layer, size_t head, size_t query, size_t summary)
{
    const size_t row = head * layer->queries + query;
    return layer->summary_bias[row * layer->pooling.count + summary] != -INFINITY;
}

/* Queries that see summaries, each as often as it sees one. */
static size_t count_seen(const vc_plan_layer *layer, size_t head)
{
    size_t seen = 0;
    for (size_t q = 0; q < layer->queries; q++)
        for (size_t g = 0; g < layer->pooling.count; g++)
            seen += (size_t)is_seen(layer, head, q, g);
    return seen;
}

/* What is not known before the arena has a base. */
static void place_head(vc_arena *arena, vc_pattern *p, vc_pattern_head *head, const compiled *c)
{
    const vc_plan_layer *layer = c->layer;
    const size_t tq = p->queries, tk = p->keys, summaries = vc_pattern_summaries(p),
                 panel = c->panel + summaries, seen = count_seen(layer, c->head);
    const int hidden = c->panel_entries + seen < tq * panel;
    *head = (vc_pattern_head){.panel_count = panel, .values_start = p->values};
    head->kept = c->panel_entries + c->row_entries + seen;
    p->values += tq * panel + c->row_entries;
    if (c->options->split == VC_PATTERN_BY_PLAN || c->panel < tk || summaries > 0) {
        head->panel_keys = vc_arena_take(arena, panel * sizeof(int32_t));
        head->panel_place = vc_arena_take(arena, (tk + summaries) * sizeof(int32_t));
    }
    if (hidden)
        head->panel_kept = vc_arena_take(arena, tq * vc_panel_blocks(panel) * sizeof(uint16_t));
    if (c->row_entries) {
        head->row_start = vc_arena_take(arena, (tq + 1) * sizeof(int32_t));
        head->row_keys = vc_arena_take(arena, c->row_entries * sizeof(int32_t));
    }
    if (layer->kept_share)
        head->kept_share = layer->kept_share + c->head * tq;
    if (!c->options->plan_order)
        return;
    if (c->row_entries)
        head->row_entry = vc_arena_take(arena, c->row_entries * sizeof(int32_t));
    head->column_start = c->column_start;
    head->column_rows = layer->rows;
    head->query_order = layer->query_order + c->head * tq;
    head->key_order = layer->key_order + c->head * tk;
}

/* Lays out the memory; the same code first counts and then hands out. */
static void place_heads(vc_arena *arena, vc_pattern *p, const compiled *heads)
{
    p->values = 0;
    p->head = vc_arena_take(arena, p->heads * sizeof *p->head);
    for (size_t h = 0; h < p->heads; h++) {
        vc_pattern_head head;
        place_head(arena, p, &head, &heads[h]);
        if (arena->base)
            p->head[h] = head;
    }
}

static void fill_panel_keys(vc_pattern_head *head, const vc_pattern *p, const compiled *c)
{
    int32_t *keys = (int32_t *)head->panel_keys, *place = (int32_t *)head->panel_place, used = 0;
    const int32_t *order = c->layer->key_order + c->head * p->keys;
    if (!keys)
        return;
    for (size_t s = 0; s < p->keys; s++) {
        const int32_t column = c->sequence[s],
                      key = c->options->plan_order ? column : order[column];
        place[key] = c->inside[column] ? used : -1;
        if (c->inside[column])
            keys[used++] = key;
    }
    for (size_t g = 0; g < vc_pattern_summaries(p); g++) {
        place[p->keys + g] = used;
        keys[used++] = (int32_t)(p->keys + g);
    }
}

/* NULL: rows are listed in the order of the plan. */
static const int32_t *row_order(const compiled *c)
{
    return c->options->plan_order ? NULL : c->layer->query_order + c->head * c->layer->queries;
}

static size_t query_of(const int32_t *order, int32_t row)
{
    return (size_t)(order ? order[row] : row);
}

static void set_bit(uint16_t *kept, size_t blocks, size_t query, size_t place)
{
    kept[query * blocks + place / VC_PANEL] |= (uint16_t)(1u << place % VC_PANEL);
}

static void fill_bits(vc_pattern_head *head, const vc_pattern *p, const compiled *c)
{
    uint16_t *kept = (uint16_t *)head->panel_kept;
    const size_t blocks = vc_panel_blocks(head->panel_count);
    const int32_t *const order = row_order(c), *const rows = c->layer->rows;
    if (!kept)
        return;
    for (size_t s = 0, place = 0; s < p->keys; s++) {
        const size_t column = (size_t)c->sequence[s];
        if (!c->inside[column])
            continue;
        for (int32_t e = c->column_start[column]; e < c->column_start[column + 1]; e++)
            set_bit(kept, blocks, query_of(order, rows[e]), place);
        place++;
    }
    for (size_t r = 0; r < p->queries; r++) {
        const size_t original = (size_t)c->layer->query_order[c->head * p->queries + r];
        for (size_t g = 0; g < vc_pattern_summaries(p); g++)
            if (is_seen(c->layer, c->head, original, g))
                set_bit(kept, blocks, query_of(order, (int32_t)r), c->panel + g);
    }
}

/* Behind the column's entries that rows list: those of a column in the panel are not listed. */
static int32_t column_end(const compiled *c, size_t column)
{
    return c->column_start[c->inside[column] ? column : column + 1];
}

/* Counts the entries of each row, then fills the rows. start[q] advances while row q is filled and
 * is set back at the end. */
static void fill_rows(vc_pattern_head *head, const vc_pattern *p, const compiled *c)
{
    int32_t *start = (int32_t *)head->row_start, *keys = (int32_t *)head->row_keys,
            *entry = (int32_t *)head->row_entry;
    const int32_t *const key_order = c->layer->key_order + c->head * p->keys,
                         *const order = row_order(c), *const rows = c->layer->rows;
    if (!start)
        return;
    for (size_t j = 0; j < p->keys; j++)
        for (int32_t e = c->column_start[j], end = column_end(c, j); e < end; e++)
            start[query_of(order, rows[e]) + 1]++;
    for (size_t q = 0; q < p->queries; q++)
        start[q + 1] += start[q];
    for (size_t s = 0; s < p->keys; s++) {
        const size_t j = (size_t)c->sequence[s];
        const int32_t key = c->options->plan_order ? (int32_t)j : key_order[j];
        for (int32_t e = c->column_start[j], end = column_end(c, j); e < end; e++) {
            const int32_t at = start[query_of(order, rows[e])]++;
            keys[at] = key;
            if (entry)
                entry[at] = e;
        }
    }
    memmove(start + 1, start, p->queries * sizeof *start);
    start[0] = 0;
}

static vc_status build(vc_pattern *p, const compiled *heads)
{
    vc_arena arena = {0};
    place_heads(&arena, p, heads);
    VC_TRY(vc_arena_reserve(&arena));
    place_heads(&arena, p, heads);
    p->memory = arena.base;
    for (size_t h = 0; h < p->heads; h++) {
        fill_panel_keys(&p->head[h], p, &heads[h]);
        fill_bits(&p->head[h], p, &heads[h]);
        fill_rows(&p->head[h], p, &heads[h]);
    }
    return VC_OK;
}

vc_status vc_pattern_open(vc_pattern *out, const vc_plan_layer *layer,
                          const vc_pattern_options *options)
{
    const size_t heads = layer->heads, keys = layer->keys;
    *out = (vc_pattern){.heads = heads,
                        .queries = layer->queries,
                        .keys = keys,
                        .pooling = layer->pooling.count ? &layer->pooling : NULL,
                        .summary_bias = layer->summary_bias};
    compiled *all = calloc(heads, sizeof *all);
    int32_t *sequences = malloc(heads * keys * sizeof *sequences);
    uint8_t *inside = malloc(heads * keys);
    vc_status status = all && sequences && inside
                           ? VC_OK
                           : vc_fail(VC_ENOMEM, "out of memory for attention of %zu heads", heads);
    for (size_t h = 0; h < heads && status == VC_OK; h++) {
        all[h] = (compiled){.layer = layer,
                            .options = options,
                            .head = h,
                            .column_start = layer->column_start + h * (keys + 1),
                            .sequence = sequences + h * keys,
                            .inside = inside + h * keys};
        order_columns(&all[h]);
        status = choose_panel(&all[h]);
    }
    if (status == VC_OK)
        status = build(out, all);
    free(all);
    free(sequences);
    free(inside);
    return status;
}

vc_status vc_pattern_open_whole(vc_pattern *out, size_t heads, size_t queries, size_t keys)
{
    *out = (vc_pattern){
        .heads = heads, .queries = queries, .keys = keys, .values = heads * queries * keys};
    out->head = calloc(heads, sizeof *out->head);
    if (!out->head)
        return vc_fail(VC_ENOMEM, "out of memory for attention of %zu heads", heads);
    out->memory = out->head;
    for (size_t h = 0; h < heads; h++)
        out->head[h] = (vc_pattern_head){
            .panel_count = keys, .kept = queries * keys, .values_start = h * queries * keys};
    return VC_OK;
}

void vc_pattern_close(vc_pattern *pattern)
{
    free(pattern->memory);
    *pattern = (vc_pattern){0};
}
