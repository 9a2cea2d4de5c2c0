#include <stdlib.h>
#include <string.h>

#include "profile.h"
#include "vitcod/clock.h"
#include "vitcod/progress.h"
#include "vitcod/rng.h"
#include "vitcod/threads.h"

enum { REPEATS = 30, WARM_UP = 3 };

/* What an engine's times of one run add to the row. */
static void take(cli_samples *s, size_t run, const vc_engine *engine)
{
    double all = vc_engine_waiting(engine);
    static const vc_work phases[] = {VC_WORK_QK, VC_WORK_SOFTMAX, VC_WORK_SV};
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        const vc_work work = vc_work_of_operator(op.name);
        all += op.seconds;
        const int told = work == VC_WORK_ATTENTION && op.phases[0] > 0.0;
        for (size_t p = 0; told && p < VC_ATTEND_PHASES; p++)
            s->seconds[cli_column_of(op.layer, phases[p]) * s->repeats + run] +=
                op.seconds * op.phases[p];
        if (!told)
            s->seconds[cli_column_of(op.layer, work) * s->repeats + run] += op.seconds;
        if (run == 0 && told) {
            s->macs[cli_column_of(op.layer, VC_WORK_QK)] += op.score_macs;
            s->macs[cli_column_of(op.layer, VC_WORK_SV)] += op.macs - op.score_macs;
        } else if (run == 0) {
            s->macs[cli_column_of(op.layer, work)] += op.macs;
        }
    }
    s->seconds[(s->columns - 1) * s->repeats + run] = vc_engine_waiting(engine);
    s->told[run] = all / s->on[run];
}

static vc_status run_once(double *seconds, cli_engine *e, const float *images)
{
    const double start = vc_clock_seconds();
    VC_TRY(vc_engine_run(e->engine, e->logits, images, e->batch));
    *seconds = vc_clock_seconds() - start;
    return VC_OK;
}

/* In turn with and without taking times. */
static vc_status run_all(cli_samples *s, cli_engine *e, const float *images, vc_counters *counters)
{
    vc_progress progress = vc_progress_begin("measuring", s->repeats);
    double ignored;
    vc_status status = VC_OK;
    for (size_t i = 0; i < WARM_UP && status == VC_OK; i++)
        status = run_once(&ignored, e, images);
    for (size_t r = 0; r < s->repeats && status == VC_OK; r++) {
        for (size_t half = 0; half < 2 && status == VC_OK; half++) {
            const int timing = half == r % 2; /* neither always comes first */
            vc_engine_time(e->engine, timing);
            if (!timing && counters)
                vc_counters_start(counters);
            status = run_once(timing ? &s->on[r] : &s->off[r], e, images);
            if (!timing && counters)
                vc_counters_stop(counters);
            if (timing && status == VC_OK)
                take(s, r, e->engine);
        }
        s->ratio[r] = s->on[r] / s->off[r];
        vc_progress_update(&progress, r + 1, NULL);
    }
    vc_progress_end(&progress);
    return status;
}

static json_t *counters_json(const vc_counters *counters, size_t runs)
{
    json_t *object = json_object();
    for (int c = 0; c < VC_COUNTER_COUNT; c++) {
        const double value = vc_counters_value(counters, (vc_counter)c);
        json_object_set_new(object, vc_counter_name((vc_counter)c),
                            value < 0.0 ? json_null() : json_real(value / (double)runs));
    }
    return object;
}

static void add_roofs(json_t *result, const cli_profile_options *o)
{
    const double peak = vc_profile_peak(cli_precision(&o->engine), vc_threads_count());
    json_t *roofs = json_pack("{s:f}", "gbytes", 1e-9 * vc_profile_bandwidth(vc_threads_count()));
    json_object_set_new(roofs, "gflops", peak > 0.0 ? json_real(1e-9 * peak) : json_null());
    json_object_set_new(result, "roofs", roofs);
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

static vc_status measure(json_t *result, cli_samples *s, cli_engine *e, const cli_profile *p,
                         const cli_profile_options *o)
{
    float *images = random_images(&p->config, o->batch, o->model.seed);
    vc_counters *counters = NULL;
    if (!images)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", o->batch);
    const vc_status counted = vc_counters_open(&counters, vc_threads_count());
    if (counted != VC_OK)
        json_object_set_new(result, "no_counters", cli_text(vc_last_error()));
    vc_status status = o->trace ? vc_engine_trace(e->engine, 1) : VC_OK;
    if (status == VC_OK)
        status = run_all(s, e, images, counters);
    if (status == VC_OK) {
        json_object_set_new(result, "counters",
                            counters ? counters_json(counters, s->repeats) : json_null());
        cli_add_times(result, s, p, o->batch);
        add_roofs(result, o);
    }
    if (status == VC_OK && o->trace)
        status = cli_write_trace(o->trace, e->engine);
    vc_counters_close(counters);
    free(images);
    return status;
}

vc_status cli_profile_time(json_t *result, const cli_profile *p, const vc_model *model,
                           const cli_profile_options *o)
{
    cli_engine engine;
    cli_samples s = {.repeats = o->repeats == CLI_UNSET ? REPEATS : o->repeats,
                     .columns = (p->layers + 1) * VC_WORK_COUNT + 1};
    VC_TRY(cli_open_engine(&engine, model, &o->engine, o->batch));
    s.seconds = calloc((s.columns + 4) * s.repeats, sizeof *s.seconds);
    s.macs = calloc(s.columns, sizeof *s.macs);
    vc_status status = s.seconds && s.macs
                           ? VC_OK
                           : vc_fail(VC_ENOMEM, "out of memory for %zu repeats", s.repeats);
    s.on = s.seconds ? s.seconds + s.columns * s.repeats : NULL;
    s.off = s.on ? s.on + s.repeats : NULL;
    s.ratio = s.off ? s.off + s.repeats : NULL;
    s.told = s.ratio ? s.ratio + s.repeats : NULL;
    if (status == VC_OK)
        status = measure(result, &s, &engine, p, o);
    free(s.seconds);
    free(s.macs);
    cli_close_engine(&engine);
    return status;
}
