/* What pruning costs: accuracy and agreement over the pruned share. */
#include <math.h>
#include <string.h>

#include "report_impl.h"

/* The pruned share that another result of the run gives for the same plan. */
static double share_of_plan(const vc__book *book, size_t run, const char *hash)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const double kept = vc__number_at(r->json, "kept_share"),
                     sparsity = vc__number_at(r->json, "sparsity");
        if (r->run != run || strcmp(vc__text_at(r->json, "plan_hash"), hash) != 0)
            continue;
        if (isfinite(kept) || isfinite(sparsity))
            return isfinite(kept) ? 1.0 - kept : sparsity;
    }
    return (double)NAN;
}

/* The pruned share of attention that an evaluation ran with; NAN if no result tells. */
static double pruned_share(const vc__book *book, const vc__result *eval)
{
    const char *hash = vc__text_at(eval->json, "plan_hash");
    if (hash[0])
        return share_of_plan(book, eval->run, hash);
    return strstr(vc__text_at(eval->json, "command"), " --mask") ? (double)NAN : 0.0;
}

static void add_point(vc__plot *p, vc__book *book, const vc__result *r, const char *what,
                      double sparsity, double value)
{
    if (!isfinite(sparsity) || !isfinite(value))
        return;
    const char *run = book->report->runs[r->run].name;
    const size_t series = book->report->run_count > 1
                              ? vc__plot_series(p, VC__POINTS, "%s: %s", run, what)
                              : vc__plot_series(p, VC__POINTS, "%s", what);
    vc__plot_mark(p, series, 100.0 * sparsity, value, "%s", r->file);
    book->used[r->run] = 1;
}

static int run_has(const vc__book *book, size_t run, const char *verb)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (book->results[i].run == run && vc__is(&book->results[i], verb))
            return 1;
    return 0;
}

static void add_points(vc__plot *p, vc__book *book, const vc__result *r)
{
    const double sparsity = vc__number_at(r->json, "sparsity");
    if (vc__is(r, "eval")) {
        add_point(p, book, r, "top-1", pruned_share(book, r), vc__number_at(r->json, "top1"));
        add_point(p, book, r, "top-5", pruned_share(book, r), vc__number_at(r->json, "top5"));
    } else if (vc__is(r, "calibrate")) {
        add_point(p, book, r, "agreement with the dense model", isfinite(sparsity) ? sparsity : 0.0,
                  100.0 * vc__number_at(r->json, "agreement"));
        add_point(p, book, r, "agreement before learning", isfinite(sparsity) ? sparsity : 0.0,
                  100.0 * vc__number_at(r->json, "agreement_before"));
    } else if (vc__is(r, "codesign") && !run_has(book, r->run, "eval")) {
        add_point(p, book, r, "top-1", 0.0, vc__number_at(r->json, "top1_dense"));
        add_point(p, book, r, "top-1", sparsity, vc__number_at(r->json, "top1"));
        add_point(p, book, r, "agreement with the dense model", sparsity,
                  100.0 * vc__number_at(r->json, "agreement"));
    }
}

/* ---- accuracy by class */

static void add_classes(vc__plot *p, vc__book *book, const vc__result *r)
{
    size_t i;
    json_t *class;
    const json_t *classes = json_object_get(r->json, "classes");
    if (json_array_size(classes) == 0)
        return;
    const size_t series = vc__plot_series(p, VC__POINTS, "%s", r->label);
    json_array_foreach ((json_t *)classes, i, class) {
        const char *name = json_string_value(json_object_get(class, "name"));
        vc__plot_mark(p, series, vc__number_at(class, "class"), vc__number_at(class, "top1"), "%s",
                      name ? name : "");
    }
    book->used[r->run] = 1;
}

static vc_status draw_classes(FILE *out, vc__book *book)
{
    vc__plot p = {.title = "Accuracy by class",
                  .note = "What pruning does to each class.",
                  .x_label = "class",
                  .y_label = "top-1 (%)"};
    for (size_t i = 0; i < book->result_count; i++)
        if (vc__is(&book->results[i], "eval"))
            add_classes(&p, book, &book->results[i]);
    return vc__plot_draw(out, book, &p);
}

vc_status vc__accuracy(FILE *out, vc__book *book)
{
    vc__plot p = {.title = "Accuracy against sparsity",
                  .note = "Further right, more of attention is pruned; 0 % is the dense model.",
                  .x_label = "attention pruned (%)",
                  .y_label = "images right (%)"};
    for (size_t i = 0; i < book->result_count; i++)
        add_points(&p, book, &book->results[i]);
    VC_TRY(vc__plot_draw(out, book, &p));
    return draw_classes(out, book);
}
