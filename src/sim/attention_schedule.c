#include "attention_schedule.h"

#include <stdlib.h>

/* The content of the slots of a scratchpad, while the schedule is written. */
typedef struct slots {
    int64_t load[VC__MOST_SLOTS];
    size_t used[VC__MOST_SLOTS]; /* phases after which the content is not needed */
} slots;

/* Tokens of Q or K. */
typedef struct tokens {
    size_t first, end;
} tokens;

typedef struct writer {
    vc__schedule *s;
    const vc__tiling *t;
    slots slots[VC_BUFFER_COUNT];
    tokens decoded[2]; /* what the decoded scratchpad holds of Q and K, of decoded_head */
    size_t decoded_head;
    size_t kept[2], streamed[2]; /* parts that stay; how often the others passed */
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

/* Where a load may go. */
typedef struct place {
    vc_buffer buffer;
    size_t first_slot, end_slot;
    int shared; /* what is in a slot may be used again */
} place;

static place two_slots(vc_buffer buffer, int shared)
{
    return (place){buffer, 0, VC__SLOTS, shared};
}

/* The slot that holds the tokens; VC__MOST_SLOTS: none. */
static size_t slot_with(const writer *w, vc_buffer buffer, size_t group, tokens t)
{
    for (size_t i = 0; i < VC__MOST_SLOTS; i++) {
        const int64_t at = w->slots[buffer].load[i];
        const vc__load *there = at == VC__NO_LOAD ? NULL : &w->s->loads[at];
        if (there && there->group == group && there->first == t.first &&
            there->rows == t.end - t.first)
            return i;
    }
    return VC__MOST_SLOTS;
}

/* Finds the load that brings some tokens: an earlier one whose slot still holds them, or a new one
 * into the slot that has been unused for longest. */
static int64_t want_load(writer *w, place to, size_t group, tokens t, uint64_t bytes)
{
    slots *in = &w->slots[to.buffer];
    size_t slot = to.shared ? slot_with(w, to.buffer, group, t) : VC__MOST_SLOTS;
    const int there = slot < VC__MOST_SLOTS;
    for (size_t i = slot = there ? slot : to.first_slot; !there && i < to.end_slot; i++)
        slot = in->used[i] < in->used[slot] ? i : slot;
    const size_t after = in->used[slot];
    in->used[slot] = w->s->phase_count + 1;
    if (there)
        return in->load[slot];
    if (!grow_array(w, &w->s->loads, &w->load_room, sizeof *w->s->loads, w->s->load_count))
        return VC__NO_LOAD;
    w->s->loads[w->s->load_count] = (vc__load){.buffer = to.buffer,
                                               .slot = slot,
                                               .group = group,
                                               .first = t.first,
                                               .rows = t.end - t.first,
                                               .bytes = bytes,
                                               .after = after};
    in->load[slot] = (int64_t)w->s->load_count;
    return (int64_t)w->s->load_count++;
}

static tokens tokens_of(const vc__chip_tile *tile, int side)
{
    return side ? (tokens){tile->key_first, tile->key_end}
                : (tokens){tile->query_first, tile->query_end};
}

static int64_t want_tokens(writer *w, int side, size_t head, tokens part, size_t first_slot,
                           size_t end_slot)
{
    const vc__tiling *t = w->t;
    const place to = {side ? VC_BUFFER_KEY : VC_BUFFER_QUERY, first_slot, end_slot, 1};
    return want_load(w, to, head / t->heads_per_group[side], part,
                     (part.end - part.first) * t->token_bytes[side]);
}

static void push_phase(writer *w, const vc__phase *p)
{
    if (grow_array(w, &w->s->phases, &w->phase_room, sizeof *w->s->phases, w->s->phase_count))
        w->s->phases[w->s->phase_count++] = *p;
}

/* ---- decoding: a tile's tokens, part by part */

typedef struct parts {
    tokens all;
    size_t count; /* 0: they are decoded already */
    size_t stay;  /* the first ones, which need not come again */
} parts;

static tokens part_of(const writer *w, int side, const parts *of, size_t part)
{
    const size_t most = w->t->stored[side];
    return (tokens){of->all.first + part * most,
                    vc__smaller(of->all.first + (part + 1) * most, of->all.end)};
}

/* All but two slots keep what comes there first. */
static size_t parts_that_stay(const writer *w, int side, size_t head, const parts *of)
{
    const size_t room = w->t->slots[side] - VC__SLOTS, group = head / w->t->heads_per_group[side];
    size_t stay = 0, fresh = 0;
    for (; stay < of->count; stay++) {
        const size_t slot =
            slot_with(w, side ? VC_BUFFER_KEY : VC_BUFFER_QUERY, group, part_of(w, side, of, stay));
        if (slot < room)
            continue;
        if (slot < VC__MOST_SLOTS || w->kept[side] + fresh == room)
            break;
        fresh++;
    }
    return stay;
}

/* The part that comes at a place: those that stay, then the others, back and forth, so that the
 * last ones of a head are the first of the next. */
static int64_t want_part(writer *w, int side, size_t head, const parts *of, size_t at)
{
    const size_t all = w->t->slots[side], room = all - VC__SLOTS;
    if (at >= of->count)
        return VC__NO_LOAD;
    const int stays = at < of->stay, forth = w->streamed[side] % 2 == 0;
    const tokens part = part_of(w, side, of, stays || forth ? at : of->count - 1 - (at - of->stay));
    if (!stays)
        return want_tokens(w, side, head, part, room, all);
    const size_t slot = slot_with(w, side ? VC_BUFFER_KEY : VC_BUFFER_QUERY,
                                  head / w->t->heads_per_group[side], part),
                 to = slot < room ? slot : w->kept[side]++;
    return want_tokens(w, side, head, part, to, to + 1);
}

static parts parts_to_decode(writer *w, int side, const vc__chip_tile *tile)
{
    const tokens *there = &w->decoded[side];
    parts of = {.all = tokens_of(tile, side)};
    if (!vc__coded(w->t, side) ||
        (w->decoded_head == tile->head && there->first == of.all.first && there->end == of.all.end))
        return of;
    of.count = vc__ceil_div(of.all.end - of.all.first, w->t->stored[side]);
    of.stay = parts_that_stay(w, side, tile->head, &of);
    w->decoded[side] = of.all;
    return of;
}

static void add_decoding(writer *w, size_t step, const vc__chip_tile *tile)
{
    const parts of[2] = {parts_to_decode(w, 0, tile), parts_to_decode(w, 1, tile)};
    const size_t most = of[0].count > of[1].count ? of[0].count : of[1].count;
    w->decoded_head = tile->head;
    for (size_t at = 0; at < most; at++) {
        const vc__phase p = {.kind = VC__PHASE_DECODE,
                             .tile = *tile,
                             .step = step,
                             .first = at == 0,
                             .last = at + 1 == most,
                             .key = want_part(w, 1, tile->head, &of[1], at),
                             .query = want_part(w, 0, tile->head, &of[0], at),
                             .index = VC__NO_LOAD,
                             .value = VC__NO_LOAD};
        push_phase(w, &p);
    }
    for (int side = 0; side < 2; side++)
        w->streamed[side] += of[side].count > 0;
}

static void add_phase(writer *w, vc__phase_kind kind, size_t step, const vc__chip_tile *tile)
{
    const vc__tiling *t = w->t;
    const tokens keys = tokens_of(tile, 1);
    vc__phase p = {.kind = kind,
                   .tile = *tile,
                   .step = step,
                   .first = t->online || tile->key_first == 0,
                   .last = t->online || tile->key_end == t->a->keys,
                   .opens = tile->key_first == 0,
                   .closes = tile->key_end == t->a->keys,
                   .query = VC__NO_LOAD,
                   .key = VC__NO_LOAD,
                   .index = VC__NO_LOAD,
                   .value = VC__NO_LOAD};
    if (kind == VC__PHASE_SPMM)
        p.value =
            want_load(w, two_slots(VC_BUFFER_VALUE, 1), tile->head, keys,
                      (keys.end - keys.first) * t->a->sizes.value_dim * vc_chip_value_bytes(t->c));
    else {
        const uint64_t indices = vc__tile_index_bytes(t, tile);
        if (vc__coded(t, 0) || vc__coded(t, 1))
            add_decoding(w, step, tile);
        if (!vc__coded(t, 1))
            p.key = want_tokens(w, 1, tile->head, keys, 0, VC__SLOTS);
        if (!vc__coded(t, 0))
            p.query = want_tokens(w, 0, tile->head, tokens_of(tile, 0), 0, VC__SLOTS);
        if (indices > 0)
            p.index = want_load(w, two_slots(VC_BUFFER_INDEX, 0), tile->head, keys, indices);
    }
    push_phase(w, &p);
}

static size_t larger_group(const vc__tiling *t)
{
    const size_t *heads = t->heads_per_group;
    return heads[0] > heads[1] ? heads[0] : heads[1];
}

/* Decides the order of steps. If Q is a head's own or stays on the chip, the query tiles of a head
 * follow each other. If heads share Q, the heads of a query tile follow each other, so that Q is
 * loaded once; but then K and V may have to be loaded again, and the order with fewer bytes is
 * taken. */
static int heads_first(const vc__tiling *t)
{
    const vc_attention_sizes *s = &t->a->sizes;
    const int streams = t->slots[0] > VC__SLOTS || t->slots[1] > VC__SLOTS;
    if (streams || t->query_tiles <= VC__SLOTS || t->heads_per_group[0] == 1)
        return 1;
    if (t->heads_per_group[1] > 1 || t->key_tiles > VC__SLOTS)
        return 0;
    return (s->heads - 1) * s->queries * t->token_bytes[0] <
           (t->query_tiles - 1) * s->heads * t->a->keys *
               (t->token_bytes[1] + s->value_dim * vc_chip_value_bytes(t->c));
}

/* Steps go through groups (of Q or K, whichever are larger), and in each through heads and query
 * tiles. */
static void add_step(writer *w, vc__phase_kind kind, size_t step)
{
    const vc__tiling *t = w->t;
    const int by_head = heads_first(t);
    const size_t heads = w->s->heads_per_step, group = larger_group(t), shares = group / heads,
                 row_step = step / w->s->parts, in_group = row_step % (shares * t->query_tiles),
                 share = by_head ? in_group / t->query_tiles : in_group % shares,
                 query_tile = by_head ? in_group % t->query_tiles : in_group / shares,
                 first = row_step / (shares * t->query_tiles) * group + share * heads,
                 tiles = t->key_tiles / w->s->parts;
    for (size_t i = 0; i < heads * tiles; i++) {
        /* All heads of a step share K, but each has its own V. */
        const int sums = kind == VC__PHASE_SPMM;
        const size_t head = first + (sums ? i / tiles : i % heads),
                     key_tile = step % w->s->parts * tiles + (sums ? i % tiles : i / heads);
        const vc__chip_tile tile = vc__tile_of(t, head, query_tile, key_tile);
        add_phase(w, kind, step, &tile);
    }
}

static vc_status write_schedule(vc__schedule *out, const vc__tiling *t)
{
    writer w = {.s = out, .t = t};
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        for (size_t i = 0; i < VC__MOST_SLOTS; i++)
            w.slots[b].load[i] = VC__NO_LOAD;
    out->heads_per_step = t->joint ? t->heads_per_group[1] : 1;
    out->parts = t->online ? t->key_tiles : 1;
    out->queries_per_tile = t->most_queries;
    out->keys_per_tile = vc__keys_per_tile(t);
    out->key_unit = t->key_unit;
    for (int side = 0; side < 2; side++) {
        out->token_bytes[side] = t->token_bytes[side];
        out->stored[side] = t->stored[side];
    }
    out->token_bytes[0] -= out->bias_bytes = t->bias_bytes;
    const size_t steps = t->a->sizes.heads / out->heads_per_step * t->query_tiles * out->parts;
    for (size_t s = 0; s < steps && w.status == VC_OK; s++) {
        if (s == 0 || !t->c->interleave)
            add_step(&w, VC__PHASE_SDDMM, s);
        if (s + 1 < steps && t->c->interleave)
            add_step(&w, VC__PHASE_SDDMM, s + 1);
        add_step(&w, VC__PHASE_SPMM, s);
    }
    return w.status;
}

vc_status vc__schedule_open(vc__schedule *out, const vc__chip_layer *a)
{
    vc__tiling t;
    *out = (vc__schedule){0};
    vc_status status = vc__tiling_open(&t, a);
    if (status == VC_OK)
        status = write_schedule(out, &t);
    vc__tiling_close(&t);
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
