/* Attention for a device: for each block of queries the keys that any of them keeps, in tiles.
 * Those of the panel come first, as they are; the further ones of its rows are gathered, and a bit
 * for each query and key tells what is kept (attention.cl). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"

enum { QUERIES = VC__BLOCK_QUERIES, KEYS = VC__BLOCK_KEYS };

typedef struct tiles {
    const vc_packed_attention *layer;
    size_t rows, blocks;
    int32_t *first, *count; /* (heads, blocks) */
    int32_t *keys;          /* (tiles, KEYS) */
    uint32_t *kept;         /* (tiles, QUERIES) */
    float *bias;            /* (tiles, QUERIES, KEYS); NULL: none */
    size_t tile_count, room;
    int32_t *place; /* (keys) of a key outside the panel among the tiles of the block; -1: none */
} tiles;

static int is_biased(const vc_packed_attention *a)
{
    for (size_t h = 0; h < a->heads; h++)
        if (a->head[h].panel_bias || a->head[h].row_bias)
            return 1;
    return 0;
}

/* Room for one more tile, without keys. */
static vc_status add_tile(tiles *t)
{
    if (t->tile_count == t->room) {
        const size_t room = 2 * t->room + 16;
        int32_t *keys = realloc(t->keys, room * KEYS * sizeof *keys);
        if (keys)
            t->keys = keys;
        uint32_t *kept = realloc(t->kept, room * QUERIES * sizeof *kept);
        if (kept)
            t->kept = kept;
        float *bias = NULL;
        if (is_biased(t->layer)) {
            bias = realloc(t->bias, room * QUERIES * KEYS * sizeof *bias);
            if (bias)
                t->bias = bias;
        }
        if (!keys || !kept || (!bias && is_biased(t->layer)))
            return vc_fail(VC_ENOMEM, "out of memory for attention of %zu heads", t->layer->heads);
        t->room = room;
    }
    const size_t at = t->tile_count++;
    for (size_t k = 0; k < KEYS; k++)
        t->keys[at * KEYS + k] = -1;
    memset(t->kept + at * QUERIES, 0, QUERIES * sizeof *t->kept);
    if (t->bias)
        memset(t->bias + at * QUERIES * KEYS, 0, QUERIES * KEYS * sizeof *t->bias);
    return VC_OK;
}

/* Puts a key at a place of the block whose tiles begin at `first`. */
static vc_status set_key(tiles *t, size_t first, size_t place, int32_t key)
{
    while (first + place / KEYS >= t->tile_count)
        VC_TRY(add_tile(t));
    t->keys[(first + place / KEYS) * KEYS + place % KEYS] = key;
    return VC_OK;
}

static void keep(tiles *t, size_t first, size_t place, size_t query, float bias)
{
    const size_t tile = first + place / KEYS, line = tile * QUERIES + query % QUERIES;
    t->kept[line] |= (uint32_t)1 << place % KEYS;
    if (t->bias)
        t->bias[line * KEYS + place % KEYS] = bias;
}

static vc_status add_panel(tiles *t, size_t first, const vc_packed_head *head, size_t begin,
                           size_t end)
{
    const vc_pattern_head *p = head->pattern;
    const size_t wide = vc_panel_blocks(p->panel_count) * VC_PANEL;
    for (size_t place = 0; place < p->panel_count; place++) {
        VC_TRY(set_key(t, first, place, p->panel_keys ? p->panel_keys[place] : (int32_t)place));
        for (size_t q = begin; q < end; q++)
            if (vc_panel_keeps(p, q, place))
                keep(t, first, place, q,
                     head->panel_bias ? head->panel_bias[q * wide + place] : 0.0f);
    }
    return VC_OK;
}

static vc_status add_rows(tiles *t, size_t first, const vc_packed_head *head, size_t begin,
                          size_t end)
{
    const vc_pattern_head *p = head->pattern;
    size_t next = p->panel_count;
    if (!p->row_start)
        return VC_OK;
    for (size_t k = 0; k < t->layer->keys; k++)
        t->place[k] = -1;
    for (int32_t e = p->row_start[begin]; e < p->row_start[end]; e++)
        t->place[p->row_keys[e]] = 0;
    for (size_t k = 0; k < t->layer->keys; k++)
        if (t->place[k] == 0) {
            VC_TRY(set_key(t, first, next, (int32_t)k));
            t->place[k] = (int32_t)next++;
        }
    for (size_t q = begin; q < end; q++)
        for (int32_t e = p->row_start[q]; e < p->row_start[q + 1]; e++)
            keep(t, first, (size_t)t->place[p->row_keys[e]], q,
                 head->row_bias ? head->row_bias[e] : 0.0f);
    return VC_OK;
}

static vc_status add_block(tiles *t, size_t head, size_t block)
{
    const vc_packed_head *h = &t->layer->head[head];
    const size_t first = t->tile_count, begin = block * QUERIES, at = head * t->blocks + block,
                 end = begin + QUERIES < t->rows ? begin + QUERIES : t->rows;
    VC_TRY(add_panel(t, first, h, begin, end));
    VC_TRY(add_rows(t, first, h, begin, end));
    t->first[at] = (int32_t)first;
    t->count[at] = (int32_t)(t->tile_count - first);
    return VC_OK;
}

static int is_whole(const vc_pattern_head *head)
{
    return !head->panel_keys && !head->panel_kept && !head->row_start;
}

/* 1 if every block of every head has the tiles of the first: all keys, and nothing that differs by
 * query. */
static int all_alike(const tiles *t)
{
    for (size_t h = 0; h < t->layer->heads; h++)
        if (!is_whole(t->layer->head[h].pattern))
            return 0;
    return t->rows >= QUERIES && !is_biased(t->layer);
}

static vc_status fill_tiles(tiles *t)
{
    const int alike = all_alike(t);
    for (size_t h = 0; h < t->layer->heads; h++)
        for (size_t b = 0; b < t->blocks; b++) {
            const size_t at = h * t->blocks + b;
            if (alike && at > 0) {
                t->first[at] = t->first[0];
                t->count[at] = t->count[0];
            } else {
                VC_TRY(add_block(t, h, b));
            }
        }
    return VC_OK;
}

/* Where each block's tiles begin among all of an image, which may be those of another block. */
static vc_status upload_offsets(vc__device_attention *out, vc__device *d, const tiles *t)
{
    const size_t count = t->layer->heads * t->blocks;
    int32_t *offset = malloc(count * sizeof *offset);
    if (!offset)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        offset[i] = (int32_t)out->tiles;
        out->tiles += (size_t)t->count[i];
    }
    out->tile_scores = (uint64_t)out->tiles * QUERIES * KEYS;
    const vc_status status = vc__device_fill(&out->offset, d, offset, count * sizeof *offset,
                                             "the pattern of attention");
    free(offset);
    return status;
}

static vc_status upload_tiles(vc__device_attention *out, vc__device *d, const tiles *t)
{
    static const char what[] = "the pattern of attention";
    const size_t spans = t->layer->heads * t->blocks * sizeof(int32_t);
    VC_TRY(vc__device_fill(&out->first, d, t->first, spans, what));
    VC_TRY(vc__device_fill(&out->count, d, t->count, spans, what));
    VC_TRY(vc__device_fill(&out->keys, d, t->keys, t->tile_count * KEYS * sizeof *t->keys, what));
    VC_TRY(
        vc__device_fill(&out->kept, d, t->kept, t->tile_count * QUERIES * sizeof *t->kept, what));
    if (t->bias)
        VC_TRY(vc__device_fill(&out->bias, d, t->bias,
                               t->tile_count * QUERIES * KEYS * sizeof *t->bias, what));
    return upload_offsets(out, d, t);
}

static vc_status make_tiles(vc__device_attention *out, vc__device *d)
{
    const vc_packed_attention *layer = out->layer;
    tiles t = {.layer = layer, .rows = out->rows, .blocks = out->blocks};
    t.first = calloc(layer->heads * t.blocks, sizeof *t.first);
    t.count = calloc(layer->heads * t.blocks, sizeof *t.count);
    t.place = calloc(layer->keys, sizeof *t.place);
    vc_status status =
        t.first && t.count && t.place ? fill_tiles(&t) : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK)
        status = upload_tiles(out, d, &t);
    free(t.first);
    free(t.count);
    free(t.place);
    free(t.keys);
    free(t.kept);
    free(t.bias);
    return status;
}

/* The shares of a residual; a head without one has 1 everywhere. */
static vc_status upload_shares(vc__device_attention *out, vc__device *d)
{
    const vc_packed_attention *a = out->layer;
    int any = 0;
    for (size_t h = 0; h < a->heads; h++)
        any |= a->head[h].pattern->kept_share != NULL;
    if (!any)
        return VC_OK;
    float *shares = malloc(a->heads * out->rows * sizeof *shares);
    if (!shares)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t h = 0; h < a->heads; h++)
        for (size_t q = 0; q < out->rows; q++)
            shares[h * out->rows + q] =
                a->head[h].pattern->kept_share ? a->head[h].pattern->kept_share[q] : 1.0f;
    const vc_status status = vc__device_fill(
        &out->shares, d, shares, a->heads * out->rows * sizeof *shares, "shares of a residual");
    free(shares);
    VC_TRY(status);
    return vc__device_take(&out->means, d,
                           d->options.batch * a->heads * a->value_dim * sizeof(float),
                           "means of values");
}

static vc_status upload_pooling(vc__device_attention *out, vc__device *d)
{
    static const char what[] = "the pooling of keys";
    const vc_pooling *p = out->layer->pattern.pooling;
    if (!p)
        return VC_OK;
    VC_TRY(vc__device_fill(&out->pool_start, d, p->start, (p->count + 1) * sizeof *p->start, what));
    VC_TRY(vc__device_fill(&out->pool_keys, d, p->keys, p->entries * sizeof *p->keys, what));
    VC_TRY(
        vc__device_fill(&out->pool_weights, d, p->weights, p->entries * sizeof *p->weights, what));
    return p->query ? vc__device_fill(&out->pool_query, d, p->query,
                                      out->layer->heads * p->dim * sizeof *p->query, what)
                    : VC_OK;
}

vc_status vc__device_attention_open(vc__device *d, const vc_packed_attention *layer, size_t rows)
{
    vc__device_attention *grown = realloc(d->attentions, (d->attention_count + 1) * sizeof *grown);
    vc__kernels_of kernels;
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    d->attentions = grown;
    VC_TRY(vc__device_kernels_of(&kernels, d, layer->head_dim, layer->value_dim));
    vc__device_attention *made = &grown[d->attention_count];
    *made = (vc__device_attention){
        .layer = layer, .rows = rows, .blocks = (rows + QUERIES - 1) / QUERIES, .kernels = kernels};
    VC_TRY(make_tiles(made, d));
    VC_TRY(upload_shares(made, d));
    VC_TRY(upload_pooling(made, d));
    d->attention_count++;
    return VC_OK;
}

const vc__device_attention *vc__device_attention_of(const vc__device *d,
                                                    const vc_packed_attention *layer)
{
    for (size_t i = 0; i < d->attention_count; i++)
        if (d->attentions[i].layer == layer)
            return &d->attentions[i];
    return NULL;
}

uint64_t vc__device_scores(const void *device, const vc_packed_attention *attention)
{
    return vc__device_attention_of(device, attention)->tile_scores;
}
