#include "vitcod/point.h"

#include <assert.h>
#include <math.h>

#include "vitcod/simulation.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_point, cycles, "cycles", "of the chip's clock")},
    {VC_FIELD(vc_point, time_us, "us", "the same in time")},
    {VC_FIELD(vc_point, energy_uj, "uJ", "of chip and memory")},
    {VC_FIELD(vc_point, on_chip_uj, "uJ", "of the chip alone")},
    {VC_FIELD(vc_point, dram_access_uj, "uJ", "of the memory's commands")},
    {VC_FIELD(vc_point, dram_standby_uj, "uJ", "of the memory while no command runs")},
    {VC_FIELD(vc_point, macs, "MAC", "on the lines")},
    {VC_FIELD(vc_point, dram_bytes, "B", "from and to the memory")},
    {VC_FIELD(vc_point, mac_utilisation, "", "share of what the lines could do in the time")},
    {VC_FIELD_AS(vc_point, image_cycles, "cycles_per_image", "cycles", "of a batch"), VC_KNOWN},
    {VC_FIELD_AS(vc_point, image_uj, "energy_per_image_uj", "uJ", "of a batch"), VC_KNOWN},
    {VC_FIELD(vc_point, bound_cycles, "cycles", "what no schedule on the chip beats")},
};
const vc_record vc_point_record = VC_RECORD("point", vc_point, fields);

static void fill_point(vc_point *out, const vc_chip_result *r, const vc_accelerator *chip)
{
    const vc_chip_counts *n = &r->total;
    const vc_chip_energy energy = vc_chip_energy_of(n, &chip->chip, &chip->energy, &r->memory);
    const double peak = (double)n->cycles * (double)(chip->chip.lines * chip->chip.macs_per_line);
    out->cycles = n->cycles;
    out->macs = n->macs;
    out->dram_bytes = r->memory.read_bytes + r->memory.written_bytes;
    out->time_us = (double)n->cycles / chip->chip.clock_hz * 1e6;
    out->energy_uj = energy.total_pj * 1e-6;
    out->on_chip_uj = energy.on_chip_pj * 1e-6;
    out->dram_access_uj = energy.dram_access_pj * 1e-6;
    out->dram_standby_uj = energy.dram_standby_pj * 1e-6;
    const double images = (double)vc_chip_images(&chip->chip);
    out->image_cycles = images > 1.0 ? (double)n->cycles / images : NAN;
    out->image_uj = images > 1.0 ? out->energy_uj / images : NAN;
    out->mac_utilisation =
        peak > 0.0 ? (double)(n->macs * vc_chip_mac_slots(&chip->chip)) / peak : 0.0;
}

/* A rival does other work than the workload has (Sanger loads no indices, SpAtten prunes tokens):
 * the bound of what it did. */
static uint64_t bound_of_counts(const vc_point *p, const vc_bound_config *c)
{
    const double compute = ceil((double)p->macs / c->macs_per_cycle),
                 memory = ceil((double)p->dram_bytes / c->bandwidth * c->clock_hz * (1.0 - 1e-12));
    return (uint64_t)(compute > memory ? compute : memory);
}

static vc_status run_simulation(vc_point *out, const vc_simulation *s, int attention_only)
{
    const vc_simulation_options how = {.attention_only = attention_only};
    const int follows = s->chip->chip.kind->bound != NULL;
    vc_chip_result result;
    vc_bound bound = {0};
    if (follows)
        VC_TRY(vc_simulation_bound(&bound, s, attention_only));
    VC_TRY(vc_simulation_run(&result, s, &how));
    fill_point(out, &result, s->chip);
    vc_chip_result_close(&result);
    const vc_bound_config least = vc_accelerator_bound_config(s->chip);
    out->bound_cycles = follows ? bound.cycles : bound_of_counts(out, &least);
    assert(out->cycles >= out->bound_cycles);
    return VC_OK;
}

vc_status vc_point_run(vc_point *out, const vc_model_config *model, const vc_plan *plan,
                       size_t compressed, const vc_accelerator *chip, int attention_only)
{
    vc_model_config config = *model;
    vc_simulation s;
    *out = (vc_point){0};
    if (!chip->chip.steps.autoencoder)
        VC_TRY(vc_model_compress(&config, 0, VC_CODED_NONE));
    else if (compressed != VC_OWN_AUTOENCODER)
        VC_TRY(vc_model_compress(&config, compressed, VC_CODED_QK));
    VC_TRY(vc_simulation_of_model(&s, &config, plan, chip, "the plan"));
    const vc_status status = run_simulation(out, &s, attention_only);
    vc_simulation_close(&s);
    return status;
}

vc_status vc_point_plan_cycles(double *out, const vc_plan *plan, size_t head_dim,
                               const vc_accelerator *chip)
{
    const vc_simulation_options how = {.attention_only = 1};
    vc_simulation s;
    vc_chip_result result;
    VC_TRY(vc_simulation_of_plan(&s, plan, head_dim, NULL, chip, "the plan"));
    const vc_status status = vc_simulation_run(&result, &s, &how);
    vc_simulation_close(&s);
    VC_TRY(status);
    *out = (double)result.total.cycles;
    vc_chip_result_close(&result);
    return VC_OK;
}
