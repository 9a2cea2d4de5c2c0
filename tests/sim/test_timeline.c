/* What a run writes for others: a timeline for Perfetto, requests for DRAM simulators. */
#include <inttypes.h>

#include "testing.h"
#include "vitcod/accelerator.h"
#include "vitcod/chip_trace.h"
#include "vitcod/dram_trace.h"

typedef struct run {
    vc_accelerator chip;
    vc_workload workload;
    vc_chip_options options;
    vc_chip_result result;
} run;

/* Two layers of attention with an auto-encoder, on the default chip. */
static void open_run(run *r)
{
    const vc_attention_sizes s = {3, 50, 50, 64, 64, {2, 2}};
    *r = (run){.chip = vc_accelerator_default()};
    r->options =
        (vc_chip_options){.config = &r->chip.chip, .memory = &r->chip.memory, .attention_only = 1};
    for (int layer = 0; layer < 2; layer++)
        assert_ok(vc_workload_add_attention(&r->workload, layer, &s, NULL));
}

static void close_run(run *r)
{
    vc_chip_result_close(&r->result);
    vc_workload_close(&r->workload);
}

/* ---- the timeline */

enum { TRACKS = 64 };

static int is_channel(const char *track)
{
    return strncmp(track, "channel ", 8) == 0;
}

/* A counter track: each point holds until the next. */
typedef struct counter {
    const char *name;
    double since, rate, all; /* all: over time */
} counter;

enum { MOVED, SPENT, POWER, BUSY, COUNTERS };

/* The process's name, or a point of a counter. */
static void add_point(counter counters[COUNTERS], json_t *event, json_t *arguments)
{
    const char *name = json_string_value(json_object_get(event, "name")), *key;
    json_t *value;
    int i = 0;
    if (strcmp(json_string_value(json_object_get(event, "ph")), "M") == 0) {
        assert_string_equal(json_string_value(json_object_get(arguments, "name")), "accelerator");
        return;
    }
    while (i < COUNTERS && strcmp(counters[i].name, name) != 0)
        i++;
    assert_true(i < COUNTERS);
    counter *c = &counters[i];
    const double at = json_number_value(json_object_get(event, "ts"));
    c->all += (at - c->since) * c->rate;
    c->since = at;
    c->rate = 0.0;
    json_object_foreach (arguments, key, value)
        c->rate += json_number_value(value);
}

static int is_unit(const char *track)
{
    int u = 0;
    while (u < VC_CHIP_UNIT_COUNT && strcmp(track, vc_chip_unit_name((vc_chip_unit)u)) != 0)
        u++;
    return u < VC_CHIP_UNIT_COUNT;
}

/* Spans of a track follow each other, in the order in which they are written, and counters over
 * time are what they count; returns the bytes on channels. */
static double check_spans(json_t *events, double most_us, double dram_pj, double chip_pj)
{
    counter counters[COUNTERS] = {{.name = "DRAM GB/s"},
                                  {.name = "DRAM commands mW"},
                                  {.name = "chip mW"},
                                  {.name = "busy %"}};
    char names[TRACKS][32] = {""};
    double end[TRACKS] = {0}, bytes = 0, busy = 0;
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        const size_t track = (size_t)json_integer_value(json_object_get(event, "tid"));
        json_t *arguments = json_object_get(event, "args");
        assert_true(track < TRACKS);
        if (!json_object_get(event, "tid")) {
            add_point(counters, event, arguments);
            continue;
        }
        if (strcmp(json_string_value(json_object_get(event, "ph")), "M") == 0) {
            snprintf(names[track], sizeof names[track], "%s",
                     json_string_value(json_object_get(arguments, "name")));
            continue;
        }
        const double start = json_number_value(json_object_get(event, "ts")),
                     duration = json_number_value(json_object_get(event, "dur"));
        if (start < end[track] - 1e-5 || duration < 0.0 || start + duration > most_us)
            fail_msg("%s: %g us for %g us, after %g us", names[track], start, duration, end[track]);
        end[track] = start + duration;
        busy += is_unit(names[track]) ? duration : 0.0;
        if (is_channel(names[track]))
            bytes += json_number_value(json_object_get(arguments, "bytes"));
    }
    assert_near(counters[MOVED].all * 1e3, bytes, 1e-3 * bytes);
    assert_near(counters[SPENT].all * 1e3, dram_pj, 1e-3 * dram_pj);
    assert_near(counters[POWER].all * 1e3, chip_pj, 1e-3 * chip_pj);
    assert_near(counters[BUSY].all / 100.0, busy, 1e-2 * busy);
    static const char *const wanted[] = {"denser",  "softmax",  "decoder",   "query 0",
                                         "value 0", "output 0", "channel 3", NULL};
    for (size_t w = 0; wanted[w]; w++) {
        size_t t = 0;
        while (t < TRACKS && strcmp(names[t], wanted[w]) != 0)
            t++;
        if (t == TRACKS)
            fail_msg("no track '%s'", wanted[w]);
    }
    return bytes;
}

static void spans_follow_each_other(void **state)
{
    (void)state;
    run r;
    open_run(&r);
    const char *path = temporary("trace.json");
    vc_chip_trace *trace;
    assert_ok(vc_chip_trace_open(&trace, path, r.chip.chip.clock_hz, &r.options.memory->dram));
    r.options.watch = vc_chip_trace_span;
    r.options.command_watch = vc_chip_trace_command;
    r.options.watcher = r.options.command_watcher = trace;
    assert_ok(vc_chip_simulate(&r.result, &r.workload, NULL, &r.options));
    const vc_memory_counters *n = &r.result.memory, no_memory = {0};
    const vc_chip_energy chip =
        vc_chip_energy_of(&r.result.total, &r.chip.chip, &r.chip.energy, &no_memory);
    vc_chip_trace_stages(trace, &r.result, &r.chip.chip, &r.chip.energy);
    assert_ok(vc_chip_trace_close(trace));
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    const double us = 1e6 * (double)r.result.total.cycles / r.chip.chip.clock_hz;
    const double bytes =
        check_spans(json_object_get(root, "traceEvents"), us + 1e-3, n->energy_pj, chip.on_chip_pj);
    assert_near(bytes, 64.0 * (double)(n->reads + n->writes), 0.5);
    json_decref(root);
    close_run(&r);
}

/* ---- requests */

static void requests_are_all_there(void **state)
{
    (void)state;
    run r;
    open_run(&r);
    const char *path = temporary("requests");
    vc_dram_trace *trace;
    assert_ok(vc_dram_trace_open(&trace, path));
    r.options.request_watch = vc_dram_trace_request;
    r.options.request_watcher = trace;
    assert_ok(vc_chip_simulate(&r.result, &r.workload, NULL, &r.options));
    assert_ok(vc_dram_trace_close(trace));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    uint64_t address, clock, before = 0, counts[2] = {0, 0};
    char kind[8];
    while (fscanf(file, "0x%" SCNx64 " %7s %" SCNu64 "\n", &address, kind, &clock) == 3) {
        assert_int_equal(address % 64, 0);
        assert_true(clock >= before);
        before = clock;
        counts[strcmp(kind, "WRITE") == 0]++;
    }
    assert_true(feof(file));
    fclose(file);
    assert_int_equal(counts[0], r.result.memory.reads);
    assert_int_equal(counts[1], r.result.memory.writes);
    close_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_follow_each_other),
        cmocka_unit_test(requests_are_all_there),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
