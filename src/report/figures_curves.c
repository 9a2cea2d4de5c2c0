/* What it costs to keep less of a head: the curves that `calibrate --curves` writes. */
#include <math.h>
#include <stdlib.h>

#include "report_impl.h"

enum { MOST_LAYERS = 96, MOST_HEADS = 64, COSTLIEST = 8 };

static double number_in(const json_t *list, size_t index)
{
    const json_t *value = json_array_get(list, index);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static double kept_at(const json_t *head, size_t level)
{
    return number_in(json_object_get(head, "kept"), level);
}

static size_t levels_of(const json_t *head)
{
    return json_array_size(json_object_get(head, "kept"));
}

/* In nats, with a choice of summaries; choice 0 is none. */
static double loss_at(const json_t *head, size_t choice, size_t level)
{
    return number_in(json_array_get(json_object_get(head, "loss"), choice), level);
}

/* Without summaries, at the level whose kept share is nearest to a tenth. */
static double loss_at_a_tenth(const json_t *head)
{
    size_t best = 0;
    for (size_t i = 0; i < levels_of(head); i++)
        if (fabs(kept_at(head, i) - 0.1) < fabs(kept_at(head, best) - 0.1))
            best = i;
    return loss_at(head, 0, best);
}

/* A layer or a head, counted from 0; `most` if it is none. */
static size_t place_of(const json_t *head, const char *key, size_t most)
{
    const json_t *value = json_object_get(head, key);
    const json_int_t place = json_is_integer(value) ? json_integer_value(value) : -1;
    return place >= 0 && place < (json_int_t)most ? (size_t)place : most;
}

/* ---- all heads at one share */

static void fill_cells(double *cells, vc__grid *g, const json_t *heads)
{
    size_t i;
    json_t *head;
    for (i = 0; i < (size_t)MOST_LAYERS * MOST_HEADS; i++)
        cells[i] = (double)NAN;
    json_array_foreach ((json_t *)heads, i, head) {
        const size_t layer = place_of(head, "layer", MOST_LAYERS),
                     column = place_of(head, "head", MOST_HEADS);
        const double loss = 1e3 * loss_at_a_tenth(head);
        if (layer == MOST_LAYERS || column >= g->columns || !isfinite(loss))
            continue;
        cells[layer * g->columns + column] = loss;
        g->rows = layer + 1 > g->rows ? layer + 1 : g->rows;
        g->high = fmax(g->high, loss);
    }
}

static vc_status draw_tenth(FILE *out, vc__book *book, const vc__result *r)
{
    size_t i;
    json_t *head;
    const json_t *heads = json_object_get(r->json, "heads");
    char title[VC__LABEL];
    vc__grid g = {.title = title,
                  .format = "%.1f",
                  .note = "Divergence from the dense model in thousandths of a nat when this head "
                          "keeps a tenth of its entries, all others all, without summaries."};
    double *cells = malloc((size_t)MOST_LAYERS * MOST_HEADS * sizeof *cells);
    if (!cells)
        return vc_fail(VC_ENOMEM, "out of memory for the heads of %s", r->label);
    snprintf(title, sizeof title, "What a tenth of a head costs, %.100s", r->label);
    json_array_foreach ((json_t *)heads, i, head) {
        const size_t column = place_of(head, "head", MOST_HEADS);
        g.columns = column < MOST_HEADS && column >= g.columns ? column + 1 : g.columns;
    }
    g.values = cells;
    fill_cells(cells, &g, heads);
    if (g.rows > 0)
        vc__grid_draw(out, book, &g);
    free(cells);
    return VC_OK;
}

/* ---- the heads that cost most */

/* The heads with the highest losses, in falling order. Returns how many. */
static size_t find_costliest(const json_t *found[COSTLIEST], const json_t *heads)
{
    size_t i, count = 0;
    json_t *head;
    json_array_foreach ((json_t *)heads, i, head) {
        const double loss = loss_at_a_tenth(head);
        size_t at = count;
        if (!isfinite(loss))
            continue;
        for (; at > 0 && loss > loss_at_a_tenth(found[at - 1]); at--)
            if (at < COSTLIEST)
                found[at] = found[at - 1];
        if (at < COSTLIEST)
            found[at] = head;
        count += count < COSTLIEST;
    }
    return count;
}

static vc_status draw_costliest(FILE *out, vc__book *book, const vc__result *r)
{
    char title[VC__LABEL];
    const json_t *heads[COSTLIEST];
    const size_t count = find_costliest(heads, json_object_get(r->json, "heads"));
    vc__plot p = {.title = title,
                  .note = "One head keeps less, all others all, without summaries.",
                  .x_label = "entries kept (%)",
                  .y_label = "divergence (nat)",
                  .x_log = 1,
                  .y_log = 1};
    snprintf(title, sizeof title, "The heads that cost most, %.100s", r->label);
    for (size_t h = 0; h < count; h++) {
        const size_t s = vc__plot_series(&p, VC__LINE | VC__POINTS, "layer %zu, head %zu",
                                         place_of(heads[h], "layer", MOST_LAYERS),
                                         place_of(heads[h], "head", MOST_HEADS));
        for (size_t i = 0; i < levels_of(heads[h]); i++)
            vc__plot_mark(&p, s, 100.0 * kept_at(heads[h], i), loss_at(heads[h], 0, i), "%s", "");
    }
    return vc__plot_draw(out, book, &p);
}

/* ---- what summaries save */

/* Over all heads. */
static double sum_of_losses(const json_t *heads, size_t choice, size_t level)
{
    size_t i;
    double sum = 0.0;
    json_t *head;
    json_array_foreach ((json_t *)heads, i, head)
        sum += loss_at(head, choice, level);
    return sum;
}

static vc_status draw_choices(FILE *out, vc__book *book, const vc__result *r)
{
    size_t c;
    json_t *choice;
    char title[VC__LABEL];
    const json_t *heads = json_object_get(r->json, "heads"), *first = json_array_get(heads, 0);
    vc__plot p = {.title = title,
                  .note = "The sum over all heads, each of them alone sparse. Scores of summaries "
                          "are not among the entries kept; q: pooled by queries, s: sharpened.",
                  .x_label = "entries kept (%)",
                  .y_label = "sum of divergences (nat)",
                  .x_log = 1,
                  .y_log = 1};
    snprintf(title, sizeof title, "What summaries save, %.100s", r->label);
    json_array_foreach (json_object_get(r->json, "summaries"), c, choice) {
        const char *name = json_string_value(choice);
        const size_t s = vc__plot_series(&p, VC__LINE | VC__POINTS, "%s", name ? name : "unnamed");
        for (size_t i = 0; i < levels_of(first); i++)
            vc__plot_mark(&p, s, 100.0 * kept_at(first, i), sum_of_losses(heads, c, i), "%s", "");
    }
    return vc__plot_draw(out, book, &p);
}

vc_status vc__head_curves(FILE *out, vc__book *book)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const size_t figures = book->figures;
        if (!vc__is(r, "calibrate --curves"))
            continue;
        VC_TRY(draw_tenth(out, book, r));
        VC_TRY(draw_costliest(out, book, r));
        VC_TRY(draw_choices(out, book, r));
        if (book->figures > figures)
            book->used[r->run] = 1;
    }
    return VC_OK;
}
