/* This CPU: time by operator, dense and sparse, and the work there is. */
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

static void draw_operators(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Time by operator on this CPU";
    b.note = "Mean over the threads, from `bench`.";
    b.unit = "ms";
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const json_t *operators = json_object_get(r->json, "operators");
        if (!vc__is(r, "bench") || json_array_size(operators) == 0)
            continue;
        vc__bars_row(&b, "%s", r->label);
        add_named(&b, operators, "ms");
        book->used[r->run] = 1;
    }
    vc__bars_draw(out, book, &b);
}

/* Two medians beside each other, wherever a verb has them. */
typedef struct versus {
    const char *verb, *what, *dense, *sparse;
} versus;

static const versus pairs[] = {
    {"profile", "attention", "dense_ms.median", "sparse_ms.median"},
    {"bench", "the whole model", "dense_median_ms", "median_ms"},
    {"bench", "attention", "dense_attention_ms", "attention_ms"},
};

static void add_pair(vc__bars *b, vc__book *book, const vc__result *r, const versus *v)
{
    const double dense = vc__number_at(r->json, v->dense),
                 sparse = vc__number_at(r->json, v->sparse);
    if (!isfinite(sparse))
        return;
    if (isfinite(dense)) {
        vc__bars_row(b, "%s, %s, dense", r->label, v->what);
        vc__bars_add(b, "dense", dense);
        vc__bars_row(b, "%s, %s, sparse (%.2f × as fast)", r->label, v->what, dense / sparse);
    } else {
        vc__bars_row(b, "%s, %s", r->label, v->what);
    }
    vc__bars_add(b, isfinite(dense) ? "sparse" : "as it is", sparse);
    book->used[r->run] = 1;
}

static void draw_latency(FILE *out, vc__book *book)
{
    vc__bars b = empty;
    b.title = "Dense and sparse on this CPU";
    b.note = "Medians.";
    b.unit = "ms";
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

vc_status vc__cpu(FILE *out, vc__book *book)
{
    draw_work(out, book);
    draw_latency(out, book);
    draw_operators(out, book);
    return VC_OK;
}
