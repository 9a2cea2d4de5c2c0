/* The table of the most important numbers, with a column for each run. */
#include <math.h>

#include "report_impl.h"

static int has_number(const vc__result *r, const vc__line *l)
{
    return vc__is(r, l->verb) && isfinite(vc__number_at(r->json, l->path));
}

static int any(const vc__book *book, const vc__line *l)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (has_number(&book->results[i], l))
            return 1;
    return 0;
}

static int has(const vc__book *book, size_t run, const vc__line *l)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (book->results[i].run == run && has_number(&book->results[i], l))
            return 1;
    return 0;
}

/* How many it was seen on; of shares the interval too. */
static void put_count(FILE *out, const vc__result *r, const vc__line *l)
{
    char text[VC__NUMBER];
    const double n = l->count ? vc__number_at(r->json, l->count) : (double)NAN;
    if (!(n > 0.0))
        return;
    if (l->is_share) {
        const double scale = l->factor / 100.0;
        const vc__interval i = vc__share_interval(scale * vc__number_at(r->json, l->path), n);
        fprintf(out, ", 95 %%: %.2f to %.2f", 100.0 * i.low, 100.0 * i.high);
    }
    fprintf(out, ", n = %s", vc__number(text, n));
}

static void cell(FILE *out, const vc__book *book, size_t run, const vc__line *l)
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
        vc__number(text, value);
        if (l->is_share)
            snprintf(text, sizeof text, "%.2f", value);
        fprintf(out, "%s<b>%s</b> %s <small>", shown++ ? "<br>" : "", text, l->unit);
        vc__html(out, r->name);
        put_count(out, r, l);
        fputs("</small>", out);
    }
    fputs(shown ? "</td>" : "<span class=\"none\">not in this run</span></td>", out);
}

void vc__glance(FILE *out, const vc__book *book)
{
    size_t rows = 0;
    for (size_t i = 0; i < VC__LINES; i++)
        rows += any(book, &vc__lines[i]) != 0;
    if (rows == 0)
        return;
    fputs("<div class=\"scroll\" tabindex=\"0\"><table class=\"glance\"><thead><tr><td></td>", out);
    for (size_t r = 0; r < book->report->run_count; r++) {
        fputs("<th scope=\"col\">", out);
        vc__html(out, book->report->run_count > 1 ? book->report->runs[r].name : "All of the run");
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < VC__LINES; i++) {
        if (!any(book, &vc__lines[i]))
            continue;
        fprintf(out, "<tr><th scope=\"row\">%s</th>", vc__lines[i].label);
        for (size_t r = 0; r < book->report->run_count; r++)
            cell(out, book, r, &vc__lines[i]);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}
