#include "chip_counters.h"

#include <stdlib.h>
#include <string.h>

static const double WINDOW_US = 0.5;

/* The window at a time; NULL: out of memory. */
static vc__window *window_at(vc__counters *c, double time)
{
    const size_t at = (size_t)(time / WINDOW_US);
    if (at >= c->room) {
        const size_t room = 2 * at + 64;
        vc__window *grown = realloc(c->windows, room * sizeof *grown);
        c->lost |= !grown;
        if (!grown)
            return NULL;
        memset(grown + c->room, 0, (room - c->room) * sizeof *grown);
        c->windows = grown;
        c->room = room;
    }
    c->count = at >= c->count ? at + 1 : c->count;
    return &c->windows[at];
}

void vc__counters_move(vc__counters *c, double time, int write, uint64_t bytes)
{
    vc__window *w = window_at(c, time);
    if (w)
        w->moved[write] += bytes;
}

void vc__counters_spend(vc__counters *c, double time, double pj)
{
    vc__window *w = window_at(c, time);
    if (w)
        w->dram_pj += pj;
}

void vc__counters_work(vc__counters *c, vc_chip_unit unit, double start, double end)
{
    if (end <= start || !window_at(c, end))
        return;
    for (size_t at = (size_t)(start / WINDOW_US); (double)at * WINDOW_US < end; at++) {
        const double from = (double)at * WINDOW_US, to = from + WINDOW_US;
        c->windows[at].busy_us[unit] += (end < to ? end : to) - (start > from ? start : from);
    }
}

/* ---- points where something changes, and nothing at the end */

static void begin_point(FILE *file, const char *name, double time)
{
    fprintf(file, ",\n{\"ph\": \"C\", \"name\": \"%s\", \"pid\": 1, \"ts\": %.6f, \"args\": {",
            name, time);
}

static void write_dram(FILE *file, double time, const vc__window *w, const vc__window *before)
{
    if (!before || memcmp(w->moved, before->moved, sizeof w->moved) != 0) {
        begin_point(file, "DRAM GB/s", time);
        fprintf(file, "\"read\": %.3f, \"write\": %.3f}}", (double)w->moved[0] / WINDOW_US * 1e-3,
                (double)w->moved[1] / WINDOW_US * 1e-3);
    }
    if (!before || w->dram_pj != before->dram_pj) {
        begin_point(file, "DRAM commands mW", time);
        fprintf(file, "\"mW\": %.3f}}", w->dram_pj / WINDOW_US * 1e-3);
    }
}

static void write_busy(FILE *file, double time, const vc__window *w, const vc__window *before)
{
    if (before && memcmp(w->busy_us, before->busy_us, sizeof w->busy_us) == 0)
        return;
    begin_point(file, "busy %", time);
    for (int u = 0; u < VC_CHIP_UNIT_COUNT; u++)
        fprintf(file, "%s\"%s\": %.2f", u ? ", " : "", vc_chip_unit_name((vc_chip_unit)u),
                100.0 * w->busy_us[u] / WINDOW_US);
    fputs("}}", file);
}

void vc__counters_write(FILE *file, const vc__counters *c, int dram)
{
    static const vc__window nothing;
    for (size_t i = 0; c->count > 0 && i <= c->count; i++) {
        const vc__window *w = i < c->count ? &c->windows[i] : &nothing,
                         *before = i > 0 ? &c->windows[i - 1] : NULL;
        if (dram)
            write_dram(file, (double)i * WINDOW_US, w, before);
        write_busy(file, (double)i * WINDOW_US, w, before);
    }
}

/* pJ in a microsecond is a microwatt. */
void vc__counters_power(FILE *file, double time, const double pj[4], double us)
{
    static const char *const names[] = {"MACs", "units", "scratchpads", "leakage"};
    begin_point(file, "chip mW", time);
    for (int i = 0; i < 4; i++)
        fprintf(file, "%s\"%s\": %.3f", i ? ", " : "", names[i], pj[i] / us * 1e-3);
    fputs("}}", file);
}

void vc__counters_close(vc__counters *c)
{
    free(c->windows);
}
