/* `simulate`: the chip's timeline, and as a table. */
#include <stdio.h>
#include <string.h>

#include "simulate.h"

static const vc_field functional_fields[] = {
    {VC_FIELD(cli_timeline, bit_exact, "", "the chip's results are those of plain loops")},
    {VC_FIELD_AS(cli_timeline, checked.values, "values", "", "results that were compared")},
    {VC_FIELD_AS(cli_timeline, checked.layers, "layers", "", "layers that they are of")},
};
static const vc_record functional_record = VC_RECORD("functional", cli_timeline, functional_fields);

static const vc_field fields[] = {
    {VC_FIELD_RECORD(cli_timeline, attention, "attention", &vc_chip_summary_record,
                     "between the projections")},
    {.name = "functional",
     .unit = "",
     .meaning = "int8 data that was sent through",
     .kind = VC_KIND_RECORD,
     .size = sizeof(cli_timeline),
     .record = &functional_record,
     VC_WHEN(cli_timeline, functional)},
    {VC_FIELD_RECORD(cli_timeline, end_to_end, "end_to_end", &vc_chip_summary_record,
                     "all of the model"),
     VC_WHEN(cli_timeline, of_model)},
    {VC_FIELD(cli_timeline, energy_uj, "uJ", "of all that ran")},
    {VC_FIELD(cli_timeline, area_mm2, "mm2", "of the chip")},
    {VC_FIELD(cli_timeline, accelerator, "", "all of the chip")},
    {VC_FIELD_RECORD(cli_timeline, bound, "bound", &cli_bounds_record,
                     "what no schedule on the chip beats"),
     VC_WHEN(cli_timeline, bounded)},
};
const vc_record cli_timeline_record = VC_RECORD("timeline", cli_timeline, fields);

/* ---- runs */

static vc_status run(vc_chip_summary *out, const vc_simulation *s, const vc_simulation_options *how)
{
    vc_chip_result r;
    VC_TRY(vc_simulation_run(&r, s, how));
    const vc_status status = vc_chip_summary_open(out, &r, &s->chip->chip, &s->chip->energy);
    vc_chip_result_close(&r);
    return status;
}

static vc_status run_attention(cli_timeline *out, const vc_simulation *s,
                               const vc_simulation_options *how, const vc_functional *data)
{
    VC_TRY(run(&out->attention, s, how));
    if (!out->functional)
        return VC_OK;
    VC_TRY(vc_functional_check(&out->checked, data, &s->workload, s->plan));
    out->bit_exact = true;
    return VC_OK;
}

/* Traces are of all that runs. */
static vc_status run_all(cli_timeline *out, const vc_simulation *s, const cli_simulate_options *o)
{
    vc_functional data = {0};
    if (out->functional)
        VC_TRY(vc_functional_open(&data, &s->workload, o->seed));
    const vc_simulation_options attention = {.attention_only = 1,
                                             .values = data.values,
                                             .trace = out->of_model ? NULL : o->trace,
                                             .dram_trace = out->of_model ? NULL : o->dram_trace},
                                all = {.trace = o->trace, .dram_trace = o->dram_trace};
    vc_status status = run_attention(out, s, &attention, &data);
    vc_functional_close(&data);
    if (status == VC_OK && out->of_model)
        status = run(&out->end_to_end, s, &all);
    return status;
}

vc_status cli_simulate_chip(cli_timeline *out, const vc_simulation *s,
                            const cli_simulate_options *o, bool of_model)
{
    const vc_accelerator *chip = s->chip;
    *out = (cli_timeline){.of_model = of_model, .functional = o->functional};
    VC_TRY(run_all(out, s, o));
    out->energy_uj = of_model ? out->end_to_end.energy_uj : out->attention.energy_uj;
    out->area_mm2 = vc_chip_area_mm2(&chip->chip, &chip->energy);
    out->accelerator = vc_accelerator_json(chip);
    if (!out->accelerator)
        return vc_fail(VC_ENOMEM, "out of memory");
    if (chip->chip.kind->bound) { /* rivals do other work */
        const vc_bound_config config = vc_accelerator_bound_config(chip);
        out->bounded = cli_simulate_bound(&out->bound, &s->workload, &config, of_model) == VC_OK;
    }
    return VC_OK;
}

void cli_close_timeline(cli_timeline *t)
{
    vc_chip_summary_close(&t->attention);
    vc_chip_summary_close(&t->end_to_end);
    json_decref(t->accelerator);
}

/* ---- text */

static void print_operators(const vc_chip_summary *run)
{
    printf("  %-12s %12s %7s %9s %12s\n", "", "cycles", "share", "MACs used", "DRAM bytes");
    for (size_t i = 0; i < run->operator_count; i++) {
        const vc_chip_operator *op = &run->operators[i];
        printf("  %-12s %12.0f %6.1f%% %8.1f%% %12.0f\n", op->name, (double)op->work.cycles,
               100.0 * (double)op->work.cycles / (double)run->all.work.cycles,
               100.0 * op->work.mac_utilisation, (double)op->work.dram_bytes);
    }
}

static uint64_t sum_spent(const vc_chip_unit_time *unit)
{
    uint64_t sum = 0;
    for (size_t s = 0; s < VC_SPENT_COUNT; s++)
        sum += unit->spent[s];
    return sum;
}

/* Where the lines' time went: of all lines' cycles together. */
static void print_units(const vc_chip_operator *all)
{
    uint64_t lines = 0;
    for (size_t u = 0; u < all->unit_count; u++)
        lines += all->units[u].of_lines ? sum_spent(&all->units[u]) : 0;
    for (size_t u = 0; u < all->unit_count; u++) {
        const vc_chip_unit_time *unit = &all->units[u];
        const double whole = (double)(unit->of_lines ? lines : all->work.cycles);
        printf("  %-8s", unit->unit);
        for (size_t s = 0; s < VC_SPENT_COUNT; s++)
            if (unit->spent[s] > 0)
                printf(" %s %.1f%%", vc_spent_name((vc_spent)s),
                       100.0 * (double)unit->spent[s] / whole);
        puts(unit->of_lines ? " (of all lines)" : "");
    }
}

static void print_energy(const vc_chip_summary *run)
{
    printf("  %.2f uJ:", run->energy_uj);
    for (size_t p = 0; p < VC_ENERGY_COUNT; p++)
        if (run->energy_parts_uj[p] > 0.0)
            printf(" %s %.2f", vc_energy_name((vc_energy_part)p), run->energy_parts_uj[p]);
    putchar('\n');
}

static void print_run(const vc_chip_summary *run, const vc_bound *bound, const char *title)
{
    printf("%s: %.0f cycles, %.1f us", title, (double)run->all.work.cycles, run->time_us);
    if (bound)
        printf("; no schedule needs fewer than %.0f", (double)bound->cycles);
    putchar('\n');
    print_operators(run);
    print_units(&run->all);
    print_energy(run);
}

void cli_print_timeline(const cli_timeline *t)
{
    print_run(&t->attention, t->bounded ? &t->bound.attention : NULL, "attention");
    if (t->of_model)
        print_run(&t->end_to_end, t->bounded ? &t->bound.end_to_end : NULL, "end to end");
    printf("area %.2f mm2\n", t->area_mm2);
    if (t->functional)
        printf("functional: %zu results of %zu layers are the reference's, bit for bit\n",
               t->checked.values, t->checked.layers);
}
