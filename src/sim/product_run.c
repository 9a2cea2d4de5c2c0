/* Dense products on the lines. Tiles of weights stream past the rows that the scratchpads hold.
 * What is between two products of one operator stays in the scratchpads if it fits (eq. D11 to
 * D13). */
#include <assert.h>
#include <stdlib.h>

#include "product_impl.h"

/* What is pooled of a product: K and V. Q is a product of its own, or comes first in the one
 * product. */
static void set_pooling(operator* o, const vc_op *pool)
{
    o->products[o->count - 1].pooled = 1;
    o->pool.from = o->count == 1 ? pool->sizes.heads * pool->sizes.head_dim : 0;
    o->pool.outputs = o->products[o->count - 1].shape->outputs;
    o->pool.sizes = &pool->sizes;
    o->pool.width = pool->output_values / o->pool.pooling->count;
    o->extra +=
        pool->summary_values * VC__SUMMARY_BYTES + pool->index_values * o->m->config->index_bytes;
}

/* How many values the encoder removes from a row of Q and K, which have a product each or share
 * one. */
static uint64_t encoded_away(const operator* o, size_t index)
{
    const vc_attention_sizes *s = o->encode ? &o->encode->sizes : NULL;
    uint64_t values = 0;
    for (size_t side = 0; s && side < 2; side++)
        if (s->compressed[side] && (o->count == 1 || side == index))
            values += (s->heads - s->compressed[side]) * s->head_dim;
    return values;
}

static void set_addresses(operator* o)
{
    for (size_t i = 0; i < o->count; i++) {
        product *p = &o->products[i];
        const vc_product_shape *shape = p->shape, *before = shape - 1;
        const int linked = i > 0 && vc__product_chained(o->op);
        const uint64_t values = linked   ? before->rows * before->outputs
                                : i == 0 ? o->op->input_values
                                         : shape->rows * shape->inputs;
        p->read_row = vc__ceil_div(values, shape->rows) * p->value_bytes;
        p->write_row = (shape->outputs - encoded_away(o, i)) * p->value_bytes;
        p->weights = o->m->address;
        p->input = p->weights + shape->inputs * shape->outputs * p->value_bytes;
        p->output = p->input + p->read_row * shape->rows;
        p->summaries = p->output + p->write_row * shape->rows;
        o->m->address = p->summaries + (p->pooled ? vc__pool_stored(&o->pool) : 0);
    }
    o->residual_at = o->m->address;
    o->m->address += o->op->residual_values * vc_chip_value_bytes(o->m->config);
}

/* ---- a pass: all weights, for some rows */

typedef struct pass {
    operator* o;
    const product *p;
    uint64_t first, rows;
    int normalised; /* LayerNorm comes first */
    int last;       /* the last product of its operator */
} pass;

static uint64_t outputs_of(const pass *x, uint64_t tile)
{
    const uint64_t left = x->p->shape->outputs - tile * x->p->tile_outputs;
    return left < x->p->tile_outputs ? left : x->p->tile_outputs;
}

/* The part of the residual stream that a tile is added to, behind the tile's weights. Parts add up
 * to the whole. */
static void push_residual(const pass *x, uint64_t tile, uint64_t issue)
{
    const uint64_t all = x->p->shape->outputs * x->p->value_bytes,
                   before = tile * x->p->tile_outputs, rows = x->rows * x->p->value_bytes,
                   from = rows * before, to = rows * (before + outputs_of(x, tile));
    x->o->residual[tile % SLOTS] =
        (vc_transfer){.address = x->o->residual_at + x->first * all + from, .bytes = to - from};
    x->o->m->counts.input_bytes += to - from;
    vc__read(x->o->m, &x->o->residual[tile % SLOTS], issue);
}

static void push_weights(const pass *x, uint64_t tile, uint64_t issue)
{
    vc__machine *m = x->o->m;
    const uint64_t row = x->p->shape->inputs * x->p->value_bytes, bytes = outputs_of(x, tile) * row;
    vc_transfer *slot = &x->o->weights[tile % SLOTS];
    const uint64_t extra = x->o->extra; /* biases and the like, with the first tile */
    x->o->extra = 0;
    *slot = (vc_transfer){.address = x->p->weights + tile * x->p->tile_outputs * row,
                          .bytes = bytes + extra};
    m->counts.weight_bytes += bytes + extra;
    vc__read(m, slot, issue);
    if (x->p->adds && tile > 0)
        push_residual(x, tile, issue);
}

/* Loads rows, which go through LayerNorm as they arrive (eq. D12). */
static void bring_rows(const pass *x, vc_transfer *transfer, uint64_t tiles)
{
    operator* o = x->o;
    vc__machine *m = o->m;
    const uint64_t row = x->p->read_row;
    const uint64_t cycles =
        x->normalised ? 2 * vc__ceil_div(x->p->shape->inputs, m->config->vector_lanes) : 0;
    *transfer = (vc_transfer){.address = x->p->input + x->first * row,
                              .bytes = x->rows * row,
                              .chunk_bytes = row,
                              .done = o->arrived};
    m->counts.input_bytes += transfer->bytes;
    vc__read(m, transfer, m->now);
    if (x->p->adds)
        push_residual(x, 0, m->now);
    if (tiles > 1)
        push_weights(x, 1, m->now);
    vc_memory_wait(m->memory, transfer);
    vc__span(m, "input", "load", -1, transfer->issue, transfer->finished);
    for (uint64_t i = 0; i < x->rows; i++)
        o->ready[i] =
            cycles ? vc__unit_work(m, VC_CHIP_UNIT_VECTOR, o->arrived[i], cycles) : o->arrived[i];
    if (x->normalised) {
        vc__span(m, "vector", "LayerNorm", -1, o->ready[0] - cycles, o->ready[x->rows - 1]);
        m->counts.multiplications += 2 * x->rows * x->p->shape->inputs;
        m->counts.additions += 2 * x->rows * x->p->shape->inputs;
    }
}

/* What the lines take in and give away of a tile. */
typedef struct moved {
    uint64_t rows, weights, sums; /* bytes */
} moved;

/* How much longer than `cycles` the banks of the scratchpads take for it. */
static uint64_t port_stall(const vc_chip_config *c, const moved *bytes, uint64_t cycles)
{
    const uint64_t ports = vc__later(vc__later(vc__move_cycles(c, VC_BUFFER_QUERY, bytes->rows),
                                               vc__move_cycles(c, VC_BUFFER_VALUE, bytes->weights)),
                                     vc__move_cycles(c, VC_BUFFER_OUTPUT, bytes->sums));
    return ports > cycles ? ports - cycles : 0;
}

/* A tile as the kind of chip has it. Rows are wanted one per cycle (eq. E5). */
static void stream_tile(const pass *x, uint64_t tile)
{
    vc__machine *m = x->o->m;
    const vc_chip_config *c = m->config;
    const uint64_t outputs = outputs_of(x, tile), inputs = x->p->shape->inputs;
    uint64_t *spent = m->counts.spent[VC_CHIP_UNIT_LINEAR];
    vc_chip_product p;
    c->kind->product(&p, c, x->rows, inputs, outputs);
    for (uint64_t row = 0; x->p->reads && tile == 0 && row < x->rows; row++) {
        const uint64_t ahead = p.ahead + row, ready = x->o->ready[row];
        vc__lines_idle(m, ready > ahead ? ready - ahead : 0, VC_CHIP_UNIT_LINEAR, VC_SPENT_DRAM);
    }
    const uint64_t busy = vc__ceil_div(x->rows * outputs * inputs, c->macs_per_line);
    const moved bytes = {p.input_reads, outputs * inputs,
                         p.additions * SUM_BYTES + x->rows * outputs};
    const uint64_t stall = vc__later(p.stall, port_stall(c, &bytes, p.cycles));
    spent[VC_SPENT_BUSY] += busy;
    spent[VC_SPENT_BUFFER] += stall * c->lines;
    spent[VC_SPENT_IMBALANCE] += p.cycles * c->lines - busy;
    p.cycles += stall;
    m->now += p.cycles;
    vc__span(m, "linear", vc_op_name(x->o->op->kind), -1, m->now - p.cycles, m->now);
    m->counts.read_bytes[VC_BUFFER_VALUE] += outputs * inputs;
    m->counts.read_bytes[VC_BUFFER_QUERY] += p.input_reads;
    m->counts.read_bytes[VC_BUFFER_OUTPUT] += p.additions * SUM_BYTES;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += p.additions * SUM_BYTES;
    m->counts.additions += p.additions;
}

/* Tiles of weights with all groups of rows. The first tile waits for the rows (eq. D11). */
static void share_tile(const pass *x, uint64_t tile)
{
    vc__machine *m = x->o->m;
    const vc_chip_config *c = m->config;
    const uint64_t outputs = outputs_of(x, tile), inputs = x->p->shape->inputs,
                   group = c->linear_rows, wide = c->lines / group,
                   steps = vc__entry_cycles(c, inputs), each = x->p->value_bytes,
                   cycles = vc__ceil_div(outputs, wide) * steps, start = m->now;
    uint64_t *spent = m->counts.spent[VC_CHIP_UNIT_LINEAR];
    for (uint64_t row = 0; row < x->rows; row += group) {
        const uint64_t end = row + group < x->rows ? row + group : x->rows;
        if (x->p->reads && tile == 0)
            vc__lines_idle(m, x->o->ready[end - 1], VC_CHIP_UNIT_LINEAR, VC_SPENT_DRAM);
        const uint64_t busy = (end - row) * outputs * steps;
        const moved bytes = {each * (end - row) * vc__ceil_div(outputs, wide) * inputs,
                             each * outputs * inputs, each * (end - row) * outputs};
        const uint64_t stall = port_stall(c, &bytes, cycles);
        spent[VC_SPENT_BUSY] += busy;
        spent[VC_SPENT_BUFFER] += stall * c->lines;
        spent[VC_SPENT_IMBALANCE] += cycles * c->lines - busy;
        m->now += cycles + stall;
    }
    vc__span(m, "linear", vc_op_name(x->o->op->kind), -1, start, m->now);
    /* The lines of a group share weights; lines at the same place in their groups share rows. */
    m->counts.read_bytes[VC_BUFFER_VALUE] += each * vc__ceil_div(x->rows, group) * outputs * inputs;
    m->counts.read_bytes[VC_BUFFER_QUERY] += each * x->rows * vc__ceil_div(outputs, wide) * inputs;
}

static void run_tile(const pass *x, uint64_t tile)
{
    vc__machine *m = x->o->m;
    const uint64_t sums = x->rows * outputs_of(x, tile);
    if (m->config->kind->product)
        stream_tile(x, tile);
    else
        share_tile(x, tile);
    m->counts.macs += sums * x->p->shape->inputs;
    m->counts.written_bytes[VC_BUFFER_OUTPUT] += sums * x->p->value_bytes;
}

static uint64_t work(vc__machine *m, vc_chip_unit unit, const char *name, uint64_t ready,
                     uint64_t cycles)
{
    const uint64_t end = vc__unit_work(m, unit, ready, cycles);
    vc__span(m, vc_chip_unit_name(unit), name, -1, end - cycles, end);
    return end;
}

static void pool_tile(const pass *x, uint64_t tile, uint64_t ready)
{
    const uint64_t before = tile * x->p->tile_outputs;
    const vc__product_tile t = {x->first, x->rows, before, before + outputs_of(x, tile)};
    vc__pool_tile(&x->o->pool, &t, ready);
}

/* The encoder, GELU or the sum with the residual stream follow the lines directly (eq. D13). */
static uint64_t finish_tile(const pass *x, uint64_t tile)
{
    operator* o = x->o;
    vc__machine *m = o->m;
    const uint64_t values = x->rows * outputs_of(x, tile);
    if (o->encode) {
        const double all = (double)o->op->macs / (double)x->p->shape->inputs;
        const uint64_t macs = (uint64_t)((double)o->encode->macs * (double)values / all);
        m->counts.coder_macs += macs;
        return work(m, VC_CHIP_UNIT_ENCODER, "encode", m->now,
                    vc__ceil_div(macs * vc_chip_mac_slots(m->config), m->config->encoder_macs));
    }
    if (o->op->kind == VC_OP_QKV || o->op->kind == VC_OP_HEAD)
        return m->now;
    m->counts.additions += values;
    m->counts.multiplications += x->last ? 0 : values;
    const uint64_t there =
        x->p->adds ? vc_memory_wait(m->memory, &o->residual[tile % SLOTS]) : m->now;
    return work(m, VC_CHIP_UNIT_VECTOR, x->last ? "sum" : "GELU", vc__later(there, m->now),
                vc__ceil_div(values, m->config->vector_lanes));
}

static void wait_for_store(operator* o, uint64_t slot, vc_spent cause)
{
    static const char *const tracks[SLOTS] = {"output 0", "output 1"};
    if (!o->storing[slot])
        return;
    const uint64_t end = vc_memory_wait(o->m->memory, &o->stores[slot]);
    vc__span(o->m, tracks[slot], "store", -1, o->stores[slot].issue, end);
    vc__lines_idle(o->m, end, VC_CHIP_UNIT_LINEAR, cause);
    o->storing[slot] = 0;
}

/* Stores the part of the output that a tile made. The parts add up to the whole output. */
static void store_tile(const pass *x, uint64_t tile, uint64_t ready)
{
    operator* o = x->o;
    const uint64_t slot = o->stored++ % SLOTS, all = x->p->shape->outputs,
                   before = tile * x->p->tile_outputs, after = before + outputs_of(x, tile),
                   row = x->p->write_row, from = x->rows * row * before / all,
                   to = x->rows * row * after / all;
    if (to == from)
        return;
    o->stores[slot] =
        (vc_transfer){.address = x->p->output + x->first * row + from, .bytes = to - from};
    o->storing[slot] = 1;
    o->m->counts.read_bytes[VC_BUFFER_OUTPUT] += to - from;
    vc__write(o->m, &o->stores[slot], ready + o->m->config->line_latency);
}

static void wait_for_weights(const pass *x, uint64_t slot)
{
    static const char *const tracks[SLOTS] = {"weights 0", "weights 1"};
    vc__machine *m = x->o->m;
    const vc_transfer *weights = &x->o->weights[slot];
    const uint64_t end = vc_memory_wait(m->memory, &x->o->weights[slot]);
    vc__span(m, tracks[slot], "load", -1, weights->issue, end);
    vc__lines_idle(m, end, VC_CHIP_UNIT_LINEAR, VC_SPENT_DRAM);
}

/* Rounds the sums, which are complete behind the last pass, and stores them. */
static void store_summaries(operator* o, const product *p)
{
    vc__machine *m = o->m;
    const uint64_t slot = o->stored++ % SLOTS;
    wait_for_store(o, slot, VC_SPENT_BUFFER);
    o->stores[slot] = (vc_transfer){.address = p->summaries, .bytes = vc__pool_stored(&o->pool)};
    o->storing[slot] = 1;
    vc__write(m, &o->stores[slot], vc__pool_finish(&o->pool));
}

static void run_pass(const pass *x)
{
    vc__machine *m = x->o->m;
    vc_transfer rows;
    const uint64_t tiles = vc__ceil_div(x->p->shape->outputs, x->p->tile_outputs);
    if (x->first == 0 || !x->p->stays)
        push_weights(x, 0, m->now);
    if (x->p->reads)
        bring_rows(x, &rows, tiles);
    else {
        if (x->p->adds)
            push_residual(x, 0, m->now);
        if (tiles > 1)
            push_weights(x, 1, m->now);
    }
    for (uint64_t tile = 0; tile < tiles; tile++) {
        wait_for_weights(x, tile % SLOTS);
        if (x->p->writes)
            wait_for_store(x->o, x->o->stored % SLOTS, VC_SPENT_BUFFER);
        run_tile(x, tile);
        const uint64_t ready = finish_tile(x, tile);
        if (x->p->pooled)
            pool_tile(x, tile, ready);
        if (x->p->writes)
            store_tile(x, tile, ready);
        if (tile + SLOTS < tiles)
            push_weights(x, tile + SLOTS, m->now);
    }
}

static void run_product(operator* o, size_t index)
{
    const product *p = &o->products[index];
    pass x = {.o = o,
              .p = p,
              .normalised = index == 0 && o->op->normalised,
              .last = index + 1 == o->count};
    for (x.first = 0; x.first < p->shape->rows; x.first += p->pass_rows) {
        const uint64_t left = p->shape->rows - x.first;
        x.rows = left < p->pass_rows ? left : p->pass_rows;
        run_pass(&x);
    }
    if (p->pooled)
        store_summaries(o, p);
    if (p->writes) /* the next product reads it from memory */
        for (uint64_t slot = 0; slot < SLOTS; slot++)
            wait_for_store(o, slot, VC_SPENT_DRAIN);
    else
        vc__lines_idle(
            o->m,
            vc__later(o->m->unit_free[VC_CHIP_UNIT_VECTOR], o->m->unit_free[VC_CHIP_UNIT_ENCODER]),
            VC_CHIP_UNIT_LINEAR, VC_SPENT_DRAIN);
}

vc_status vc__product_run(vc__machine *m, const vc_op *op, const vc__product_tail *tail)
{
    operator o = {.m = m,
                  .op = op,
                  .encode = tail->encode,
                  .forward = tail->forward,
                  .pool = {.m = m, .pooling = tail->pooling}};
    uint64_t most = 1;
    for (; o.count < VC_OP_PRODUCTS && op->products[o.count].rows > 0; o.count++)
        o.products[o.count] = (product){.shape = &op->products[o.count],
                                        .value_bytes = vc_chip_value_bytes(m->config),
                                        .normalised = o.count == 0 && op->normalised};
    assert(o.count > 0);
    o.extra = op->weight_values;
    for (size_t i = 0; i < o.count; i++) {
        const uint64_t own = op->products[i].inputs * op->products[i].outputs;
        o.extra -= own < o.extra ? own : o.extra;
    }
    o.extra *= vc_chip_value_bytes(m->config);
    if (tail->pool && vc_chip_value_bytes(m->config) > 1)
        return vc_fail(VC_EUNSUPPORTED,
                       "layer %d pools summaries, and 'precision' is %zu, wanted 8, or attention "
                       "alone",
                       m->layer, (size_t)m->config->precision);
    if (tail->pool)
        set_pooling(&o, tail->pool);
    VC_TRY(vc__product_cut(&o));
    for (int b = VC_BUFFER_QUERY; o.forward && b <= VC_BUFFER_VALUE; b++) {
        const uint64_t bytes = vc__forwarded_bytes(m->config, o.forward, (vc_buffer)b);
        m->counts.read_bytes[VC_BUFFER_OUTPUT] += bytes;
        m->counts.written_bytes[b] += bytes;
    }
    for (size_t i = 0; o.forward && i < o.count; i++)
        o.products[i].writes = 0;
    set_addresses(&o);
    for (size_t i = 0; i < o.count; i++)
        most = vc__later(most, o.products[i].pass_rows);
    o.arrived = malloc(2 * most * sizeof *o.arrived);
    if (!o.arrived)
        return vc_fail(VC_ENOMEM, "out of memory for %zu rows of a product", (size_t)most);
    o.ready = o.arrived + most;
    for (size_t i = 0; i < o.count; i++)
        run_product(&o, i);
    free(o.arrived);
    return VC_OK;
}
