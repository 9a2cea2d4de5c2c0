/* Threads at work: tiles of each step, and the time they take. */
#include <omp.h>

#include "engine_impl.h"
#include "vitcod/clock.h"

size_t vc__tiles_of(const vc_engine *e, size_t rows)
{
    const size_t each = e->options.threads * VC__TILE;
    return (rows + each - 1) / each * e->options.threads;
}

static size_t tile_start(size_t rows, size_t tiles, size_t index)
{
    return index * (rows / tiles) + (index < rows % tiles ? index : rows % tiles);
}

/* The first of a worker's operators of a step, for what is kept of each. */
typedef struct clocks {
    double *seconds;
    uint64_t *ticks;
    vc__events *events;
    size_t first; /* operators of the steps before */
} clocks;

static void keep(const clocks *c, size_t op, double start, double seconds)
{
    if (c->events)
        c->events->items[c->events->count++] = (vc_engine_event){op, start, seconds};
}

static void run_tile(vc_engine *e, const vc__step *step, vc__tile *tile, const clocks *c)
{
    if (!e->timing) {
        for (size_t i = 0; i < step->op_count; i++)
            step->ops[i].run(e, &step->ops[i], tile);
        return;
    }
    double before = vc_clock_seconds();
    for (size_t i = 0; i < step->op_count; i++) {
        tile->ticks = c->ticks + (c->first + i) * VC_ATTEND_PHASES;
        step->ops[i].run(e, &step->ops[i], tile);
        const double now = vc_clock_seconds();
        c->seconds[c->first + i] += now - before;
        keep(c, c->first + i, before, now - before);
        before = now;
    }
}

static void wait_for_others(vc_engine *e, const clocks *c)
{
    const double before = e->timing ? vc_clock_seconds() : 0.0;
#pragma omp barrier
    if (!e->timing)
        return;
    const double seconds = vc_clock_seconds() - before;
    c->seconds[e->op_count] += seconds;
    keep(c, e->op_count, before, seconds);
}

void vc__work(vc_engine *e, size_t worker, size_t images)
{
    clocks c = {.seconds = e->seconds + worker * vc__seconds_stride(e),
                .ticks = e->ticks + worker * vc__ticks_stride(e),
                .events = e->timing && e->events ? &e->events[worker] : NULL};
    if (c.events)
        c.events->count = 0;
    for (size_t s = 0; s < e->step_count; s++) {
        const vc__step *step = &e->steps[s];
        const size_t rows = images * step->rows_per_image, tiles = vc__tiles_of(e, rows),
                     each = tiles / e->options.threads;
        for (size_t t = worker * each; t < (worker + 1) * each; t++) {
            const size_t first = tile_start(rows, tiles, t);
            vc__tile tile = {.worker = worker,
                             .first = first,
                             .rows = tile_start(rows, tiles, t + 1) - first,
                             .rows_per_image = step->rows_per_image};
            if (tile.rows > 0)
                run_tile(e, step, &tile, &c);
        }
        wait_for_others(e, &c);
        c.first += step->op_count;
    }
}
