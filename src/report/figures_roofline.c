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
        .x_label = "multiply-adds per byte of DRAM (MAC/B)",
        .y_label = "speed (GMAC/s)",
        .x_log = 1,
        .y_log = 1,
        .named = 1};
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

/* What roofs were measured on. Results of one machine have one roof: the highest that was seen. */
typedef struct machine {
    double gflops, gbytes;
} machine;

static int has_speeds(const vc__result *r)
{
    /* A device's roofs are not the CPU's. */
    return vc__is(r, "profile") && !vc__runs_on_device(r) &&
           vc__number_at(r->json, "roofs.gflops") > 0.0 &&
           vc__number_at(r->json, "roofs.gbytes") > 0.0;
}

static int same_machine(const vc__result *a, const vc__result *b)
{
    return strcmp(vc__text_at(a->json, "cpu"), vc__text_at(b->json, "cpu")) == 0 &&
           strcmp(vc__text_at(a->json, "isa"), vc__text_at(b->json, "isa")) == 0 &&
           strcmp(vc__text_at(a->json, "dtype"), vc__text_at(b->json, "dtype")) == 0 &&
           vc__number_at(a->json, "threads") == vc__number_at(b->json, "threads");
}

static machine machine_of(const vc__book *book, const vc__result *one)
{
    machine m = {0};
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (!has_speeds(r) || !same_machine(one, r))
            continue;
        m.gflops = fmax(m.gflops, vc__number_at(r->json, "roofs.gflops"));
        m.gbytes = fmax(m.gbytes, vc__number_at(r->json, "roofs.gbytes"));
    }
    return m;
}

static void add_cpu_roof(vc__plot *p, const vc__book *book, const vc__result *r)
{
    const machine m = machine_of(book, r);
    const double flops = m.gflops, bytes = m.gbytes, ridge = flops / bytes;
    const size_t before = p->series_count;
    const size_t s = vc__plot_series(
        p, VC__LINE, "%s, %s, %.0f %s: %.0f GFLOP/s, %.0f GB/s", vc__text_at(r->json, "isa"),
        vc__text_at(r->json, "dtype"), vc__number_at(r->json, "threads"),
        vc__number_at(r->json, "threads") == 1.0 ? "thread" : "threads", flops, bytes);
    if (p->series_count == before) /* it has been drawn */
        return;
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
            "A mark for each kind of work; the roof is the highest that was measured. Bytes are "
            "those that operators read and write, which caches mostly keep, so a mark may lie "
            "above the slope of memory.",
        .x_label = "operations per byte (FLOP/B)",
        .y_label = "speed (GFLOP/s)",
        .x_log = 1,
        .y_log = 1,
        .named = 1};
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (!has_speeds(r))
            continue;
        add_cpu_roof(&p, book, r);
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
