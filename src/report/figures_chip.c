/* The accelerator: cycles by operator, what each engine waits for, energy. */
#include <math.h>
#include <string.h>

#include "report_impl.h"
#include "vitcod/chip_summary.h"

static const vc__bars empty;

static int is_timeline(const vc__result *r)
{
    return vc__is(r, "simulate") && json_object_get(r->json, "attention");
}

/* ---- cycles */

static void add_operators(vc__bars *b, const json_t *operators)
{
    size_t i;
    json_t *o;
    json_array_foreach ((json_t *)operators, i, o) {
        const char *name = json_string_value(json_object_get(o, "operator"));
        vc__bars_add(b, name ? name : "other", vc__number_at(o, "cycles"));
    }
}

static void draw_cycles(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Cycles on the accelerator";
    b.note = "Attention alone, and end to end by operator.";
    b.unit = "cycles";
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (!is_timeline(r))
            continue;
        const double formulas = vc__number_at(r->json, "attention.total");
        vc__bars_row(&b, "%s, attention", r->label);
        vc__bars_add(&b, "attention",
                     isfinite(formulas) ? formulas : vc__number_at(r->json, "attention.cycles"));
        const json_t *operators = vc__at(r->json, "end_to_end.operators");
        if (json_object_get(r->json, "end_to_end"))
            vc__bars_row(&b, "%s, end to end", r->label);
        add_operators(&b, operators);
        if (json_array_size(operators) == 0)
            vc__bars_add(&b, "all", vc__number_at(r->json, "end_to_end.cycles"));
        book->used[r->run] = 1;
    }
    vc__bars_draw(out, book, &b);
}

/* ---- stalls */

static void add_unit(vc__bars *b, const char *label, const vc_chip_unit_time *unit)
{
    double all = 0.0;
    for (int s = 0; s < VC_SPENT_COUNT; s++)
        all += (double)unit->spent[s];
    if (all <= (double)unit->spent[VC_SPENT_IDLE])
        return;
    vc__bars_row(b, "%s: %s, %.0f %% busy", label, unit->unit,
                 100.0 * (double)unit->spent[VC_SPENT_BUSY] / all);
    for (int s = 0; s < VC_SPENT_COUNT; s++)
        vc__bars_add(b, vc_spent_name((vc_spent)s), (double)unit->spent[s]);
}

static void add_units(vc__bars *b, vc__book *book, const vc__result *r, const char *part,
                      int of_lines)
{
    vc_chip_operator run;
    if (vc__book_read(&run, book, &vc_chip_units_record, r, part))
        for (size_t u = 0; u < run.unit_count; u++)
            if (run.units[u].of_lines == of_lines)
                add_unit(b, r->label, &run.units[u]);
    vc_record_free(&vc_chip_units_record, &run);
}

/* Of engines made of lines, whose bars together are lines times cycles; or of the other units. */
static void draw_stalls(FILE *out, vc__book *book, const char *part, const char *words,
                        int of_lines)
{
    char title[VC__LABEL];
    vc__bars b = empty;
    snprintf(title, sizeof title, "What the %s do%s", of_lines ? "engines" : "units beside them",
             words);
    b.title = title;
    b.note =
        of_lines
            ? "The bars of a run together are all lines times all cycles. Busy, and what lines "
              "wait for: memory (dram), indices, decoded Q and K, softmax, a free buffer, slower "
              "lines (imbalance), the end of a product (drain)."
            : "The bar of a unit is all cycles of the run: busy, waiting, or without work (idle).";
    b.unit = of_lines ? "line cycles" : "cycles";
    b.axis = of_lines ? "lines × cycles" : NULL;
    for (size_t i = 0; i < book->result_count; i++)
        if (is_timeline(&book->results[i]))
            add_units(&b, book, &book->results[i], part, of_lines);
    vc__bars_draw(out, book, &b);
}

/* ---- energy */

/* What a part of the energy is summed into on the page. */
static const char *group_of(vc_energy_part part)
{
    switch (part) {
    case VC_ENERGY_LINES:
    case VC_ENERGY_CODERS:
    case VC_ENERGY_UNITS:
        return "arithmetic";
    case VC_ENERGY_LEAKAGE:
        return "leakage";
    case VC_ENERGY_DRAM:
        return "DRAM accesses";
    case VC_ENERGY_DRAM_STANDBY:
        return "DRAM standby";
    default:
        return "scratchpads";
    }
}

static void add_energy(vc__bars *b, vc__book *book, const vc__result *r, const char *part,
                       const char *words)
{
    vc_chip_summary run;
    if (!vc__book_read(&run, book, &vc_chip_energy_record, r, part))
        return;
    vc__bars_row(b, "%s, %s", r->label, words);
    for (int p = 0; p < VC_ENERGY_COUNT; p++)
        vc__bars_add(b, group_of((vc_energy_part)p), run.energy_parts_uj[p]);
}

static void draw_energy(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Energy on the accelerator";
    b.note = "Where it goes, attention alone and end to end.";
    b.unit = "µJ";
    for (size_t i = 0; i < book->result_count; i++) {
        if (!is_timeline(&book->results[i]))
            continue;
        add_energy(&b, book, &book->results[i], "attention", "attention");
        add_energy(&b, book, &book->results[i], "end_to_end", "end to end");
    }
    vc__bars_draw(out, book, &b);
}

vc_status vc__chip(FILE *out, vc__book *book)
{
    draw_cycles(out, book);
    draw_energy(out, book);
    for (int of_lines = 1; of_lines >= 0; of_lines--) {
        draw_stalls(out, book, "attention", " during attention", of_lines);
        draw_stalls(out, book, "end_to_end", ", end to end", of_lines);
    }
    return VC_OK;
}
