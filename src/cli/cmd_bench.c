#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/bench.h"
#include "vitcod/plural.h"
#include "vitcod/threads.h"

typedef struct bench_options {
    cli_model_options model;
    cli_engine_options engine;
    vc_bench_options how;
} bench_options;

typedef struct bench_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    vc_bench_result times;
} bench_result;

static const vc_field result_fields[] = {
    {VC_FIELD(bench_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD_INLINE(bench_result, times, &vc_bench_record)},
};
static const vc_record result_record = VC_RECORD("bench", bench_result, result_fields);

static vc_status open_and_bench(bench_result *result, const bench_options *o)
{
    vc_bench_options how = o->how;
    vc_model *model;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    vc_progress progress = vc_progress_begin("measuring", 1);
    how.progress = &progress;
    const vc_engine_options engine = cli_engine_how(&o->engine, model, how.batch);
    how.precision = engine.precision;
    how.backend = engine.backend;
    how.device = engine.device;
    const vc_status status = vc_bench(&result->times, model, &how);
    vc_progress_end(&progress);
    vc_model_close(model);
    return status;
}

/* The operators of all layers together, in the order in which they first run. */
static void print_operators(const vc_bench_result *r)
{
    double all = 0.0;
    for (size_t i = 0; i < r->operator_count; i++)
        all += r->operators[i].ms;
    for (size_t i = 0; i < r->operator_count; i++) {
        const char *name = r->operators[i].name;
        double sum = 0.0;
        size_t first = 0;
        while (strcmp(r->operators[first].name, name) != 0)
            first++;
        for (size_t k = i; k < r->operator_count; k++)
            sum += strcmp(r->operators[k].name, name) == 0 ? r->operators[k].ms : 0.0;
        if (first == i)
            printf("  %-14s %9.3f ms  %4.1f %%\n", name, sum, 100.0 * sum / all);
    }
}

static void print_layers(const vc_bench_result *r)
{
    puts("attention    kept      ms   dense ms  ratio");
    for (size_t i = 0; i < r->layer_count; i++) {
        const vc_bench_layer *l = &r->layers[i];
        printf("  layer %-3zu %5.1f %% %7.3f  %8.3f  %5.2f\n", i, 100.0 * l->kept_share,
               l->attention_ms, l->dense_ms, l->dense_ms / l->attention_ms);
    }
    printf("  all              %7.3f  %8.3f  %5.2f\n", r->attention_ms, r->dense_attention_ms,
           r->dense_attention_ms / r->attention_ms);
}

static void print_text(const void *result)
{
    const vc_bench_result *r = &((const bench_result *)result)->times;
    const size_t poses = r->image_height == 0;
    const int threads = vc_threads_count();
    printf("%.3f ms (%.3f to %.3f) for %zu %s, %s, %d %s: %.1f %s/s", r->ms.median, r->ms.low,
           r->ms.high, r->batch, vc_samples(poses, r->batch), r->dtype, threads,
           vc_plural((uint64_t)threads, "thread", "threads"), r->images_per_second,
           vc_samples(poses, 0));
    if (!isnan(r->peak_gops))
        printf(", %.0f %% of the peak of %.0f Gop/s", 100.0 * r->share_of_peak, r->peak_gops);
    putchar('\n');
    printf("p50 %.3f ms, p90 %.3f ms, p99 %.3f ms; %zu %s after %zu to warm up, %.1f s; peak "
           "%.0f MiB\n",
           r->ms.median, r->p90_ms, r->p99_ms, r->runs, vc_plural(r->runs, "run", "runs"),
           r->warm_up, r->seconds, r->peak_mib);
    print_operators(r);
    printf("  %-14s %9.3f ms\n", "waiting", r->waiting_ms);
    if (!r->compared)
        return;
    print_layers(r);
    printf("without mask or plan %.3f ms (%.3f to %.3f), ratio %.2f (%.2f to %.2f)\n",
           r->dense_ms.median, r->dense_ms.low, r->dense_ms.high, r->dense_over_sparse.median,
           r->dense_over_sparse.low, r->dense_over_sparse.high);
}

static int run_bench(const cli_command *command, int argc, char **argv)
{
    enum { MOST_RUNS = 1000000 };
    bench_options o = {.how = {.batch = 1, .runs = 51, .warm_up = 2}};
    const cli_option options[] = {
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_ENGINE_OPTIONS(o.engine),
        {"batch", "N", "images at once (default 1)", CLI_COUNT, &o.how.batch},
        {"runs", "N", "how often to measure", CLI_COUNT, &o.how.runs},
        {"warm-up", "N", "runs before these", CLI_COUNT, &o.how.warm_up},
        {"alone", NULL, "do not run the model without its mask in between", CLI_FLAG, &o.how.alone},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.how.runs == 0 || o.how.runs > MOST_RUNS)
        return cli_usage(command, "--runs is %zu, wanted 1 to %d", o.how.runs, MOST_RUNS);
    if (o.how.warm_up == 0 || o.how.warm_up > MOST_RUNS)
        return cli_usage(command, "--warm-up is %zu, wanted 1 to %d", o.how.warm_up, MOST_RUNS);
    o.how.seed = common.seed;
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_check_batch(command, o.how.batch);
    if (status == CLI_CONTINUE)
        status = cli_check_engine_options(command, &o.engine);
    if (status != CLI_CONTINUE)
        return status;
    o.how.split = cli_split(&o.engine);
    bench_result result = {0};
    const vc_status done = open_and_bench(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    vc_record_free(&result_record, &result);
    return status;
}

const cli_command cmd_bench = {
    "bench",
    "how fast a model runs on this CPU, operator by operator",
    "MODEL|--arch NAME [--mask PATH] [--dtype NAME] [--batch N]",
    "Times inference on random images: median and quartiles, images per second, the share of the "
    "machine's peak (multiply-adds on registers, measured here), and the time of each operator, "
    "mean over the threads. With a mask or plan the same model without it runs in between, and "
    "its attention is compared layer by layer, unless --alone. The share counts the operations of "
    "the dense model.",
    run_bench,
    &result_record,
    "vitcod bench sparse.safetensors --threads 4\n"
    "vitcod bench --arch deit_small_patch16_224 --dtype bf16 --batch 8"};
