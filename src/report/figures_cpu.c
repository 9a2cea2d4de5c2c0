/* This machine's CPU and devices: the time and the amount of work of each operator, dense and
 * sparse. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

static const vc__bars empty;

static void add_named(vc__bars *b, const json_t *operators, const char *value)
{
    size_t i;
    json_t *o;
    json_array_foreach ((json_t *)operators, i, o) {
        const char *name = json_string_value(json_object_get(o, "name"));
        vc__bars_add(b, name ? name : "other", vc__number_at(o, value));
    }
}

static int has_value(const json_t *works, const char *value)
{
    size_t i;
    json_t *work;
    json_array_foreach ((json_t *)works, i, work)
        if (isfinite(vc__number_at(work, value)))
            return 1;
    return 0;
}

/* Draws what `profile` tells of each kind of work. */
static void draw_works(FILE *out, vc__book *book, const char *value, double factor, vc__bars *b)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        size_t k;
        json_t *work;
        if (!vc__is(r, "profile") || !has_value(vc__at(r->json, "work"), value))
            continue;
        const json_t *plan = vc__at(r->json, "plan_hash");
        vc__bars_row(b, "%s%s", r->label, plan ? ", on a plan" : "");
        json_array_foreach ((json_t *)vc__at(r->json, "work"), k, work) {
            const char *name = json_string_value(json_object_get(work, "work"));
            vc__bars_add(b, name ? name : "other", factor * vc__number_at(work, value));
        }
        book->used[r->run] = 1;
    }
    vc__bars_draw(out, book, b);
}

static void draw_profile(FILE *out, vc__book *book)
{
    vc__bars macs = empty, bytes = empty, time = empty;
    macs.title = "Multiply-adds by kind of work";
    macs.note = "Of one image, counted by `profile`: those of products and convolutions.";
    macs.unit = "million MACs";
    draw_works(out, book, "macs", 1e-6, &macs);
    bytes.title = "Bytes by kind of work";
    bytes.note =
        "Of one image: what operators read and write, with its share of the batch's parameters.";
    bytes.unit = "MB";
    draw_works(out, book, "bytes", 1e-6, &bytes);
    time.title = "Time by kind of work on this machine";
    time.note =
        "Medians, mean over the threads, of a batch; from `profile`, on the CPU where no other "
        "device is named.";
    time.unit = "ms";
    draw_works(out, book, "ms", 1.0, &time);
}

static void draw_operators(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Time by operator on this machine";
    b.note = "Mean over the threads, from `bench`.";
    b.unit = "ms";
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const json_t *operators = vc__is(r, "bench") ? vc__at(r->json, "operators") : NULL;
        if (json_array_size(operators) == 0)
            continue;
        vc__bars_row(&b, "%s", r->label);
        add_named(&b, operators, "ms");
        book->used[r->run] = 1;
    }
    vc__bars_draw(out, book, &b);
}

/* Two medians to be drawn beside each other, for every verb that gives both. */
typedef struct versus {
    const char *verb, *what, *dense, *sparse, *ratio; /* ratio: NULL where it is of the medians */
} versus;

static const versus pairs[] = {
    {"profile", "attention", "dense_ms.median", "sparse_ms.median", "ratio.median"},
    {"bench", "the whole model", "dense_median_ms", "median_ms", "dense_over_sparse.median"},
    {"bench", "attention", "dense_attention_ms", "attention_ms", NULL},
};

static void add_pair(vc__bars *b, vc__book *book, const vc__result *r, const versus *v)
{
    const double dense = vc__number_at(r->json, v->dense),
                 sparse = vc__number_at(r->json, v->sparse),
                 ratio = v->ratio ? vc__number_at(r->json, v->ratio) : dense / sparse;
    if (!isfinite(sparse))
        return;
    if (isfinite(dense)) {
        vc__bars_row(b, "%s, %s, dense", r->label, v->what);
        vc__bars_add(b, "dense", dense);
        vc__bars_row(b, "%s, %s, sparse (%.2f × as fast)", r->label, v->what, ratio);
    } else {
        vc__bars_row(b, "%s, %s", r->label, v->what);
    }
    vc__bars_add(b, isfinite(dense) ? "sparse" : "as it is", sparse);
    book->used[r->run] = 1;
}

/* "bench: batches of 8." */
static void add_batch(char note[2 * VC__LABEL], const vc__result *r)
{
    const double batch = vc__number_at(r->json, "batch");
    const size_t used = strlen(note);
    if (batch > 0.0)
        snprintf(note + used, 2 * VC__LABEL - used, " %.40s: a batch of %.0f.", r->label, batch);
}

static int has_pair(const vc__result *r)
{
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
        if (vc__is(r, pairs[p].verb) && isfinite(vc__number_at(r->json, pairs[p].sparse)))
            return 1;
    return 0;
}

static void draw_latency(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Dense and sparse on this machine";
    char note[2 * VC__LABEL] = "Medians; in brackets the median of ratios, pair by pair.";
    b.note = note;
    b.unit = "ms";
    for (size_t i = 0; i < book->result_count; i++)
        if (has_pair(&book->results[i]))
            add_batch(note, &book->results[i]);
    for (size_t i = 0; i < book->result_count; i++)
        for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
            if (vc__is(&book->results[i], pairs[p].verb))
                add_pair(&b, book, &book->results[i], &pairs[p]);
    vc__bars_draw(out, book, &b);
}

static void draw_work(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Multiply-adds by operator";
    b.note = "Of one image, dense.";
    b.unit = "MACs";
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const char *name;
        json_t *macs;
        if (!vc__is(r, "info") || !json_object_get(r->json, "macs_by_operator"))
            continue;
        vc__bars_row(&b, "%s", r->label);
        json_object_foreach (json_object_get(r->json, "macs_by_operator"), name, macs)
            vc__bars_add(&b, name, json_number_value(macs));
        book->used[r->run] = 1;
    }
    vc__bars_draw(out, book, &b);
}

/* Time of attention over lengths, computed in three ways. */
static vc_status draw_lengths(FILE *out, vc__book *book)
{
    static const char *const ways[] = {"dense", "linformer", "sparse"};
    vc__plot p = {.title = "Attention over sequence lengths",
                  .note = "Medians of one layer and image on this CPU; from `profile --lengths`.",
                  .x_label = "tokens",
                  .y_label = "time (ms)",
                  .x_log = 1,
                  .y_log = 1};
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        size_t k;
        json_t *at;
        if (!vc__is(r, "profile") || !vc__at(r->json, "lengths"))
            continue;
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const size_t s =
                vc__plot_series(&p, VC__LINE | VC__POINTS, "%s, %s", r->label, ways[w]);
            json_array_foreach ((json_t *)vc__at(r->json, "lengths"), k, at)
                vc__plot_mark(&p, s, vc__number_at(at, "tokens"),
                              vc__number_at(json_object_get(at, ways[w]), "ms"),
                              "%.1f million MACs",
                              1e-6 * vc__number_at(json_object_get(at, ways[w]), "macs"));
        }
        book->used[r->run] = 1;
    }
    return vc__plot_draw(out, book, &p);
}

vc_status vc__cpu(FILE *out, vc__book *book)
{
    draw_work(out, book);
    draw_profile(out, book);
    vc__devices(out, book);
    draw_latency(out, book);
    draw_operators(out, book);
    return draw_lengths(out, book);
}
