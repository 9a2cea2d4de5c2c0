/* What each head keeps, and how many of its tokens are global. */
#include <math.h>
#include <stdlib.h>

#include "report_impl.h"

static double kept_share(const vc_report_layer *l, size_t head)
{
    const size_t area = l->queries * l->keys;
    size_t kept = 0;
    for (size_t i = 0; i < area; i++)
        kept += !l->pruned[head * area + i];
    return (double)kept / (double)area;
}

static size_t most_heads(const vc_report_run *run)
{
    size_t most = 0;
    for (size_t l = 0; l < run->layer_count; l++)
        if (run->layers[l].heads > most)
            most = run->layers[l].heads;
    return most;
}

static double value_of(const vc_report_layer *l, size_t head, int globals)
{
    if (head >= l->heads || (globals ? !l->global_tokens : !l->pruned))
        return (double)NAN;
    return globals ? (double)l->global_tokens[head] : 100.0 * kept_share(l, head);
}

/* Fills in the cells. Returns 1 if any of them has a number. */
static int fill_cells(double *values, vc__grid *g, const vc_report_run *run, int globals)
{
    int any = 0;
    g->high = 0.0;
    for (size_t i = 0; i < g->rows * g->columns; i++) {
        values[i] = value_of(&run->layers[i / g->columns], i % g->columns, globals);
        any |= isfinite(values[i]) != 0;
        g->high = fmax(g->high, isfinite(values[i]) ? values[i] : 0.0);
    }
    return any;
}

static vc_status draw_heads(FILE *out, vc__book *book, size_t index, int globals)
{
    char title[VC__LABEL];
    const vc_report_run *run = &book->report->runs[index];
    vc__grid g = {.rows = run->layer_count,
                  .columns = most_heads(run),
                  .format = globals ? "%.0f" : "%.1f",
                  .note = globals ? "Columns of the denser part: tokens that many queries look at."
                                  : "Entries of the attention map that the mask keeps, in percent.",
                  .title = title};
    if (g.rows * g.columns == 0)
        return VC_OK;
    snprintf(title, sizeof title, "%s, %.120s", globals ? "Global tokens" : "Kept share (%)",
             run->name);
    double *values = malloc(g.rows * g.columns * sizeof *values);
    if (!values)
        return vc_fail(VC_ENOMEM, "out of memory for %zu heads", g.rows * g.columns);
    g.values = values;
    if (fill_cells(values, &g, run, globals)) {
        vc__grid_draw(out, book, &g);
        book->used[index] = 1;
    }
    free(values);
    return VC_OK;
}

/* For a run without the file of its plan: a result still tells how many tokens are global. */
static vc_status draw_counts(FILE *out, vc__book *book, const vc__result *r)
{
    const json_t *layers = json_object_get(r->json, "global_tokens");
    char title[VC__LABEL];
    vc__grid g = {.rows = json_array_size(layers),
                  .columns = json_array_size(json_array_get(layers, 0)),
                  .format = "%.0f",
                  .title = title,
                  .note = "Columns of the denser part: tokens that many queries look at."};
    if (g.rows * g.columns == 0)
        return VC_OK;
    snprintf(title, sizeof title, "Global tokens, %.120s", r->label);
    double *values = malloc(g.rows * g.columns * sizeof *values);
    if (!values)
        return vc_fail(VC_ENOMEM, "out of memory for %zu heads", g.rows * g.columns);
    for (size_t i = 0; i < g.rows * g.columns; i++) {
        const json_t *v = json_array_get(json_array_get(layers, i / g.columns), i % g.columns);
        values[i] = json_is_number(v) ? json_number_value(v) : (double)NAN;
        g.high = fmax(g.high, isfinite(values[i]) ? values[i] : 0.0);
    }
    g.values = values;
    vc__grid_draw(out, book, &g);
    book->used[r->run] = 1;
    free(values);
    return VC_OK;
}

static int has_globals(const vc_report_run *run)
{
    return run->layer_count > 0 && run->layers[0].global_tokens != NULL;
}

vc_status vc__heads(FILE *out, vc__book *book)
{
    for (size_t r = 0; r < book->report->run_count; r++) {
        VC_TRY(draw_heads(out, book, r, 0));
        VC_TRY(draw_heads(out, book, r, 1));
    }
    for (size_t i = 0; i < book->result_count; i++)
        if (!has_globals(&book->report->runs[book->results[i].run]))
            VC_TRY(draw_counts(out, book, &book->results[i]));
    return vc__head_curves(out, book);
}
