#include <assert.h>
#include <omp.h>
#include <stdlib.h>

#include "engine_impl.h"
#include "vitcod/threads.h"

enum { LINE = VC_ARENA_ALIGN / sizeof(float) };

vc_engine_options vc_engine_options_default(void)
{
    return (vc_engine_options){.batch = 1, .split = VC_ENGINE_USUAL_SPLIT};
}

/* The same walk measures and places. */
static void place(vc_engine *e)
{
    const size_t threads = e->options.threads;
    e->scratch_bytes = 0;
    for (size_t s = 0; s < e->step_count; s++)
        for (size_t i = 0; i < e->steps[s].op_count; i++) {
            const vc__op *op = &e->steps[s].ops[i];
            const size_t bytes = op->run == vc__run_linear ? vc__linear_scratch(op)
                                 : op->run == vc__run_attention
                                     ? op->attention->value_dim * sizeof(float)
                                     : 0;
            e->scratch_bytes = bytes > e->scratch_bytes ? bytes : e->scratch_bytes;
        }
    for (size_t i = 0; i < e->buffer_count; i++) {
        vc__buffer *b = &e->buffers[i];
        b->stride = (b->width * b->rows + LINE - 1) / LINE * LINE;
        b->data = vc_arena_floats(&e->arena, b->local ? b->stride * threads
                                                      : b->width * b->rows * e->options.batch);
        b->scales =
            b->precision == VC_IN_INT8 ? vc_arena_floats(&e->arena, VC__TILE * threads) : NULL;
    }
    e->scratch = vc_arena_take(&e->arena, e->scratch_bytes * threads);
    e->seconds = vc_arena_take(&e->arena, threads * vc__seconds_stride(e) * sizeof *e->seconds);
    e->ticks = vc_arena_take(&e->arena, threads * vc__ticks_stride(e) * sizeof *e->ticks);
}

static vc_status prepare(vc_engine *e, size_t images)
{
    for (size_t i = 0; i < e->prepared_count; i++)
        if (e->prepared[i] == images)
            return VC_OK;
    size_t *grown = realloc(e->prepared, (e->prepared_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    e->prepared = grown;
    for (size_t s = 0; s < e->step_count; s++) {
        const size_t rows = images * e->steps[s].rows_per_image, tiles = vc__tiles_of(e, rows);
        for (size_t i = 0; i < e->steps[s].op_count; i++) {
            const vc__op *op = &e->steps[s].ops[i];
            if (op->run != vc__run_linear)
                continue;
            if (rows / tiles > 0)
                VC_TRY(vc_products_prepare(e->products, op->product, rows / tiles));
            if (rows % tiles > 0)
                VC_TRY(vc_products_prepare(e->products, op->product, rows / tiles + 1));
        }
    }
    grown[e->prepared_count++] = images;
    return VC_OK;
}

static vc_status build(vc_engine *e)
{
    vc__builder b = {.engine = e};
    const vc_model_config *c = &e->model->config;
    e->images.width = vc_model_image_values(c);
    e->images.rows = 1;
    e->logits = (vc__buffer){.width = vc_model_input_of(c).outputs, .rows = 1};
    VC_TRY(vc_products_open(&e->products, e->options.threads));
    VC_TRY(vc__open_attention(e));
    if (c->family == &vc__deit)
        vc__deit_program(&b);
    else
        vc__levit_program(&b);
    VC_TRY(b.status);
    place(e);
    VC_TRY(vc_arena_reserve(&e->arena));
    place(e);
    return prepare(e, e->options.batch);
}

vc_status vc_engine_open(vc_engine **out, const vc_model *model, const vc_engine_options *options)
{
    *out = NULL;
    if (options->batch == 0)
        return vc_fail(VC_EINVAL, "a batch of 0 images, wanted at least 1");
    if (!vc_precision_supported(options->precision))
        return vc_fail(VC_EUNSUPPORTED, "this CPU has no instructions for %s products: wanted %s",
                       vc_precision_name(options->precision),
                       options->precision == VC_IN_BF16 ? "AVX-512" : "AVX512_VNNI");
    vc_engine *e = calloc(1, sizeof *e);
    if (!e)
        return vc_fail(VC_ENOMEM, "out of memory");
    e->model = model;
    e->options = *options;
    if (!e->options.threads)
        e->options.threads = (size_t)vc_threads_count();
    e->kernels = vc_kernels_get();
    const vc_status status = build(e);
    if (status != VC_OK) {
        vc_engine_close(e);
        return status;
    }
    *out = e;
    return VC_OK;
}

vc_status vc_engine_run(vc_engine *e, float *logits, const float *images, size_t count)
{
    assert(count > 0 && count <= e->options.batch);
    VC_TRY(prepare(e, count));
    e->images.data = (float *)images;
    e->logits.data = logits;
    const int threads = (int)e->options.threads;
#pragma omp parallel num_threads(threads)
    {
        assert(omp_get_num_threads() == threads);
        vc__work(e, (size_t)omp_get_thread_num(), count);
    }
    return VC_OK;
}

size_t vc_engine_bytes(const vc_engine *e)
{
    return e->arena.capacity;
}

const vc_attend_layer *vc_engine_attention(const vc_engine *e, size_t layer)
{
    return &e->attention[layer];
}

void vc_engine_close(vc_engine *e)
{
    if (!e)
        return;
    vc_engine_trace(e, 0);
    for (size_t s = 0; s < e->step_count; s++)
        for (size_t i = 0; i < e->steps[s].op_count; i++) {
            free(e->steps[s].ops[i].quantized.scale);
            free(e->steps[s].ops[i].quantized.bias);
            free(e->steps[s].ops[i].quantized.offset);
        }
    for (size_t l = 0; e->attention && l < vc_model_layers(&e->model->config); l++)
        vc_attend_layer_close(&e->attention[l]);
    vc_products_close(e->products);
    vc_arena_close(&e->arena);
    free(e->attention);
    free(e->steps);
    free(e->buffers);
    free(e->base);
    free(e->prepared);
    free(e);
}
