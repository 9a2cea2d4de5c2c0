/* The results of `compare`: bars for one model at one sparsity, else curves over the sparsity. */
#include <math.h>
#include <string.h>

#include "report_impl.h"

enum { MOST_MODELS = 32 };

static const vc__bars empty;

static int has_one_setting(const json_t *rows)
{
    size_t i;
    json_t *row;
    const json_t *first = json_array_get(rows, 0);
    json_array_foreach ((json_t *)rows, i, row)
        if (strcmp(vc__text_at(row, "arch"), vc__text_at(first, "arch")) != 0 ||
            fabs(vc__number_at(row, "sparsity") - vc__number_at(first, "sparsity")) > 1e-12)
            return 0;
    return 1;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

typedef struct measure {
    const char *title, *path, *unit, *times;
} measure;

static const measure measures[] = {
    {"Attention on the rivals", "attention.time_us", "µs", "attention_times_vitcod"},
    {"End to end on the rivals", "end_to_end.time_us", "µs", "end_to_end_times_vitcod"},
    {"Energy of attention on the rivals", "attention.energy_uj", "µJ", "energy_times_vitcod"},
};

/* What the plan of the rows does about what is pruned (vc_plan_method). */
static const char *method_of(const json_t *row)
{
    const char *method = vc__text_at(row, "method");
    return method[0] ? method : "kept entries alone"; /* of results from before it was said */
}

/* A chip that does not compute the plan's summaries says so. */
static const char *left_out(const json_t *row)
{
    return strncmp(vc__text_at(row, "summaries"), "left out", 8) == 0 ? ", without summaries" : "";
}

static void draw_bars(FILE *out, vc__book *book, const vc__result *r, const measure *m)
{
    size_t i;
    json_t *row;
    char note[VC__LABEL * 2];
    const json_t *rows = json_object_get(r->json, "rows"), *first = json_array_get(rows, 0);
    vc__bars b = empty;
    snprintf(note, sizeof note,
             "%.80s, %.1f %% of attention pruned, %.30s; %.80s. In brackets: how many times "
             "what vitcod takes.",
             base_name(vc__text_at(first, "arch")), 100.0 * vc__number_at(first, "sparsity"),
             method_of(first), r->label);
    b.title = m->title;
    b.note = note;
    b.unit = m->unit;
    json_array_foreach ((json_t *)rows, i, row) {
        const double times = vc__number_at(row, m->times);
        if (!isfinite(vc__number_at(row, m->path)))
            continue;
        if (isfinite(times))
            vc__bars_row(&b, "%s, %s%s (%.2f ×)", vc__text_at(row, "chip"),
                         vc__text_at(row, "setting"), left_out(row), times);
        else
            vc__bars_row(&b, "%s, %s%s", vc__text_at(row, "chip"), vc__text_at(row, "setting"),
                         left_out(row));
        vc__bars_add(&b, "all", vc__number_at(row, m->path));
    }
    vc__bars_draw(out, book, &b);
}

/* The models of the rows that have figures: each by its first row. */
typedef struct models {
    const json_t *first[MOST_MODELS];
    size_t count;
    int more;
} models;

static models models_of(const json_t *rows)
{
    models m = {0};
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)rows, i, row) {
        const char *arch = vc__text_at(row, "arch");
        size_t k = 0;
        while (k < m.count && strcmp(vc__text_at(m.first[k], "arch"), arch) != 0)
            k++;
        if (k < m.count)
            continue;
        m.more = m.count == MOST_MODELS;
        if (m.more)
            break;
        m.first[m.count++] = row;
    }
    return m;
}

/* A figure for each model, with a curve for each chip. */
static vc_status draw_curves(FILE *out, vc__book *book, const vc__result *r, const measure *m,
                             const json_t *first, int more)
{
    size_t i;
    json_t *row;
    char title[VC__LABEL], note[VC__LABEL * 2];
    const char *arch = vc__text_at(first, "arch");
    snprintf(title, sizeof title, "%s: %.90s", m->title, base_name(arch));
    snprintf(note, sizeof note, "How many times what the ViTCoD chip takes; %.30s.%s",
             method_of(first),
             more ? " Some models are left out: there are too many for figures of their own." : "");
    vc__plot p = {.title = title,
                  .note = note,
                  .x_label = "attention pruned (%)",
                  .y_label = "times what ViTCoD takes",
                  .y_log = 1};
    json_array_foreach ((json_t *)json_object_get(r->json, "rows"), i, row) {
        if (strcmp(vc__text_at(row, "arch"), arch) != 0)
            continue;
        const size_t s =
            vc__plot_series(&p, VC__POINTS | VC__LINE, "%s, %s%s", vc__text_at(row, "chip"),
                            vc__text_at(row, "setting"), left_out(row));
        vc__plot_mark(&p, s, 100.0 * vc__number_at(row, "sparsity"), vc__number_at(row, m->times),
                      "%s", r->label);
    }
    return vc__plot_draw(out, book, &p);
}

static vc_status draw_measure(FILE *out, vc__book *book, const vc__result *r)
{
    const json_t *rows = json_object_get(r->json, "rows");
    const int one = has_one_setting(rows);
    const models all = models_of(rows);
    book->used[r->run] = 1;
    for (size_t m = 0; m < sizeof measures / sizeof *measures; m++) {
        if (one)
            draw_bars(out, book, r, &measures[m]);
        for (size_t i = 0; !one && i < all.count; i++)
            VC_TRY(draw_curves(out, book, r, &measures[m], all.first[i], all.more));
    }
    return VC_OK;
}

vc_status vc__rivals(FILE *out, vc__book *book)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (vc__is(&book->results[i], "compare") &&
            json_array_size(json_object_get(book->results[i].json, "rows")) > 0)
            VC_TRY(draw_measure(out, book, &book->results[i]));
    return VC_OK;
}
