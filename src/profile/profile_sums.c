/* From costs and samples to what `profile` says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/backend.h"
#include "vitcod/profile_result.h"
#include "vitcod/threads.h"

/* NAN where no bytes are moved. */
static double intensity_of(const vc_cost *c, double bytes)
{
    return bytes > 0.0 ? (double)c->flops / bytes : (double)NAN;
}

static int is_empty(const vc_cost *c)
{
    return c->flops == 0 && c->value_bytes == 0 && c->weight_bytes == 0;
}

static const vc_profile_work nothing_known = {.macs = VC_NO_COUNT,
                                              .flops = VC_NO_COUNT,
                                              .bytes = NAN,
                                              .intensity = NAN,
                                              .executed_macs = VC_NO_COUNT,
                                              .ms = NAN,
                                              .share = NAN,
                                              .gflops = NAN,
                                              .gbytes = NAN,
                                              .roof_share = NAN};

/* The kinds of work in layers first to last; -1: outside. */
static vc_status list_works(vc_profile_work **out, size_t *count, const vc_model_profile *p,
                            int first, int last, size_t batch)
{
    *out = calloc(VC_WORK_COUNT, sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (int w = 0; w < VC_WORK_COUNT; w++) {
        const vc_cost sum = vc_model_profile_sum(p, first, last, w);
        if (is_empty(&sum))
            continue;
        vc_profile_work *work = &(*out)[(*count)++];
        *work = nothing_known;
        work->work = vc_work_name((vc_work)w);
        work->macs = sum.macs;
        work->flops = sum.flops;
        work->bytes = vc_cost_bytes(&sum, batch);
        work->intensity = intensity_of(&sum, work->bytes);
    }
    return VC_OK;
}

static vc_status describe_layer(vc_profile_layer *out, int layer, const vc_model_profile *p,
                                size_t batch)
{
    const vc_cost sum = vc_model_profile_sum(p, layer, layer, VC_WORK_COUNT);
    const double bytes = vc_cost_bytes(&sum, batch);
    *out = (vc_profile_layer){.macs = sum.macs,
                              .flops = sum.flops,
                              .bytes = bytes,
                              .intensity = intensity_of(&sum, bytes),
                              .layer = layer,
                              .ms = NAN,
                              .share = NAN};
    return list_works(&out->works, &out->work_count, p, layer, layer, batch);
}

vc_status vc_profile_result_open(vc_profile_result *out, const vc_model_profile *p,
                                 const vc_model_config *config, vc_precision precision,
                                 size_t batch)
{
    const int last = (int)p->layers - 1;
    const vc_cost all = vc_model_profile_sum(p, -1, last, VC_WORK_COUNT);
    const double bytes = vc_cost_bytes(&all, batch);
    const vc_model_input input = vc_model_input_of(config);
    *out = (vc_profile_result){.architecture = vc_model_family(config),
                               .image_height = input.joints ? 0 : input.height,
                               .image_width = input.joints ? 0 : input.width,
                               .batch = batch,
                               .dtype = vc_precision_name(precision),
                               .macs = all.macs,
                               .flops = all.flops,
                               .bytes = bytes,
                               .intensity = intensity_of(&all, bytes)};
    VC_TRY(list_works(&out->works, &out->work_count, p, -1, last, batch));
    out->layers = calloc(p->layers + 1, sizeof *out->layers);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (int l = -1; l <= last; l++)
        VC_TRY(describe_layer(&out->layers[out->layer_count++], l, p, batch));
    return VC_OK;
}

/* ---- times */

/* Kinds of work, and the layers that they are of. */
typedef struct works_of {
    vc_profile_work *works;
    size_t *count;
    int first, last;
} works_of;

/* Attention whose parts are not told apart is counted under other names: it joins the list. */
static vc_profile_work *find_work(const works_of *at, const char *name)
{
    for (size_t i = 0; i < *at->count; i++)
        if (strcmp(at->works[i].work, name) == 0)
            return &at->works[i];
    vc_profile_work *work = &at->works[(*at->count)++];
    *work = nothing_known;
    work->work = name;
    return work;
}

/* `all`: seconds of all work. */
static void add_times(const works_of *at, const vc_model_times *s, const vc_model_profile *p,
                      size_t batch, double all)
{
    for (int w = 0; w < VC_WORK_COUNT; w++) {
        const double seconds = vc_model_times_seconds(s, at->first, at->last, w);
        const uint64_t macs = vc_model_times_macs(s, at->first, at->last, w);
        const vc_cost cost = vc_model_profile_sum(p, at->first, at->last, w);
        if (seconds <= 0.0 && macs == 0)
            continue;
        const double bytes = vc_cost_bytes(&cost, batch);
        const double flops = cost.flops ? (double)cost.flops : 2.0 * (double)macs;
        vc_profile_work *work = find_work(at, vc_work_name((vc_work)w));
        if (macs)
            work->executed_macs = macs;
        if (seconds <= 0.0)
            continue;
        work->ms = 1e3 * seconds;
        work->share = seconds / all;
        if (flops > 0.0)
            work->gflops = 1e-9 * flops * (double)batch / seconds;
        if (bytes > 0.0)
            work->gbytes = 1e-9 * bytes * (double)batch / seconds;
    }
}

static void add_layer_times(vc_profile_layer *layer, const vc_model_times *s,
                            const vc_model_profile *p, size_t batch, double all)
{
    double ours = 0.0;
    for (int w = 0; w < VC_WORK_COUNT; w++)
        ours += vc_model_times_seconds(s, layer->layer, layer->layer, w);
    layer->ms = 1e3 * ours;
    layer->share = ours / all;
    add_times(&(works_of){layer->works, &layer->work_count, layer->layer, layer->layer}, s, p,
              batch, all);
}

/* Of the two roofs the one that is nearer. */
static void add_roof_shares(vc_profile_work *works, size_t count, const vc_profile_roofs *roofs)
{
    for (size_t i = 0; i < count; i++)
        works[i].roof_share =
            fmax(works[i].gflops / roofs->gflops, works[i].gbytes / roofs->gbytes);
}

/* NAN: not to be had. */
static double known_count(const vc_model_times *s, vc_counter counter)
{
    return s->counters[counter] < 0.0 ? (double)NAN : s->counters[counter];
}

static void take_counters(vc_profile_times *out, const vc_model_times *s)
{
    memcpy(out->no_counters, s->no_counters, sizeof out->no_counters);
    out->counted = !s->no_counters[0];
    out->counters =
        (vc_profile_counters){.cycles = known_count(s, VC_COUNTER_CYCLES),
                              .instructions = known_count(s, VC_COUNTER_INSTRUCTIONS),
                              .cache_references = known_count(s, VC_COUNTER_CACHE_REFERENCES),
                              .cache_misses = known_count(s, VC_COUNTER_CACHE_MISSES)};
}

static void take_spreads(vc_profile_times *out, vc_model_times *s)
{
    double *waiting = s->seconds + (s->columns - 1) * s->repeats;
    out->repeats = s->repeats;
    out->waiting_ms = 1e3 * vc_spread_of(waiting, s->repeats).median;
    out->whole_ms = vc_spread_scaled(vc_spread_of(s->on, s->repeats), 1e3);
    out->told_share = vc_spread_of(s->told, s->repeats);
    out->untimed_ms = vc_spread_scaled(vc_spread_of(s->off, s->repeats), 1e3);
    out->timed_over_untimed = vc_spread_of(s->ratio, s->repeats);
}

void vc_profile_result_add_times(vc_profile_result *result, const vc_model_profile *p,
                                 vc_model_times *s, const vc_engine_options *engine)
{
    vc_profile_times *times = &result->times;
    const int last = (int)p->layers - 1;
    const int on_cpu = !engine->backend || engine->backend == vc_backend_at(0);
    const double peak =
        on_cpu ? vc_profile_peak(engine->precision, vc_threads_count()) : s->roofs.flops_per_second;
    double sum = 0.0;
    for (int w = 0; w < VC_WORK_COUNT; w++)
        sum += vc_model_times_seconds(s, -1, last, w);
    for (size_t c = 0; c + 1 < s->columns; c++)
        times->executed_macs += s->macs[c];
    add_times(&(works_of){result->works, &result->work_count, -1, last}, s, p, result->batch, sum);
    for (size_t i = 0; i < result->layer_count; i++)
        add_layer_times(&result->layers[i], s, p, result->batch, sum);
    times->operators_ms = 1e3 * sum;
    take_counters(times, s);
    take_spreads(times, s);
    const double bytes =
        on_cpu ? vc_profile_bandwidth(vc_threads_count()) : s->roofs.bytes_per_second;
    times->roofs.gbytes = bytes > 0.0 ? 1e-9 * bytes : (double)NAN;
    times->roofs.gflops = peak > 0.0 ? 1e-9 * peak : (double)NAN;
    times->fused_ms = s->shares ? 1e3 * (vc_model_times_seconds(s, -1, last, VC_WORK_QK) +
                                         vc_model_times_seconds(s, -1, last, VC_WORK_SOFTMAX) +
                                         vc_model_times_seconds(s, -1, last, VC_WORK_SV))
                                : (double)NAN;
    memcpy(times->energy_source, s->energy_source, sizeof times->energy_source);
    times->energy_mj = s->energy_source[0] ? 1e3 * s->joules / (double)result->batch : (double)NAN;
    times->power_w = s->energy_source[0] ? s->watts : (double)NAN;
    times->apart_ms = s->shares ? 1e3 * s->apart_seconds : (double)NAN;
    add_roof_shares(result->works, result->work_count, &times->roofs);
    for (size_t i = 0; i < result->layer_count; i++)
        add_roof_shares(result->layers[i].works, result->layers[i].work_count, &times->roofs);
    result->timed = true;
}
