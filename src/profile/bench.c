/* One model, or two in turn: the same without its mask. */
#include "vitcod/bench.h"

#include <math.h>
#include <stdlib.h>

#include "vitcod/backend.h"
#include "vitcod/clock.h"
#include "vitcod/engine.h"
#include "vitcod/rng.h"
#include "vitcod/threads.h"

/* One engine, and how long it takes. */
typedef struct contender {
    vc_engine *engine;
    float *logits;
    double *seconds;       /* (runs) of all operators */
    double *layer_seconds; /* (layers) of attention, mean */
} contender;

enum { USUAL_WARM_UP = 2 };

static vc_engine_options engine_options(const vc_bench_options *o, int unrestricted)
{
    vc_engine_options how = vc_engine_options_default();
    how.precision = o->precision;
    how.backend = o->backend;
    how.device = o->device;
    how.split = o->split;
    how.batch = o->batch;
    how.unrestricted = unrestricted;
    return how;
}

static vc_status open_contender(contender *c, const vc_model *model, const vc_bench_options *o,
                                int unrestricted)
{
    const vc_engine_options how = engine_options(o, unrestricted);
    c->logits = malloc(o->batch * vc_model_input_of(&model->config).outputs * sizeof *c->logits);
    c->seconds = calloc(o->runs, sizeof *c->seconds);
    c->layer_seconds = calloc(vc_model_layers(&model->config), sizeof *c->layer_seconds);
    if (!c->logits || !c->seconds || !c->layer_seconds)
        return vc_fail(VC_ENOMEM, "out of memory");
    return vc_engine_open(&c->engine, model, &how);
}

static void close_contender(contender *c)
{
    vc_engine_close(c->engine);
    free(c->logits);
    free(c->seconds);
    free(c->layer_seconds);
}

static vc_status run_once(contender *c, const float *images, size_t batch, double *seconds)
{
    const double start = vc_clock_seconds();
    VC_TRY(vc_engine_run(c->engine, c->logits, images, batch));
    *seconds = vc_clock_seconds() - start;
    return VC_OK;
}

static size_t warm_up_of(const vc_bench_options *o)
{
    return o->warm_up ? o->warm_up : USUAL_WARM_UP;
}

/* `count` contenders in turn, round by round. */
static vc_status measure(contender *all, size_t count, const float *images,
                         const vc_bench_options *o)
{
    vc_status status = VC_OK;
    double ignored;
    size_t done = 0;
    const size_t warm_up = warm_up_of(o);
    if (o->progress)
        o->progress->total = 2 * (warm_up + o->runs);
    for (int timing = 0; timing < 2 && status == VC_OK; timing++) {
        for (size_t r = 0; r < warm_up + o->runs && status == VC_OK; r++) {
            for (size_t c = 0; c < count && status == VC_OK; c++) {
                if (timing && r <= warm_up)
                    vc_engine_time(all[c].engine, 1);
                const int kept = !timing && r >= warm_up;
                status = run_once(&all[c], images, o->batch,
                                  kept ? &all[c].seconds[r - warm_up] : &ignored);
            }
            if (o->progress)
                vc_progress_update(o->progress, ++done, NULL);
        }
    }
    return status;
}

/* Milliseconds of attention, which are also kept by layer. */
static double sum_attention(contender *c, size_t runs)
{
    double sum = 0.0;
    for (size_t i = 0; i < vc_engine_op_count(c->engine); i++) {
        const vc_engine_op op = vc_engine_op_at(c->engine, i);
        if (op.kind != VC_OP_ATTENTION && op.kind != VC_OP_PANELS && op.kind != VC_OP_POOL)
            continue;
        const double ms = 1e3 * op.seconds / (double)runs;
        c->layer_seconds[op.layer] += ms * 1e-3;
        sum += ms;
    }
    return sum;
}

static vc_status list_operators(vc_bench_result *out, const vc_engine *engine, size_t runs)
{
    const size_t count = vc_engine_op_count(engine);
    out->operators = calloc(count + 1, sizeof *out->operators);
    if (!out->operators)
        return vc_fail(VC_ENOMEM, "out of memory");
    out->operator_count = count;
    for (size_t i = 0; i < count; i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        out->operators[i] = (vc_bench_operator){op.name, op.layer, 1e3 * op.seconds / (double)runs};
    }
    return VC_OK;
}

/* With all scores of summaries, as the plan counts them. */
static double kept_share_of(const vc_model *model, size_t layer)
{
    const vc_plan *entries = vc_model_entries(model);
    return entries
               ? vc_plan_kept_share(&(vc_plan){.layer_count = 1, .layers = &entries->layers[layer]})
               : 1.0;
}

static vc_status describe_layer(vc_bench_layer *out, size_t layer, const vc_model *model,
                                const contender *split, const contender *dense)
{
    const vc_packed_attention *a = vc_engine_attention(split->engine, layer);
    *out = (vc_bench_layer){.layer = layer, .compared = dense->engine != NULL};
    vc_pattern_count(&out->panel_entries, &out->row_entries, &a->pattern);
    out->panel_keys = calloc(a->heads, sizeof *out->panel_keys);
    if (!out->panel_keys)
        return vc_fail(VC_ENOMEM, "out of memory");
    out->heads = a->heads;
    for (size_t h = 0; h < a->heads; h++)
        out->panel_keys[h] = a->pattern.head[h].panel_count;
    out->kept_share = kept_share_of(model, layer);
    out->attention_ms = 1e3 * split->layer_seconds[layer];
    if (out->compared)
        out->dense_ms = 1e3 * dense->layer_seconds[layer];
    return VC_OK;
}

static vc_status list_layers(vc_bench_result *out, const vc_model *model, const contender *split,
                             const contender *dense)
{
    const size_t layers = vc_model_layers(&model->config);
    out->layers = calloc(layers, sizeof *out->layers);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (; out->layer_count < layers; out->layer_count++)
        VC_TRY(
            describe_layer(&out->layers[out->layer_count], out->layer_count, model, split, dense));
    return VC_OK;
}

/* Against the same model without its mask. */
static vc_status compare(vc_bench_result *out, const contender *split, contender *dense)
{
    double *ratio = malloc(out->runs * sizeof *ratio);
    if (!ratio)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t r = 0; r < out->runs; r++)
        ratio[r] = dense->seconds[r] / split->seconds[r];
    out->dense_over_sparse = vc_spread_of(ratio, out->runs);
    out->dense_ms = vc_spread_scaled(vc_spread_of(dense->seconds, out->runs), 1e3);
    out->dense_attention_ms = sum_attention(dense, out->runs);
    free(ratio);
    return VC_OK;
}

/* Against what the CPU can do at best, if it was the CPU that ran. */
static void find_rates(vc_bench_result *out, const vc_engine *engine, const vc_bench_options *o)
{
    const int on_cpu = !o->backend || o->backend == &vc_backend_cpu;
    const double seconds = 1e-3 * out->ms.median / (double)out->batch;
    const double peak = on_cpu ? vc_profile_peak(o->precision, vc_threads_count()) : 0.0;
    out->executed_macs = vc_engine_macs(engine);
    out->images_per_second = 1.0 / seconds;
    out->peak_gops = peak > 0.0 ? 1e-9 * peak : NAN;
    out->share_of_peak = peak > 0.0 ? 2.0 * (double)out->executed_macs / seconds / peak : NAN;
}

/* The time that this share of the runs does not exceed; `sorted` ascends. */
static double percentile_ms(const double *sorted, size_t count, double share)
{
    const double rank = ceil(share * (double)count);
    return 1e3 * sorted[rank >= 1.0 ? (size_t)rank - 1 : 0];
}

static vc_status sum_up(vc_bench_result *out, contender *split, contender *dense,
                        const vc_model *model, const vc_bench_options *o)
{
    const vc_engine_options how = engine_options(o, 0);
    out->split = vc_pattern_split_name(vc_engine_split(model, &how));
    out->dtype = vc_precision_name(o->precision);
    out->batch = o->batch;
    out->runs = o->runs;
    out->warm_up = warm_up_of(o);
    const vc_model_input input = vc_model_input_of(&model->config);
    out->image_height = input.joints ? 0 : input.height;
    out->image_width = input.joints ? 0 : input.width;
    out->compared = dense->engine != NULL;
    out->attention_ms = sum_attention(split, o->runs);
    out->waiting_ms = 1e3 * vc_engine_waiting(split->engine) / (double)o->runs;
    VC_TRY(list_operators(out, split->engine, o->runs));
    if (out->compared)
        VC_TRY(compare(out, split, dense));
    out->ms = vc_spread_scaled(vc_spread_of(split->seconds, o->runs), 1e3); /* which sorts */
    out->p90_ms = percentile_ms(split->seconds, o->runs, 0.90);
    out->p99_ms = percentile_ms(split->seconds, o->runs, 0.99);
    out->runs_ms = malloc(o->runs * sizeof *out->runs_ms);
    if (!out->runs_ms)
        return vc_fail(VC_ENOMEM, "out of memory for the times of %zu runs", o->runs);
    for (size_t r = 0; r < o->runs; r++)
        out->runs_ms[r] = 1e3 * split->seconds[r];
    out->peak_mib = vc_peak_mebibytes();
    find_rates(out, split->engine, o);
    return list_layers(out, model, split, dense);
}

static float *random_images(const vc_model *model, const vc_bench_options *o)
{
    const size_t values = o->batch * vc_model_image_values(&model->config);
    float *images = malloc(values * sizeof *images);
    vc_rng rng = vc_rng_open(o->seed, 0, 0);
    for (size_t i = 0; images && i < values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    return images;
}

static vc_status measure_and_sum_up(vc_bench_result *out, contender all[2], const vc_model *model,
                                    const float *images, const vc_bench_options *o)
{
    const int compared = model->restriction && !o->alone;
    VC_TRY(open_contender(&all[0], model, o, 0));
    if (compared)
        VC_TRY(open_contender(&all[1], model, o, 1));
    const double start = vc_clock_seconds();
    VC_TRY(measure(all, 1 + (size_t)compared, images, o));
    out->seconds = vc_clock_seconds() - start;
    return sum_up(out, &all[0], &all[1], model, o);
}

vc_status vc_bench(vc_bench_result *out, const vc_model *model, const vc_bench_options *o)
{
    contender all[2] = {{0}};
    *out = (vc_bench_result){0};
    float *images = random_images(model, o);
    if (!images)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", o->batch);
    const vc_status status = measure_and_sum_up(out, all, model, images, o);
    close_contender(&all[0]);
    close_contender(&all[1]);
    free(images);
    return status;
}
