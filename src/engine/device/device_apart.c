/* Attention in its parts, each a kernel of its own, and its maps. */
#include <stdlib.h>

#include "device_impl.h"

enum { TILE = VC__BLOCK_QUERIES * VC__BLOCK_KEYS };

static vc__argument memory(vc__memory of)
{
    return (vc__argument){.kind = VC__MEMORY, .memory = of.handle};
}

static vc__argument number(size_t value)
{
    return (vc__argument){.kind = VC__INT, .number = (int32_t)value};
}

size_t vc__device_part(const vc__device *d, size_t op, size_t part)
{
    return d->op_count + 1 + VC_ATTENTION_PHASES * op + part;
}

/* Keys that no tile has stay 0 in the maps. */
static vc_status open_maps(vc__device *d, vc__device_attention *at)
{
    const size_t count = at->layer->heads * at->rows * at->layer->keys;
    float *zeros = calloc(count, sizeof *zeros);
    if (!zeros)
        return vc_fail(VC_ENOMEM, "out of memory for %zu entries of maps", count);
    const vc_status status =
        vc__device_fill(&at->maps, d, zeros, count * sizeof *zeros, "maps of attention");
    free(zeros);
    return status;
}

vc_status vc__device_apart_open(vc__device *d)
{
    size_t most = 0;
    if (d->options.attention == VC_ATTENTION_FAST)
        return VC_OK;
    for (size_t i = 0; i < d->attention_count; i++) {
        vc__device_attention *at = &d->attentions[i];
        const size_t bytes = d->options.batch * at->tiles * TILE * sizeof(float);
        most = bytes > most ? bytes : most;
        if (d->options.attention == VC_ATTENTION_MAPS)
            VC_TRY(open_maps(d, at));
    }
    return vc__device_take(&d->weights, d, most, "the weights of attention in parts");
}

#define LAUNCH(d, kernel, groups, ...)                                                             \
    (d)->runtime->launch((d)->queue, &(kernel), (const size_t[2]){groups, 1},                      \
                         (const vc__argument[]){__VA_ARGS__},                                      \
                         sizeof((const vc__argument[]){__VA_ARGS__}) / sizeof(vc__argument))

static vc_status mark(vc__device *d, const vc_program_op *op, size_t part)
{
    return d->timing ? d->runtime->mark(d->queue, vc__device_part(d, op->index, part)) : VC_OK;
}

vc_status vc__device_attend_apart(vc__device *d, const vc__device_attention *at,
                                  const vc_program_op *op, const vc__operands *o, size_t images)
{
    const vc_packed_attention *a = at->layer;
    const size_t groups = images * a->heads * at->blocks,
                 summaries = vc_pattern_summaries(&a->pattern);
    VC_TRY(mark(d, op, 0));
    VC_TRY(LAUNCH(d, at->kernels.scores_apart, groups, memory(d->weights), memory(o->q),
                  memory(o->keys), memory(o->summaries), memory(at->first), memory(at->count),
                  memory(at->offset), memory(at->keys), number(a->heads), number(at->blocks),
                  number(at->rows), number(a->keys), number(summaries), number(op->from->width),
                  number(op->keys->width), number(op->keys_at), number(at->tiles),
                  number(o->narrow)));
    VC_TRY(mark(d, op, 1));
    VC_TRY(LAUNCH(d, at->kernels.softmax_apart, groups, memory(d->weights), memory(at->first),
                  memory(at->count), memory(at->offset), memory(at->kept), memory(at->bias),
                  number(a->heads), number(at->blocks), number(at->tiles)));
    VC_TRY(mark(d, op, 2));
    VC_TRY(LAUNCH(d, at->kernels.values_apart, groups, memory(o->y), memory(d->weights),
                  memory(o->keys), memory(o->summaries), memory(at->first), memory(at->count),
                  memory(at->offset), memory(at->keys), memory(at->shares), memory(at->means),
                  number(a->heads), number(at->blocks), number(at->rows), number(a->keys),
                  number(summaries), number(op->keys->width), number(op->values_at),
                  number(op->activation), number(at->tiles), number(o->narrow)));
    if (!at->maps.handle)
        return VC_OK;
    return LAUNCH(d, at->kernels.sum_maps, a->heads * at->blocks, memory(at->maps),
                  memory(d->weights), memory(at->first), memory(at->count), memory(at->offset),
                  memory(at->keys), number(images), number(at->blocks), number(at->rows),
                  number(a->keys), number(at->tiles));
}

vc_status vc__device_maps(float *out, void *device, const vc_packed_attention *attention)
{
    vc__device *d = device;
    const vc__device_attention *at = vc__device_attention_of(d, attention);
    const size_t bytes = attention->heads * at->rows * attention->keys * sizeof *out;
    VC_TRY(d->runtime->read(d->queue, out, at->maps, bytes));
    return d->runtime->finish(d->queue);
}
