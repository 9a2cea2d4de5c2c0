/* Results as text: the timeline as a table, bounds, the control's counts. */
#include <math.h>

#include "vitcod/timeline.h"

static void print_work(FILE *out, const vc_chip_work *w, const vc_chip_summary *run)
{
    fprintf(out, " %12.0f %6.1f%% %8.1f%% %12.0f %11.2f %9.2f", (double)w->cycles,
            100.0 * (double)w->cycles / (double)run->all.work.cycles, 100.0 * w->mac_utilisation,
            (double)w->dram_bytes, w->on_chip_uj, w->dram_access_uj + w->dram_standby_uj);
    if (isnan(w->macs_per_byte))
        fprintf(out, " %7s", "-");
    else
        fprintf(out, " %7.1f", w->macs_per_byte);
    fprintf(out, " %7.1f%%\n", 100.0 * w->roof_share);
}

static void print_head(FILE *out, const char *what)
{
    fprintf(out, "  %-12s %12s %7s %9s %12s %11s %9s %7s %8s\n", what, "cycles", "share",
            "MACs used", "DRAM bytes", "on-chip uJ", "DRAM uJ", "MAC/B", "of roof");
}

static void print_operators(FILE *out, const vc_chip_summary *run)
{
    print_head(out, "operator");
    for (size_t i = 0; i < run->operator_count; i++) {
        fprintf(out, "  %-12s", run->operators[i].name);
        print_work(out, &run->operators[i].work, run);
    }
}

/* What is outside of all layers has no number. */
static void print_layers(FILE *out, const vc_chip_summary *run)
{
    print_head(out, "layer");
    for (size_t i = 0; i < run->layer_count; i++) {
        if (run->layers[i].layer < 0)
            fprintf(out, "  %-12s", i ? "behind all" : "before all");
        else
            fprintf(out, "  %-12d", run->layers[i].layer);
        print_work(out, &run->layers[i].work, run);
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
static void print_units(FILE *out, const vc_chip_operator *all)
{
    uint64_t lines = 0;
    for (size_t u = 0; u < all->unit_count; u++)
        lines += all->units[u].of_lines ? sum_spent(&all->units[u]) : 0;
    for (size_t u = 0; u < all->unit_count; u++) {
        const vc_chip_unit_time *unit = &all->units[u];
        const double whole = (double)(unit->of_lines ? lines : all->work.cycles);
        fprintf(out, "  %-8s", unit->unit);
        for (size_t s = 0; s < VC_SPENT_COUNT; s++)
            if (unit->spent[s] > 0)
                fprintf(out, " %s %.1f%%", vc_spent_name((vc_spent)s),
                        100.0 * (double)unit->spent[s] / whole);
        fputs(unit->of_lines ? " (of all lines)\n" : "\n", out);
    }
}

static void print_energy(FILE *out, const vc_chip_summary *run)
{
    fprintf(out,
            "  %.2f uJ: on-chip %.2f (%.0f%%), DRAM access %.2f (%.0f%%), DRAM standby %.2f "
            "(%.0f%%)\n ",
            run->energy_uj, run->on_chip_uj, 100.0 * run->on_chip_uj / run->energy_uj,
            run->dram_access_uj, 100.0 * run->dram_access_uj / run->energy_uj, run->dram_standby_uj,
            100.0 * run->dram_standby_uj / run->energy_uj);
    for (size_t p = 0; p < VC_ENERGY_COUNT; p++)
        if (run->energy_parts_uj[p] > 0.0)
            fprintf(out, " %s %.2f", vc_energy_name((vc_energy_part)p), run->energy_parts_uj[p]);
    fputc('\n', out);
}

static void print_run(FILE *out, const vc_chip_summary *run, const vc_bound *bound,
                      const char *title)
{
    fprintf(out, "%s: %.0f cycles, %.1f us", title, (double)run->all.work.cycles, run->time_us);
    if (bound)
        fprintf(out, "; no schedule needs fewer than %.0f", (double)bound->cycles);
    fputc('\n', out);
    if (!isnan(run->image_cycles))
        fprintf(out, "  of an image %.0f cycles, %.2f uJ\n", run->image_cycles, run->image_uj);
    print_operators(out, run);
    print_layers(out, run);
    print_units(out, &run->all);
    print_energy(out, run);
}

void vc_timeline_print(FILE *out, const vc_timeline *t)
{
    if (t->summaries)
        fprintf(out, "summaries: %s\n", t->summaries);
    print_run(out, &t->attention, t->bounded ? &t->bound.attention : NULL, "attention");
    if (t->of_model)
        print_run(out, &t->end_to_end, t->bounded ? &t->bound.end_to_end : NULL, "end to end");
    fprintf(out, "area %.2f mm2\n", t->area_mm2);
    if (t->functional)
        fprintf(out, "functional: %zu results of %zu layers%s%s are the reference's, bit for bit\n",
                t->checked.values, t->checked.layers, t->data ? " of " : "",
                t->data ? t->data : "");
}

/* ---- formulas */

static void print_count(FILE *out, const char *name, uint64_t value)
{
    fprintf(out, "  %-20s %llu\n", name, (unsigned long long)value);
}

static void print_bound(FILE *out, const vc_bound *b)
{
    print_count(out, "cycles", b->cycles);
    print_count(out, "compute_cycles", b->compute_cycles);
    print_count(out, "memory_cycles", b->memory_cycles);
    print_count(out, "sequential_cycles", b->sequential_cycles);
    print_count(out, "macs", b->macs);
    print_count(out, "coder_macs", b->coder_macs);
    fprintf(out, "  %-20s %.0f\n", "dram_bytes", b->dram_bytes);
}

void vc_bounds_print(FILE *out, const vc_bounds *bounds)
{
    fputs("lower bound, cycles at 500 MHz\nattention\n", out);
    print_bound(out, &bounds->attention);
    if (!bounds->of_model)
        return;
    fputs("end to end\n", out);
    print_bound(out, &bounds->end_to_end);
}

void vc_control_print(FILE *out, const vc_control_result *c)
{
    fputs("control (published formulas), cycles\nattention\n", out);
    print_count(out, "preload", c->preload);
    print_count(out, "decode", c->decode);
    print_count(out, "compute", c->compute);
    print_count(out, "total", c->total);
    fprintf(out, "%-22s %llu\n", "linear", (unsigned long long)c->linear);
    fprintf(out, "%-22s %llu\n", "ffn", (unsigned long long)c->ffn);
    fprintf(out, "%-22s %llu\n", "end_to_end", (unsigned long long)c->end_to_end);
}
