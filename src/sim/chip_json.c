/* A run of the chip as JSON, units in the names. */
#include <stdio.h>

#include "vitcod/chip_energy.h"

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Units made of lines count cycles of one line. */
static json_t *units_json(const vc_chip_counts *n)
{
    json_t *all = json_object();
    for (int e = 0; e < VC_CHIP_UNIT_COUNT; e++) {
        json_t *one = json_object();
        for (int s = 0; s < VC_SPENT_COUNT; s++) {
            char name[48];
            snprintf(name, sizeof name, "%s_%s", vc_spent_name((vc_spent)s),
                     e <= VC_CHIP_UNIT_LINEAR ? "line_cycles" : "cycles");
            json_object_set_new(one, name, integer(n->spent[e][s]));
        }
        json_object_set_new(all, vc_chip_unit_name((vc_chip_unit)e), one);
    }
    return all;
}

static uint64_t dram_bytes(const vc_chip_counts *n)
{
    uint64_t bytes = n->stored_bytes + n->weight_bytes + n->input_bytes;
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        bytes += n->loaded_bytes[b];
    return bytes;
}

static json_t *bytes_json(const vc_chip_counts *n)
{
    json_t *bytes = json_object();
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        if (n->loaded_bytes[b]) {
            char name[48];
            snprintf(name, sizeof name, "%s_bytes", vc_buffer_name((vc_buffer)b));
            json_object_set_new(bytes, name, integer(n->loaded_bytes[b]));
        }
    json_object_set_new(bytes, "weight_bytes", integer(n->weight_bytes));
    json_object_set_new(bytes, "input_bytes", integer(n->input_bytes));
    json_object_set_new(bytes, "stored_bytes", integer(n->stored_bytes));
    return bytes;
}

static json_t *counts_json(const vc_chip_counts *n, const vc_chip_config *c)
{
    const double peak = (double)n->cycles * (double)(c->lines * c->macs_per_line);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:f, s:o}", "cycles", integer(n->cycles), "macs",
                     integer(n->macs), "coder_macs", integer(n->coder_macs), "predicted_macs",
                     integer(n->predicted_macs), "dram_bytes", integer(dram_bytes(n)),
                     "mac_utilisation", peak > 0.0 ? (double)n->macs / peak : 0.0, "bytes",
                     bytes_json(n));
}

/* Operators summed over layers, in the order in which they first run. */
static json_t *operators_json(const vc_chip_result *r, const vc_chip_config *c)
{
    vc_chip_counts sums[VC_OP_COUNT] = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < r->stage_count; i++)
        vc_chip_counts_add(&sums[r->stages[i].kind], &r->stages[i].counts);
    for (int k = 0; k < VC_OP_COUNT; k++)
        if (sums[k].cycles) {
            json_t *one = counts_json(&sums[k], c);
            const char *name = k == VC_OP_SDDMM ? "attention" : vc_op_name((vc_op_kind)k);
            json_object_set_new(one, "operator", json_string(name));
            json_object_set_new(one, "engines", units_json(&sums[k]));
            json_array_append_new(list, one);
        }
    return list;
}

static json_t *layers_json(const vc_chip_result *r, const vc_chip_config *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->stage_count; i++) {
        const vc_chip_stage *s = &r->stages[i];
        json_t *one = counts_json(&s->counts, c);
        const char *name = s->kind == VC_OP_SDDMM ? "attention" : vc_op_name(s->kind);
        json_object_set_new(one, "operator", json_string(name));
        json_object_set_new(one, "layer", json_integer(s->layer));
        json_object_set_new(one, "start_cycle", integer(s->start));
        json_array_append_new(list, one);
    }
    return list;
}

json_t *vc_chip_result_json(const vc_chip_result *r, const vc_chip_config *c,
                            const vc_energy_table *table)
{
    const vc_chip_energy energy = vc_chip_energy_of(&r->total, c, table, &r->memory);
    json_t *object = counts_json(&r->total, c), *parts = json_object();
    for (int p = 0; p < VC_ENERGY_COUNT; p++) {
        char name[48];
        snprintf(name, sizeof name, "%s_uj", vc_energy_name((vc_energy_part)p));
        json_object_set_new(parts, name, json_real(energy.pj[p] * 1e-6));
    }
    json_object_set_new(object, "time_us", json_real((double)r->total.cycles / c->clock_hz * 1e6));
    json_object_set_new(object, "energy_uj", json_real(energy.total_pj * 1e-6));
    json_object_set_new(object, "energy", parts);
    json_object_set_new(object, "engines", units_json(&r->total));
    json_object_set_new(object, "operators", operators_json(r, c));
    json_object_set_new(object, "stages", layers_json(r, c));
    return object;
}
