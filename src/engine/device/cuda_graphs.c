/* What was launched once, as a graph that is launched as a whole. Where a driver refuses that,
 * device_replay.c launches one by one. */
#include <stdlib.h>
#include <string.h>

#include "cuda_impl.h"

vc_status vc__cu_graphs_find(vc__cu_queue *q, void *library)
{
    const char *wanted = getenv("VC_GRAPHS");
    if (wanted && *wanted && strcmp(wanted, "none") != 0)
        return vc_fail(VC_EINVAL, "VC_GRAPHS is '%s', wanted none or nothing", wanted);
    q->records = !(wanted && *wanted);
#define VC__CU_GRAPH_FIND(name, arguments)                                                         \
    q->records &= vc__device_symbol(library, &q->graph_calls.name, #name);
    VC__CU_GRAPH_MAP(VC__CU_GRAPH_FIND)
#undef VC__CU_GRAPH_FIND
    return VC_OK;
}

void vc__cu_graphs_close(vc__cu_queue *q)
{
    for (size_t i = 0; i < q->graph_count; i++)
        q->graph_calls.cuGraphExecDestroy(q->graphs[i]);
    free(q->graphs);
}

int vc__cu_records(const void *queue)
{
    return ((const vc__cu_queue *)queue)->records;
}

vc_status vc__cu_record(void *queue)
{
    enum { OF_THIS_THREAD = 1 };
    const vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    const vc__cu_result error = q->graph_calls.cuStreamBeginCapture_v2(q->stream, OF_THIS_THREAD);
    return error == 0 ? VC_OK : vc__cu_fail(q, error, "beginning to record");
}

static vc_status keep(vc__cu_queue *q, void *graph)
{
    void **grown = realloc(q->graphs, (q->graph_count + 1) * sizeof(void *));
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory for %zu graphs", q->graph_count + 1);
    q->graphs = grown;
    const vc__cu_result error =
        q->graph_calls.cuGraphInstantiateWithFlags(&grown[q->graph_count], graph, 0);
    if (error != 0)
        return vc__cu_fail(q, error, "making a graph ready");
    q->graph_count++;
    return VC_OK;
}

vc_status vc__cu_recorded(void **out, void *queue)
{
    vc__cu_queue *q = queue;
    void *graph = NULL;
    const vc__cu_result error = q->graph_calls.cuStreamEndCapture(q->stream, &graph);
    if (error != 0 || !graph)
        return vc__cu_fail(q, error, "recording");
    const vc_status status = keep(q, graph);
    q->graph_calls.cuGraphDestroy(graph);
    if (status == VC_OK)
        *out = q->graphs[q->graph_count - 1];
    return status;
}

vc_status vc__cu_replay(void *queue, void *graph)
{
    const vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    const vc__cu_result error = q->graph_calls.cuGraphLaunch(graph, q->stream);
    return error == 0 ? VC_OK : vc__cu_fail(q, error, "launching a graph");
}
