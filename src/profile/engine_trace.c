#include <stdio.h>

#include "vitcod/json.h"
#include "vitcod/model_profile.h"

/* Microseconds, a row for each thread. */
static json_t *event_json(const vc_engine *engine, size_t thread, size_t index, double origin)
{
    const vc_engine_event event = vc_engine_event_at(engine, thread, index);
    const int waits = event.op == vc_engine_op_count(engine);
    vc_engine_op op = {.name = "waiting", .layer = -1};
    char name[64];
    if (!waits)
        op = vc_engine_op_at(engine, event.op);
    if (op.layer < 0)
        snprintf(name, sizeof name, "%s", op.name);
    else
        snprintf(name, sizeof name, "%s %d", op.name, op.layer);
    return json_pack("{s:s, s:s, s:s, s:i, s:I, s:f, s:f, s:{s:i}}", "name", name, "cat", op.name,
                     "ph", "X", "pid", 1, "tid", (json_int_t)thread, "ts",
                     1e6 * (event.start - origin), "dur", 1e6 * event.seconds, "args", "layer",
                     op.layer);
}

vc_status vc_engine_trace_write(const char *path, const vc_engine *engine)
{
    json_t *events = json_array();
    double origin = vc_engine_event_at(engine, 0, 0).start;
    for (size_t t = 0; t < vc_engine_threads(engine); t++) {
        const double start = vc_engine_event_at(engine, t, 0).start;
        origin = start < origin ? start : origin;
    }
    for (size_t t = 0; t < vc_engine_threads(engine); t++)
        for (size_t i = 0; i < vc_engine_event_count(engine, t); i++)
            vc_json_append(&events, event_json(engine, t, i, origin));
    json_t *trace = json_pack("{s:s, s:o}", "displayTimeUnit", "ms", "traceEvents", events);
    const vc_status status =
        trace ? vc_json_write(path, trace) : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    json_decref(trace);
    return status;
}
