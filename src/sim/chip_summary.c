#include "vitcod/chip_summary.h"

#include <math.h>
#include <stdlib.h>

#define TRAFFIC(member, key, meaning) VC_FIELD_AS(vc_chip_traffic, member, key, "B", meaning)
#define LOADED(buffer, key, meaning) TRAFFIC(loaded[buffer], key, meaning), VC_KNOWN

static const vc_field traffic_fields[] = {
    {LOADED(VC_BUFFER_QUERY, "query_bytes", "queries loaded")},
    {LOADED(VC_BUFFER_KEY, "key_bytes", "keys loaded")},
    {LOADED(VC_BUFFER_VALUE, "value_bytes", "values loaded")},
    {LOADED(VC_BUFFER_INDEX, "index_bytes", "indices loaded")},
    {LOADED(VC_BUFFER_OUTPUT, "output_bytes", "loaded to the output scratchpad")},
    {LOADED(VC_BUFFER_DECODED, "decoded_bytes", "loaded to the decoded scratchpad")},
    {TRAFFIC(biases, "bias_bytes", "biases of summaries loaded"), VC_KNOWN},
    {TRAFFIC(weights, "weight_bytes", "weights of products and coders loaded")},
    {TRAFFIC(inputs, "input_bytes", "activations loaded for products")},
    {TRAFFIC(stored, "stored_bytes", "results stored")},
};
static const vc_record traffic_record = VC_RECORD("bytes", vc_chip_traffic, traffic_fields);

#define SPENT_TEXT(name, text) text,
static const char *const spent_words[] = {VC_SPENT_MAP(SPENT_TEXT) NULL};
static const char *const buffer_words[] = {"query",  "key",     "value", "index",
                                           "output", "decoded", NULL}; /* vc_buffer */

static const vc_field work_fields[] = {
    {VC_FIELD(vc_chip_work, cycles, "cycles", "of the chip's clock")},
    {VC_FIELD(vc_chip_work, macs, "MAC", "on the lines")},
    {VC_FIELD(vc_chip_work, coder_macs, "MAC", "of encoder and decoder")},
    {VC_FIELD(vc_chip_work, predicted_macs, "MAC", "on the lines, in a prediction's precision")},
    {VC_FIELD(vc_chip_work, dram_bytes, "B", "from and to the memory")},
    {VC_FIELD(vc_chip_work, mac_utilisation, "", "share of what the lines could do in the cycles")},
    {VC_FIELD(vc_chip_work, macs_per_byte, "MAC/B", "of what comes from and goes to the memory"),
     VC_KNOWN},
    {VC_FIELD(vc_chip_work, roof_share, "",
              "share of what lines and memory allow at so many MACs per byte"),
     VC_KNOWN},
    {VC_FIELD(vc_chip_work, on_chip_uj, "uJ", "of the chip, without the memory")},
    {VC_FIELD(vc_chip_work, dram_access_uj, "uJ", "of the memory's commands")},
    {VC_FIELD(vc_chip_work, dram_standby_uj, "uJ", "of the memory while no command runs")},
    {VC_FIELD_RECORD(vc_chip_work, bytes, "bytes", &traffic_record, "from and to the memory")},
    {VC_FIELD_BY_WORD(vc_chip_work, line_cycles, spent_words, "line_cycles", "cycles",
                      "what the lines did: cycles of single lines")},
    {VC_FIELD_BY_WORD(vc_chip_work, read_bytes, buffer_words, "scratchpad_read_bytes", "B",
                      "read from each scratchpad")},
    {VC_FIELD_BY_WORD(vc_chip_work, written_bytes, buffer_words, "scratchpad_written_bytes", "B",
                      "written to each scratchpad")},
};
static const vc_record work_record = VC_RECORD("work", vc_chip_work, work_fields);

#define LINE_CYCLES(name, text)                                                                    \
    {VC_FIELD_AS(vc_chip_unit_time, spent[VC_SPENT_##name], text "_line_cycles", "cycles",         \
                 "cycles of one line that went into: " text),                                      \
     VC_WHEN(vc_chip_unit_time, of_lines)},
#define UNIT_CYCLES(name, text)                                                                    \
    {VC_FIELD_AS(vc_chip_unit_time, spent[VC_SPENT_##name], text "_cycles", "cycles",              \
                 "cycles that went into: " text),                                                  \
     VC_WHEN(vc_chip_unit_time, alone)},

static const vc_field unit_fields[] = {{VC_FIELD(vc_chip_unit_time, unit, "", "its name")},
                                       VC_SPENT_MAP(LINE_CYCLES) VC_SPENT_MAP(UNIT_CYCLES)};
static const vc_record unit_record = VC_RECORD("unit", vc_chip_unit_time, unit_fields);

#define UNIT_FIELD                                                                                 \
    VC_FIELD_NAMED(vc_chip_operator, units, unit_count, "engines", &unit_record,                   \
                   "what units did with their time")

static const vc_field operator_fields[] = {
    {VC_FIELD_INLINE(vc_chip_operator, work, &work_record)},
    {VC_FIELD_AS(vc_chip_operator, name, "operator", "", "over all layers")},
    {UNIT_FIELD},
};
static const vc_record operator_record = VC_RECORD("operator", vc_chip_operator, operator_fields);

static const vc_field stage_fields[] = {
    {VC_FIELD_INLINE(vc_chip_stage_work, work, &work_record)},
    {VC_FIELD_AS(vc_chip_stage_work, name, "operator", "", "what runs")},
    {VC_FIELD(vc_chip_stage_work, layer, "", "of the model, from 0; -1: outside")},
    {VC_FIELD(vc_chip_stage_work, start_cycle, "cycles", "when it begins")},
};
static const vc_record stage_record = VC_RECORD("stage", vc_chip_stage_work, stage_fields);

static const vc_field layer_fields[] = {
    {VC_FIELD(vc_chip_layer_work, layer, "", "of the model, from 0; -1: outside")},
    {VC_FIELD_INLINE(vc_chip_layer_work, work, &work_record)},
};
static const vc_record layer_record = VC_RECORD("layer", vc_chip_layer_work, layer_fields);

static const vc_field total_fields[] = {{UNIT_FIELD}};
const vc_record vc_chip_units_record = VC_RECORD("units", vc_chip_operator, total_fields);

#define PART_UJ(name, text) text "_uj",
static const char *const parts_uj[] = {VC_ENERGY_MAP(PART_UJ) NULL};

static const vc_field energy_fields[] = {
    {VC_FIELD_BY_WORD(vc_chip_summary, energy_parts_uj, parts_uj, "energy", "uJ", "by part")},
};
const vc_record vc_chip_energy_record = VC_RECORD("energy", vc_chip_summary, energy_fields);

static const vc_field summary_fields[] = {
    {VC_FIELD_INLINE(vc_chip_summary, all.work, &work_record)},
    {VC_FIELD(vc_chip_summary, time_us, "us", "at the chip's clock")},
    {VC_FIELD(vc_chip_summary, energy_uj, "uJ", "of chip and memory")},
    {VC_FIELD_AS(vc_chip_summary, image_cycles, "cycles_per_image", "cycles", "of a batch"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_chip_summary, image_uj, "energy_per_image_uj", "uJ", "of a batch"), VC_KNOWN},
    {VC_FIELD_WHOLE(vc_chip_summary, &vc_chip_energy_record)},
    {VC_FIELD_INLINE(vc_chip_summary, all, &vc_chip_units_record)},
    {VC_FIELD_RECORDS(vc_chip_summary, operators, operator_count, "operators", &operator_record,
                      "summed over layers")},
    {VC_FIELD_RECORDS(vc_chip_summary, layers, layer_count, "layers", &layer_record,
                      "all operators of a layer")},
    {VC_FIELD_RECORDS(vc_chip_summary, stages, stage_count, "stages", &stage_record,
                      "one after the other")},
};
const vc_record vc_chip_summary_record = VC_RECORD("run", vc_chip_summary, summary_fields);

/* ---- from counts */

/* What the counts are of. */
typedef struct chip {
    const vc_chip_config *config;
    const vc_energy_table *table;
    double bytes_per_cycle; /* of the memory at best */
} chip;

/* The lower of both roofs over the MACs, in cycles, as a share of the cycles. */
static void stand_under_roof(vc_chip_work *w, const chip *on)
{
    const vc_chip_config *c = on->config;
    const double lines = (double)(w->macs * vc_chip_mac_slots(c)) /
                         (double)(c->lines * c->macs_per_line),
                 memory = (double)w->dram_bytes / on->bytes_per_cycle;
    w->macs_per_byte = w->dram_bytes ? (double)w->macs / (double)w->dram_bytes : NAN;
    w->roof_share = w->cycles ? fmax(lines, memory) / (double)w->cycles : NAN;
}

static vc_chip_work work_of(const vc_chip_counts *n, vc_chip_memory_pj memory, const chip *on)
{
    const vc_chip_config *c = on->config;
    const vc_memory_counters no_memory = {0};
    const double peak = (double)n->cycles * (double)(c->lines * c->macs_per_line);
    vc_chip_work w = {
        .cycles = n->cycles,
        .macs = n->macs,
        .coder_macs = n->coder_macs,
        .predicted_macs = n->predicted_macs,
        .dram_bytes = n->stored_bytes + n->weight_bytes + n->input_bytes + n->bias_bytes,
        .mac_utilisation = peak > 0.0 ? (double)(n->macs * vc_chip_mac_slots(c)) / peak : 0.0,
        .on_chip_uj = vc_chip_energy_of(n, c, on->table, &no_memory).on_chip_pj * 1e-6,
        .dram_access_uj = memory.access * 1e-6,
        .dram_standby_uj = memory.standby * 1e-6,
        .bytes = {.biases = n->bias_bytes ? n->bias_bytes : VC_NO_COUNT,
                  .weights = n->weight_bytes,
                  .inputs = n->input_bytes,
                  .stored = n->stored_bytes}};
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++) {
        w.dram_bytes += n->loaded_bytes[b];
        w.bytes.loaded[b] = n->loaded_bytes[b] ? n->loaded_bytes[b] : VC_NO_COUNT;
        w.read_bytes[b] = n->read_bytes[b];
        w.written_bytes[b] = n->written_bytes[b];
    }
    for (size_t u = 0; u <= VC_CHIP_UNIT_LINEAR; u++)
        for (size_t s = 0; s < VC_SPENT_COUNT; s++)
            w.line_cycles[s] += n->spent[u][s];
    stand_under_roof(&w, on);
    return w;
}

static void fill_operator(vc_chip_operator *out, const char *name, const vc_chip_counts *n,
                          vc_chip_memory_pj memory, const chip *on)
{
    *out = (vc_chip_operator){.work = work_of(n, memory, on),
                              .name = name,
                              .units = out->unit,
                              .unit_count = VC_CHIP_UNIT_COUNT};
    for (size_t u = 0; u < VC_CHIP_UNIT_COUNT; u++) {
        vc_chip_unit_time *t = &out->unit[u];
        t->unit = vc_chip_unit_name((vc_chip_unit)u);
        t->of_lines = u <= VC_CHIP_UNIT_LINEAR;
        t->alone = !t->of_lines;
        for (size_t s = 0; s < VC_SPENT_COUNT; s++)
            t->spent[s] = n->spent[u][s];
    }
}

static const char *stage_name(vc_op_kind kind)
{
    return kind == VC_OP_SDDMM ? "attention" : vc_op_name(kind);
}

static void add_stage(vc_chip_stage *sum, const vc_chip_stage *s)
{
    vc_chip_counts_add(&sum->counts, &s->counts);
    sum->memory.access += s->memory.access;
    sum->memory.standby += s->memory.standby;
}

static void fill_operators(vc_chip_summary *out, const vc_chip_result *r, const chip *on)
{
    vc_chip_stage sums[VC_OP_COUNT] = {0};
    for (size_t i = 0; i < r->stage_count; i++)
        add_stage(&sums[r->stages[i].kind], &r->stages[i]);
    for (size_t k = 0; k < VC_OP_COUNT; k++)
        if (sums[k].counts.cycles)
            fill_operator(&out->operators[out->operator_count++], stage_name((vc_op_kind)k),
                          &sums[k].counts, sums[k].memory, on);
}

/* A layer's stages are one after the other. */
static void fill_layers(vc_chip_summary *out, const vc_chip_result *r, const chip *on)
{
    for (size_t i = 0, end; i < r->stage_count; i = end) {
        vc_chip_stage sum = {0};
        for (end = i; end < r->stage_count && r->stages[end].layer == r->stages[i].layer; end++)
            add_stage(&sum, &r->stages[end]);
        out->layers[out->layer_count++] =
            (vc_chip_layer_work){work_of(&sum.counts, sum.memory, on), r->stages[i].layer};
    }
}

static void fill_stages(vc_chip_summary *out, const vc_chip_result *r, const chip *on)
{
    for (size_t i = 0; i < r->stage_count; i++) {
        const vc_chip_stage *s = &r->stages[i];
        out->stages[i] = (vc_chip_stage_work){.work = work_of(&s->counts, s->memory, on),
                                              .name = stage_name(s->kind),
                                              .layer = s->layer,
                                              .start_cycle = s->start};
    }
    out->stage_count = r->stage_count;
}

vc_status vc_chip_summary_open(vc_chip_summary *out, const vc_chip_result *r,
                               const vc_chip_config *c, const vc_energy_table *table,
                               const vc_memory_config *memory)
{
    const vc_chip_energy energy = vc_chip_energy_of(&r->total, c, table, &r->memory);
    const double images = (double)vc_chip_images(c);
    const chip on = {c, table, vc_memory_peak(memory) / c->clock_hz};
    *out = (vc_chip_summary){.time_us = (double)r->total.cycles / c->clock_hz * 1e6,
                             .energy_uj = energy.total_pj * 1e-6,
                             .image_cycles = images > 1.0 ? (double)r->total.cycles / images : NAN,
                             .image_uj = images > 1.0 ? energy.total_pj * 1e-6 / images : NAN,
                             .on_chip_uj = energy.on_chip_pj * 1e-6,
                             .dram_access_uj = energy.dram_access_pj * 1e-6,
                             .dram_standby_uj = energy.dram_standby_pj * 1e-6,
                             .layers = calloc(r->stage_count + 1, sizeof *out->layers),
                             .operators = calloc(VC_OP_COUNT, sizeof *out->operators),
                             .stages = calloc(r->stage_count + 1, sizeof *out->stages)};
    if (!out->operators || !out->stages || !out->layers) {
        vc_chip_summary_close(out);
        return vc_fail(VC_ENOMEM, "out of memory for a run of %zu stages", r->stage_count);
    }
    for (size_t p = 0; p < VC_ENERGY_COUNT; p++)
        out->energy_parts_uj[p] = energy.pj[p] * 1e-6;
    fill_operator(&out->all, NULL, &r->total,
                  (vc_chip_memory_pj){energy.dram_access_pj, energy.dram_standby_pj}, &on);
    fill_operators(out, r, &on);
    fill_layers(out, r, &on);
    fill_stages(out, r, &on);
    return VC_OK;
}

void vc_chip_summary_close(vc_chip_summary *summary)
{
    free(summary->operators);
    free(summary->layers);
    free(summary->stages);
    *summary = (vc_chip_summary){0};
}
