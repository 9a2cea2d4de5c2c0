#include "point.h"

#include <assert.h>
#include <math.h>

static void fill(cli_point *out, const vc_chip_result *r, const vc_accelerator *chip)
{
    const vc_chip_counts *n = &r->total;
    const vc_chip_energy energy = vc_chip_energy_of(n, &chip->chip, &chip->energy, &r->memory);
    const double peak = (double)n->cycles * (double)(chip->chip.lines * chip->chip.macs_per_line);
    out->cycles = n->cycles;
    out->macs = n->macs;
    out->dram_bytes = r->memory.read_bytes + r->memory.written_bytes;
    out->time_us = (double)n->cycles / chip->chip.clock_hz * 1e6;
    out->energy_uj = energy.total_pj * 1e-6;
    out->mac_utilisation = peak > 0.0 ? (double)n->macs / peak : 0.0;
}

/* A rival does other work than the workload has (Sanger loads no indices, SpAtten prunes tokens):
 * the bound of what it did. */
static uint64_t bound_of_counts(const cli_point *p, const vc_bound_config *c)
{
    const double compute = ceil((double)p->macs / c->macs_per_cycle),
                 memory = ceil((double)p->dram_bytes / c->bandwidth * c->clock_hz * (1.0 - 1e-12));
    return (uint64_t)(compute > memory ? compute : memory);
}

static vc_status run(cli_point *out, const vc_model_config *model, const vc_plan *plan,
                     const vc_accelerator *chip, int attention_only)
{
    vc_workload workload = {0};
    vc_chip_result result = {0};
    vc_bound bound = {0};
    const vc_bound_config least = vc_accelerator_bound_config(chip);
    const vc_chip_options options = {
        .config = &chip->chip, .memory = &chip->memory, .attention_only = attention_only};
    vc_status status = vc_model_lower(&workload, model, plan);
    if (status == VC_OK && chip->chip.kind->bound)
        status = chip->chip.kind->bound(&bound, &workload, &least, attention_only);
    if (status == VC_OK)
        status = vc_chip_simulate(&result, &workload, plan, &options);
    if (status == VC_OK) {
        fill(out, &result, chip);
        out->bound_cycles = chip->chip.kind->bound ? bound.cycles : bound_of_counts(out, &least);
        assert(out->cycles >= out->bound_cycles);
    }
    vc_chip_result_close(&result);
    vc_workload_close(&workload);
    return status;
}

vc_status cli_run_point(cli_point *out, const vc_model_config *model, const vc_plan *plan,
                        size_t compressed, const vc_accelerator *chip, int attention_only)
{
    vc_model_config config = *model;
    const vc_plan *used = NULL;
    vc_plan room = {0};
    *out = (cli_point){0};
    VC_TRY(vc_chip_config_check(&chip->chip));
    if (!chip->chip.steps.autoencoder)
        VC_TRY(vc_model_compress(&config, 0, VC_CODED_NONE));
    else if (compressed != CLI_OWN_AUTOENCODER)
        VC_TRY(vc_model_compress(&config, compressed, VC_CODED_QK));
    vc_status status = plan ? vc_chip_plan(&used, &room, &chip->chip, plan) : VC_OK;
    if (status == VC_OK)
        status = run(out, &config, used, chip, attention_only);
    vc_plan_close(&room);
    return status;
}

json_t *cli_point_json(const cli_point *p)
{
    return json_pack("{s:I, s:f, s:f, s:I, s:I, s:f, s:I}", "cycles", (json_int_t)p->cycles,
                     "time_us", p->time_us, "energy_uj", p->energy_uj, "macs", (json_int_t)p->macs,
                     "dram_bytes", (json_int_t)p->dram_bytes, "mac_utilisation", p->mac_utilisation,
                     "bound_cycles", (json_int_t)p->bound_cycles);
}
