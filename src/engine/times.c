/* What an engine did, and how long that took. */
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"

enum { LINE = VC_ARENA_ALIGN / sizeof(uint64_t) /* what two workers write lies apart */ };

size_t vc__seconds_stride(const vc_engine *e)
{
    return e->op_count + LINE;
}

size_t vc__ticks_stride(const vc_engine *e)
{
    return e->op_count * VC_ATTEND_PHASES + LINE;
}

void vc_engine_time(vc_engine *e, int on)
{
    e->timing = on;
    if (!on)
        return;
    memset(e->seconds, 0, e->options.threads * vc__seconds_stride(e) * sizeof *e->seconds);
    memset(e->ticks, 0, e->options.threads * vc__ticks_stride(e) * sizeof *e->ticks);
}

static double mean_seconds(const vc_engine *e, size_t index)
{
    double sum = 0.0;
    for (size_t w = 0; w < e->options.threads; w++)
        sum += e->seconds[w * vc__seconds_stride(e) + index];
    return sum / (double)e->options.threads;
}

static void find_phases(double *shares, const vc_engine *e, size_t index)
{
    uint64_t sums[VC_ATTEND_PHASES] = {0}, all = 0;
    for (size_t w = 0; w < e->options.threads; w++)
        for (size_t p = 0; p < VC_ATTEND_PHASES; p++) {
            const uint64_t ticks = e->ticks[w * vc__ticks_stride(e) + index * VC_ATTEND_PHASES + p];
            sums[p] += ticks;
            all += ticks;
        }
    for (size_t p = 0; p < VC_ATTEND_PHASES; p++)
        shares[p] = all ? (double)sums[p] / (double)all : 0.0;
}

/* Of the queries that are computed, against the panel and their own keys; of a residual, its mean and its rows. */
static void count_attention(vc_engine_op *out, const vc_attend_layer *a, size_t queries)
{
    uint64_t scores = 0, residual = 0;
    for (size_t h = 0; h < a->heads; h++) {
        const vc_pattern_head *head = &a->pattern.head[h];
        scores += queries * head->panel_count;
        scores += vc_rows_count(head, queries);
        residual += head->kept_share ? a->keys + queries : 0;
    }
    out->score_macs = scores * a->head_dim;
    out->macs = out->score_macs + (scores + residual) * a->value_dim;
}

size_t vc_engine_op_count(const vc_engine *e)
{
    return e->op_count;
}

vc_engine_op vc_engine_op_at(const vc_engine *e, size_t index)
{
    size_t step = 0, at = index;
    while (at >= e->steps[step].op_count)
        at -= e->steps[step++].op_count;
    const vc__op *op = &e->steps[step].ops[at];
    vc_engine_op out = {.kind = op->kind,
                        .name = vc_op_name(op->kind),
                        .layer = op->layer,
                        .seconds = mean_seconds(e, index)};
    if (op->run == vc__run_linear)
        out.macs = (uint64_t)e->steps[step].rows_per_image * op->inputs * op->outputs;
    if (op->run == vc__run_attention) {
        count_attention(&out, op->attention, e->steps[step].rows_per_image);
        find_phases(out.phases, e, index);
    }
    return out;
}

double vc_engine_waiting(const vc_engine *e)
{
    return mean_seconds(e, e->op_count);
}

vc_status vc_engine_trace(vc_engine *e, int on)
{
    for (size_t w = 0; e->events && w < e->options.threads; w++)
        free(e->events[w].items);
    free(e->events);
    e->events = NULL;
    if (!on)
        return VC_OK;
    size_t most = 0;
    for (size_t s = 0; s < e->step_count; s++) {
        const size_t rows = e->options.batch * e->steps[s].rows_per_image;
        most += vc__tiles_of(e, rows) / e->options.threads * e->steps[s].op_count + 1;
    }
    e->events = calloc(e->options.threads, sizeof *e->events);
    for (size_t w = 0; e->events && w < e->options.threads; w++) {
        e->events[w].items = calloc(most, sizeof *e->events[w].items);
        if (!e->events[w].items) {
            vc_engine_trace(e, 0);
            break;
        }
    }
    return e->events ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu events", most);
}

size_t vc_engine_threads(const vc_engine *e)
{
    return e->options.threads;
}

size_t vc_engine_event_count(const vc_engine *e, size_t thread)
{
    return e->events ? e->events[thread].count : 0;
}

vc_engine_event vc_engine_event_at(const vc_engine *e, size_t thread, size_t index)
{
    return e->events[thread].items[index];
}
