#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/progress.h"
#include "vitcod/rng.h"
#include "vitcod/threads.h"

typedef struct bench_options {
    cli_model_options model;
    cli_engine_options engine;
    size_t batch, runs, seed;
    int alone;
} bench_options;

/* One engine, and how long it takes. */
typedef struct contender {
    vc_engine *engine;
    float *logits;
    double *seconds;       /* (runs) of all operators */
    double *layer_seconds; /* (layers) of attention, mean */
} contender;

enum { WARM_UP = 2 };

static vc_status open_contender(contender *c, const vc_model *model, const bench_options *o,
                                int unrestricted)
{
    vc_engine_options how = vc_engine_options_default();
    how.precision = cli_precision(&o->engine);
    how.batch = o->batch;
    how.unrestricted = unrestricted;
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

/* `count` contenders in turn, round by round. */
static vc_status measure(contender *all, size_t count, const float *images, const bench_options *o)
{
    vc_progress progress = vc_progress_begin("measuring", 2 * (WARM_UP + o->runs));
    vc_status status = VC_OK;
    double ignored;
    size_t done = 0;
    for (int timing = 0; timing < 2 && status == VC_OK; timing++) {
        for (size_t r = 0; r < WARM_UP + o->runs && status == VC_OK; r++) {
            for (size_t c = 0; c < count && status == VC_OK; c++) {
                if (timing && r <= WARM_UP)
                    vc_engine_time(all[c].engine, 1);
                const int kept = !timing && r >= WARM_UP;
                status = run_once(&all[c], images, o->batch,
                                  kept ? &all[c].seconds[r - WARM_UP] : &ignored);
            }
            vc_progress_update(&progress, ++done, NULL);
        }
    }
    vc_progress_end(&progress);
    return status;
}

/* Milliseconds of each operator; those of attention are summed up and kept by layer. */
static json_t *operators_json(contender *c, size_t runs, double *attention_ms)
{
    json_t *list = json_array();
    *attention_ms = 0.0;
    for (size_t i = 0; i < vc_engine_op_count(c->engine); i++) {
        const vc_engine_op op = vc_engine_op_at(c->engine, i);
        const double ms = 1e3 * op.seconds / (double)runs;
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:f}", "name", op.name, "layer", op.layer, "ms", ms));
        if (strcmp(op.name, "attention") == 0 || strcmp(op.name, "panels") == 0) {
            c->layer_seconds[op.layer] += ms * 1e-3;
            *attention_ms += ms;
        }
    }
    return list;
}

static json_t *layers_json(const contender *split, const contender *dense, const vc_model *model)
{
    json_t *list = json_array();
    for (size_t l = 0; l < vc_model_layers(&model->config); l++) {
        const vc_attend_layer *a = vc_engine_attention(split->engine, l);
        double kept = 0.0;
        json_t *panels = json_array();
        for (size_t h = 0; h < a->heads; h++) {
            kept += (double)a->pattern.head[h].kept;
            json_array_append_new(panels, json_integer((json_int_t)a->pattern.head[h].panel_count));
        }
        json_t *layer = json_pack("{s:i, s:f, s:o, s:f}", "layer", (int)l, "kept_share",
                                  kept / (double)(a->heads * a->queries * a->keys), "panel_keys",
                                  panels, "attention_ms", 1e3 * split->layer_seconds[l]);
        if (dense->engine)
            json_object_set_new(layer, "dense_ms", json_real(1e3 * dense->layer_seconds[l]));
        json_array_append_new(list, layer);
    }
    return list;
}

static void add_spread(json_t *result, double *seconds, size_t runs, const char *prefix)
{
    const vc_spread s = vc_spread_of(seconds, runs);
    const double values[] = {s.median, s.low, s.high};
    static const char *const names[] = {"median_ms", "quartile_low_ms", "quartile_high_ms"};
    for (size_t i = 0; i < 3; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", prefix, names[i]);
        json_object_set_new(result, key, json_real(1e3 * values[i]));
    }
}

/* Against the same model without its mask. */
static void compare(json_t *result, contender *split, contender *dense, const bench_options *o)
{
    double *ratio = malloc(o->runs * sizeof *ratio), dense_attention;
    json_decref(operators_json(dense, o->runs, &dense_attention));
    for (size_t r = 0; ratio && r < o->runs; r++)
        ratio[r] = dense->seconds[r] / split->seconds[r];
    if (ratio) {
        const vc_spread s = vc_spread_of(ratio, o->runs);
        json_object_set_new(result, "dense_over_sparse",
                            json_pack("{s:f, s:f, s:f}", "median", s.median, "quartile_low", s.low,
                                      "quartile_high", s.high));
    }
    add_spread(result, dense->seconds, o->runs, "dense_");
    json_object_set_new(result, "dense_attention_ms", json_real(dense_attention));
    free(ratio);
}

static vc_status report(json_t *result, contender *split, contender *dense, const vc_model *model,
                        const bench_options *o)
{
    vc_workload workload = {0};
    double attention_ms;
    const vc_precision precision = cli_precision(&o->engine);
    const double peak = vc_profile_peak(precision, vc_threads_count());
    VC_TRY(vc_model_lower(&workload, &model->config, NULL));
    const double operations = 2.0 * (double)vc_workload_macs(&workload, 0);
    vc_workload_close(&workload);
    json_object_set_new(result, "operators", operators_json(split, o->runs, &attention_ms));
    json_object_set_new(result, "attention_ms", json_real(attention_ms));
    json_object_set_new(result, "waiting_ms",
                        json_real(1e3 * vc_engine_waiting(split->engine) / (double)o->runs));
    if (dense->engine)
        compare(result, split, dense, o);
    add_spread(result, split->seconds, o->runs, "");
    const double seconds =
        1e-3 * json_real_value(json_object_get(result, "median_ms")) / (double)o->batch;
    json_object_set_new(result, "images_per_second", json_real(1.0 / seconds));
    if (peak > 0.0) {
        json_object_set_new(result, "peak_gops", json_real(1e-9 * peak));
        json_object_set_new(result, "share_of_peak", json_real(operations / seconds / peak));
    }
    json_object_set_new(result, "layers", layers_json(split, dense, model));
    json_object_update_new(
        result, json_pack("{s:s, s:I, s:I, s:I, s:I}", "dtype", vc_precision_name(precision),
                          "batch", (json_int_t)o->batch, "threads", (json_int_t)vc_threads_count(),
                          "runs", (json_int_t)o->runs, "image_size",
                          (json_int_t)vc_model_input_of(&model->config).width));
    return VC_OK;
}

static float *random_images(const vc_model *model, const bench_options *o)
{
    const size_t values = o->batch * vc_model_image_values(&model->config);
    float *images = malloc(values * sizeof *images);
    vc_rng rng = vc_rng_open(o->seed, 0, 0);
    for (size_t i = 0; images && i < values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    return images;
}

static vc_status bench(json_t *result, const bench_options *o)
{
    vc_model *model;
    contender all[2] = {{0}};
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    if (vc_model_plan(model))
        cli_add_plan_hash(result, vc_model_plan(model));
    const int compared = model->restriction && !o->alone;
    float *images = random_images(model, o);
    vc_status status =
        images ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu images", o->batch);
    if (status == VC_OK)
        status = open_contender(&all[0], model, o, 0);
    if (status == VC_OK && compared)
        status = open_contender(&all[1], model, o, 1);
    if (status == VC_OK)
        status = measure(all, 1 + (size_t)compared, images, o);
    if (status == VC_OK)
        status = report(result, &all[0], &all[1], model, o);
    close_contender(&all[0]);
    close_contender(&all[1]);
    free(images);
    vc_model_close(model);
    return status;
}

static double number(const json_t *result, const char *key)
{
    return json_number_value(json_object_get(result, key));
}

/* The operators of all layers together, in the order in which they first run. */
static void print_operators(const json_t *operators)
{
    size_t i;
    json_t *op, *sums = json_object();
    double all = 0.0;
    const char *name;
    json_array_foreach ((json_t *)operators, i, op) {
        const double ms = number(op, "ms");
        name = json_string_value(json_object_get(op, "name"));
        json_object_set_new(sums, name, json_real(number(sums, name) + ms));
        all += ms;
    }
    json_object_foreach (sums, name, op)
        printf("  %-14s %9.3f ms  %4.1f %%\n", name, json_real_value(op),
               100.0 * json_real_value(op) / all);
    json_decref(sums);
}

static void print_layers(const json_t *result)
{
    size_t i;
    json_t *layer;
    puts("attention    kept      ms   dense ms  ratio");
    json_array_foreach (json_object_get(result, "layers"), i, layer)
        printf("  layer %-3zu %5.1f %% %7.3f  %8.3f  %5.2f\n", i,
               100.0 * number(layer, "kept_share"), number(layer, "attention_ms"),
               number(layer, "dense_ms"),
               number(layer, "dense_ms") / number(layer, "attention_ms"));
    printf("  all              %7.3f  %8.3f  %5.2f\n", number(result, "attention_ms"),
           number(result, "dense_attention_ms"),
           number(result, "dense_attention_ms") / number(result, "attention_ms"));
}

static void print_text(const json_t *result)
{
    printf("%.3f ms (%.3f to %.3f) for %lld image%s, %s, %lld thread%s: %.1f images/s",
           number(result, "median_ms"), number(result, "quartile_low_ms"),
           number(result, "quartile_high_ms"), (long long)number(result, "batch"),
           number(result, "batch") == 1.0 ? "" : "s",
           json_string_value(json_object_get(result, "dtype")),
           (long long)number(result, "threads"), number(result, "threads") == 1.0 ? "" : "s",
           number(result, "images_per_second"));
    if (json_object_get(result, "peak_gops"))
        printf(", the dense model's work at %.0f %% of the peak of %.0f Gop/s",
               100.0 * number(result, "share_of_peak"), number(result, "peak_gops"));
    putchar('\n');
    print_operators(json_object_get(result, "operators"));
    printf("  %-14s %9.3f ms\n", "waiting", number(result, "waiting_ms"));
    const json_t *ratio = json_object_get(result, "dense_over_sparse");
    if (!ratio)
        return;
    print_layers(result);
    printf("without the mask %.3f ms (%.3f to %.3f), ratio %.2f (%.2f to %.2f)\n",
           number(result, "dense_median_ms"), number(result, "dense_quartile_low_ms"),
           number(result, "dense_quartile_high_ms"), number(ratio, "median"),
           number(ratio, "quartile_low"), number(ratio, "quartile_high"));
}

static int run_bench(const cli_command *command, int argc, char **argv)
{
    enum { MOST_RUNS = 1000000 };
    bench_options o = {.batch = 1, .runs = 51};
    const cli_option options[] = {
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_ENGINE_OPTIONS(o.engine),
        {"batch", "N", "images at once (default 1)", CLI_COUNT, &o.batch},
        {"runs", "N", "how often to measure, after two runs to warm up (default 51)", CLI_COUNT,
         &o.runs},
        {"alone", NULL, "do not run the model without its mask in between", CLI_FLAG, &o.alone},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.runs == 0 || o.runs > MOST_RUNS)
        return cli_usage(command, "--runs is %zu, wanted 1 to %d", o.runs, MOST_RUNS);
    o.seed = common.seed;
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_check_batch(command, o.batch);
    if (status == CLI_CONTINUE)
        status = cli_check_engine_options(command, &o.engine);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    const vc_status done = bench(result, &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_bench = {
    "bench", "how fast a model runs on this CPU, operator by operator",
    "MODEL|--arch NAME [--mask PATH] [--dtype NAME] [--batch N]",
    "Times inference on random images: median and quartiles, images per second, the share of the\n"
    "machine's peak (multiply-adds on registers, measured here), and the time of each operator, mean\n"
    "over the threads. With a mask or plan the same model without it runs in between, and its\n"
    "attention is compared layer by layer, unless --alone. The share counts the operations of the dense model.",
    run_bench, NULL};
