/* Times of a model's work, as a result has them. */
#include <string.h>

#include "profile.h"
#include "vitcod/threads.h"

json_t *cli_spread_json(vc_spread s, double factor)
{
    return json_pack("{s:f, s:f, s:f}", "median", factor * s.median, "quartile_low", factor * s.low,
                     "quartile_high", factor * s.high);
}

static json_t *find_work(json_t *list, const char *name)
{
    size_t i;
    json_t *object;
    json_array_foreach (list, i, object)
        if (strcmp(json_string_value(json_object_get(object, "work")), name) == 0)
            return object;
    object = json_pack("{s:s}", "work", name);
    json_array_append_new(list, object);
    return object;
}

typedef struct work_list { /* kinds of work of some layers */
    json_t *list;
    int first, last;
    double all; /* seconds */
} work_list;

static void add_times(const work_list *at, const vc_model_times *s, const vc_model_profile *p,
                      size_t batch)
{
    for (int w = 0; w < VC_WORK_COUNT; w++) {
        const double seconds = vc_model_times_seconds(s, at->first, at->last, w);
        const uint64_t macs = vc_model_times_macs(s, at->first, at->last, w);
        const vc_cost cost = vc_model_profile_sum(p, at->first, at->last, w);
        if (seconds <= 0.0 && macs == 0)
            continue;
        const double bytes = vc_cost_bytes(&cost, batch);
        double flops = (double)cost.flops;
        if (flops <= 0.0) /* counted under other names: attention whose parts are not told apart */
            flops = 2.0 * (double)macs;
        json_t *object = find_work(at->list, vc_work_name((vc_work)w));
        if (macs)
            json_object_set_new(object, "executed_macs", json_integer((json_int_t)macs));
        if (seconds <= 0.0)
            continue;
        json_object_update_new(
            object, json_pack("{s:f, s:f}", "ms", 1e3 * seconds, "share", seconds / at->all));
        if (flops > 0.0)
            json_object_set_new(object, "gflops",
                                json_real(1e-9 * flops * (double)batch / seconds));
        if (bytes > 0.0)
            json_object_set_new(object, "gbytes",
                                json_real(1e-9 * bytes * (double)batch / seconds));
    }
}

static json_t *counters_json(const vc_model_times *s)
{
    json_t *object = json_object();
    for (int c = 0; c < VC_COUNTER_COUNT; c++)
        json_object_set_new(object, vc_counter_name((vc_counter)c),
                            s->counters[c] < 0.0 ? json_null() : json_real(s->counters[c]));
    return object;
}

static void add_counters(json_t *result, const vc_model_times *s)
{
    if (s->no_counters[0])
        json_object_set_new(result, "no_counters", cli_text(s->no_counters));
    json_object_set_new(result, "counters", s->no_counters[0] ? json_null() : counters_json(s));
}

static void add_roofs(json_t *result, const cli_profile_options *o)
{
    const double peak = vc_profile_peak(cli_precision(&o->engine), vc_threads_count());
    json_t *roofs = json_pack("{s:f}", "gbytes", 1e-9 * vc_profile_bandwidth(vc_threads_count()));
    json_object_set_new(roofs, "gflops", peak > 0.0 ? json_real(1e-9 * peak) : json_null());
    json_object_set_new(result, "roofs", roofs);
}

static void add_all_times(json_t *result, const vc_model_times *s, const vc_model_profile *p,
                          size_t batch)
{
    double sum = 0.0;
    size_t i;
    json_t *layer;
    const int last = (int)p->layers - 1;
    for (int w = 0; w < VC_WORK_COUNT; w++)
        sum += vc_model_times_seconds(s, -1, last, w);
    uint64_t macs = 0;
    for (size_t c = 0; c + 1 < s->columns; c++)
        macs += s->macs[c];
    const double waiting =
        vc_spread_of(s->seconds + (s->columns - 1) * s->repeats, s->repeats).median;
    const work_list all = {json_object_get(result, "work"), -1, last, sum};
    add_times(&all, s, p, batch);
    json_array_foreach (json_object_get(result, "layers"), i, layer) {
        const int l = (int)i - 1;
        double ours = 0.0;
        for (int w = 0; w < VC_WORK_COUNT; w++)
            ours += vc_model_times_seconds(s, l, l, w);
        json_object_update_new(layer,
                               json_pack("{s:f, s:f}", "ms", 1e3 * ours, "share", ours / sum));
        add_times(&(work_list){json_object_get(layer, "work"), l, l, sum}, s, p, batch);
    }
    json_object_update_new(
        result,
        json_pack("{s:o, s:f, s:f, s:o, s:o, s:o, s:I, s:I}", "whole_ms",
                  cli_spread_json(vc_spread_of(s->on, s->repeats), 1e3), "operators_ms", 1e3 * sum,
                  "waiting_ms", 1e3 * waiting, "told_share",
                  cli_spread_json(vc_spread_of(s->told, s->repeats), 1.0), "untimed_ms",
                  cli_spread_json(vc_spread_of(s->off, s->repeats), 1e3), "timed_over_untimed",
                  cli_spread_json(vc_spread_of(s->ratio, s->repeats), 1.0), "repeats",
                  (json_int_t)s->repeats, "executed_macs", (json_int_t)macs));
}

void cli_add_times(json_t *result, const vc_model_times *times, const vc_model_profile *profile,
                   const cli_profile_options *options)
{
    add_counters(result, times);
    add_all_times(result, times, profile, options->batch);
    add_roofs(result, options);
}
