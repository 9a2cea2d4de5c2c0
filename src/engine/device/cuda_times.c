/* Times by the events of CUDA: one at each mark, and what lies between two is the first's. */
#include <stdlib.h>

#include "cuda_impl.h"

void vc__cu_times_close(vc__cu_queue *q)
{
    for (size_t i = 0; i < q->event_count; i++)
        q->cu.cuEventDestroy_v2(q->events[i]);
    free(q->events);
    free(q->marks);
}

vc_status vc__cu_timing(void *queue, int on)
{
    vc__cu_queue *q = queue;
    q->timing = on;
    q->mark_count = 0;
    return VC_OK;
}

static vc_status add_event(vc__cu_queue *q)
{
    void **events = realloc(q->events, (q->event_count + 1) * sizeof(void *));
    if (events)
        q->events = events;
    size_t *marks = realloc(q->marks, (q->event_count + 1) * sizeof *marks);
    if (marks)
        q->marks = marks;
    if (!events || !marks)
        return vc_fail(VC_ENOMEM, "out of memory for %zu times", q->event_count + 1);
    const vc__cu_result error = q->cu.cuEventCreate(&events[q->event_count], 0);
    if (error != 0)
        return vc__cu_fail(q, error, "making an event");
    q->event_count++;
    return VC_OK;
}

vc_status vc__cu_mark(void *queue, size_t op)
{
    vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    if (q->mark_count == q->event_count)
        VC_TRY(add_event(q));
    const vc__cu_result error = q->cu.cuEventRecord(q->events[q->mark_count], q->stream);
    if (error != 0)
        return vc__cu_fail(q, error, "recording an event");
    q->marks[q->mark_count++] = op;
    return VC_OK;
}

size_t vc__cu_spans(const void *queue)
{
    const vc__cu_queue *q = queue;
    return q->mark_count > 0 ? q->mark_count - 1 : 0;
}

size_t vc__cu_span_at(vc__span *out, const void *queue, size_t index)
{
    const vc__cu_queue *q = queue;
    float start = 0.0f, length = 0.0f;
    q->cu.cuEventElapsedTime(&start, q->events[0], q->events[index]);
    q->cu.cuEventElapsedTime(&length, q->events[index], q->events[index + 1]);
    *out = (vc__span){1e-3 * (double)start, 1e-3 * (double)length};
    return q->marks[index];
}
