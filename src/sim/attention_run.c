/* Runs a schedule: loads (as soon as their slot is free), decoder, lines, softmax and stores. */
#include <assert.h>
#include <stdlib.h>

#include "attention_schedule.h"

typedef struct store {
    vc_transfer transfer;
    int pending;
} store;

typedef struct runner {
    vc__chip_layer *a;
    vc__machine *m;
    vc__schedule s;
    size_t pushed;                                      /* loads so far */
    uint64_t *phase_end;                                /* (phases) */
    uint64_t *arrived[VC_BUFFER_COUNT][VC__MOST_SLOTS]; /* per token, or 64 bytes of indices */
    uint64_t *came[2], *decoded[2]; /* tokens of Q and K of one head, where compressed */
    size_t decoded_tokens;          /* of the head that the lines use */
    size_t beside;                  /* how many more find room while they do */
    uint64_t decoded_free[2]; /* when the lines are done with these, and with the ones before */
    uint64_t *index_ready;    /* (keys of a tile) */
    uint64_t *done;           /* (2 steps, heads, queries): scores, then probabilities */
    size_t *order;            /* (2 steps, heads, queries) rows in the order of `done` */
    size_t *spare;            /* (queries of a tile) */
    uint64_t scaled;          /* when softmax's second pass is free */
    store stores[VC__SLOTS];
    size_t stored;
    uint64_t base[VC_BUFFER_COUNT]; /* addresses */
    int forwarded;                  /* Q, K and V are on the chip since `begin` */
    uint64_t begin;
    uint64_t finished; /* when the latest results were there to be stored */
    void *memory;
} runner;

enum { INDEX_CHUNK = 64 };

/* ---- opening: one block for all arrays */

static void *take_bytes(char **next, size_t bytes)
{
    char *at = *next;
    *next = at ? at + (bytes + 63) / 64 * 64 : NULL;
    return at;
}

static uint64_t most_index_bytes(const vc__schedule *s)
{
    uint64_t most = 0;
    for (size_t i = 0; i < s->load_count; i++)
        if (s->loads[i].buffer == VC_BUFFER_INDEX)
            most = vc__later(most, s->loads[i].bytes);
    return most;
}

static size_t take_arrays(runner *r, char *base)
{
    const vc__schedule *s = &r->s;
    const size_t q = s->queries_per_tile, k = s->keys_per_tile, rows = 2 * s->heads_per_step * q,
                 index_chunks = most_index_bytes(s) / INDEX_CHUNK + 2;
    const size_t counts[VC_BUFFER_COUNT] = {[VC_BUFFER_QUERY] = s->stored[0],
                                            [VC_BUFFER_KEY] = s->stored[1],
                                            [VC_BUFFER_VALUE] = k,
                                            [VC_BUFFER_INDEX] = index_chunks};
    char *next = base;
    size_t bytes = 0;
#define TAKE(member, count)                                                                        \
    do {                                                                                           \
        const size_t wanted = (count) * sizeof *(member);                                          \
        (member) = take_bytes(&next, wanted);                                                      \
        bytes += (wanted + 63) / 64 * 64;                                                          \
    } while (0)
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        for (size_t i = 0; i < VC__MOST_SLOTS; i++)
            TAKE(r->arrived[b][i], counts[b]);
    for (size_t side = 0; side < 2; side++) {
        TAKE(r->came[side], side ? k : q);
        TAKE(r->decoded[side], side ? k : q);
    }
    TAKE(r->index_ready, k);
    TAKE(r->phase_end, s->phase_count);
    TAKE(r->done, rows);
    TAKE(r->order, rows);
    TAKE(r->spare, q);
#undef TAKE
    return bytes;
}

static void set_addresses(runner *r)
{
    const vc_attention_sizes *s = &r->a->sizes;
    const uint64_t q = s->compressed[0] ? s->compressed[0] : s->heads,
                   k = s->compressed[1] ? s->compressed[1] : s->heads, keys = r->a->keys,
                   biases = s->heads * s->queries * (keys - s->keys) * VC__SUMMARY_BYTES;
    const uint64_t each = vc_chip_value_bytes(r->m->config);
    uint64_t indices = 0;
    for (size_t i = 0; i < r->s.load_count; i++)
        indices += r->s.loads[i].buffer == VC_BUFFER_INDEX ? r->s.loads[i].bytes : 0;
    const uint64_t bytes[VC_BUFFER_COUNT] = {
        [VC_BUFFER_QUERY] = each * q * s->queries * s->head_dim + biases,
        [VC_BUFFER_KEY] = each * k * keys * s->head_dim,
        [VC_BUFFER_VALUE] = each * s->heads * keys * s->value_dim,
        [VC_BUFFER_INDEX] = indices,
        [VC_BUFFER_OUTPUT] = each * s->heads * s->queries * s->value_dim};
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++) {
        r->base[b] = r->m->address;
        r->m->address += (bytes[b] + 4095) / 4096 * 4096;
    }
}

/* ---- loads */

static uint64_t address_of(runner *r, const vc__load *load)
{
    const vc_attention_sizes *s = &r->a->sizes;
    const size_t tokens = load->buffer == VC_BUFFER_QUERY ? s->queries : r->a->keys;
    if (load->buffer == VC_BUFFER_INDEX) { /* stored in the order of use */
        const uint64_t at = r->base[VC_BUFFER_INDEX];
        r->base[VC_BUFFER_INDEX] += load->bytes;
        return at;
    }
    return r->base[load->buffer] +
           (load->group * tokens + load->first) * (load->bytes / load->rows);
}

static int is_there(const runner *r, const vc__load *load)
{
    return r->forwarded && load->buffer <= VC_BUFFER_VALUE;
}

/* Pushes all loads whose slot is free once `computed` phases are over. */
static void push_loads(runner *r, size_t computed)
{
    for (; r->pushed < r->s.load_count; r->pushed++) {
        vc__load *load = &r->s.loads[r->pushed];
        if (load->after > computed)
            return;
        if (is_there(r, load)) {
            for (size_t i = 0; i < load->rows; i++)
                r->arrived[load->buffer][load->slot][i] = r->begin;
            continue;
        }
        load->transfer = (vc_transfer){
            .address = address_of(r, load),
            .bytes = load->bytes,
            .chunk_bytes = load->buffer == VC_BUFFER_INDEX ? INDEX_CHUNK : load->bytes / load->rows,
            .done = r->arrived[load->buffer][load->slot]};
        const uint64_t biases = load->buffer == VC_BUFFER_QUERY ? load->rows * r->s.bias_bytes : 0;
        r->m->counts.loaded_bytes[load->buffer] += load->bytes - biases;
        r->m->counts.bias_bytes += biases;
        r->m->counts.written_bytes[load->buffer] += load->bytes;
        vc__read(r->m, &load->transfer, load->after ? r->phase_end[load->after - 1] : 0);
    }
}

/* When a load of a phase is complete; 0 if it has none. */
static uint64_t load_finished(runner *r, int64_t index)
{
    if (index == VC__NO_LOAD)
        return 0;
    assert((size_t)index < r->pushed);
    vc__load *load = &r->s.loads[index];
    if (is_there(r, load))
        return r->begin;
    const uint64_t end = vc_memory_wait(r->m->memory, &load->transfer);
    if (!load->waited_for) {
        load->waited_for = 1;
#define TRACKS(name)                                                                               \
    {                                                                                              \
        name " 0", name " 1", name " 2", name " 3", name " 4", name " 5", name " 6", name " 7"     \
    }
        static const char *const tracks[VC_BUFFER_COUNT][VC__MOST_SLOTS] = {
            TRACKS("query"), TRACKS("key"), TRACKS("value"), TRACKS("index")};
#undef TRACKS
        vc__span(r->m, tracks[load->buffer][load->slot], "load", (int)load->group,
                 load->transfer.issue, end);
    }
    return end;
}

static vc__operand operand_of(const runner *r, int64_t index, uint64_t last)
{
    const vc__load *load = &r->s.loads[index];
    const uint64_t *arrived = r->arrived[load->buffer][load->slot];
    return (vc__operand){arrived, arrived, last};
}

static void set_index_ready(runner *r, const vc__phase *p)
{
    const vc__load *load = &r->s.loads[p->index];
    const uint64_t *arrived = r->arrived[VC_BUFFER_INDEX][load->slot];
    const vc__key_parts parts = vc__parts_of(r->a, &p->tile);
    const vc__range *columns = vc__tile_columns(r->a, &p->tile);
    uint64_t bytes = 0;
    for (size_t key = p->tile.key_first; key < p->tile.key_end; key++) {
        uint64_t *ready = &r->index_ready[key - p->tile.key_first];
        *ready = 0;
        if (key < parts.global_end || key >= parts.sparser_end)
            continue;
        bytes += (1 + columns[key].end - columns[key].first) * r->m->config->index_bytes;
        *ready = arrived[(bytes - 1) / INDEX_CHUNK];
    }
}

/* ---- decoder (eq. D7): keys and queries in turn, as they are wanted */

/* Of a token of one head. */
static uint64_t decoded_bytes(const runner *r)
{
    return r->a->sizes.head_dim * vc_chip_value_bytes(r->m->config);
}

static uint64_t token_macs(const runner *r, int side)
{
    return r->a->sizes.head_dim * r->a->sizes.compressed[side];
}

/* As long as the decoder takes, or the banks that it reads from and writes to. */
static uint64_t token_cycles(const runner *r, int side)
{
    const vc_chip_config *c = r->m->config;
    const uint64_t in = vc__move_cycles(c, side ? VC_BUFFER_KEY : VC_BUFFER_QUERY,
                                        r->s.token_bytes[side]),
                   out = vc__move_cycles(c, VC_BUFFER_DECODED, decoded_bytes(r));
    return vc__later(vc__ceil_div(token_macs(r, side) * vc_chip_mac_slots(c), c->decoder_macs),
                     vc__later(in, out));
}

/* Decodes a token, as soon as there is room. Returns when it begins. */
static uint64_t decode_token(runner *r, int side, size_t at, uint64_t arrived)
{
    const uint64_t ready = vc__later(arrived, r->decoded_free[r->beside > 0]),
                   cycles = token_cycles(r, side);
    r->beside -= r->beside > 0;
    r->m->counts.coder_macs += token_macs(r, side);
    r->came[side][at] = arrived;
    r->decoded[side][at] = vc__unit_work(r->m, VC_CHIP_UNIT_DECODER, ready, cycles);
    return r->decoded[side][at] - cycles;
}

/* Tokens of a phase's loads, in turn. */
static void run_decoding(runner *r, const vc__phase *p)
{
    const int64_t loads[2] = {p->query, p->key};
    const size_t from[2] = {p->tile.query_first, p->tile.key_first};
    const uint64_t *arrived[2] = {NULL, NULL};
    size_t rows[2] = {0, 0}, at[2] = {0, 0};
    uint64_t first = UINT64_MAX;
    if (p->first)
        r->beside = (size_t)(r->m->config->buffers[VC_BUFFER_DECODED].bytes / decoded_bytes(r)) -
                    r->decoded_tokens;
    for (int side = 0; side < 2; side++) {
        if (loads[side] == VC__NO_LOAD)
            continue;
        const vc__load *load = &r->s.loads[loads[side]];
        load_finished(r, loads[side]);
        arrived[side] = r->arrived[load->buffer][load->slot];
        rows[side] = load->rows;
        at[side] = load->first - from[side];
        r->m->counts.read_bytes[load->buffer] += load->rows * r->s.token_bytes[side];
        r->m->counts.written_bytes[VC_BUFFER_DECODED] += load->rows * decoded_bytes(r);
    }
    for (size_t i = 0; i < rows[0] || i < rows[1]; i++)
        for (int side = 1; side >= 0; side--)
            if (i < rows[side]) {
                const uint64_t start = decode_token(r, side, at[side] + i, arrived[side][i]);
                first = start < first ? start : first;
            }
    vc__span(r->m, "decoder", "decode", (int)p->tile.head, first,
             r->m->unit_free[VC_CHIP_UNIT_DECODER]);
}

/* What a tile uses of Q or K: as it lies in its scratchpad, or decoded. */
static vc__operand tokens_of(const runner *r, const vc__phase *p, int side, uint64_t last)
{
    const size_t rows =
        side ? p->tile.key_end - p->tile.key_first : p->tile.query_end - p->tile.query_first;
    uint64_t ready = 0;
    if (!r->a->sizes.compressed[side])
        return operand_of(r, side ? p->key : p->query, last);
    for (size_t i = 0; i < rows; i++)
        ready = vc__later(ready, r->decoded[side][i]);
    return (vc__operand){r->came[side], r->decoded[side], ready};
}

/* ---- softmax (eq. D9) */

static size_t at_step(const runner *r, const vc__phase *p)
{
    const size_t heads = r->s.heads_per_step;
    return ((p->step & 1) * heads + p->tile.head % heads) * r->s.queries_per_tile;
}

static vc__softened rows_of(runner *r, const vc__phase *p)
{
    const size_t at = at_step(r, p);
    return (vc__softened){.tile = &p->tile,
                          .order = r->order + at,
                          .spare = r->spare,
                          .done = r->done + at,
                          .scaled = &r->scaled,
                          .part = p->step,
                          .online = r->s.parts > 1};
}

/* ---- phases */

static vc_status run_sddmm(runner *r, const vc__phase *p)
{
    const uint64_t q_end = load_finished(r, p->query), k_end = load_finished(r, p->key),
                   i_end = load_finished(r, p->index);
    const vc__operand q = tokens_of(r, p, 0, q_end), k = tokens_of(r, p, 1, k_end);
    const size_t *coded = r->a->sizes.compressed;
    uint64_t *done = r->done + at_step(r, p);
    const size_t rows = p->tile.query_end - p->tile.query_first;
    for (size_t i = 0; p->first && i < rows; i++)
        done[i] = r->m->now;
    r->decoded_tokens =
        (coded[0] ? rows : 0) + (coded[1] ? p->tile.key_end - p->tile.key_first : 0);
    if (p->index != VC__NO_LOAD)
        set_index_ready(r, p);
    VC_TRY(
        vc__sddmm(r->a, &p->tile, &q, &k, p->index == VC__NO_LOAD ? NULL : r->index_ready, done));
    r->decoded_free[1] = r->decoded_free[0];
    r->decoded_free[0] = r->m->now;
    vc__lines_idle(r->m, vc__later(q_end, vc__later(k_end, i_end)), VC_CHIP_UNIT_SPARSER,
                   VC_SPENT_DRAM);
    const vc__softened softened = rows_of(r, p);
    if (p->last)
        vc__soften_rows(r->a, &softened);
    return VC_OK;
}

static uint64_t store_finished(runner *r, store *s)
{
    static const char *const tracks[VC__SLOTS] = {"output 0", "output 1"};
    const uint64_t end = vc_memory_wait(r->m->memory, &s->transfer);
    s->pending = 0;
    vc__span(r->m, tracks[s - r->stores], "store", -1, s->transfer.issue, end);
    return end;
}

/* Lets the lines wait until there is room for results. */
static void wait_for_store(runner *r)
{
    store *old = &r->stores[r->stored % VC__SLOTS];
    if (!old->pending)
        return;
    vc__lines_idle(r->m, store_finished(r, old), VC_CHIP_UNIT_SPARSER, VC_SPENT_BUFFER);
}

static void store_results(runner *r, const vc__phase *p, uint64_t ready)
{
    const vc_attention_sizes *s = &r->a->sizes;
    store *to = &r->stores[r->stored++ % VC__SLOTS];
    const uint64_t rows = p->tile.query_end - p->tile.query_first,
                   row = s->value_dim * vc_chip_value_bytes(r->m->config), bytes = rows * row;
    to->pending = 1;
    to->transfer = (vc_transfer){.address = r->base[VC_BUFFER_OUTPUT] +
                                            (p->tile.head * s->queries + p->tile.query_first) * row,
                                 .bytes = bytes};
    r->m->counts.read_bytes[VC_BUFFER_OUTPUT] += bytes + rows * s->value_dim * sizeof(int32_t);
    r->m->counts.written_bytes[VC_BUFFER_OUTPUT] += bytes;
    vc__write(r->m, &to->transfer, ready);
}

static vc_status run_spmm(runner *r, const vc__phase *p)
{
    if (p->opens)
        wait_for_store(r);
    const uint64_t end = load_finished(r, p->value);
    const vc__operand v = operand_of(r, p->value, end);
    const vc__softened rows = rows_of(r, p);
    if (rows.online)
        vc__rescale_rows(r->a, &rows, r->finished);
    VC_TRY(vc__spmm(r->a, &p->tile, rows.order, rows.done, &v));
    vc__lines_idle(r->m, end, VC_CHIP_UNIT_SPARSER, VC_SPENT_DRAM);
    if (!p->closes)
        return VC_OK;
    r->finished =
        rows.online ? vc__finish_rows(r->a, &rows) : r->m->now + r->m->config->line_latency;
    store_results(r, p, r->finished);
    return VC_OK;
}

static vc_status run_phases(runner *r)
{
    for (size_t i = 0; i < r->s.phase_count; i++) {
        const vc__phase *p = &r->s.phases[i];
        const uint64_t before = r->m->now;
        push_loads(r, i);
        if (p->kind == VC__PHASE_DECODE)
            run_decoding(r, p);
        else
            VC_TRY(p->kind == VC__PHASE_SPMM ? run_spmm(r, p) : run_sddmm(r, p));
        r->phase_end[i] =
            p->kind == VC__PHASE_DECODE ? r->m->unit_free[VC_CHIP_UNIT_DECODER] : r->m->now;
        assert(r->m->now >= before);
    }
    for (size_t i = 0; i < VC__SLOTS; i++) { /* until the last results have left */
        store *last = &r->stores[i];
        vc__lines_idle(r->m, last->pending ? store_finished(r, last) : 0, VC_CHIP_UNIT_SPARSER,
                       VC_SPENT_DRAIN);
    }
    /* The decoder may still be busy with tokens that no entry needs. */
    vc__lines_idle(r->m, r->m->unit_free[VC_CHIP_UNIT_DECODER], VC_CHIP_UNIT_SPARSER,
                   VC_SPENT_DECODE);
    return VC_OK;
}

static vc_status open_runner(runner *r)
{
    VC_TRY(vc__schedule_open(&r->s, r->a));
    r->memory = aligned_alloc(64, take_arrays(r, NULL));
    if (!r->memory)
        return vc_fail(VC_ENOMEM, "out of memory for a schedule of %zu phases", r->s.phase_count);
    take_arrays(r, r->memory);
    r->decoded_free[0] = r->decoded_free[1] = r->m->now;
    r->begin = r->finished = r->m->now;
    if (r->a->key_parts)
        *r->a->key_parts = (vc_key_parts){r->s.parts, r->s.key_unit};
    r->forwarded =
        vc__forwards(r->m->config, &r->a->sizes, vc_pattern_summaries(&r->a->pattern) > 0);
    set_addresses(r);
    r->m->read_issue = vc__later(r->m->read_issue, r->m->now);
    return VC_OK;
}

vc_status vc__schedule_run(vc__chip_layer *a)
{
    runner r = {.a = a, .m = a->machine};
    vc_status status = open_runner(&r);
    if (status == VC_OK)
        status = run_phases(&r);
    if (status == VC_OK && r.m->options->vectors)
        status = vc__rtl_vectors_add(r.m->options->vectors, a, &r.s, r.begin, r.phase_end);
    free(r.memory);
    vc__schedule_close(&r.s);
    return status;
}
