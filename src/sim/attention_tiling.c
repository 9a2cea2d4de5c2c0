/* How a layer's attention is cut into tiles that fit the scratchpads. */
#include "attention_schedule.h"

#include <stdlib.h>

enum {
    SCORE_BYTES = 4,
    SUM_BYTES = 4,
    STATE_BYTES = 12 /* of a row in parts: its highest score, the sum of its powers */
};

int vc__coded(const vc__tiling *t, int side)
{
    return t->a->sizes.compressed[side] > 0;
}

static size_t half_of(const vc__tiling *t, vc_buffer buffer)
{
    return (size_t)(t->c->buffers[buffer].bytes / VC__SLOTS);
}

static vc_status tile_does_not_fit(const vc__tiling *t, vc_buffer buffer, uint64_t bytes)
{
    return vc__does_not_fit(t->a->machine, buffer, bytes, "the smallest tile needs in each half");
}

/* How many tokens of Q or K a tile has: half a scratchpad, or all of it if everything that a layer
 * ever loads fits at once. */
static size_t tokens_that_fit(const vc__tiling *t, int side, vc_buffer buffer, size_t tokens)
{
    const int one_group = t->heads_per_group[side] == t->a->sizes.heads;
    const uint64_t whole = t->c->buffers[buffer].bytes, bytes = t->token_bytes[side];
    const int all = one_group && tokens * bytes <= whole;
    return vc__smaller(tokens, (all ? (size_t)whole : half_of(t, buffer)) / bytes);
}

/* The decoded tokens of a head, Q and K, share a scratchpad. */
static vc_status limit_decoded(vc__tiling *t)
{
    const vc_attention_sizes *s = &t->a->sizes;
    const size_t each = vc_chip_value_bytes(t->c),
                 decoded = t->c->buffers[VC_BUFFER_DECODED].bytes / (s->head_dim * each);
    const size_t sides = (size_t)(s->compressed[0] > 0) + (s->compressed[1] > 0);
    if (decoded < sides)
        return tile_does_not_fit(t, VC_BUFFER_DECODED, sides * s->head_dim * each);
    if (sides == 2 && t->most_queries + t->most_keys > decoded) {
        const size_t keys = vc__smaller(t->most_keys, decoded / 2);
        t->most_queries = vc__smaller(t->most_queries, decoded - keys);
        t->most_keys = vc__smaller(t->most_keys, decoded - t->most_queries);
    }
    if (s->compressed[0])
        t->most_queries = vc__smaller(t->most_queries, decoded);
    if (s->compressed[1])
        t->most_keys = vc__smaller(t->most_keys, decoded);
    return VC_OK;
}

/* What is compressed is decoded head by head, in parts: a tile may have more of it than half a
 * scratchpad holds (eq. D7). */
static size_t tokens_of_tile(const vc__tiling *t, int side, vc_buffer buffer, size_t tokens)
{
    const size_t fit = tokens_that_fit(t, side, buffer, tokens);
    return vc__coded(t, side) && !t->joint && fit > 0 ? tokens : fit;
}

static vc_status limit_tokens(vc__tiling *t)
{
    const vc_attention_sizes *s = &t->a->sizes;
    const size_t value = s->value_dim * vc_chip_value_bytes(t->c);
    t->joint = t->c->head_parallel && vc__coded(t, 1);
    t->most_queries = tokens_of_tile(t, 0, VC_BUFFER_QUERY, s->queries);
    t->most_keys = tokens_of_tile(t, 1, VC_BUFFER_KEY, t->a->keys);
    t->most_keys = vc__smaller(t->most_keys, half_of(t, VC_BUFFER_VALUE) / value);
    if (t->most_queries == 0)
        return tile_does_not_fit(t, VC_BUFFER_QUERY, t->token_bytes[0]);
    if (t->most_keys == 0)
        return half_of(t, VC_BUFFER_KEY) < t->token_bytes[1]
                   ? tile_does_not_fit(t, VC_BUFFER_KEY, t->token_bytes[1])
                   : tile_does_not_fit(t, VC_BUFFER_VALUE, value);
    return limit_decoded(t);
}

/* Parts of rows are cut between visits. */
static size_t key_edge(const vc__tiling *t, size_t tile)
{
    const size_t edge = vc__ceil_div(t->a->keys, t->key_unit) * tile / t->key_tiles * t->key_unit;
    return vc__smaller(edge, t->a->keys);
}

size_t vc__keys_per_tile(const vc__tiling *t)
{
    return vc__ceil_div(vc__ceil_div(t->a->keys, t->key_unit), t->key_tiles) * t->key_unit;
}

/* The most entries that a head's row has in one tile of keys. */
static size_t widest_part(const vc__tiling *t, size_t head, size_t query)
{
    uint64_t widest = 0;
    for (size_t k = 0; k < t->key_tiles; k++) {
        const vc__chip_tile tile = {head, query, query + 1, key_edge(t, k), key_edge(t, k + 1)};
        widest = vc__later(widest, vc__kept_in_tile(t->a, &tile, query));
    }
    return (size_t)widest;
}

/* Bytes of the output scratchpad that a row takes: the scores of the steps in flight, the sums of
 * one head, and the results of two. */
static uint64_t row_bytes(const vc__tiling *t, size_t query)
{
    size_t widest = 0, all = 0;
    for (size_t h = 0; h < t->a->sizes.heads; h++) {
        const size_t width = t->online ? widest_part(t, h, query)
                                       : (size_t)vc__kept_in_row(&t->a->pattern.head[h], query);
        widest = width > widest ? width : widest;
        all += width;
    }
    const size_t scores = t->joint ? all : widest, flight = t->c->interleave ? 2 : 1;
    return flight * (scores * SCORE_BYTES + (t->online ? STATE_BYTES : 0)) +
           t->a->sizes.value_dim * (SUM_BYTES + VC__SLOTS * vc_chip_value_bytes(t->c));
}

static vc_status cut_queries(vc__tiling *t)
{
    const uint64_t room = t->c->buffers[VC_BUFFER_OUTPUT].bytes;
    uint64_t used = 0;
    size_t first = 0;
    t->query_tiles = 0;
    for (size_t q = 0; q < t->a->sizes.queries; q++) {
        const uint64_t bytes = row_bytes(t, q);
        if (bytes > room)
            return vc__does_not_fit(t->a->machine, VC_BUFFER_OUTPUT, bytes, "a row needs");
        if (q > first && (used + bytes > room || q - first == t->most_queries)) {
            t->query_end[t->query_tiles++] = q;
            first = q;
            used = 0;
        }
        used += bytes;
    }
    t->query_end[t->query_tiles++] = t->a->sizes.queries;
    return VC_OK;
}

uint64_t vc__tile_index_bytes(const vc__tiling *t, const vc__chip_tile *tile)
{
    const vc__key_parts parts = vc__parts_of(t->a, tile);
    const vc__range *columns = vc__tile_columns(t->a, tile);
    uint64_t indices = 0;
    for (size_t key = parts.global_end; key < parts.sparser_end; key++)
        indices += 1 + columns[key].end - columns[key].first;
    return indices * t->c->index_bytes;
}

vc__chip_tile vc__tile_of(const vc__tiling *t, size_t head, size_t query_tile, size_t key_tile)
{
    return (vc__chip_tile){head, query_tile ? t->query_end[query_tile - 1] : 0,
                           t->query_end[query_tile], key_edge(t, key_tile),
                           key_edge(t, key_tile + 1)};
}

static uint64_t most_index_bytes(const vc__tiling *t)
{
    uint64_t most = 0;
    for (size_t h = 0; h < t->a->sizes.heads; h++)
        for (size_t i = 0; i < t->query_tiles; i++)
            for (size_t k = 0; k < t->key_tiles; k++) {
                const vc__chip_tile tile = vc__tile_of(t, h, i, k);
                most = vc__later(most, vc__tile_index_bytes(t, &tile));
            }
    return most;
}

/* Makes tiles of keys that fit the key, value and index scratchpads. */
static vc_status cut_tiles(vc__tiling *t)
{
    const size_t units = vc__ceil_div(t->a->keys, t->key_unit);
    t->key_tiles = vc__ceil_div(units, t->most_keys / t->key_unit);
    for (;;) {
        VC_TRY(cut_queries(t));
        const uint64_t most = most_index_bytes(t);
        if (most <= half_of(t, VC_BUFFER_INDEX))
            return VC_OK;
        if (t->key_tiles == units)
            return tile_does_not_fit(t, VC_BUFFER_INDEX, most);
        t->key_tiles = vc__smaller(units, 2 * t->key_tiles);
    }
}

/* Rows in parts, where whole ones would want K and V more often (eq. D26). */
static vc_status cut_rows(vc__tiling *t)
{
    const vc_chip_config *c = t->c;
    const size_t most = t->most_keys, part = (size_t)(c->online_keys ? c->online_keys : c->lines);
    const vc_status whole = cut_tiles(t);
    const size_t passes = t->query_tiles;
    if (c->softmax == VC_CHIP_SOFTMAX_WHOLE || t->joint || most >= t->a->keys ||
        (whole == VC_OK && passes == 1))
        return whole;
    t->online = 1;
    t->most_keys = vc__smaller(most, part);
    t->key_unit = vc__smaller(c->entries_per_visit, t->most_keys);
    if (cut_tiles(t) == VC_OK && (whole != VC_OK || t->query_tiles < passes))
        return VC_OK;
    t->online = 0;
    t->most_keys = most;
    t->key_unit = 1;
    return cut_tiles(t);
}

/* How compressed tokens lie in their scratchpad: all tiles of a layer, if they fit; else in parts,
 * some of which stay while the others stream through the two slots that are left. */
static void cut_stored(vc__tiling *t)
{
    for (int side = 0; side < 2; side++) {
        const size_t tokens = side ? t->a->keys : t->a->sizes.queries,
                     tiles = side ? t->key_tiles : t->query_tiles,
                     tile = side ? vc__keys_per_tile(t) : t->most_queries;
        const uint64_t bytes = t->c->buffers[side ? VC_BUFFER_KEY : VC_BUFFER_QUERY].bytes;
        const size_t whole = (size_t)(bytes / t->token_bytes[side]);
        t->stored[side] = tile;
        t->slots[side] = VC__SLOTS;
        if (!vc__coded(t, side) || t->joint || (tokens <= whole && tiles <= VC__SLOTS))
            continue;
        t->slots[side] = tokens <= whole && tiles < VC__MOST_SLOTS ? tiles : VC__MOST_SLOTS;
        while (whole < t->slots[side])
            t->slots[side]--;
        if (tokens > whole || tiles > VC__MOST_SLOTS)
            t->stored[side] = vc__smaller(tile, whole / t->slots[side]);
    }
}

vc_status vc__tiling_open(vc__tiling *out, const vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    *out = (vc__tiling){.a = a,
                        .key_unit = 1,
                        .c = a->machine->config,
                        .query_end = malloc(s->queries * sizeof *out->query_end)};
    if (!out->query_end)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (int side = 0; side < 2; side++) {
        const size_t to = s->compressed[side];
        out->heads_per_group[side] = to ? s->heads : 1;
        out->token_bytes[side] = (to ? to : 1) * s->head_dim * vc_chip_value_bytes(out->c);
    }
    out->bias_bytes =
        out->heads_per_group[0] * vc_pattern_summaries(&a->pattern) * VC__SUMMARY_BYTES;
    out->token_bytes[0] += out->bias_bytes;
    VC_TRY(limit_tokens(out));
    VC_TRY(cut_rows(out));
    cut_stored(out);
    return VC_OK;
}

void vc__tiling_close(vc__tiling *t)
{
    free(t->query_end);
}
