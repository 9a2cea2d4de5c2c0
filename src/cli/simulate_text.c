/* What `simulate` prints: the timeline as a table, bounds, the control's counts. */
#include <stdio.h>

#include "simulate.h"

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

void cli_print_timeline(const vc_timeline *t)
{
    if (t->summaries)
        printf("summaries: %s\n", t->summaries);
    print_run(&t->attention, t->bounded ? &t->bound.attention : NULL, "attention");
    if (t->of_model)
        print_run(&t->end_to_end, t->bounded ? &t->bound.end_to_end : NULL, "end to end");
    printf("area %.2f mm2\n", t->area_mm2);
    if (t->functional)
        printf("functional: %zu results of %zu layers are the reference's, bit for bit\n",
               t->checked.values, t->checked.layers);
}

/* ---- formulas */

static void print_count(const char *name, uint64_t value)
{
    printf("  %-20s %llu\n", name, (unsigned long long)value);
}

static void print_bound(const vc_bound *b)
{
    print_count("cycles", b->cycles);
    print_count("compute_cycles", b->compute_cycles);
    print_count("memory_cycles", b->memory_cycles);
    print_count("sequential_cycles", b->sequential_cycles);
    print_count("macs", b->macs);
    print_count("coder_macs", b->coder_macs);
    printf("  %-20s %.0f\n", "dram_bytes", b->dram_bytes);
}

void cli_print_bounds(const vc_bounds *bounds)
{
    puts("lower bound, cycles at 500 MHz\nattention");
    print_bound(&bounds->attention);
    if (!bounds->of_model)
        return;
    puts("end to end");
    print_bound(&bounds->end_to_end);
}

void cli_print_control(const vc_control_result *c)
{
    puts("control (published formulas), cycles\nattention");
    print_count("preload", c->preload);
    print_count("decode", c->decode);
    print_count("compute", c->compute);
    print_count("total", c->total);
    printf("%-22s %llu\n", "linear", (unsigned long long)c->linear);
    printf("%-22s %llu\n", "ffn", (unsigned long long)c->ffn);
    printf("%-22s %llu\n", "end_to_end", (unsigned long long)c->end_to_end);
}
