#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/backend.h"
#include "vitcod/clock.h"
#include "vitcod/device.h"
#include "vitcod/model_profile.h"
#include "vitcod/rng.h"
#include "vitcod/threads.h"

enum { WARM_UP = 3 };

/* An engine with its images and logits. */
typedef struct bench {
    vc_engine *engine;
    size_t batch;
    float *images, *logits; /* (batch, channels, image, image), (batch, classes) */
} bench;

/* What an engine's times of one run add to the row. */
static void add_run(vc_model_times *s, size_t run, const vc_engine *engine)
{
    double all = vc_engine_waiting(engine);
    static const vc_work phases[] = {VC_WORK_QK, VC_WORK_SOFTMAX, VC_WORK_SV};
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        const vc_work work = vc_op_work(op.kind);
        all += op.seconds;
        const double *parts = s->shares && work == VC_WORK_ATTENTION
                                  ? s->shares + VC_ATTENTION_PHASES * i
                                  : op.phases;
        const int told = work == VC_WORK_ATTENTION && parts[0] > 0.0;
        for (size_t p = 0; told && p < VC_ATTENTION_PHASES; p++)
            s->seconds[vc_profile_column(op.layer, (int)phases[p]) * s->repeats + run] +=
                op.seconds * parts[p];
        if (!told)
            s->seconds[vc_profile_column(op.layer, (int)work) * s->repeats + run] += op.seconds;
        if (run == 0 && told) {
            s->macs[vc_profile_column(op.layer, VC_WORK_QK)] += op.score_macs;
            s->macs[vc_profile_column(op.layer, VC_WORK_SV)] += op.macs - op.score_macs;
        } else if (run == 0) {
            s->macs[vc_profile_column(op.layer, (int)work)] += op.macs;
        }
    }
    s->seconds[(s->columns - 1) * s->repeats + run] = vc_engine_waiting(engine);
    s->told[run] = all / s->on[run];
}

static vc_status run_once(double *seconds, const bench *b)
{
    const double start = vc_clock_seconds();
    VC_TRY(vc_engine_run(b->engine, b->logits, b->images, b->batch));
    *seconds = vc_clock_seconds() - start;
    return VC_OK;
}

/* In turn with and without taking times; neither always comes first. */
static vc_status run_pair(vc_model_times *s, size_t run, const bench *b, vc_counters *counters)
{
    for (size_t half = 0; half < 2; half++) {
        const int timing = half == run % 2;
        vc_engine_time(b->engine, timing);
        if (!timing && counters)
            vc_counters_start(counters);
        const vc_status status = run_once(timing ? &s->on[run] : &s->off[run], b);
        if (!timing && counters)
            vc_counters_stop(counters);
        VC_TRY(status);
        if (timing)
            add_run(s, run, b->engine);
    }
    s->ratio[run] = s->on[run] / s->off[run];
    return VC_OK;
}

static vc_status run_all(vc_model_times *s, const bench *b, vc_counters *counters,
                         vc_progress *progress)
{
    double ignored;
    for (size_t i = 0; i < WARM_UP; i++)
        VC_TRY(run_once(&ignored, b));
    for (size_t r = 0; r < s->repeats; r++) {
        VC_TRY(run_pair(s, r, b, counters));
        if (progress)
            vc_progress_update(progress, r + 1, NULL);
    }
    return VC_OK;
}

static void read_counters(vc_model_times *s, const vc_counters *counters)
{
    for (int c = 0; c < VC_COUNTER_COUNT; c++) {
        const double value = counters ? vc_counters_value(counters, (vc_counter)c) : -1.0;
        s->counters[c] = value < 0.0 ? value : value / (double)s->repeats;
    }
}

static float *random_images(const vc_model_config *config, size_t batch, uint64_t seed)
{
    const size_t values = batch * vc_model_image_values(config);
    float *images = malloc(values * sizeof *images);
    vc_rng rng = vc_rng_open(seed, 0, 0);
    for (size_t i = 0; images && i < values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    return images;
}

static int is_attention(const vc_engine_op *op)
{
    return vc_op_work(op->kind) == VC_WORK_ATTENTION;
}

/* Adds a run of attention in parts; the seconds of all of it. */
static double add_parts(double *shares, const vc_engine *engine)
{
    double all = 0.0;
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        for (size_t p = 0; is_attention(&op) && p < VC_ATTENTION_PHASES; p++)
            shares[VC_ATTENTION_PHASES * i + p] += op.seconds * op.phases[p];
        all += is_attention(&op) ? op.seconds : 0.0;
    }
    return all;
}

static void scale_shares(double *shares, size_t ops)
{
    for (size_t i = 0; i < ops; i++) {
        double all = 0.0;
        for (size_t p = 0; p < VC_ATTENTION_PHASES; p++)
            all += shares[VC_ATTENTION_PHASES * i + p];
        for (size_t p = 0; all > 0.0 && p < VC_ATTENTION_PHASES; p++)
            shares[VC_ATTENTION_PHASES * i + p] /= all;
    }
}

static vc_status run_parts(vc_model_times *s, const bench *b)
{
    enum { MOST = 15 };
    const size_t ops = vc_engine_op_count(b->engine), runs = s->repeats < MOST ? s->repeats : MOST;
    double all[MOST], ignored;
    s->shares = calloc(VC_ATTENTION_PHASES * ops + 1, sizeof *s->shares);
    if (!s->shares)
        return vc_fail(VC_ENOMEM, "out of memory for %zu operators", ops);
    VC_TRY(run_once(&ignored, b));
    for (size_t r = 0; r < runs; r++) {
        vc_engine_time(b->engine, 1);
        VC_TRY(run_once(&ignored, b));
        all[r] = add_parts(s->shares, b->engine);
    }
    s->apart_seconds = vc_spread_of(all, runs).median;
    scale_shares(s->shares, ops);
    return VC_OK;
}

/* On a device attention is one kernel: its parts are told by an engine that has it in three, which
 * is gone before the one that is measured is opened. */
static vc_status tell_parts(vc_model_times *s, bench *b, const vc_model *model,
                            const vc_model_times_options *o)
{
    vc_engine_options apart = o->engine;
    if (!apart.backend || !apart.backend->maps)
        return VC_OK;
    apart.attention = VC_ATTENTION_APART;
    VC_TRY(vc_engine_open(&b->engine, model, &apart));
    const vc_status status = run_parts(s, b);
    vc_engine_close(b->engine);
    b->engine = NULL;
    return status;
}

static vc_status measure(vc_model_times *s, const bench *b, const vc_model_times_options *o)
{
    vc_counters *counters = NULL;
    if (vc_counters_open(&counters, vc_threads_count()) != VC_OK)
        snprintf(s->no_counters, sizeof s->no_counters, "%s", vc_last_error());
    vc_status status = o->trace ? vc_engine_trace(b->engine, 1) : VC_OK;
    if (status == VC_OK)
        status = run_all(s, b, counters, o->progress);
    read_counters(s, counters);
    if (status == VC_OK && o->trace)
        status = vc_engine_trace_write(o->trace, b->engine);
    vc_counters_close(counters);
    return status;
}

static vc_status open_room(vc_model_times *out, size_t layers, size_t repeats)
{
    *out = (vc_model_times){
        .layers = layers, .repeats = repeats, .columns = (layers + 1) * VC_WORK_COUNT + 1};
    out->seconds = calloc((out->columns + 4) * repeats, sizeof *out->seconds);
    out->macs = calloc(out->columns, sizeof *out->macs);
    if (!out->seconds || !out->macs)
        return vc_fail(VC_ENOMEM, "out of memory for %zu repeats", repeats);
    out->on = out->seconds + out->columns * repeats;
    out->off = out->on + repeats;
    out->ratio = out->off + repeats;
    out->told = out->ratio + repeats;
    return VC_OK;
}

static vc_status open_bench(bench *out, const vc_model *model, const vc_model_times_options *o)
{
    const size_t batch = o->engine.batch;
    *out = (bench){.batch = batch, .images = random_images(&model->config, batch, o->seed)};
    out->logits = malloc(batch * vc_model_input_of(&model->config).outputs * sizeof *out->logits);
    if (!out->images || !out->logits)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", batch);
    return VC_OK;
}

/* Runs for a second, or until there are two runs. */
static vc_status add_energy(vc_model_times *s, const bench *b, vc_energy *energy)
{
    const double start = vc_clock_seconds();
    double ignored, seconds = 0.0;
    size_t runs = 0;
    for (; runs < 2 || seconds < 1.0; runs++) {
        VC_TRY(run_once(&ignored, b));
        VC_TRY(vc_energy_sample(energy));
        seconds = vc_clock_seconds() - start;
    }
    s->joules = vc_energy_joules(energy) / (double)runs;
    s->watts = vc_energy_joules(energy) / seconds;
    snprintf(s->energy_source, sizeof s->energy_source, "%s", vc_energy_source(energy));
    return VC_OK;
}

static vc_status measure_energy(vc_model_times *s, const bench *b, const vc_engine_options *o)
{
    vc_device_info *devices = NULL;
    vc_energy *energy;
    size_t count = 0;
    if (!o->backend || !o->backend->devices)
        return VC_OK;
    VC_TRY(o->backend->devices(&devices, &count));
    const vc_status found =
        vc_energy_open(&energy, o->device < count ? devices[o->device].bus : "");
    free(devices);
    if (found != VC_OK)
        return VC_OK; /* there is no number, which the result shows */
    vc_engine_time(b->engine, 0);
    const vc_status status = add_energy(s, b, energy);
    vc_energy_close(energy);
    return status;
}

vc_status vc_model_times_open(vc_model_times *out, const vc_model *model,
                              const vc_model_times_options *o)
{
    bench b = {0};
    vc_status status = open_room(out, vc_model_layers(&model->config), o->repeats);
    if (status == VC_OK)
        status = open_bench(&b, model, o);
    if (status == VC_OK)
        status = tell_parts(out, &b, model, o);
    if (status == VC_OK)
        status = vc_engine_open(&b.engine, model, &o->engine);
    if (status == VC_OK)
        status = measure(out, &b, o);
    if (status == VC_OK && o->engine.backend && o->engine.backend->roofs)
        status = vc_engine_roofs(&out->roofs, b.engine);
    if (status == VC_OK)
        status = measure_energy(out, &b, &o->engine);
    vc_engine_close(b.engine);
    free(b.images);
    free(b.logits);
    if (status != VC_OK)
        vc_model_times_close(out);
    return status;
}

void vc_model_times_close(vc_model_times *times)
{
    free(times->seconds);
    free(times->macs);
    free(times->shares);
    *times = (vc_model_times){0};
}

double vc_model_times_seconds(const vc_model_times *s, int first, int last, int work)
{
    double *sums = calloc(s->repeats, sizeof *sums), median = 0.0;
    for (int l = first; sums && l <= last; l++)
        for (size_t r = 0; r < s->repeats; r++)
            sums[r] += s->seconds[vc_profile_column(l, work) * s->repeats + r];
    if (sums)
        median = vc_spread_of(sums, s->repeats).median;
    free(sums);
    return median;
}

uint64_t vc_model_times_macs(const vc_model_times *s, int first, int last, int work)
{
    uint64_t macs = 0;
    for (int l = first; l <= last; l++)
        macs += s->macs[vc_profile_column(l, work)];
    return macs;
}
