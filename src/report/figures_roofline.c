/* Rooflines: speed over work per byte, below the limits of the machine. */
#include <math.h>
#include <string.h>

#include "report_impl.h"

/* ---- the accelerator, from `simulate` */

typedef struct roof {
    double macs_per_s, bytes_per_s, clock_hz;
} roof;

static int find_roof(roof *r, const json_t *result)
{
    const json_t *chip = json_object_get(result, "accelerator");
    r->clock_hz = vc__number_at(chip, "clock_hz");
    r->macs_per_s =
        vc__number_at(chip, "lines") * vc__number_at(chip, "macs_per_line") * r->clock_hz;
    r->bytes_per_s = vc__number_at(chip, "memory.peak_bytes_per_s");
    return r->macs_per_s > 0.0 && r->bytes_per_s > 0.0;
}

static const json_t *operators_of(const vc__result *r)
{
    if (!vc__is(r, "simulate"))
        return NULL;
    const json_t *whole = vc__at(r->json, "end_to_end.operators");
    return whole ? whole : vc__at(r->json, "attention.operators");
}

static double intensity(const json_t *operator)
{
    return vc__number_at(operator, "macs") / vc__number_at(operator, "dram_bytes");
}

/* Widens the range of work per byte so that it includes the operators. */
static void widen(double *low, double *high, const json_t *operators)
{
    size_t i;
    json_t *o;
    json_array_foreach ((json_t *)operators, i, o)
        if (intensity(o) > 0.0 && isfinite(intensity(o))) {
            *low = fmin(*low, intensity(o));
            *high = fmax(*high, intensity(o));
        }
}

static void add_roof(vc__plot *p, const vc__result *r, const roof *limit, double low, double high)
{
    const char *name = json_string_value(vc__at(r->json, "accelerator.name"));
    const size_t before = p->series_count;
    const double ridge = limit->macs_per_s / limit->bytes_per_s;
    const size_t s =
        vc__plot_series(p, VC__LINE, "%s: %.4g GMAC/s, %.4g GB/s", name ? name : "chip",
                        limit->macs_per_s / 1e9, limit->bytes_per_s / 1e9);
    if (p->series_count == before) /* it has been drawn */
        return;
    low = fmin(low, ridge / 4.0);
    vc__plot_mark(p, s, low, low * limit->bytes_per_s / 1e9, "memory");
    vc__plot_mark(p, s, ridge, limit->macs_per_s / 1e9, "ridge");
    vc__plot_mark(p, s, fmax(high, ridge * 4.0), limit->macs_per_s / 1e9, "arithmetic");
}

static void add_operators(vc__plot *p, const vc__result *r, const roof *limit)
{
    size_t i;
    json_t *o;
    json_array_foreach ((json_t *)operators_of(r), i, o) {
        const char *name = json_string_value(json_object_get(o, "operator"));
        const double seconds = vc__number_at(o, "cycles") / limit->clock_hz;
        const size_t s = vc__plot_series(p, VC__POINTS, "%s", r->label);
        vc__plot_mark(p, s, intensity(o), vc__number_at(o, "macs") / seconds / 1e9, "%s",
                      name ? name : "");
    }
}

static vc_status draw_chip(FILE *out, vc__book *book)
{
    double low = (double)INFINITY, high = 0.0;
    roof limit;
    vc__plot p = {
        .title = "Roofline of the accelerator",
        .note = "A mark for each operator: below the slope it waits for memory at best, below the "
                "flat it computes.",
        .x_label = "multiply-adds per byte of DRAM",
        .y_label = "GMAC/s",
        .x_log = 1,
        .y_log = 1};
    for (size_t i = 0; i < book->result_count; i++)
        widen(&low, &high, operators_of(&book->results[i]));
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (high <= 0.0 || !operators_of(r) || !find_roof(&limit, r->json))
            continue;
        add_roof(&p, r, &limit, low, high);
        add_operators(&p, r, &limit);
        book->used[r->run] = 1;
    }
    return vc__plot_draw(out, book, &p);
}

/* ---- this CPU, from `profile` */

static int has_speeds(const vc__result *r)
{
    return vc__is(r, "profile") && vc__number_at(r->json, "roofs.gflops") > 0.0 &&
           vc__number_at(r->json, "roofs.gbytes") > 0.0;
}

static void add_cpu_roof(vc__plot *p, const vc__result *r)
{
    const double flops = vc__number_at(r->json, "roofs.gflops"),
                 bytes = vc__number_at(r->json, "roofs.gbytes"), ridge = flops / bytes;
    const size_t s =
        vc__plot_series(p, VC__LINE, "%s: %.0f GFLOP/s, %.0f GB/s", r->label, flops, bytes);
    vc__plot_mark(p, s, 0.5, 0.5 * bytes, "memory");
    vc__plot_mark(p, s, ridge, flops, "ridge");
    vc__plot_mark(p, s, 1000.0, flops, "arithmetic");
}

static void add_works(vc__plot *p, const vc__result *r)
{
    size_t i;
    json_t *work;
    json_array_foreach ((json_t *)vc__at(r->json, "work"), i, work) {
        const char *name = json_string_value(json_object_get(work, "work"));
        const double x = vc__number_at(work, "intensity"), y = vc__number_at(work, "gflops");
        if (!(x > 0.0) || !(y > 0.0))
            continue;
        vc__plot_mark(p, vc__plot_series(p, VC__POINTS, "%s, kinds of work", r->label), x, y, "%s",
                      name ? name : "");
    }
}

static vc_status draw_cpu(FILE *out, vc__book *book)
{
    vc__plot p = {
        .title = "Roofline of this CPU",
        .note =
            "A mark for each kind of work. Bytes are those that operators read and write, which "
            "caches "
            "mostly keep, so a mark may lie above the slope of memory.",
        .x_label = "operations per byte",
        .y_label = "GFLOP/s",
        .x_log = 1,
        .y_log = 1};
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (!has_speeds(r))
            continue;
        add_cpu_roof(&p, r);
        add_works(&p, r);
        book->used[r->run] = 1;
    }
    return vc__plot_draw(out, book, &p);
}

vc_status vc__roofline(FILE *out, vc__book *book)
{
    VC_TRY(draw_cpu(out, book));
    return draw_chip(out, book);
}
