/* What was launched once, as a graph that is launched at once. A driver that has none, or that
 * refuses to record, goes on with single launches. */
#include <stdlib.h>
#include <string.h>

#include "cuda_impl.h"

void vc__cu_graphs_find(vc__cu_queue *q, void *library)
{
    const char *wanted = getenv("VC_GRAPHS");
    q->records = !(wanted && strcmp(wanted, "none") == 0);
#define VC__CU_GRAPH_FIND(name, arguments)                                                         \
    q->records &= vc__cu_find(library, &q->graph_calls.name, #name);
    VC__CU_GRAPH_MAP(VC__CU_GRAPH_FIND)
#undef VC__CU_GRAPH_FIND
}

void vc__cu_graphs_close(vc__cu_queue *q)
{
    for (size_t i = 0; i < q->graph_count; i++)
        q->graph_calls.cuGraphExecDestroy(q->graphs[i]);
    free(q->graphs);
}

int vc__cu_records(void *queue)
{
    return ((const vc__cu_queue *)queue)->records;
}

int vc__cu_record(void *queue)
{
    enum { OF_THIS_THREAD = 1 };
    vc__cu_queue *q = queue;
    q->records = vc__cu_enter(q) == VC_OK &&
                 q->graph_calls.cuStreamBeginCapture_v2(q->stream, OF_THIS_THREAD) == 0;
    return q->records;
}

static int keep(vc__cu_queue *q, void *graph)
{
    void **grown = realloc(q->graphs, (q->graph_count + 1) * sizeof(void *));
    if (!grown)
        return 0;
    q->graphs = grown;
    if (q->graph_calls.cuGraphInstantiateWithFlags(&grown[q->graph_count], graph, 0) != 0)
        return 0;
    q->graph_count++;
    return 1;
}

void *vc__cu_recorded(void *queue)
{
    vc__cu_queue *q = queue;
    void *graph = NULL;
    q->records = q->graph_calls.cuStreamEndCapture(q->stream, &graph) == 0 && graph;
    if (graph) {
        q->records &= keep(q, graph);
        q->graph_calls.cuGraphDestroy(graph);
    }
    return q->records ? q->graphs[q->graph_count - 1] : NULL;
}

vc_status vc__cu_replay(void *queue, void *graph)
{
    const vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    const vc__cu_result error = q->graph_calls.cuGraphLaunch(graph, q->stream);
    return error == 0 ? VC_OK : vc__cu_fail(q, error, "launching a graph");
}
