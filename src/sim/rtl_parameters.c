/* A chip's values as macros of SystemVerilog. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chip_impl.h"
#include "vitcod/file.h"
#include "vitcod/rtl.h"

#define VC__RTL_HEAD "// An accelerator's parameters, by vitcod simulate --rtl-parameters."

enum { INDEX_BYTES = 2, LEAST_LINE_LATENCY = 2, LEAST_SOFTMAX_LATENCY = 8, MOST_UNIT = 1 << 20 };

/* The largest head of a workload. */
typedef struct largest {
    uint64_t heads, queries, keys, dim, least_dim, summaries;
} largest;

static largest largest_of(const vc_workload *w, const vc_plan *plan)
{
    largest l = {.least_dim = UINT64_MAX};
    for (size_t i = 0; i < w->count; i++) {
        const vc_attention_sizes *s = &w->ops[i].sizes;
        if (w->ops[i].kind != VC_OP_SDDMM)
            continue;
        const uint64_t g = plan ? plan->layers[w->ops[i].layer].pooling.count : 0;
        l.heads = vc__later(l.heads, s->heads);
        l.least_dim = vc__smaller(l.least_dim, vc__smaller(s->head_dim, s->value_dim));
        l.queries = vc__later(l.queries, s->queries);
        l.keys = vc__later(l.keys, s->keys + g);
        l.dim = vc__later(l.dim, vc__later(s->head_dim, s->value_dim));
        l.summaries = vc__later(l.summaries, g);
    }
    return l;
}

/* The memory's bytes per cycle, as a fraction of small numbers. */
static vc_status rate_of(uint64_t *bytes, uint64_t *cycles, const vc_accelerator *a)
{
    const double rate = a->memory.bytes_per_second, clock = a->chip.clock_hz;
    for (*cycles = 1; *cycles <= MOST_UNIT; ++*cycles) {
        const double whole = rate * (double)*cycles / clock;
        if (whole >= 0x1p31) /* an int there */
            break;
        if (whole == floor(whole)) {
            *bytes = (uint64_t)whole;
            return VC_OK;
        }
    }
    return vc_fail(VC_EUNSUPPORTED,
                   "the memory gives %.15g bytes per second at a clock of %.15g Hz: RTL wants a "
                   "whole number of bytes in at most %d cycles, and less than 2^31",
                   rate, clock, MOST_UNIT);
}

static vc_status check(const vc_accelerator *a, const vc_workload *w)
{
    const vc_chip_config *c = &a->chip;
    VC_TRY(vc_chip_config_check(c));
    if (c->kind != &vc__kind_vitcod)
        return vc_fail(VC_EUNSUPPORTED, "'%s': there is RTL of the dataflow vitcod, not of %s",
                       c->name, c->kind->name);
    if (a->memory.model != VC_MEMORY_BANDWIDTH)
        return vc_fail(VC_EUNSUPPORTED,
                       "'%s': the memory's model is dram; RTL has a DMA for bandwidth alone "
                       "(--memory bandwidth)",
                       c->name);
    if (c->index_bytes != INDEX_BYTES)
        return vc_fail(VC_EUNSUPPORTED, "'%s': 'index_size' is %zu B, and RTL has indices of %d B",
                       c->name, (size_t)c->index_bytes, INDEX_BYTES);
    if (vc_chip_value_bytes(c) > 1 || vc_chip_images(c) > 1)
        return vc_fail(VC_EUNSUPPORTED,
                       "'%s': 'precision' is %zu and 'batch' %zu, and RTL has one image of 8 bit",
                       c->name, 8 * (size_t)vc_chip_value_bytes(c), (size_t)vc_chip_images(c));
    if (c->forward)
        return vc_fail(VC_EUNSUPPORTED, "'%s': 'forward' is true, and RTL loads Q, K and V",
                       c->name);
    if (c->line_latency < LEAST_LINE_LATENCY || c->softmax_latency < LEAST_SOFTMAX_LATENCY)
        return vc_fail(VC_EUNSUPPORTED,
                       "'%s': 'line_latency' is %zu and 'softmax_latency' %zu: RTL wants %d and %d "
                       "at least",
                       c->name, (size_t)c->line_latency, (size_t)c->softmax_latency,
                       LEAST_LINE_LATENCY, LEAST_SOFTMAX_LATENCY);
    for (size_t i = 0; i < w->count; i++)
        if (w->ops[i].kind == VC_OP_DECODE)
            return vc_fail(VC_EUNSUPPORTED,
                           "layer %d has an auto-encoder, which RTL of attention has not",
                           w->ops[i].layer);
    return VC_OK;
}

static void write_macro(FILE *file, const char *name, double value)
{
    fputs("`define VITCOD_", file);
    for (; *name; name++)
        fputc(toupper((unsigned char)*name), file);
    fprintf(file, " %.0f\n", value);
}

static double value_at(const vc_chip_config *c, const vc_chip_key *key)
{
    const void *at = (const char *)c + key->offset;
    const vc_yaml_kind kind = key->field->yaml.kind;
    return kind == VC_YAML_COUNT    ? (double)*(const uint64_t *)at
           : kind == VC_YAML_NUMBER ? *(const double *)at
                                    : *(const int *)at;
}

/* Keys that were left out stand for what they default to. */
static double with_default(const vc_chip_config *c, const vc_chip_key *key)
{
    const double lines = (double)c->lines, value = value_at(c, key);
    const struct {
        size_t offset;
        double value;
    } defaults[] = {
        {offsetof(vc_chip_config, entries_per_sum), (double)c->entries_per_visit},
        {offsetof(vc_chip_config, precision), 8.0 * (double)vc_chip_value_bytes(c)},
        {offsetof(vc_chip_config, batch), (double)vc_chip_images(c)},
        {offsetof(vc_chip_config, dispatch), lines},
        {offsetof(vc_chip_config, online_keys), lines},
    };
    if (value != 0.0)
        return value;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (key->offset == defaults[i].offset)
            return defaults[i].value;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        if (key->offset == offsetof(vc_chip_config, buffers) + b * sizeof(vc_scratchpad) +
                               offsetof(vc_scratchpad, banks))
            return lines;
    return value;
}

static vc_status write_keys(FILE *file, const vc_chip_config *c)
{
    const vc_chip_kind *const kinds[] = {NULL};
    const size_t count = vc_chip_keys(NULL, 0, kinds);
    vc_chip_key *keys = malloc(count * sizeof *keys);
    if (!keys)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_chip_keys(keys, count, kinds);
    for (size_t i = 0; i < count; i++)
        if (keys[i].offset != offsetof(vc_chip_config, denser_share)) /* lines come with phases */
            write_macro(file, keys[i].name, with_default(c, &keys[i]));
    free(keys);
    return VC_OK;
}

vc_status vc_rtl_parameters_write(const char *path, const vc_accelerator *a, const vc_workload *w,
                                  const vc_plan *plan)
{
    const largest most = largest_of(w, plan);
    uint64_t bytes = 0, cycles = 0;
    vc_file_writer writer;
    VC_TRY(check(a, w));
    VC_TRY(rate_of(&bytes, &cycles, a));
    VC_TRY(vc_file_write_begin(&writer, path));
    fputs(VC__RTL_HEAD "\n", writer.stream);
    const vc_status status = write_keys(writer.stream, &a->chip);
    const struct {
        const char *name;
        uint64_t value;
    } more[] = {{"memory_bytes", bytes},       {"memory_cycles", cycles},
                {"most_heads", most.heads},    {"most_queries", most.queries},
                {"most_keys", most.keys},      {"most_dim", most.dim},
                {"least_dim", most.least_dim}, {"most_summaries", most.summaries}};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        write_macro(writer.stream, more[i].name, (double)more[i].value);
    if (status == VC_OK)
        return vc_file_write_commit(&writer);
    vc_file_write_abort(&writer);
    return status;
}
