/* The chip: runs one operator after the other, each as a stage whose accounts are checked. */
#include "vitcod/chip.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chip_impl.h"

uint64_t vc_chip_value_bytes(const vc_chip_config *config)
{
    return config->precision ? config->precision / 8 : 1;
}

uint64_t vc_chip_mac_slots(const vc_chip_config *config)
{
    return vc_chip_value_bytes(config) * vc_chip_value_bytes(config);
}

uint64_t vc_chip_images(const vc_chip_config *config)
{
    return config->batch ? config->batch : 1;
}

uint64_t vc_chip_banks(const vc_chip_config *config, vc_buffer buffer)
{
    return config->buffers[buffer].banks ? config->buffers[buffer].banks : config->lines;
}

const char *vc_spent_name(vc_spent spent)
{
    static const char *const names[] = {
#define VC_SPENT_NAME(name, text) text,
        VC_SPENT_MAP(VC_SPENT_NAME)
#undef VC_SPENT_NAME
    };
    return names[spent];
}

const char *vc_chip_unit_name(vc_chip_unit unit)
{
    static const char *const names[VC_CHIP_UNIT_COUNT] = {"denser",  "sparser", "linear", "softmax",
                                                          "encoder", "decoder", "vector"};
    return names[unit];
}

const char *vc_buffer_name(vc_buffer buffer)
{
    static const char *const names[VC_BUFFER_COUNT] = {"query", "key",    "value",
                                                       "index", "output", "decoded"};
    return names[buffer];
}

void vc__span(const vc__machine *m, const char *track, const char *name, int head, uint64_t start,
              uint64_t end)
{
    if (!m->options->watch || start >= end)
        return;
    const vc_chip_span span = {track, name, m->layer, head, start, end};
    m->options->watch(m->options->watcher, &span);
}

vc_status vc__does_not_fit(const vc__machine *m, vc_buffer buffer, uint64_t bytes, const char *what)
{
    const vc_chip_config *c = m->config;
    char place[320] = "the built-in chip";
    if (c->file[0] && c->buffer_lines[buffer])
        snprintf(place, sizeof place, "%s:%zu", c->file, (size_t)c->buffer_lines[buffer]);
    else if (c->file[0])
        snprintf(place, sizeof place, "%s, in what it is like", c->file);
    return vc_fail(VC_EINVAL, "%s: 'buffers.%s.size' is %zu B; layer %d wants %zu B, which %s",
                   place, vc_buffer_name(buffer), (size_t)c->buffers[buffer].bytes, m->layer,
                   (size_t)bytes, what);
}

/* ---- accounts */

static int is_lines(size_t unit)
{
    return unit <= VC_CHIP_UNIT_LINEAR;
}

static uint64_t sum_spent(const vc_chip_counts *n, size_t unit)
{
    uint64_t sum = 0;
    for (size_t s = 0; s < VC_SPENT_COUNT; s++)
        sum += n->spent[unit][s];
    return sum;
}

/* Asserts what must hold for every stage (eq. D14). */
static void check_accounts(const vc_chip_counts *n, const vc_chip_config *c)
{
    uint64_t lines = 0;
    for (size_t e = 0; e < VC_CHIP_UNIT_COUNT; e++) {
        if (is_lines(e))
            lines += sum_spent(n, e);
        else
            assert(sum_spent(n, e) == n->cycles);
    }
    assert(lines == n->cycles * c->lines);
    assert(n->cycles * c->lines * c->macs_per_line >= n->macs);
    (void)lines;
}

static void close_stage(vc__machine *m, uint64_t start)
{
    vc_chip_counts *n = &m->counts;
    n->cycles = m->now - start;
    for (size_t e = 0; e < VC_CHIP_UNIT_COUNT; e++)
        if (!is_lines(e)) {
            assert(m->unit_free[e] <= m->now && n->spent[e][VC_SPENT_BUSY] <= n->cycles);
            n->spent[e][VC_SPENT_IDLE] = n->cycles - sum_spent(n, e);
        }
    check_accounts(n, m->config);
}

void vc_chip_counts_add(vc_chip_counts *sum, const vc_chip_counts *n)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)n;
    _Static_assert(sizeof *sum % sizeof *to == 0, "all counts are uint64_t");
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

/* ---- stages */

typedef struct chip {
    vc__machine m;
    const vc_workload *workload;
    const vc_plan *plan;
    vc_chip_result *out;
} chip;

static const vc_op *follower(const chip *c, size_t i, vc_op_kind kind)
{
    return i + 1 < c->workload->count && c->workload->ops[i + 1].kind == kind
               ? &c->workload->ops[i + 1]
               : NULL;
}

/* The attention that takes what a QKV operator makes from the scratchpads; NULL: from memory. */
static const vc_attention_sizes *forwards_to(const chip *c, size_t i, int pooled)
{
    const vc_workload *w = c->workload;
    const int layer = w->ops[i].layer;
    for (size_t at = i; w->ops[i].kind == VC_OP_QKV && at < w->count && w->ops[at].layer == layer;
         at++)
        if (w->ops[at].kind == VC_OP_SDDMM)
            return vc__forwards(c->m.config, &w->ops[at].sizes, pooled) ? &w->ops[at].sizes : NULL;
    return NULL;
}

static vc_status run_op(chip *c, size_t i)
{
    const vc_op *op = &c->workload->ops[i];
    const vc_chip_options *o = c->m.options;
    if (op->kind == VC_OP_SDDMM) {
        for (uint64_t image = 0; image < vc_chip_images(c->m.config); image++)
            VC_TRY(vc__layer_run(&c->m, &op->sizes, c->plan ? &c->plan->layers[op->layer] : NULL,
                                 o->values ? &o->values[op->layer] : NULL));
        return VC_OK;
    }
    const vc_op *encode = follower(c, i, VC_OP_ENCODE);
    vc__product_tail tail = {.encode = encode,
                             .pool = follower(c, i + (encode != NULL), VC_OP_POOL)};
    tail.forward = forwards_to(c, i, tail.pool != NULL);
    if (tail.pool)
        tail.pooling = &c->plan->layers[op->layer].pooling;
    return vc__product_run(&c->m, op, &tail);
}

/* Encoder and decoder, softmax and SpMM belong to the stages of other operators. */
static int is_stage(const vc_op *op, int attention_only)
{
    return op->kind == VC_OP_SDDMM || (!attention_only && op->products[0].rows > 0);
}

static vc_status run_stage(chip *c, size_t i)
{
    const vc_op *op = &c->workload->ops[i];
    const uint64_t start = c->m.now;
    memset(&c->m.counts, 0, sizeof c->m.counts);
    c->m.layer = op->layer;
    for (size_t e = 0; e < VC_CHIP_UNIT_COUNT; e++)
        c->m.unit_free[e] = start;
    const vc_memory_counters before = vc_memory_count(c->m.memory, start);
    VC_TRY(run_op(c, i));
    if (c->m.failed)
        return vc_fail(VC_ENOMEM, "out of memory for what lines read in layer %d", op->layer);
    close_stage(&c->m, start);
    const vc_memory_counters after = vc_memory_count(c->m.memory, c->m.now);
    c->out->stages[c->out->stage_count++] =
        (vc_chip_stage){op->kind,
                        op->layer,
                        start,
                        c->m.counts,
                        {after.energy_pj - before.energy_pj, after.standby_pj - before.standby_pj}};
    vc_chip_counts_add(&c->out->total, &c->m.counts);
    return VC_OK;
}

/* Asserts that memory and chip count the same bytes, and the bound of the lines (eq. D14). */
static void check_total(const chip *c)
{
    const vc_chip_counts *n = &c->out->total;
    uint64_t loaded = n->weight_bytes + n->input_bytes + n->bias_bytes;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        loaded += n->loaded_bytes[b];
    assert(loaded == c->out->memory.read_bytes);
    assert(n->stored_bytes == c->out->memory.written_bytes);
    check_accounts(n, c->m.config);
    (void)loaded;
}

static vc_status run_all(chip *c)
{
    const int attention_only = c->m.options->attention_only;
    c->out->stages = calloc(c->workload->count + 1, sizeof *c->out->stages);
    if (!c->out->stages)
        return vc_fail(VC_ENOMEM, "out of memory for %zu stages", c->workload->count);
    for (size_t i = 0; i < c->workload->count; i++)
        if (is_stage(&c->workload->ops[i], attention_only))
            VC_TRY(run_stage(c, i));
    c->out->memory = vc_memory_count(c->m.memory, c->m.now);
    check_total(c);
    return VC_OK;
}

static vc_status check_options(const vc_workload *w, const vc_chip_options *o)
{
    const uint64_t images = vc_chip_images(o->config), has = w->images ? w->images : 1;
    if (images != has)
        return vc_fail(VC_EINVAL, "a workload of %zu images on a chip whose 'batch' is %zu",
                       (size_t)has, (size_t)images);
    if (images > 1 && o->values)
        return vc_fail(VC_EINVAL, "data of one image on a chip whose 'batch' is %zu, wanted 1",
                       (size_t)images);
    if (vc_chip_value_bytes(o->config) > 1 && o->values)
        return vc_fail(VC_EINVAL, "data of 8 bit on a chip whose 'precision' is %zu, wanted 8",
                       (size_t)o->config->precision);
    return VC_OK;
}

vc_status vc_chip_simulate(vc_chip_result *out, const vc_workload *workload, const vc_plan *plan,
                           const vc_chip_options *options)
{
    chip c = {.m = {.config = options->config, .options = options},
              .workload = workload,
              .plan = plan,
              .out = out};
    *out = (vc_chip_result){0};
    VC_TRY(vc_chip_config_check(options->config));
    VC_TRY(check_options(workload, options));
    VC_TRY(vc_memory_open(&c.m.memory, options->memory, options->config->clock_hz));
    vc_memory_watch(c.m.memory, options->command_watch, options->command_watcher);
    vc_memory_watch_requests(c.m.memory, options->request_watch, options->request_watcher);
    vc_status status = vc__banks_open(&c.m.banks, options->config);
    if (status == VC_OK)
        status = run_all(&c);
    vc__banks_close(&c.m.banks);
    vc_memory_close(c.m.memory);
    if (status != VC_OK)
        vc_chip_result_close(out);
    return status;
}

void vc_chip_result_close(vc_chip_result *result)
{
    free(result->stages);
    *result = (vc_chip_result){0};
}
