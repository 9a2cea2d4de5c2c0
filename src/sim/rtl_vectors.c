/* What the chip did with a layer, for RTL that is to do the same: the order of loads and phases,
 * the data as it lies in memory, what came out and when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attention_schedule.h"
#include "vitcod/rtl.h"
#include "vitcod/safetensors.h"

enum { NAME = 40, PHASE_FIELDS = 20, LOAD_FIELDS = 7, SIZES = 8 };

typedef struct entry {
    char name[NAME];
    vc_tensor tensor;
} entry;

struct vc_rtl_vectors {
    entry *entries;
    size_t count, room;
};

vc_status vc_rtl_vectors_open(vc_rtl_vectors **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

void vc_rtl_vectors_close(vc_rtl_vectors *v)
{
    for (size_t i = 0; v && i < v->count; i++)
        free(v->entries[i].tensor.data);
    if (v)
        free(v->entries);
    free(v);
}

vc_status vc_rtl_vectors_write(const vc_rtl_vectors *v, const char *path)
{
    const vc_metadata metadata = {"format", "vitcod-rtl-vectors"};
    vc_named_tensor *named = malloc((v->count + 1) * sizeof *named);
    if (!named)
        return vc_fail(VC_ENOMEM, "out of memory");
    size_t count = 0; /* the widest values first, so that all are aligned */
    for (size_t bytes = sizeof(int64_t); bytes > 0; bytes /= 2)
        for (size_t i = 0; i < v->count; i++)
            if (vc_dtype_bytes(v->entries[i].tensor.dtype) == bytes)
                named[count++] = (vc_named_tensor){v->entries[i].name, v->entries[i].tensor};
    const vc_status status = vc_safetensors_write(path, named, count, &metadata, 1);
    free(named);
    return status;
}

/* ---- a layer */

typedef struct writer {
    vc_rtl_vectors *v;
    const vc__chip_layer *a;
    const vc__schedule *s;
    const vc_chip_values *values;
    vc__summaries summaries;
    uint64_t begin;
    const uint64_t *phase_end;
} writer;

/* A new tensor of the layer, of zeros; NULL: out of memory. */
static void *add(const writer *w, const char *name, vc_dtype dtype, size_t rank,
                 const size_t *shape)
{
    vc_rtl_vectors *v = w->v;
    if (v->count == v->room) {
        const size_t room = v->room ? 2 * v->room : 64;
        entry *grown = realloc(v->entries, room * sizeof *grown);
        if (!grown)
            return NULL;
        v->entries = grown;
        v->room = room;
    }
    entry *e = &v->entries[v->count];
    e->tensor = (vc_tensor){.dtype = dtype, .rank = rank};
    snprintf(e->name, sizeof e->name, "layer.%d.%s", w->a->machine->layer, name);
    memcpy(e->tensor.shape, shape, rank * sizeof *shape);
    e->tensor.data = calloc(vc_tensor_count(&e->tensor) + 1, vc_dtype_bytes(dtype));
    v->count += e->tensor.data != NULL;
    return e->tensor.data;
}

static vc_status no_memory(void)
{
    return vc_fail(VC_ENOMEM, "out of memory for vectors of RTL");
}

/* Rows (H, tokens, width) in the order of the plan, with those of summaries behind each head's. */
static vc_status add_rows(const writer *w, const char *name, const int8_t *rows,
                          const int8_t *pooled, size_t tokens, size_t width, int of_queries)
{
    const size_t heads = w->a->sizes.heads, g = pooled ? w->summaries.count : 0;
    int8_t *to = add(w, name, VC_I8, 3, (size_t[]){heads, tokens + g, width});
    if (!to)
        return no_memory();
    for (size_t h = 0; h < heads; h++) {
        const vc_pattern_head *head = &w->a->pattern.head[h];
        const int32_t *order = of_queries ? head->query_order : head->key_order;
        for (size_t t = 0; t < tokens; t++, to += width)
            memcpy(to, rows + (h * tokens + (order ? (size_t)order[t] : t)) * width, width);
        if (g > 0)
            memcpy(to, pooled + h * g * width, g * width);
        to += g * width;
    }
    return VC_OK;
}

/* Biases, shares and results, of a query each; and which entries of a panel are kept. */
static vc_status add_queries(const writer *w)
{
    const vc_attention_sizes *s = &w->a->sizes;
    const size_t g = w->summaries.count, dv = s->value_dim;
    int32_t *bias = g ? add(w, "bias", VC_I32, 3, (size_t[]){s->heads, s->queries, g}) : NULL,
            *out = add(w, "out", VC_I32, 3, (size_t[]){s->heads, s->queries, dv}),
            *whole = add(w, "whole", VC_I32, 2, (size_t[]){s->heads, s->queries}),
            *lengths = add(w, "lengths", VC_I32, 2, (size_t[]){s->heads, s->queries});
    uint8_t *kept = add(w, "kept", VC_U8, 3, (size_t[]){s->heads, s->queries, w->a->keys});
    if ((g && !bias) || !out || !whole || !lengths || !kept)
        return no_memory();
    for (size_t h = 0; h < s->heads; h++) {
        const vc_pattern_head *head = &w->a->pattern.head[h];
        for (size_t q = 0; q < s->queries; q++) {
            const size_t own = head->query_order ? (size_t)head->query_order[q] : q,
                         to = h * s->queries + q, from = h * s->queries + own;
            if (g > 0)
                memcpy(bias + to * g, w->summaries.bias + from * g, g * sizeof *bias);
            memcpy(out + to * dv, w->values->out + from * dv, dv * sizeof *out);
            lengths[to] = (int32_t)vc_row_count(head, q);
            whole[to] = vc__whole(head->kept_share, own);
            for (size_t j = 0; j < head->panel_count; j++)
                kept[to * w->a->keys + j] =
                    (uint8_t)(vc_panel_keeps(head, q, j) &&
                              (j + g < head->panel_count ||
                               bias[to * g + j + g - head->panel_count] != VC__NOT_SEEN));
        }
    }
    return VC_OK;
}

/* Indices in the order of use: of each column of the sparser part how many entries it has in the
 * tile, and their rows in it. */
static vc_status add_index(const writer *w)
{
    size_t numbers = 0;
    for (size_t i = 0; i < w->s->load_count; i++)
        if (w->s->loads[i].buffer == VC_BUFFER_INDEX)
            numbers += w->s->loads[i].bytes / w->a->machine->config->index_bytes;
    if (numbers == 0)
        return VC_OK;
    int32_t *index = add(w, "index", VC_I32, 1, &numbers);
    if (!index)
        return no_memory();
    for (size_t i = 0; i < w->s->phase_count; i++) {
        const vc__phase *p = &w->s->phases[i];
        if (p->index == VC__NO_LOAD)
            continue;
        const vc_pattern_head *head = &w->a->pattern.head[p->tile.head];
        const vc__key_parts parts = vc__parts_of(w->a, &p->tile);
        for (size_t key = parts.global_end; key < parts.sparser_end; key++) {
            const vc__range r =
                vc__column_entries(head, key, p->tile.query_first, p->tile.query_end);
            *index++ = (int32_t)(r.end - r.first);
            for (size_t e = r.first; e < r.end; e++)
                *index++ = head->column_rows[e] - (int32_t)p->tile.query_first;
        }
    }
    return VC_OK;
}

/* Entries of the sparser part in a tile, and the visits that they take. */
static void count_sparser(uint64_t *entries, uint64_t *visits, const writer *w, const vc__phase *p,
                          const vc__key_parts *parts)
{
    const vc_pattern_head *head = &w->a->pattern.head[p->tile.head];
    const vc_chip_config *c = w->a->machine->config;
    const vc__chip_tile *t = &p->tile;
    const int sums = p->kind == VC__PHASE_SPMM;
    const uint64_t visit = sums && c->entries_per_sum ? c->entries_per_sum : c->entries_per_visit;
    *entries = *visits = 0;
    for (size_t i = sums ? t->query_first : parts->global_end;
         i < (sums ? t->query_end : parts->sparser_end); i++) {
        const vc__range r = sums ? vc__row_entries(head, i, parts->global_end, parts->sparser_end)
                                 : vc__column_entries(head, i, t->query_first, t->query_end);
        *entries += r.end - r.first;
        *visits += vc__ceil_div(r.end - r.first, visit);
    }
}

static vc_status add_phase(const writer *w, int64_t *to, const vc__phase *p)
{
    const vc__machine *m = w->a->machine;
    const vc_pattern_head *head = &w->a->pattern.head[p->tile.head];
    const vc__chip_tile *t = &p->tile;
    const vc__key_parts parts = vc__parts_of(w->a, t);
    const int sums = p->kind == VC__PHASE_SPMM, shares = head->kept_share != NULL;
    const size_t rows = t->query_end - t->query_first,
                 width = sums ? w->a->sizes.value_dim : w->a->sizes.head_dim;
    const int means = sums && shares && t->query_first == 0,
              adds = sums && shares && t->key_end == w->a->sizes.keys;
    uint64_t entries, visits;
    size_t wide;
    count_sparser(&entries, &visits, w, p, &parts);
    const uint64_t more = (means ? t->key_end - t->key_first : 0) + (adds ? rows : 0);
    VC_TRY(vc__split_lines(
        &wide, m, t, (rows * parts.panel + more) * vc__entry_cycles(m->config, width),
        entries * vc__gather_cycles(m->config, sums ? VC_BUFFER_VALUE : VC_BUFFER_QUERY, width)));
    const int64_t fields[PHASE_FIELDS] = {
        p->kind,
        (int64_t)t->head,
        (int64_t)t->query_first,
        (int64_t)t->query_end,
        (int64_t)t->key_first,
        (int64_t)t->key_end,
        (int64_t)parts.global_end,
        (int64_t)parts.sparser_end,
        p->first,
        p->last,
        (int64_t)p->step,
        p->query,
        p->key,
        p->index,
        p->value,
        (int64_t)wide,
        (int64_t)visits,
        means,
        adds,
        (int64_t)(head->panel_count - vc_pattern_summaries(&w->a->pattern)),
    };
    memcpy(to, fields, sizeof fields);
    return VC_OK;
}

static vc_status add_schedule(const writer *w)
{
    const vc__schedule *s = w->s;
    const vc__chip_layer *a = w->a;
    int64_t *phases = add(w, "phases", VC_I64, 2, (size_t[]){s->phase_count, PHASE_FIELDS}),
            *loads = add(w, "loads", VC_I64, 2, (size_t[]){s->load_count, LOAD_FIELDS}),
            *ends = add(w, "ends", VC_I64, 1, &s->phase_count),
            *sizes = add(w, "sizes", VC_I64, 1, (size_t[]){SIZES});
    float *scale = add(w, "scale", VC_F32, 1, (size_t[]){1});
    if (!phases || !loads || !ends || !sizes || !scale)
        return no_memory();
    for (size_t i = 0; i < s->phase_count; i++) {
        VC_TRY(add_phase(w, phases + i * PHASE_FIELDS, &s->phases[i]));
        ends[i] = (int64_t)(w->phase_end[i] - w->begin);
    }
    for (size_t i = 0; i < s->load_count; i++) {
        const vc__load *l = &s->loads[i];
        const int64_t fields[LOAD_FIELDS] = {l->buffer,         (int64_t)l->slot, (int64_t)l->group,
                                             (int64_t)l->first, (int64_t)l->rows, (int64_t)l->bytes,
                                             (int64_t)l->after};
        memcpy(loads + i * LOAD_FIELDS, fields, sizeof fields);
    }
    const int64_t all[SIZES] = {(int64_t)a->sizes.heads,     (int64_t)a->sizes.queries,
                                (int64_t)a->sizes.keys,      (int64_t)a->sizes.head_dim,
                                (int64_t)a->sizes.value_dim, (int64_t)w->summaries.count,
                                (int64_t)a->machine->layer,  (int64_t)(a->machine->now - w->begin)};
    memcpy(sizes, all, sizeof all);
    *scale = w->values->score_scale;
    return VC_OK;
}

vc_status vc__rtl_vectors_add(vc_rtl_vectors *v, const vc__chip_layer *a, const vc__schedule *s,
                              uint64_t begin, const uint64_t *phase_end)
{
    const vc_attention_sizes *z = &a->sizes;
    writer w = {.v = v, .a = a, .s = s, .begin = begin, .phase_end = phase_end};
    if (z->compressed[0] || z->compressed[1])
        return vc_fail(VC_EUNSUPPORTED,
                       "layer %d has an auto-encoder, of which there are no vectors for RTL: its "
                       "integers are not defined",
                       a->machine->layer);
    if (s->parts > 1)
        return vc_fail(VC_EUNSUPPORTED,
                       "layer %d: softmax takes rows of %zu keys in parts, which RTL does not "
                       "(softmax: whole)",
                       a->machine->layer, a->keys);
    w.values = &a->machine->options->values[a->machine->layer];
    VC_TRY(
        vc__summaries_open(&w.summaries, z, w.values, a->pattern.pooling, a->pattern.summary_bias));
    vc_status status = add_rows(&w, "q", w.values->q, NULL, z->queries, z->head_dim, 1);
    if (status == VC_OK)
        status = add_rows(&w, "k", w.values->k, w.summaries.k, z->keys, z->head_dim, 0);
    if (status == VC_OK)
        status = add_rows(&w, "v", w.values->v, w.summaries.v, z->keys, z->value_dim, 0);
    if (status == VC_OK)
        status = add_queries(&w);
    if (status == VC_OK)
        status = add_index(&w);
    if (status == VC_OK)
        status = add_schedule(&w);
    vc__summaries_close(&w.summaries);
    return status;
}
