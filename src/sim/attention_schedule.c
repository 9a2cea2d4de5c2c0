#include "attention_schedule.h"

#include <stdlib.h>

enum { SCORE_BYTES = 4, SUM_BYTES = 4 };

/* How the work is cut into tiles and steps. */
typedef struct tiling {
    const vc__chip_layer *a;
    const vc_chip_config *c;
    size_t heads_per_group[2]; /* that share stored Q, K: all if compressed, else one */
    uint64_t token_bytes[2];   /* of a group; a query's with its biases (eq. D18) */
    uint64_t bias_bytes;       /* of a query, in token_bytes */
    size_t most_queries, most_keys;
    size_t key_tiles, query_tiles;
    size_t *query_end; /* (Tq) of each tile */
    int joint;         /* all heads that share K are one step */
} tiling;

static size_t half_of(const tiling *t, vc_buffer buffer)
{
    return (size_t)(t->c->buffers[buffer].bytes / VC__SLOTS);
}

static vc_status tile_does_not_fit(const tiling *t, vc_buffer buffer, uint64_t bytes)
{
    return vc__does_not_fit(t->a->machine, buffer, bytes, "the smallest tile needs in each half");
}

/* How many tokens of Q or K a tile has: half a scratchpad, or all of it if everything that a layer
 * ever loads fits at once. */
static size_t tokens_that_fit(const tiling *t, int side, vc_buffer buffer, size_t tokens)
{
    const int one_group = t->heads_per_group[side] == t->a->sizes.heads;
    const uint64_t whole = t->c->buffers[buffer].bytes, bytes = t->token_bytes[side];
    const int all = one_group && tokens * bytes <= whole;
    return vc__smaller(tokens, (all ? (size_t)whole : half_of(t, buffer)) / bytes);
}

/* The decoded tokens of a head, Q and K, share a scratchpad. */
static vc_status limit_decoded(tiling *t)
{
    const vc_attention_sizes *s = &t->a->sizes;
    const size_t decoded = t->c->buffers[VC_BUFFER_DECODED].bytes / s->head_dim;
    const size_t sides = (size_t)(s->compressed[0] > 0) + (s->compressed[1] > 0);
    if (decoded < sides)
        return tile_does_not_fit(t, VC_BUFFER_DECODED, sides * s->head_dim);
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

static vc_status limit_tokens(tiling *t)
{
    const vc_attention_sizes *s = &t->a->sizes;
    t->most_queries = tokens_that_fit(t, 0, VC_BUFFER_QUERY, s->queries);
    t->most_keys = tokens_that_fit(t, 1, VC_BUFFER_KEY, t->a->keys);
    t->most_keys = vc__smaller(t->most_keys, half_of(t, VC_BUFFER_VALUE) / s->value_dim);
    if (t->most_queries == 0)
        return tile_does_not_fit(t, VC_BUFFER_QUERY, t->token_bytes[0]);
    if (t->most_keys == 0)
        return half_of(t, VC_BUFFER_KEY) < t->token_bytes[1]
                   ? tile_does_not_fit(t, VC_BUFFER_KEY, t->token_bytes[1])
                   : tile_does_not_fit(t, VC_BUFFER_VALUE, s->value_dim);
    return limit_decoded(t);
}

static size_t key_edge(const tiling *t, size_t tile)
{
    return t->a->keys * tile / t->key_tiles;
}

/* Bytes of the output scratchpad that a row takes: the scores of the steps in flight, the sums of
 * one head, and the results of two. */
static uint64_t row_bytes(const tiling *t, size_t query)
{
    size_t widest = 0, all = 0;
    for (size_t h = 0; h < t->a->sizes.heads; h++) {
        const size_t width = (size_t)vc__kept_in_row(&t->a->pattern.head[h], query);
        widest = width > widest ? width : widest;
        all += width;
    }
    const size_t scores = t->joint ? all : widest, flight = t->c->interleave ? 2 : 1;
    return flight * scores * SCORE_BYTES + t->a->sizes.value_dim * (SUM_BYTES + VC__SLOTS);
}

static vc_status cut_queries(tiling *t)
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

static uint64_t index_bytes(const tiling *t, const vc__chip_tile *tile)
{
    const vc_pattern_head *head = &t->a->pattern.head[tile->head];
    const vc__key_parts parts = vc__parts_of(t->a, tile);
    uint64_t indices = 0;
    for (size_t key = parts.global_end; key < parts.sparser_end; key++) {
        const vc__range r = vc__column_entries(head, key, tile->query_first, tile->query_end);
        indices += 1 + r.end - r.first;
    }
    return indices * t->c->index_bytes;
}

static vc__chip_tile tile_of(const tiling *t, size_t head, size_t query_tile, size_t key_tile)
{
    return (vc__chip_tile){head, query_tile ? t->query_end[query_tile - 1] : 0,
                           t->query_end[query_tile], key_edge(t, key_tile),
                           key_edge(t, key_tile + 1)};
}

static uint64_t most_index_bytes(const tiling *t)
{
    uint64_t most = 0;
    for (size_t h = 0; h < t->a->sizes.heads; h++)
        for (size_t i = 0; i < t->query_tiles; i++)
            for (size_t k = 0; k < t->key_tiles; k++) {
                const vc__chip_tile tile = tile_of(t, h, i, k);
                most = vc__later(most, index_bytes(t, &tile));
            }
    return most;
}

/* Makes tiles of keys that fit the key, value and index scratchpads. */
static vc_status cut_tiles(tiling *t)
{
    const size_t keys = t->a->keys;
    t->key_tiles = vc__ceil_div(keys, t->most_keys);
    for (;;) {
        t->joint = t->heads_per_group[1] > 1 && t->key_tiles > VC__SLOTS;
        VC_TRY(cut_queries(t));
        const uint64_t most = most_index_bytes(t);
        if (most <= half_of(t, VC_BUFFER_INDEX))
            return VC_OK;
        if (t->key_tiles == keys)
            return tile_does_not_fit(t, VC_BUFFER_INDEX, most);
        t->key_tiles = vc__smaller(keys, 2 * t->key_tiles);
    }
}

/* The content of the slots of a scratchpad, while the schedule is written. */
typedef struct slots {
    int64_t load[VC__SLOTS];
    size_t used[VC__SLOTS]; /* phases after which the content is not needed */
} slots;

typedef struct writer {
    vc__schedule *s;
    const tiling *t;
    slots slots[VC_BUFFER_COUNT];
    size_t phase_room, load_room;
    vc_status status;
} writer;

static int grow_array(writer *w, void *array, size_t *room, size_t size, size_t count)
{
    if (count < *room)
        return 1;
    const size_t wanted = *room ? 2 * *room : 64;
    void *grown = realloc(*(void **)array, wanted * size);
    if (!grown) {
        w->status = vc_fail(VC_ENOMEM, "out of memory for a schedule of %zu steps", wanted);
        return 0;
    }
    *(void **)array = grown;
    *room = wanted;
    return 1;
}

/* Finds the load that brings some tokens: an earlier one whose slot still holds them, or a new one
 * into the slot that has been unused for longest. */
static int64_t want_load(writer *w, vc_buffer buffer, size_t group, size_t first, size_t rows,
                         uint64_t bytes, int shared)
{
    slots *in = &w->slots[buffer];
    const size_t phase = w->s->phase_count + 1;
    size_t slot = in->used[1] < in->used[0];
    for (size_t i = 0; shared && i < VC__SLOTS; i++) {
        const vc__load *there = in->load[i] == VC__NO_LOAD ? NULL : &w->s->loads[in->load[i]];
        if (there && there->group == group && there->first == first && there->rows == rows) {
            in->used[i] = phase;
            return in->load[i];
        }
    }
    if (!grow_array(w, &w->s->loads, &w->load_room, sizeof *w->s->loads, w->s->load_count))
        return VC__NO_LOAD;
    w->s->loads[w->s->load_count] = (vc__load){.buffer = buffer,
                                               .slot = slot,
                                               .group = group,
                                               .first = first,
                                               .rows = rows,
                                               .bytes = bytes,
                                               .after = in->used[slot]};
    in->load[slot] = (int64_t)w->s->load_count;
    in->used[slot] = phase;
    return (int64_t)w->s->load_count++;
}

static void add_phase(writer *w, int spmm, size_t step, const vc__chip_tile *tile)
{
    const tiling *t = w->t;
    const vc_attention_sizes *s = &t->a->sizes;
    const size_t keys = tile->key_end - tile->key_first;
    const size_t queries = tile->query_end - tile->query_first;
    vc__phase p = {.spmm = spmm,
                   .tile = *tile,
                   .step = step,
                   .first = tile->key_first == 0,
                   .last = tile->key_end == t->a->keys,
                   .query = VC__NO_LOAD,
                   .key = VC__NO_LOAD,
                   .index = VC__NO_LOAD,
                   .value = VC__NO_LOAD};
    if (spmm)
        p.value = want_load(w, VC_BUFFER_VALUE, tile->head, tile->key_first, keys,
                            keys * s->value_dim, 1);
    else {
        const uint64_t indices = index_bytes(t, tile);
        p.key = want_load(w, VC_BUFFER_KEY, tile->head / t->heads_per_group[1], tile->key_first,
                          keys, keys * t->token_bytes[1], 1);
        p.query = want_load(w, VC_BUFFER_QUERY, tile->head / t->heads_per_group[0],
                            tile->query_first, queries, queries * t->token_bytes[0], 1);
        if (indices > 0)
            p.index = want_load(w, VC_BUFFER_INDEX, tile->head, tile->key_first, keys, indices, 0);
    }
    if (grow_array(w, &w->s->phases, &w->phase_room, sizeof *w->s->phases, w->s->phase_count))
        w->s->phases[w->s->phase_count++] = p;
}

static size_t larger_group(const tiling *t)
{
    const size_t *heads = t->heads_per_group;
    return heads[0] > heads[1] ? heads[0] : heads[1];
}

/* Decides the order of steps. If Q is a head's own or stays on the chip, the query tiles of a head
 * follow each other. If heads share Q, the heads of a query tile follow each other, so that Q is
 * loaded once; but then K and V may have to be loaded again, and the order with fewer bytes is
 * taken. */
static int heads_first(const tiling *t)
{
    const vc_attention_sizes *s = &t->a->sizes;
    if (t->query_tiles <= VC__SLOTS || t->heads_per_group[0] == 1)
        return 1;
    if (t->heads_per_group[1] > 1 || t->key_tiles > VC__SLOTS)
        return 0;
    return (s->heads - 1) * s->queries * t->token_bytes[0] <
           (t->query_tiles - 1) * s->heads * t->a->keys * (t->token_bytes[1] + s->value_dim);
}

/* Steps go through groups (of Q or K, whichever are larger), and in each through heads and query
 * tiles. */
static void add_step(writer *w, int spmm, size_t step)
{
    const tiling *t = w->t;
    const int by_head = heads_first(t);
    const size_t heads = w->s->heads_per_step, group = larger_group(t), parts = group / heads,
                 in_group = step % (parts * t->query_tiles),
                 part = by_head ? in_group / t->query_tiles : in_group % parts,
                 query_tile = by_head ? in_group % t->query_tiles : in_group / parts,
                 first = step / (parts * t->query_tiles) * group + part * heads;
    for (size_t i = 0; i < heads * t->key_tiles; i++) {
        /* All heads of a step share K, but each has its own V. */
        const size_t head = first + (spmm ? i / t->key_tiles : i % heads),
                     key_tile = spmm ? i % t->key_tiles : i / heads;
        const vc__chip_tile tile = tile_of(t, head, query_tile, key_tile);
        add_phase(w, spmm, step, &tile);
    }
}

static vc_status write_schedule(vc__schedule *out, const tiling *t)
{
    writer w = {.s = out, .t = t};
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        w.slots[b] = (slots){.load = {VC__NO_LOAD, VC__NO_LOAD}};
    out->heads_per_step = t->joint ? t->heads_per_group[1] : 1;
    out->queries_per_tile = t->most_queries;
    out->keys_per_tile = vc__ceil_div(t->a->keys, t->key_tiles);
    for (int side = 0; side < 2; side++)
        out->token_bytes[side] = t->token_bytes[side];
    out->token_bytes[0] -= out->bias_bytes = t->bias_bytes;
    const size_t steps = t->a->sizes.heads / out->heads_per_step * t->query_tiles;
    for (size_t s = 0; s < steps && w.status == VC_OK; s++) {
        if (s == 0 || !t->c->interleave)
            add_step(&w, 0, s);
        if (s + 1 < steps && t->c->interleave)
            add_step(&w, 0, s + 1);
        add_step(&w, 1, s);
    }
    return w.status;
}

vc_status vc__schedule_open(vc__schedule *out, const vc__chip_layer *a)
{
    const vc_attention_sizes *s = &a->sizes;
    *out = (vc__schedule){0};
    tiling t = {
        .a = a, .c = a->machine->config, .query_end = malloc(s->queries * sizeof *t.query_end)};
    for (int side = 0; side < 2; side++) {
        const size_t coded = s->compressed[side];
        t.heads_per_group[side] = coded ? s->heads : 1;
        t.token_bytes[side] = (coded ? coded : 1) * s->head_dim;
    }
    t.bias_bytes = t.heads_per_group[0] * vc_pattern_summaries(&a->pattern) * VC__SUMMARY_BYTES;
    t.token_bytes[0] += t.bias_bytes;
    vc_status status = t.query_end ? limit_tokens(&t) : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK)
        status = cut_tiles(&t);
    if (status == VC_OK)
        status = write_schedule(out, &t);
    free(t.query_end);
    if (status != VC_OK)
        vc__schedule_close(out);
    return status;
}

void vc__schedule_close(vc__schedule *schedule)
{
    free(schedule->phases);
    free(schedule->loads);
    *schedule = (vc__schedule){0};
}
