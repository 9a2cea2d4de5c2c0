/* Times by the events of OpenCL. */
#include <stdlib.h>

#include "opencl_impl.h"

static void release_events(const vc__cl_queue *q, cl_event from, cl_event to)
{
    if (from)
        q->cl.ReleaseEvent(from);
    q->cl.ReleaseEvent(to);
}

vc_status vc__cl_keep(vc__cl_queue *q, cl_event from, cl_event to)
{
    if (q->span_count == q->span_room) {
        const size_t room = 2 * q->span_room + 64;
        vc__cl_span *grown = realloc(q->spans, room * sizeof *grown);
        if (!grown) {
            release_events(q, from, to);
            return vc_fail(VC_ENOMEM, "out of memory for %zu times", room);
        }
        q->spans = grown;
        q->span_room = room;
    }
    q->spans[q->span_count++] = (vc__cl_span){.op = q->op, .from = from, .to = to};
    return VC_OK;
}

void vc__cl_forget(vc__cl_queue *q)
{
    for (size_t i = 0; i < q->span_count; i++)
        release_events(q, q->spans[i].from, q->spans[i].to);
    q->span_count = q->read_count = 0;
}

vc_status vc__cl_timing(void *queue, int on)
{
    vc__cl_queue *q = queue;
    const cl_int error = q->cl.Finish(q->current);
    vc__cl_forget(q);
    q->current = on ? q->timed : q->plain;
    return error == CL_SUCCESS ? VC_OK : vc__cl_fail(q, error, "running");
}

vc_status vc__cl_mark(void *queue, size_t op)
{
    ((vc__cl_queue *)queue)->op = op;
    return VC_OK;
}

size_t vc__cl_spans(const void *queue)
{
    return ((const vc__cl_queue *)queue)->span_count;
}

static vc_status read_seconds(double *out, const vc__cl_queue *q, cl_event event,
                              cl_profiling_info what)
{
    cl_ulong nanoseconds = 0;
    const cl_int error =
        q->cl.GetEventProfilingInfo(event, what, sizeof nanoseconds, &nanoseconds, NULL);
    *out = 1e-9 * (double)nanoseconds;
    return error == CL_SUCCESS ? VC_OK : vc__cl_fail(q, error, "reading the time of an operator");
}

vc_status vc__cl_read_times(vc__cl_queue *q)
{
    for (; q->read_count < q->span_count; q->read_count++) {
        vc__cl_span *s = &q->spans[q->read_count];
        double end;
        VC_TRY(read_seconds(&s->when.start, q, s->from ? s->from : s->to,
                            s->from ? CL_PROFILING_COMMAND_END : CL_PROFILING_COMMAND_START));
        VC_TRY(read_seconds(&end, q, s->to, CL_PROFILING_COMMAND_END));
        s->when.seconds = end - s->when.start;
    }
    return VC_OK;
}

size_t vc__cl_span_at(vc__span *out, const void *queue, size_t index)
{
    const vc__cl_queue *q = queue;
    *out = q->spans[index].when;
    return q->spans[index].op;
}
