/* What the rows of backends on devices have in common: opening, memory, weights. */
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"

void vc__device_close(void *device)
{
    vc__device *d = device;
    if (!d)
        return;
    for (size_t i = 0; i < d->owned_count; i++)
        d->runtime->release(d->queue, d->owned[i]);
    if (d->queue)
        d->runtime->close(d->queue);
    for (size_t i = 0; i < d->handle_count; i++)
        free(d->handles[i]);
    free(d->handles);
    free(d->owned);
    free(d->of_heads);
    free(d->products);
    free(d->attentions);
    free(d->seconds);
    free(d->parts);
    free(d->replays);
    free(d->events);
    free(d);
}

vc_status vc__device_open(void **out, const vc__runtime *runtime, const vc_backend_options *options)
{
    *out = NULL;
    if (options->precision == VC_IN_INT8)
        return vc_fail(VC_EUNSUPPORTED, "%s has no products in int8, wanted fp32, bf16 or fp16",
                       runtime->name);
    vc__device *d = calloc(1, sizeof *d);
    if (!d)
        return vc_fail(VC_ENOMEM, "out of memory");
    d->options = *options;
    d->runtime = runtime;
    vc_status status = runtime->open(&d->queue, options->device, &d->info);
    if (status == VC_OK && runtime->check)
        status = runtime->check(d->queue, options->precision);
    if (status == VC_OK)
        status = vc__device_build(d);
    if (status == VC_OK)
        *out = d;
    else
        vc__device_close(d);
    return status;
}

int vc__device_has(vc_op_kind kind, vc_precision precision)
{
    static const char has[VC_OP_COUNT] = {
        [VC_OP_POSITIONS] = 1, [VC_OP_PATCHES] = 1,    [VC_OP_WINDOWS] = 1, [VC_OP_PATCH_EMBED] = 1,
        [VC_OP_STEM] = 1,      [VC_OP_NORM_PRE] = 1,   [VC_OP_NORM1] = 1,   [VC_OP_QKV] = 1,
        [VC_OP_Q] = 1,         [VC_OP_KV] = 1,         [VC_OP_POOL] = 1,    [VC_OP_SUBSAMPLE] = 1,
        [VC_OP_ATTENTION] = 1, [VC_OP_PROJECTION] = 1, [VC_OP_NORM2] = 1,   [VC_OP_FC1] = 1,
        [VC_OP_FC2] = 1,       [VC_OP_GATE] = 1,       [VC_OP_PREFIX] = 1,  [VC_OP_NORM] = 1,
        [VC_OP_MEAN] = 1,      [VC_OP_HEAD] = 1,       [VC_OP_SPANS] = 1,   [VC_OP_PLACE] = 1};
    return has[kind] && precision != VC_IN_INT8 &&
           (precision == VC_IN_FP32 || vc_op_in_any_precision(kind));
}

vc_panels vc__device_panels(const vc_attention_layer *layer, vc_precision precision)
{
    (void)layer;
    (void)precision;
    return VC_PANELS_NONE;
}

/* A block of queries is computed on the keys that any of them keeps. A key of the panel is one for
 * all blocks, so it never pays to put one there. */
vc_status vc__device_costs(vc_pattern_options *options, vc_panels panels)
{
    (void)panels;
    if (options->split == VC_PATTERN_BY_COST && options->costs.panel_entry <= 0.0)
        options->costs = (vc_split_costs){.panel_entry = 1e9, .row_entry = 1.0, .row = 0.0};
    return VC_OK;
}

/* A program's pointers point at values on the CPU; here at what tells where they are. */
static vc_status keep_handle(vc__memory **out, vc__device *d, vc__memory memory)
{
    vc__memory **grown = realloc(d->handles, (d->handle_count + 1) * sizeof(void *));
    if (grown)
        d->handles = grown;
    *out = grown ? malloc(sizeof **out) : NULL;
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory");
    **out = memory;
    grown[d->handle_count++] = *out;
    return VC_OK;
}

vc_status vc__device_upload(const float **out, void *device, const float *values, size_t count)
{
    vc__memory made, *handle;
    VC_TRY(vc__device_fill(&made, device, values, count * sizeof *values, "weights"));
    VC_TRY(keep_handle(&handle, device, made));
    *out = (const float *)(void *)handle;
    return VC_OK;
}

vc_status vc__device_pack(vc_program_op *op, void *device, const vc_linear *linear)
{
    vc__device *d = device;
    vc__device_product *grown = realloc(d->products, (d->product_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    d->products = grown;
    vc__device_product *made = &grown[d->product_count];
    *made = (vc__device_product){0};
    op->packed = d->product_count++;
    VC_TRY(vc__device_fill_weights(&made->weight, d, linear, op->precision));
    return linear->bias ? vc__device_fill(&made->bias, d, linear->bias,
                                          linear->outputs * sizeof(float), "biases")
                        : VC_OK;
}

/* The most bytes that products by a library want beside their operands. */
static void find_room(size_t *narrowed, size_t *sums, const vc__device *d, const vc_program *p)
{
    *narrowed = *sums = 0;
    for (size_t s = 0; s < p->step_count; s++)
        for (size_t i = 0; i < p->steps[s].op_count; i++) {
            const vc_program_op *op = &p->steps[s].ops[i];
            const size_t rows = d->options.batch * p->steps[s].rows_per_image;
            if (op->inputs == 0 || !d->runtime->multiplies(d->queue, op->precision))
                continue;
            const size_t in = op->precision != op->from->precision ? 2 * rows * op->inputs : 0,
                         out = op->to->precision != VC_IN_FP32 ? 4 * rows * op->outputs : 0;
            *narrowed = in > *narrowed ? in : *narrowed;
            *sums = out > *sums ? out : *sums;
        }
}

static vc_status allocate_attentions(vc__device *d, const vc_program *p)
{
    for (size_t s = 0; s < p->step_count; s++)
        for (size_t i = 0; i < p->steps[s].op_count; i++)
            if (p->steps[s].ops[i].kind == VC_OP_ATTENTION)
                VC_TRY(vc__device_attention_open(d, p->steps[s].ops[i].attention,
                                                 p->steps[s].rows_per_image));
    return VC_OK;
}

static size_t value_bytes(const vc_program_buffer *b)
{
    return b->precision == VC_IN_FP32 ? sizeof(float) : sizeof(uint16_t);
}

vc_status vc__device_allocate(vc_program *program, void *device)
{
    vc__device *d = device;
    const size_t batch = d->options.batch;
    size_t narrowed, sums, image = 0;
    d->op_count = program->op_count;
    vc__device_narrow_buffers(d, program);
    VC_TRY(allocate_attentions(d, program));
    VC_TRY(vc__device_apart_open(d));
    for (size_t i = 0; i < program->buffer_count; i++)
        image += program->buffers[i]->width * program->buffers[i]->rows *
                 value_bytes(program->buffers[i]);
    VC_TRY(vc__device_check_batch(d, image));
    for (size_t i = 0; i < program->buffer_count; i++) {
        vc_program_buffer *b = program->buffers[i];
        vc__memory made, *handle;
        VC_TRY(vc__device_take(&made, d, b->width * b->rows * batch * value_bytes(b),
                               "the values of a batch"));
        if (i == VC_BLOCK_IMAGES)
            d->images = made;
        if (i == VC_BLOCK_OUTPUTS)
            d->outputs = made;
        if (i <= VC_BLOCK_OUTPUTS)
            continue;
        VC_TRY(keep_handle(&handle, d, made));
        b->data = (float *)(void *)handle;
    }
    find_room(&narrowed, &sums, d, program);
    if (narrowed > 0)
        VC_TRY(vc__device_take(&d->narrowed, d, narrowed, "operands of products"));
    if (sums > 0)
        VC_TRY(vc__device_take(&d->sums, d, sums, "sums of products"));
    return vc__device_times_open(d, program);
}

size_t vc__device_bytes(const void *device)
{
    return ((const vc__device *)device)->bytes;
}

vc_status vc__device_prepare(void *device, const vc_program *program, size_t images)
{
    (void)device; /* kernels take every number of rows */
    (void)program;
    (void)images;
    return VC_OK;
}
