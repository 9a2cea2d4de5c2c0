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
        const double formulas = vc__number_at(r->json, "attention.total");
        if (!is_timeline(r))
            continue;
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
    vc__bars_row(b, "%s: %s", label, unit->unit);
    for (int s = 0; s < VC_SPENT_COUNT; s++)
        vc__bars_add(b, vc_spent_name((vc_spent)s), 100.0 * (double)unit->spent[s] / all);
}

/* A result without units has no place here. */
static void add_units(vc__bars *b, const vc__result *r, const json_t *part)
{
    vc_chip_operator run;
    if (vc_record_read(&run, &vc_chip_units_record, part, r->file) == VC_OK)
        for (size_t u = 0; u < run.unit_count; u++)
            add_unit(b, r->label, &run.units[u]);
    vc_record_free(&vc_chip_units_record, &run);
}

static void draw_stalls(FILE *out, vc__book *book, const char *part, const char *title)
{
    vc__bars b = empty;
    b.title = title;
    b.note =
        "Busy, and what an engine waits for: memory (dram), indices, decoded Q and K, softmax, a "
        "free buffer, slower lines (imbalance), the end of a product (drain), or no work (idle).";
    b.unit = "%";
    for (size_t i = 0; i < book->result_count; i++)
        if (is_timeline(&book->results[i]))
            add_units(&b, &book->results[i], json_object_get(book->results[i].json, part));
    vc__bars_draw(out, book, &b);
}

/* ---- energy */

typedef struct group {
    const char *key, *name;
} group;

static const group groups[] = {
    {"lines_uj", "arithmetic"},
    {"coders_uj", "arithmetic"},
    {"softmax_and_vector_uj", "arithmetic"},
    {"query_uj", "scratchpads"},
    {"key_uj", "scratchpads"},
    {"value_uj", "scratchpads"},
    {"index_uj", "scratchpads"},
    {"output_uj", "scratchpads"},
    {"decoded_uj", "scratchpads"},
    {"leakage_uj", "leakage"},
    {"dram_uj", "DRAM accesses"},
    {"dram_standby_uj", "DRAM standby"},
};

static const char *group_of(const char *key)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (strcmp(groups[i].key, key) == 0)
            return groups[i].name;
    return key;
}

static void add_energy(vc__bars *b, const vc__result *r, const char *part, const char *words)
{
    const char *key;
    json_t *value;
    const json_t *energy = json_object_get(json_object_get(r->json, part), "energy");
    if (!energy)
        return;
    vc__bars_row(b, "%s, %s", r->label, words);
    json_object_foreach ((json_t *)energy, key, value)
        vc__bars_add(b, group_of(key), json_number_value(value));
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
        add_energy(&b, &book->results[i], "attention", "attention");
        add_energy(&b, &book->results[i], "end_to_end", "end to end");
    }
    vc__bars_draw(out, book, &b);
}

vc_status vc__chip(FILE *out, vc__book *book)
{
    draw_cycles(out, book);
    draw_energy(out, book);
    draw_stalls(out, book, "attention", "What the engines do during attention");
    draw_stalls(out, book, "end_to_end", "What the engines do, end to end");
    return VC_OK;
}
