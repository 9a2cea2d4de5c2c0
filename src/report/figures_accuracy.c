/* What pruning costs: accuracy and agreement over the pruned share. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

static size_t series_of(vc__plot *p, const vc__book *book, const vc__result *r, int style,
                        const char *what)
{
    const char *run = book->report->runs[r->run].name;
    return book->report->run_count > 1 ? vc__plot_series(p, style, "%.100s: %.50s", run, what)
                                       : vc__plot_series(p, style, "%s", what);
}

static void add_point(vc__plot *p, vc__book *book, const vc__result *r, int style, const char *what,
                      double sparsity, double value)
{
    if (!isfinite(sparsity) || !isfinite(value))
        return;
    vc__plot_mark(p, series_of(p, book, r, style, what), 100.0 * sparsity, value, "%s", r->name);
    book->used[r->run] = 1;
}

static int is_on(const vc__result *r, const char *data)
{
    return strcmp(r->data, data) == 0;
}

static int run_has(const vc__book *book, size_t run, const char *verb)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (book->results[i].run == run && vc__is(&book->results[i], verb))
            return 1;
    return 0;
}

static int by_series(const void *a, const void *b)
{
    const vc__mark *one = a, *other = b;
    if (one->series != other->series)
        return one->series < other->series ? -1 : 1;
    return (one->x > other->x) - (one->x < other->x);
}

/* Lines run from left to right. */
static vc_status draw_sorted(FILE *out, vc__book *book, vc__plot *p)
{
    if (p->count > 0)
        qsort(p->marks, p->count, sizeof *p->marks, by_series);
    return vc__plot_draw(out, book, p);
}

/* ---- calibrated models, by how they were pruned */

static double sparsity_of(const vc__result *calibrate)
{
    const double sparsity = vc__number_at(calibrate->json, "sparsity");
    return isfinite(sparsity) ? sparsity : 0.0;
}

static void describe(char text[VC__LABEL], const json_t *json, const char *when)
{
    const char *rule = vc__text_at(json, "rule"), *residual = vc__text_at(json, "residual");
    const int mean = strcmp(residual, "mean") == 0;
    snprintf(text, VC__LABEL, "%.40s%s%s, %s", rule[0] ? rule : "plan",
             vc__text_at(json, "summaries")[0] ? ", summaries"
             : mean                            ? ", residual mean"
                                               : "",
             vc__text_at(json, "compressed_of")[0] ? ", auto-encoder" : "", when);
}

/* from + scale * number, before learning and, where there was some, after it. The numbers are those
 * of the result, or of one of its sources. */
static void add_calibrated(vc__plot *p, vc__book *book, const vc__result *r, const json_t *numbers,
                           const char *key, double from, double scale)
{
    char text[VC__LABEL], before[32];
    snprintf(before, sizeof before, "%s_before", key);
    describe(text, r->json, "before learning");
    add_point(p, book, r, VC__LINE | VC__POINTS, text, sparsity_of(r),
              from + scale * vc__number_at(numbers, before));
    if (vc__number_at(r->json, "epochs") == 0.0)
        return;
    describe(text, r->json, "learnt");
    add_point(p, book, r, VC__LINE | VC__POINTS, text, sparsity_of(r),
              from + scale * vc__number_at(numbers, key));
}

/* The last part of the path that the images came from. */
static const char *images_of(const json_t *source)
{
    const char *path = vc__text_at(source, "path"), *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The source of a result that is called so; NULL where it has only one, or none. */
static const json_t *source_of(const vc__result *r, const char *images)
{
    size_t i;
    json_t *source;
    const json_t *sources = json_object_get(r->json, "sources");
    if (json_array_size(sources) > 1)
        json_array_foreach ((json_t *)sources, i, source)
            if (strcmp(images_of(source), images) == 0)
                return source;
    return NULL;
}

static const vc__plot divergence = {.note = "KL(dense || sparse) on images held back.",
                                    .x_label = "attention pruned (%)",
                                    .y_label = "divergence (nat)",
                                    .y_log = 1,
                                    .named = 1};

/* What a result says of all images held back, if they are of this data; else NULL. */
static const json_t *all_of(const vc__result *r, const char *data)
{
    return is_on(r, data) ? r->json : NULL;
}

/* On the images of a name, of which `of` finds what a result says. */
static vc_status draw_divergence_of(FILE *out, vc__book *book, const char *images,
                                    const json_t *(*of)(const vc__result *r, const char *images))
{
    char title[VC__TITLE];
    vc__plot p = divergence;
    p.title = title;
    vc__data_title(title, "Divergence against sparsity", images);
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (vc__is(r, "calibrate") && of(r, images))
            add_calibrated(&p, book, r, of(r, images), "divergence", 0.0, 1.0);
    }
    return draw_sorted(out, book, &p);
}

static vc_status draw_divergence(FILE *out, vc__book *book, const char *data)
{
    return draw_divergence_of(out, book, data, all_of);
}

/* 1 if a result before this one has images of that name. */
static int known_before(const vc__book *book, size_t result, const char *images)
{
    for (size_t i = 0; i < result; i++)
        if (vc__is(&book->results[i], "calibrate") && source_of(&book->results[i], images))
            return 1;
    return 0;
}

static vc_status draw_sources(FILE *out, vc__book *book)
{
    for (size_t i = 0; i < book->result_count; i++) {
        size_t k;
        json_t *source;
        const vc__result *r = &book->results[i];
        if (!vc__is(r, "calibrate"))
            continue;
        json_array_foreach (json_object_get(r->json, "sources"), k, source) {
            const char *images = images_of(source);
            if (source_of(r, images) == source && !known_before(book, i, images))
                VC_TRY(draw_divergence_of(out, book, images, source_of));
        }
    }
    return VC_OK;
}

/* ---- all that tells of accuracy */

static void add_points(vc__plot *p, vc__book *book, const vc__result *r)
{
    const double sparsity = vc__number_at(r->json, "sparsity");
    if (vc__is(r, "eval")) {
        add_point(p, book, r, VC__POINTS, "top-1", r->pruned_share, vc__number_at(r->json, "top1"));
        add_point(p, book, r, VC__POINTS | VC__QUIET, "top-5", r->pruned_share,
                  vc__number_at(r->json, "top5"));
    } else if (vc__is(r, "calibrate")) {
        add_calibrated(p, book, r, r->json, "agreement", 0.0, 100.0);
    } else if (vc__is(r, "codesign") && !run_has(book, r->run, "eval")) {
        add_point(p, book, r, VC__POINTS, "top-1", 0.0, vc__number_at(r->json, "top1_dense"));
        add_point(p, book, r, VC__POINTS, "top-1", sparsity, vc__number_at(r->json, "top1"));
        add_point(p, book, r, VC__POINTS, "agreement with the dense model", sparsity,
                  100.0 * vc__number_at(r->json, "agreement"));
    }
}

/* ---- beside ViTCoD's own curves */

static double top1_lost(const vc__book *book, const vc__result *r)
{
    const vc__result *dense = vc__dense_eval(book, r);
    return dense ? vc__number_at(dense->json, "top1") - vc__number_at(r->json, "top1")
                 : (double)NAN;
}

static void add_losses(vc__plot *p, vc__book *book, const vc__result *r)
{
    if (vc__is(r, "calibrate") && sparsity_of(r) > 0.0)
        add_calibrated(p, book, r, r->json, "agreement", 100.0, -100.0);
    else if (vc__is(r, "eval") && r->pruned_share > 0.0)
        add_point(p, book, r, VC__POINTS, "top-1", r->pruned_share, top1_lost(book, r));
    else if (vc__is(r, "codesign") && !run_has(book, r->run, "eval"))
        add_point(p, book, r, VC__POINTS, "top-1", vc__number_at(r->json, "sparsity"),
                  vc__number_at(r->json, "top1_dense") - vc__number_at(r->json, "top1"));
}

static vc_status draw_losses(FILE *out, vc__book *book, const char *data)
{
    char title[VC__TITLE];
    vc__plot p = {.title = title,
                  .note =
                      "Top-1 below the dense model; of calibrated models the images whose class "
                      "changes, which is the most that top-1 can lose. Beside it ViTCoD (HPCA "
                      "2023), finetuned, on other images: ImageNet's, read off its plot.",
                  .x_label = "attention pruned (%)",
                  .y_label = "points below the dense model",
                  .named = 1};
    vc__data_title(title, "Points lost against sparsity", data);
    for (size_t i = 0; i < book->result_count; i++)
        if (is_on(&book->results[i], data))
            add_losses(&p, book, &book->results[i]);
    if (p.count > 0)
        vc__published_losses(&p);
    return draw_sorted(out, book, &p);
}

static vc_status draw_points(FILE *out, vc__book *book, const char *data)
{
    char title[VC__TITLE];
    vc__plot p = {.title = title,
                  .note = "Further right, more of attention is pruned; 0 % is the dense model.",
                  .x_label = "attention pruned (%)",
                  .y_label = "images right, or agreeing (%)",
                  .named = 1};
    vc__data_title(title, "Accuracy against sparsity", data);
    for (size_t i = 0; i < book->result_count; i++)
        if (is_on(&book->results[i], data))
            add_points(&p, book, &book->results[i]);
    return draw_sorted(out, book, &p);
}

vc_status vc__accuracy(FILE *out, vc__book *book)
{
    VC_TRY(vc__each_data(out, book, draw_points));
    VC_TRY(vc__each_data(out, book, draw_losses));
    VC_TRY(vc__each_data(out, book, draw_divergence));
    VC_TRY(draw_sources(out, book));
    return vc__each_data(out, book, vc__classes);
}
