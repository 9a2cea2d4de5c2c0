/* The first thing on the page: accuracy lost, speed gained, cycles and energy against the dense
 * model, each with what it was seen on. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report_impl.h"

enum { FOLDED = 3 };

/* A tile being written; out is NULL while facts are only counted. */
typedef struct tile {
    FILE *out;
    const vc__book *book;
    size_t run, count;
} tile;

/* What one number says: how sure it is, and what it is of. */
typedef struct fact {
    char value[VC__LABEL], range[VC__LABEL], words[2 * VC__LABEL];
} fact;

static void say(char *text, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(char *text, size_t room, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(text, room, format, list);
    va_end(list);
}

static void put_text(FILE *out, const char *class, const char *text)
{
    fprintf(out, "<p class=\"%s\">", class);
    vc__html(out, text);
    fputs("</p>\n", out);
}

/* The first fact of a tile is the large one; what comes after the second can be unfolded. */
static void put_fact(tile *t, const fact *f)
{
    if (t->count++ == 0 && t->out) {
        put_text(t->out, "big", f->value);
        put_text(t->out, "range", f->range);
        put_text(t->out, "words", f->words);
    } else if (t->out) {
        if (t->count == FOLDED)
            fputs("<details><summary>more</summary>\n", t->out);
        fputs("<p class=\"more\"><b>", t->out);
        vc__html(t->out, f->value);
        fputs("</b> ", t->out);
        vc__html(t->out, f->words);
        fputs(" <small>", t->out);
        vc__html(t->out, f->range);
        fputs("</small></p>\n", t->out);
    }
}

/* ---- accuracy */

/* Of a plan whose share no other result tells it is pruned all the same. */
static int is_pruned_eval(const vc__result *r)
{
    return r->pruned_share > 0.0 || (isnan(r->pruned_share) && !json_object_get(r->json, "tokens"));
}

/* What a number is of, behind its accuracies. */
static void say_pruned(char *text, size_t room, double share)
{
    const size_t used = strlen(text);
    if (isfinite(share))
        say(text + used, room - used, ", %.1f %% of attention pruned", 100.0 * share);
}

static const vc__result *sparse_eval(const tile *t, size_t index, const vc__result **dense)
{
    const vc__result *r = &t->book->results[index];
    if (r->run != t->run || !vc__is(r, "eval") || !is_pruned_eval(r))
        return NULL;
    *dense = vc__dense_eval(t->book, r);
    return *dense ? r : NULL;
}

static void put_loss(tile *t, const vc__result *r, const vc__result *dense)
{
    fact f;
    char n[VC__NUMBER];
    const double before = vc__number_at(dense->json, "top1") / 100.0,
                 after = vc__number_at(r->json, "top1") / 100.0,
                 images = vc__number_at(r->json, "images");
    if (!isfinite(before) || !isfinite(after))
        return;
    say(f.value, sizeof f.value, "%.2f points", 100.0 * (before - after));
    say(f.range, sizeof f.range, "of how many images is not told");
    if (images > 0.0) {
        const vc__interval i = vc__difference_interval(before, images, after, images);
        say(f.range, sizeof f.range, "95 %%: %.2f to %.2f, n = %s images", 100.0 * i.low,
            100.0 * i.high, vc__number(n, images));
    }
    say(f.words, sizeof f.words, "%.60s: top-1 %.2f %% of dense %.2f %%", r->name, 100.0 * after,
        100.0 * before);
    say_pruned(f.words, sizeof f.words, r->pruned_share);
    put_fact(t, &f);
}

/* The plan that the chip or the CPU ran, so that all tiles are about one model. */
static const char *main_plan(const tile *t)
{
    const char *plan = "";
    for (size_t i = 0; i < t->book->result_count; i++) {
        const vc__result *r = &t->book->results[i];
        const char *hash = vc__text_at(r->json, "plan_hash");
        if (r->run == t->run && hash[0] && (vc__is(r, "simulate") || vc__is(r, "bench")))
            plan = hash;
    }
    return plan;
}

/* The last evaluation on that plan, else the last one. */
static size_t main_eval(const tile *t)
{
    const vc__result *dense;
    const char *plan = main_plan(t);
    size_t last = SIZE_MAX, on_plan = SIZE_MAX;
    for (size_t i = 0; i < t->book->result_count; i++) {
        const vc__result *r = sparse_eval(t, i, &dense);
        if (!r)
            continue;
        last = i;
        if (strcmp(vc__text_at(r->json, "plan_hash"), plan) == 0)
            on_plan = i;
    }
    return on_plan < SIZE_MAX ? on_plan : last;
}

static int is_pruned(const vc__result *calibrate)
{
    return vc__number_at(calibrate->json, "sparsity") > 0.0;
}

static void put_agreement(tile *t, const vc__result *r)
{
    fact f;
    char n[VC__NUMBER];
    const double share = 1.0 - vc__number_at(r->json, "agreement"),
                 images = vc__number_at(r->json, "held_back");
    if (!isfinite(share) || !(images > 0.0))
        return;
    const vc__interval i = vc__share_interval(share, images);
    say(f.value, sizeof f.value, "%.2f %%", 100.0 * share);
    say(f.range, sizeof f.range, "95 %%: %.2f to %.2f, n = %s images held back", 100.0 * i.low,
        100.0 * i.high, vc__number(n, images));
    say(f.words, sizeof f.words, "%.60s: images whose answer is not the dense model's, ", r->name);
    const size_t used = strlen(f.words);
    if (is_pruned(r))
        say(f.words + used, sizeof f.words - used, "%.1f %% of attention pruned",
            100.0 * vc__number_at(r->json, "sparsity"));
    else
        say(f.words + used, sizeof f.words - used, "nothing pruned");
    put_fact(t, &f);
}

/* What `codesign` summed up, where its evaluations are not there. */
static void put_codesigned_loss(tile *t, const vc__result *r)
{
    fact f;
    const double dense = vc__number_at(r->json, "top1_dense"),
                 sparse = vc__number_at(r->json, "top1");
    if (!isfinite(dense) || !isfinite(sparse))
        return;
    say(f.value, sizeof f.value, "%.2f points", dense - sparse);
    say(f.range, sizeof f.range, "of how many images is not told");
    say(f.words, sizeof f.words,
        "%.60s: top-1 %.2f %% of dense %.2f %%, %.1f %% of attention pruned", r->name, sparse,
        dense, 100.0 * vc__number_at(r->json, "sparsity"));
    put_fact(t, &f);
}

static void accuracy(tile *t)
{
    const vc__result *dense;
    const size_t first = main_eval(t);
    if (first < SIZE_MAX && sparse_eval(t, first, &dense))
        put_loss(t, &t->book->results[first], dense);
    for (size_t i = 0; i < t->book->result_count; i++)
        if (i != first && sparse_eval(t, i, &dense))
            put_loss(t, &t->book->results[i], dense);
    for (size_t i = 0; i < t->book->result_count && t->count == 0; i++)
        if (t->book->results[i].run == t->run && vc__is(&t->book->results[i], "codesign"))
            put_codesigned_loss(t, &t->book->results[i]);
    for (int pruned = 1; pruned >= 0; pruned--) /* before those with an auto-encoder alone */
        for (size_t i = 0; i < t->book->result_count; i++) {
            const vc__result *r = &t->book->results[i];
            if (r->run == t->run && vc__is(r, "calibrate") && is_pruned(r) == pruned)
                put_agreement(t, r);
        }
}

/* ---- speed */

typedef struct timing {
    const char *verb, *ratio, *runs, *dense_ms, *sparse_ms, *what;
} timing;

static const timing timings[] = {
    {"bench", "dense_over_sparse", "runs", "dense_median_ms", "median_ms", "the whole model"},
    {"profile", "ratio", "repeats", "dense_ms.median", "sparse_ms.median", "attention alone"},
};

static void put_speed(tile *t, const vc__result *r, const timing *w)
{
    fact f;
    char n[VC__NUMBER], dense[VC__NUMBER], sparse[VC__NUMBER];
    const json_t *ratio = json_object_get(r->json, w->ratio);
    const double median = vc__number_at(ratio, "median"), runs = vc__number_at(r->json, w->runs);
    const vc__interval i = vc__median_interval(median, vc__number_at(ratio, "quartile_low"),
                                               vc__number_at(ratio, "quartile_high"), runs);
    if (!isfinite(median))
        return;
    say(f.value, sizeof f.value, "%.2f × as fast", median);
    say(f.range, sizeof f.range, "95 %%: %.2f to %.2f, n = %s pairs of runs", i.low, i.high,
        vc__number(n, runs));
    say(f.words, sizeof f.words, "%.60s: %s on this machine, %s ms of dense %s ms", r->name,
        w->what, vc__number(sparse, vc__number_at(r->json, w->sparse_ms)),
        vc__number(dense, vc__number_at(r->json, w->dense_ms)));
    put_fact(t, &f);
}

static void speed(tile *t)
{
    for (size_t w = 0; w < sizeof timings / sizeof *timings; w++)
        for (size_t i = 0; i < t->book->result_count; i++) {
            const vc__result *r = &t->book->results[i];
            if (r->run == t->run && vc__is(r, timings[w].verb))
                put_speed(t, r, &timings[w]);
        }
}

/* ---- the accelerator */

static void put_saving(tile *t, const char *name, const char *what, const char *unit, double dense,
                       double sparse)
{
    fact f;
    char a[VC__NUMBER], b[VC__NUMBER];
    if (!(dense > 0.0) || !(sparse > 0.0))
        return;
    say(f.value, sizeof f.value, "%.2f × %s", dense >= sparse ? dense / sparse : sparse / dense,
        dense >= sparse ? "less" : "more");
    say(f.range, sizeof f.range, "counted, the same for every image: no interval");
    say(f.words, sizeof f.words, "%.60s: %s, %s %s of dense %s", name, what, vc__number(a, sparse),
        unit, vc__number(b, dense));
    put_fact(t, &f);
}

/* A number of `simulate`: `of` is cycles or energy_uj. */
static void put_simulated(tile *t, const char *part, const char *what, const char *of,
                          const char *unit)
{
    char path[64];
    say(path, sizeof path, "%s.%s", part, of);
    for (size_t i = 0; i < t->book->result_count; i++) {
        const vc__result *r = &t->book->results[i];
        if (r->run != t->run || !vc__is(r, "simulate") || vc__is_dense_run(r))
            continue;
        const vc__result *dense = vc__dense_run(t->book, r);
        if (dense)
            put_saving(t, r->name, what, unit, vc__number_at(dense->json, path),
                       vc__number_at(r->json, path));
    }
}

/* What `codesign` summed up, where its parts are not there. */
static void put_codesigned(tile *t, const char *what, const char *dense, const char *sparse,
                           const char *unit)
{
    for (size_t i = 0; i < t->book->result_count && t->count == 0; i++) {
        const vc__result *r = &t->book->results[i];
        if (r->run == t->run && vc__is(r, "codesign"))
            put_saving(t, r->name, what, unit, vc__number_at(r->json, dense),
                       vc__number_at(r->json, sparse));
    }
}

static void cycles(tile *t)
{
    put_simulated(t, "end_to_end", "the whole model", "cycles", "cycles");
    put_simulated(t, "attention", "attention alone", "cycles", "cycles");
    put_codesigned(t, "the whole model", "cycles_dense", "cycles", "cycles");
}

static void energy(tile *t)
{
    put_simulated(t, "end_to_end", "the whole model", "energy_uj", "µJ");
    put_simulated(t, "attention", "attention alone", "energy_uj", "µJ");
    put_codesigned(t, "the whole model", "energy_uj_dense", "energy_uj", "µJ");
}

/* ---- all of them */

static const struct {
    const char *title, *absent;
    void (*write)(tile *t);
} tiles[] = {
    {"Accuracy lost", "Needs the dense and the sparse model on the same images: vitcod eval --json",
     accuracy},
    {"Speed gained", "Needs a sparse model timed beside itself without plan: vitcod bench --json",
     speed},
    {"Cycles on the accelerator",
     "Needs the dense and the sparse model on the same chip: vitcod simulate --json", cycles},
    {"Energy on the accelerator",
     "Needs the dense and the sparse model on the same chip: vitcod simulate --json", energy},
};
enum { TILES = sizeof tiles / sizeof *tiles };

static size_t count_facts(const vc__book *book, size_t run, size_t index)
{
    tile t = {NULL, book, run, 0};
    tiles[index].write(&t);
    return t.count;
}

static void put_tile(FILE *out, const vc__book *book, size_t run, size_t index)
{
    tile t = {out, book, run, 0};
    fprintf(out, "<article class=\"tile\"><h3>%s</h3>\n", tiles[index].title);
    tiles[index].write(&t);
    if (t.count == 0)
        put_text(out, "none", tiles[index].absent);
    if (t.count >= FOLDED)
        fputs("</details>\n", out);
    fputs("</article>\n", out);
}

static size_t put_run(FILE *out, const vc__book *book, size_t run)
{
    size_t all = 0;
    for (size_t i = 0; i < TILES; i++)
        all += count_facts(book, run, i);
    if (all == 0)
        return 0;
    if (book->report->run_count > 1)
        put_text(out, "of-run", book->report->runs[run].name);
    fputs("<div class=\"tiles\">\n", out);
    for (size_t i = 0; i < TILES; i++)
        put_tile(out, book, run, i);
    fputs("</div>\n", out);
    return all;
}

void vc__headline(FILE *out, const vc__book *book)
{
    size_t all = 0;
    for (size_t r = 0; r < book->report->run_count; r++)
        all += put_run(out, book, r);
    if (all > 0)
        put_text(out, "hint",
                 "Behind 95 % stands the range that holds the true value in 95 of 100 such "
                 "measurements, n of what. Of accuracies: Newcombe's, as if each model had seen "
                 "images of its own; as both saw the same it is rather too wide. Of times: from "
                 "the quartiles of their logarithms. Cycles and energy are counts of the "
                 "simulator, which do not vary.");
}
