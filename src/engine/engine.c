#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"
#include "vitcod/clock.h"
#include "vitcod/threads.h"

enum { LINE = VC_ARENA_ALIGN / sizeof(double) };

vc_engine_options vc_engine_options_default(void)
{
    return (vc_engine_options){.batch = 1};
}

static vc_status open_attention(vc_engine *e)
{
    const vc_model *model = e->model;
    const size_t layers = vc_model_layers(&model->config);
    e->attention = calloc(layers, sizeof *e->attention);
    if (!e->attention)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < layers; i++) {
        const vc_attention_layer l = vc_model_layer(&model->config, i);
        uint8_t *pruned = NULL;
        float *bias = NULL;
        e->attention[i] =
            (vc_attend_layer){.heads = l.heads,
                              .queries = l.queries,
                              .keys = l.keys,
                              .head_dim = l.head_dim,
                              .value_dim = l.value_dim,
                              .bf16 = e->options.precision != VC_IN_FP32 && vc_cpu_has_bf16() &&
                                      l.head_dim % 16 == 0 && l.value_dim % 16 == 0};
        if (!e->options.unrestricted)
            VC_TRY(vc_model_layer_pruned(&pruned, model, i));
        vc_status status = vc__fold_bias(&bias, model, i);
        if (status == VC_OK)
            status = vc_attend_layer_open(&e->attention[i], pruned, bias, e->options.split);
        for (size_t h = 0; status == VC_OK && pruned && model->sparse && h < l.heads; h++)
            e->attention[i].head[h].kept_share = model->sparse[i].head[h].kept_share;
        free(pruned);
        free(bias);
        VC_TRY(status);
    }
    return VC_OK;
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
        b->stride = (b->width * b->rows + LINE * 2 - 1) / (LINE * 2) * (LINE * 2);
        b->data = vc_arena_floats(&e->arena, b->local ? b->stride * threads
                                                      : b->width * b->rows * e->options.batch);
        b->scales =
            b->precision == VC_IN_INT8 ? vc_arena_floats(&e->arena, VC__TILE * threads) : NULL;
    }
    e->scratch = vc_arena_take(&e->arena, e->scratch_bytes * threads);
    e->seconds = vc_arena_take(&e->arena, threads * (e->op_count + LINE) * sizeof *e->seconds);
}

/* How many tiles the rows of a step are cut into: as many for each worker. */
static size_t tiles_of(const vc_engine *e, size_t rows)
{
    const size_t each = e->options.threads * VC__TILE;
    return (rows + each - 1) / each * e->options.threads;
}

static size_t tile_start(size_t rows, size_t tiles, size_t index)
{
    return index * (rows / tiles) + (index < rows % tiles ? index : rows % tiles);
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
        const size_t rows = images * e->steps[s].rows_per_image, tiles = tiles_of(e, rows);
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
    const vc_model_input input = vc_model_input_of(c);
    e->images.width = input.channels * input.image * input.image;
    e->images.rows = 1;
    e->logits = (vc__buffer){.width = input.classes, .rows = 1};
    VC_TRY(vc_products_open(&e->products, e->options.threads));
    VC_TRY(open_attention(e));
    if (c->architecture == VC_DEIT)
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

static void run_tile(vc_engine *e, const vc__step *step, const vc__tile *tile, double *seconds)
{
    if (!e->timing) {
        for (size_t i = 0; i < step->op_count; i++)
            step->ops[i].run(e, &step->ops[i], tile);
        return;
    }
    double before = vc_clock_seconds();
    for (size_t i = 0; i < step->op_count; i++) {
        step->ops[i].run(e, &step->ops[i], tile);
        const double now = vc_clock_seconds();
        seconds[i] += now - before;
        before = now;
    }
}

/* One worker's share of all steps. */
static void work(vc_engine *e, size_t worker, size_t images)
{
    double *seconds = e->seconds + worker * (e->op_count + LINE), *waiting = seconds + e->op_count;
    for (size_t s = 0; s < e->step_count; s++) {
        const vc__step *step = &e->steps[s];
        const size_t rows = images * step->rows_per_image, tiles = tiles_of(e, rows),
                     each = tiles / e->options.threads;
        for (size_t t = worker * each; t < (worker + 1) * each; t++) {
            const size_t first = tile_start(rows, tiles, t);
            const vc__tile tile = {worker, first, tile_start(rows, tiles, t + 1) - first,
                                   step->rows_per_image};
            if (tile.rows > 0)
                run_tile(e, step, &tile, seconds);
        }
        const double before = e->timing ? vc_clock_seconds() : 0.0;
#pragma omp barrier
        if (e->timing)
            *waiting += vc_clock_seconds() - before;
        seconds += step->op_count;
    }
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
        work(e, (size_t)omp_get_thread_num(), count);
    }
    return VC_OK;
}

void vc_engine_time(vc_engine *e, int on)
{
    e->timing = on;
    if (on)
        memset(e->seconds, 0, e->options.threads * (e->op_count + LINE) * sizeof *e->seconds);
}

static double mean_seconds(const vc_engine *e, size_t index)
{
    double sum = 0.0;
    for (size_t w = 0; w < e->options.threads; w++)
        sum += e->seconds[w * (e->op_count + LINE) + index];
    return sum / (double)e->options.threads;
}

size_t vc_engine_bytes(const vc_engine *e)
{
    return e->arena.capacity;
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
    return (vc_engine_op){op->name, op->layer, mean_seconds(e, index)};
}

double vc_engine_waiting(const vc_engine *e)
{
    return mean_seconds(e, e->op_count);
}

const vc_attend_layer *vc_engine_attention(const vc_engine *e, size_t layer)
{
    return &e->attention[layer];
}

void vc_engine_close(vc_engine *e)
{
    if (!e)
        return;
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
