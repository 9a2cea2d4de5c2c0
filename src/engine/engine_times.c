/* What an engine computed, and the time that it took. */
#include <string.h>

#include "engine_impl.h"

/* Counts the products of the queries that are computed, against the panel and their own keys, or
 * what the backend computes; with a residual also the mean and its rows. */
static void count_attention(vc_engine_op *out, const vc_engine *e, const vc_packed_attention *a,
                            size_t queries)
{
    uint64_t scores = 0, residual = 0;
    for (size_t h = 0; h < a->heads; h++) {
        const vc_pattern_head *head = &a->pattern.head[h];
        scores += queries * head->panel_count;
        scores += vc_rows_count(head, queries);
        residual += head->kept_share ? a->keys + queries : 0;
    }
    if (e->backend->scores)
        scores = e->backend->scores(e->device, a);
    out->score_macs = scores * a->head_dim;
    out->macs = out->score_macs + (scores + residual) * a->value_dim;
}

/* Sums of rows of K and V; weights by queries are products with K besides. */
static uint64_t count_pooling(const vc_packed_attention *a)
{
    const vc_pooling *p = a->pattern.pooling;
    return p->entries * (vc_summary_floats(a) + (p->query ? a->heads * p->dim : 0));
}

size_t vc_engine_op_count(const vc_engine *e)
{
    return e->program.op_count;
}

vc_engine_op vc_engine_op_at(const vc_engine *e, size_t index)
{
    size_t s = 0, at = index;
    while (at >= e->program.steps[s].op_count)
        at -= e->program.steps[s++].op_count;
    const vc_program_step *step = &e->program.steps[s];
    const vc_program_op *op = &step->ops[at];
    vc_engine_op out = {.kind = op->kind, .name = vc_op_name(op->kind), .layer = op->layer};
    double phases[VC_ATTENTION_PHASES] = {0};
    out.seconds = e->backend->seconds(phases, e->device, index);
    out.macs = (uint64_t)step->rows_per_image * op->inputs * op->outputs;
    if (op->kind == VC_OP_POOL)
        out.macs = count_pooling(op->attention);
    if (op->kind == VC_OP_ATTENTION) {
        count_attention(&out, e, op->attention, step->rows_per_image);
        memcpy(out.phases, phases, sizeof phases);
    }
    return out;
}

uint64_t vc_engine_macs(const vc_engine *e)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < e->program.op_count; i++)
        macs += vc_engine_op_at(e, i).macs;
    return macs;
}

double vc_engine_waiting(const vc_engine *e)
{
    double phases[VC_ATTENTION_PHASES];
    return e->backend->seconds(phases, e->device, e->program.op_count);
}

void vc_engine_time(vc_engine *e, int on)
{
    e->backend->time(e->device, on);
}

vc_status vc_engine_trace(vc_engine *e, int on)
{
    return e->backend->trace(e->device, &e->program, on);
}

size_t vc_engine_threads(const vc_engine *e)
{
    return e->options.threads;
}

size_t vc_engine_event_count(const vc_engine *e, size_t thread)
{
    return e->backend->event_count(e->device, thread);
}

vc_engine_event vc_engine_event_at(const vc_engine *e, size_t thread, size_t index)
{
    return e->backend->event_at(e->device, thread, index);
}
