/* How a head is split between the panel and the rows, and what the kernel needs to follow the split. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/arena.h"
#include "vitcod/attend.h"

/* What things cost, in entries of a panel (score, power, share of the output), as bench_attend measures it
 * with AVX-512. */
#define COST_ROW_ENTRY 1.6 /* an entry of a row */
#define COST_ROW 7.0       /* a query that has a row at all */
#define COST_BF16 0.55     /* an entry of a panel in bfloat16 */

static size_t round_up(size_t count)
{
    return (count + VC_PANEL - 1) / VC_PANEL * VC_PANEL;
}

typedef struct column {
    size_t key, kept;
} column;

static int by_kept(const void *a, const void *b)
{
    const column *x = a, *y = b;
    if (x->kept != y->kept)
        return x->kept < y->kept ? 1 : -1;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* Scores are made for whole blocks of keys, output only for those there are. */
static double panel_cost(size_t queries, size_t keys, int bf16)
{
    return (bf16 ? COST_BF16 : 1.0) * (double)queries * 0.5 * (double)(round_up(keys) + keys);
}

/* How many of the columns, the fullest first, make the cheapest panel. */
static size_t cheapest_panel(const column *columns, size_t queries, size_t keys, int bf16)
{
    size_t best = keys, left = 0;
    double least = panel_cost(queries, keys, bf16);
    for (size_t i = keys; i-- > 0;) {
        left += columns[i].kept;
        double cost = panel_cost(queries, i, bf16) + COST_ROW_ENTRY * (double)left +
                      (left ? COST_ROW * (double)queries : 0.0);
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    return best;
}

/* places[key] = whether the key goes into the panel */
static size_t choose_panel(uint8_t *places, column *columns, const uint8_t *pruned,
                           const vc_attend_layer *layer)
{
    const size_t queries = layer->queries, keys = layer->keys;
    for (size_t j = 0; j < keys; j++)
        columns[j] = (column){.key = j};
    for (size_t i = 0; i < queries; i++)
        for (size_t j = 0; j < keys; j++)
            columns[j].kept += !pruned[i * keys + j];
    qsort(columns, keys, sizeof *columns, by_kept);
    const size_t count = cheapest_panel(columns, queries, keys, layer->bf16);
    memset(places, 0, keys);
    for (size_t i = 0; i < count; i++)
        places[columns[i].key] = 1;
    return count;
}

typedef struct split { /* of one head */
    uint8_t *places;   /* (Tk); NULL: all keys in the panel */
    const uint8_t *pruned;
    const float *bias;
    size_t panel, hidden, rows; /* keys in the panel, what is pruned of them, entries of the rows */
} split;

static void count_entries(split *s, size_t queries, size_t keys)
{
    for (size_t i = 0; s->pruned && i < queries; i++)
        for (size_t j = 0; j < keys; j++) {
            const int pruned = s->pruned[i * keys + j] != 0, inside = !s->places || s->places[j];
            s->hidden += inside && pruned;
            s->rows += !inside && !pruned;
        }
}

/* The same walk measures and places. */
static void place(vc_arena *arena, vc_attend_layer *layer, const split *splits)
{
    const size_t tq = layer->queries, tk = layer->keys;
    layer->panel_floats = 0;
    layer->head = vc_arena_take(arena, layer->heads * sizeof *layer->head);
    for (size_t h = 0; h < layer->heads; h++) {
        const split *s = &splits[h];
        const size_t wide = round_up(s->panel);
        vc_attend_head head = {.panel_count = s->panel, .panel_start = layer->panel_floats};
        head.kept = tq * s->panel - s->hidden + s->rows;
        layer->panel_floats +=
            layer->bf16 ? wide * (layer->head_dim + layer->value_dim) / 2 : wide * layer->head_dim;
        if (s->panel < tk) {
            head.panel_keys = vc_arena_take(arena, s->panel * sizeof(int32_t));
            head.panel_place = vc_arena_take(arena, tk * sizeof(int32_t));
        }
        if (s->hidden)
            head.panel_kept = vc_arena_take(arena, tq * wide / VC_PANEL * sizeof(uint16_t));
        if (s->rows) {
            head.row_start = vc_arena_take(arena, (tq + 1) * sizeof(int32_t));
            head.row_keys = vc_arena_take(arena, s->rows * sizeof(int32_t));
        }
        if (s->bias) {
            head.panel_bias = vc_arena_floats(arena, tq * wide);
            head.row_bias = vc_arena_floats(arena, s->rows + VC_PANEL);
        }
        if (arena->base)
            layer->head[h] = head;
    }
}

static void fill_panel(vc_attend_head *head, const split *s, size_t queries, size_t keys)
{
    int32_t *order = (int32_t *)head->panel_keys, *at = (int32_t *)head->panel_place;
    uint16_t *kept = (uint16_t *)head->panel_kept;
    float *bias = (float *)head->panel_bias;
    const size_t wide = round_up(s->panel);
    for (size_t j = 0, used = 0; order && j < keys; j++) {
        at[j] = s->places[j] ? (int32_t)used : -1;
        if (s->places[j])
            order[used++] = (int32_t)j;
    }
    for (size_t i = 0; i < queries; i++)
        for (size_t p = 0; p < s->panel; p++) {
            const size_t from = i * keys + (order ? (size_t)order[p] : p);
            if (kept && !s->pruned[from])
                kept[(i * wide + p) / VC_PANEL] |= (uint16_t)(1u << p % VC_PANEL);
            if (bias)
                bias[i * wide + p] = s->bias[from];
        }
}

static void fill_rows(vc_attend_head *head, const split *s, size_t queries, size_t keys)
{
    int32_t *start = (int32_t *)head->row_start, *row = (int32_t *)head->row_keys;
    float *bias = (float *)head->row_bias;
    int32_t used = 0;
    for (size_t i = 0; i < queries; i++) {
        start[i] = used;
        for (size_t j = 0; j < keys; j++) {
            if (s->places[j] || s->pruned[i * keys + j])
                continue;
            if (bias)
                bias[used] = s->bias[i * keys + j];
            row[used++] = (int32_t)j;
        }
    }
    start[queries] = used;
}

static vc_status build(vc_attend_layer *layer, split *splits)
{
    const size_t tq = layer->queries, tk = layer->keys;
    vc_arena arena = {0};
    for (size_t h = 0; h < layer->heads; h++) {
        count_entries(&splits[h], tq, tk);
        if (splits[h].rows > INT32_MAX)
            return vc_fail(VC_EUNSUPPORTED, "%zu kept entries in a head, wanted at most %d",
                           splits[h].rows, INT32_MAX);
    }
    place(&arena, layer, splits);
    VC_TRY(vc_arena_reserve(&arena));
    place(&arena, layer, splits);
    layer->memory = arena.base;
    for (size_t h = 0; h < layer->heads; h++) {
        fill_panel(&layer->head[h], &splits[h], tq, tk);
        if (splits[h].rows)
            fill_rows(&layer->head[h], &splits[h], tq, tk);
    }
    return VC_OK;
}

vc_status vc_attend_layer_open(vc_attend_layer *layer, const uint8_t *pruned, const float *bias,
                               vc_attend_split how)
{
    const size_t heads = layer->heads, tq = layer->queries, tk = layer->keys;
    const int by_cost = pruned && how == VC_SPLIT_BY_COST;
    split *splits = calloc(heads, sizeof *splits);
    uint8_t *places = by_cost ? malloc(heads * tk) : NULL;
    column *columns = by_cost ? malloc(tk * sizeof *columns) : NULL;
    vc_status status = VC_OK;
    if (!splits || (by_cost && (!places || !columns)))
        status = vc_fail(VC_ENOMEM, "out of memory for attention of %zu heads", heads);
    for (size_t h = 0; h < heads && status == VC_OK; h++) {
        split *s = &splits[h];
        *s = (split){.pruned = pruned ? pruned + h * tq * tk : NULL,
                     .bias = bias ? bias + h * tq * tk : NULL,
                     .panel = tk};
        if (by_cost)
            s->panel = choose_panel(places + h * tk, columns, s->pruned, layer);
        if (s->panel < tk)
            s->places = places + h * tk;
    }
    if (status == VC_OK)
        status = build(layer, splits);
    free(splits);
    free(places);
    free(columns);
    return status;
}

void vc_attend_layer_close(vc_attend_layer *layer)
{
    free(layer->memory);
    *layer = (vc_attend_layer){0};
}
