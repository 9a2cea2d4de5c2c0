/* Running steps with threads: tiles of each step, and the time they take. */
#include <omp.h>

#include "cpu_impl.h"
#include "vitcod/clock.h"

size_t vc__tiles_of(const vc__cpu *cpu, size_t rows)
{
    const size_t each = cpu->options.threads * VC__TILE;
    return (rows + each - 1) / each * cpu->options.threads;
}

static size_t tile_start(size_t rows, size_t tiles, size_t index)
{
    return index * (rows / tiles) + (index < rows % tiles ? index : rows % tiles);
}

/* The clocks of a worker, by operator. */
typedef struct clocks {
    double *seconds;
    uint64_t *ticks;
    vc__events *events;
} clocks;

static void keep(const clocks *c, size_t op, double start, double seconds)
{
    if (c->events)
        c->events->items[c->events->count++] = (vc_engine_event){op, start, seconds};
}

static void run_tile(vc__cpu *cpu, const vc_program_step *step, vc__tile *tile, const clocks *c)
{
    if (!cpu->timing) {
        for (size_t i = 0; i < step->op_count; i++)
            vc__cpu_operator(step->ops[i].kind)(cpu, &step->ops[i], tile);
        return;
    }
    double before = vc_clock_seconds();
    for (size_t i = 0; i < step->op_count; i++) {
        const size_t index = step->ops[i].index;
        tile->ticks = c->ticks + index * VC_ATTENTION_PHASES;
        vc__cpu_operator(step->ops[i].kind)(cpu, &step->ops[i], tile);
        const double now = vc_clock_seconds();
        c->seconds[index] += now - before;
        keep(c, index, before, now - before);
        before = now;
    }
}

/* Our barrier counts the workers that were asked for. */
static void wait_for_others(vc__cpu *cpu, const clocks *c, int complete)
{
    const double before = cpu->timing ? vc_clock_seconds() : 0.0;
    if (complete) {
        vc__barrier_wait(&cpu->barrier);
    } else {
#pragma omp barrier
    }
    if (!cpu->timing)
        return;
    const double seconds = vc_clock_seconds() - before;
    c->seconds[cpu->op_count] += seconds;
    keep(c, cpu->op_count, before, seconds);
}

static clocks clocks_of(vc__cpu *cpu, size_t worker)
{
    return (clocks){.seconds = cpu->seconds + worker * vc__seconds_stride(cpu),
                    .ticks = cpu->ticks + worker * vc__ticks_stride(cpu),
                    .events = cpu->timing && cpu->events ? &cpu->events[worker] : NULL};
}

/* Does a worker's share of a step. */
static void run_share(vc__cpu *cpu, const vc_program_step *step, size_t worker, size_t images)
{
    const clocks c = clocks_of(cpu, worker);
    const size_t rows = images * step->rows_per_image, tiles = vc__tiles_of(cpu, rows),
                 each = tiles / cpu->options.threads;
    for (size_t t = worker * each; t < (worker + 1) * each; t++) {
        const size_t first = tile_start(rows, tiles, t);
        vc__tile tile = {.worker = worker,
                         .first = first,
                         .rows = tile_start(rows, tiles, t + 1) - first,
                         .rows_per_image = step->rows_per_image};
        if (tile.rows > 0)
            run_tile(cpu, step, &tile, &c);
    }
}

/* What thread `me` of `team` does. A team is smaller than asked for within another parallel region,
 * and where OpenMP has a limit; then threads stand in for several workers. */
static void run_steps(vc__cpu *cpu, const vc_program_step *steps, size_t count, size_t images,
                      size_t me, size_t team)
{
    const clocks c = clocks_of(cpu, me);
    for (size_t s = 0; s < count; s++) {
        for (size_t worker = me; worker < cpu->options.threads; worker += team)
            run_share(cpu, &steps[s], worker, images);
        wait_for_others(cpu, &c, team == cpu->options.threads);
    }
}

vc_status vc__cpu_run(void *device, const vc_program *program, size_t first, size_t count,
                      size_t images)
{
    vc__cpu *cpu = device;
    const int threads = (int)cpu->options.threads;
    for (int w = 0; cpu->timing && cpu->events && first == 0 && w < threads; w++)
        cpu->events[w].count = 0;
#pragma omp parallel num_threads(threads)
    run_steps(cpu, program->steps + first, count, images, (size_t)omp_get_thread_num(),
              (size_t)omp_get_num_threads());
    return VC_OK;
}
