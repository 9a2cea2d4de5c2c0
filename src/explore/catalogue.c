#include "vitcod/catalogue.h"

#include <assert.h>

#include "vitcod/accelerator.h"
#include "vitcod/chip_kind.h"

static const vc_field chip_fields[] = {
    {VC_FIELD(vc_catalogue_chip, key, "", "its name in options and files")},
    {VC_FIELD(vc_catalogue_chip, name, "", "its name in results")},
    {VC_FIELD(vc_catalogue_chip, dataflow, "", "its kind")},
    {VC_FIELD_AS(vc_catalogue_chip, macs, "macs_per_cycle", "MAC", "of its lines")},
    {VC_FIELD(vc_catalogue_chip, clock_hz, "Hz", "its clock")},
    {VC_FIELD(vc_catalogue_chip, memory, "", "behind it")},
    {VC_FIELD(vc_catalogue_chip, published, "", "with its authors' MACs, clock and memory")},
};
static const vc_record chip_record = VC_RECORD("chip", vc_catalogue_chip, chip_fields);

static const vc_field memory_fields[] = {
    {VC_FIELD(vc_catalogue_memory, key, "", "its name in options and files")},
    {VC_FIELD(vc_catalogue_memory, name, "", "its name in results")},
    {VC_FIELD(vc_catalogue_memory, model, "", "bandwidth or dram")},
    {VC_FIELD(vc_catalogue_memory, peak_bytes_per_s, "B/s", "of all channels")},
};
static const vc_record memory_record = VC_RECORD("memory", vc_catalogue_memory, memory_fields);

static const vc_field fields[] = {
    {VC_FIELD_RECORDS(vc_catalogue, chip, chip_count, "chips", &chip_record,
                      "for --chip and a sweep's chip")},
    {VC_FIELD_RECORDS(vc_catalogue, memory, memory_count, "memories", &memory_record,
                      "for --memory and a chip's memory")},
    {VC_FIELD(vc_catalogue, rules, "", "for prune --rule")},
};
const vc_record vc_catalogue_record = VC_RECORD("catalogue", vc_catalogue, fields);

static vc_catalogue_chip chip_of(const vc_chip_variant *v)
{
    vc_accelerator a;
    const vc_status status = vc_accelerator_open(&a, v->key);
    assert(status == VC_OK);
    (void)status;
    vc_catalogue_chip c = {.key = v->key,
                           .dataflow = a.chip.kind->name,
                           .macs = a.chip.lines * a.chip.macs_per_line,
                           .clock_hz = a.chip.clock_hz,
                           .published = v->published != NULL};
    snprintf(c.name, sizeof c.name, "%s", a.chip.name);
    snprintf(c.memory, sizeof c.memory, "%s", a.memory.dram.name);
    return c;
}

void vc_catalogue_fill(vc_catalogue *out)
{
    const vc_chip_variant *chip;
    vc_memory_variant m;
    *out = (vc_catalogue){0};
    out->chip = out->chips;
    out->memory = out->memories;
    for (; (chip = vc_chip_variant_at(out->chip_count)); out->chip_count++) {
        assert(out->chip_count < VC_CATALOGUE_MOST);
        out->chips[out->chip_count] = chip_of(chip);
    }
    for (; vc_memory_variant_at(&m, out->memory_count); out->memory_count++) {
        vc_catalogue_memory *to = &out->memories[out->memory_count];
        assert(out->memory_count < VC_CATALOGUE_MOST);
        to->key = m.key;
        to->model = m.config.model == VC_MEMORY_DRAM ? "dram" : "bandwidth";
        to->peak_bytes_per_s = vc_memory_peak(&m.config);
        snprintf(to->name, sizeof to->name, "%s", m.config.dram.name);
    }
    vc_prune_rules(out->rules);
}

void vc_catalogue_print(FILE *out, const vc_catalogue *c)
{
    fputs("chips: simulate and compare --chip, `chip` of a sweep\n", out);
    for (size_t i = 0; i < c->chip_count; i++)
        fprintf(out, "  %-18s %-22s %4.0f MACs at %4.0f MHz, %s\n", c->chips[i].key,
                c->chips[i].name, (double)c->chips[i].macs, c->chips[i].clock_hz * 1e-6,
                c->chips[i].memory);
    fputs("memories: --memory, `memory` of a chip's file\n", out);
    for (size_t i = 0; i < c->memory_count; i++)
        fprintf(out, "  %-18s %s, %s, %.1f GB/s\n", c->memories[i].key, c->memories[i].name,
                c->memories[i].model, c->memories[i].peak_bytes_per_s * 1e-9);
    fprintf(out, "rules: prune --rule\n  %s\n", c->rules);
}
