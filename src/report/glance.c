/* The table of the most important numbers, with a column for each run. */
#include <math.h>

#include "report_impl.h"

typedef struct line {
    const char *label, *verb, *path, *unit;
    double factor;
} line;

static const line lines[] = {
    {"Top-1", "eval", "top1", "%", 1.0},
    {"Agreement with the dense model", "calibrate", "agreement", "%", 100.0},
    {"Attention pruned", "prune", "sparsity", "%", 100.0},
    {"Attention kept by the plan", "polarize", "kept_share", "%", 100.0},
    {"Attention on this CPU, dense / sparse", "profile", "ratio.median", "×", 1.0},
    {"Model on this CPU, dense / sparse", "bench", "dense_over_sparse.median", "×", 1.0},
    {"Images per second", "eval", "images_per_s", "", 1.0},
    {"Accelerator, attention", "simulate", "attention.cycles", "cycles", 1.0},
    {"Accelerator, end to end", "simulate", "end_to_end.cycles", "cycles", 1.0},
    {"Accelerator, energy", "simulate", "energy_uj", "µJ", 1.0},
    {"Speedup of attention on the accelerator", "codesign", "attention_speedup", "×", 1.0},
    {"Speedup end to end on the accelerator", "codesign", "speedup", "×", 1.0},
    {"Points computed", "sweep", "points", "", 1.0},
    {"Parameters", "info", "parameters", "", 1.0},
};

static int has_number(const vc__result *r, const line *l)
{
    return vc__is(r, l->verb) && isfinite(vc__number_at(r->json, l->path));
}

static int any(const vc__book *book, const line *l)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (has_number(&book->results[i], l))
            return 1;
    return 0;
}

static int has(const vc__book *book, size_t run, const line *l)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (book->results[i].run == run && has_number(&book->results[i], l))
            return 1;
    return 0;
}

static void cell(FILE *out, const vc__book *book, size_t run, const line *l)
{
    char text[VC__NUMBER];
    size_t shown = 0;
    fputs(has(book, run, l) ? "<td>" : "<td class=\"absent\">", out);
    if (book->report->run_count > 1) {
        fputs("<span class=\"of\">", out);
        vc__html(out, book->report->runs[run].name);
        fputs("</span>", out);
    }
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (r->run != run || !has_number(r, l))
            continue;
        const double value = l->factor * vc__number_at(r->json, l->path);
        fprintf(out, "%s<b>%s</b> %s <small>", shown++ ? "<br>" : "", vc__number(text, value),
                l->unit);
        vc__html(out, r->file);
        fputs("</small>", out);
    }
    fputs(shown ? "</td>" : "<span class=\"none\">not in this run</span></td>", out);
}

void vc__glance(FILE *out, const vc__book *book)
{
    fputs("<div class=\"scroll\" tabindex=\"0\"><table class=\"glance\"><thead><tr><td></td>", out);
    for (size_t r = 0; r < book->report->run_count; r++) {
        fputs("<th scope=\"col\">", out);
        vc__html(out, book->report->runs[r].name);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!any(book, &lines[i]))
            continue;
        fprintf(out, "<tr><th scope=\"row\">%s</th>", lines[i].label);
        for (size_t r = 0; r < book->report->run_count; r++)
            cell(out, book, r, &lines[i]);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}
