/* Times of a model's work, as a result has them. */
#include <stdlib.h>
#include <string.h>

#include "profile.h"

json_t *cli_spread_json(vc_spread s, double factor)
{
    return json_pack("{s:f, s:f, s:f}", "median", factor * s.median, "quartile_low", factor * s.low,
                     "quartile_high", factor * s.high);
}

/* Seconds of columns of one kind of work in layers first to last: the median of their sums. */
static double seconds_of(const cli_samples *s, int work, int first, int last)
{
    double *sums = calloc(s->repeats, sizeof *sums), median = 0.0;
    for (int l = first; sums && l <= last; l++)
        for (size_t r = 0; r < s->repeats; r++)
            sums[r] += s->seconds[cli_column_of(l, work) * s->repeats + r];
    if (sums)
        median = vc_spread_of(sums, s->repeats).median;
    free(sums);
    return median;
}

static uint64_t macs_of(const cli_samples *s, int work, int first, int last)
{
    uint64_t macs = 0;
    for (int l = first; l <= last; l++)
        macs += s->macs[cli_column_of(l, work)];
    return macs;
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

typedef struct place { /* a list of kinds of work, and what it is about */
    json_t *list;
    int first, last;
    double all; /* seconds */
} place;

static void add_times(const place *at, const cli_samples *s, const cli_profile *p, size_t batch)
{
    for (int w = 0; w < VC_WORK_COUNT; w++) {
        const double seconds = seconds_of(s, w, at->first, at->last);
        const uint64_t macs = macs_of(s, w, at->first, at->last);
        double bytes = 0.0, flops = 0.0;
        if (seconds <= 0.0 && macs == 0)
            continue;
        for (int l = at->first; l <= at->last; l++) {
            bytes += cli_profile_bytes(&p->costs[cli_column_of(l, w)], batch);
            flops += (double)p->costs[cli_column_of(l, w)].flops;
        }
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

void cli_add_times(json_t *result, cli_samples *s, const cli_profile *p, size_t batch)
{
    double sum = 0.0;
    size_t i;
    json_t *layer;
    const int last = (int)p->layers - 1;
    for (int w = 0; w < VC_WORK_COUNT; w++)
        sum += seconds_of(s, w, -1, last);
    uint64_t macs = 0;
    for (size_t c = 0; c + 1 < s->columns; c++)
        macs += s->macs[c];
    const double waiting =
        vc_spread_of(s->seconds + (s->columns - 1) * s->repeats, s->repeats).median;
    const place all = {json_object_get(result, "work"), -1, last, sum};
    add_times(&all, s, p, batch);
    json_array_foreach (json_object_get(result, "layers"), i, layer) {
        const int l = (int)i - 1;
        double ours = 0.0;
        for (int w = 0; w < VC_WORK_COUNT; w++)
            ours += seconds_of(s, w, l, l);
        json_object_update_new(layer,
                               json_pack("{s:f, s:f}", "ms", 1e3 * ours, "share", ours / sum));
        add_times(&(place){json_object_get(layer, "work"), l, l, sum}, s, p, batch);
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
