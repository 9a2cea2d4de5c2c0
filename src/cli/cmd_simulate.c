#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "vitcod/sim.h"

enum { DEFAULT_HEAD_DIM = 64 };            /* of every DeiT */
static const double DEFAULT_RATIO = 0.667; /* the public logs' */

typedef struct simulate_options {
    const char *model, *autoencoder;
    int control;
    size_t heads, image_size, head_dim, embed_dim, compressed;
    double ratio;
} simulate_options;

static json_t *control_json(const vc_control_result *r, size_t layers)
{
    json_t *list = json_array();
    for (size_t l = 0; l < layers; l++) {
        const vc_control_layer *c = &r->layers[l];
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I, s:I}", "global_tokens",
                                              (json_int_t)c->global_tokens, "sddmm_denser_cycles",
                                              (json_int_t)c->sddmm_denser, "sddmm_sparser_cycles",
                                              (json_int_t)c->sddmm_sparser, "spmm_denser_cycles",
                                              (json_int_t)c->spmm_denser, "spmm_sparser_cycles",
                                              (json_int_t)c->spmm_sparser));
    }
    return json_pack("{s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:o}", "attention",
                     "preload", (json_int_t)r->preload, "decode", (json_int_t)r->decode, "compute",
                     (json_int_t)r->compute, "total", (json_int_t)r->total, "linear",
                     (json_int_t)r->linear, "linear_compute", (json_int_t)r->linear_compute,
                     "linear_preload", (json_int_t)r->linear_preload, "ffn", (json_int_t)r->ffn,
                     "end_to_end", (json_int_t)r->end_to_end, "layers", list);
}

static vc_status control(json_t *result, const vc_plan *plan, const simulate_options *o,
                         const char *path)
{
    const vc_control_options options = {o->head_dim, o->ratio, o->embed_dim};
    vc_control_result r = {.layers = calloc(plan->layer_count, sizeof *r.layers)};
    vc_status status = r.layers ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK)
        status = vc_sim_control(&r, plan, &options, path);
    if (status == VC_OK)
        json_object_update_new(result, control_json(&r, plan->layer_count));
    free(r.layers);
    return status;
}

static json_t *bound_json(const vc_bound *b)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "cycles", (json_int_t)b->cycles,
                     "compute_cycles", (json_int_t)b->compute_cycles, "memory_cycles",
                     (json_int_t)b->memory_cycles, "sequential_cycles",
                     (json_int_t)b->sequential_cycles, "macs", (json_int_t)b->macs, "coder_macs",
                     (json_int_t)b->coder_macs, "dram_bytes", b->dram_bytes);
}

static vc_status lower(vc_workload *out, const vc_plan *plan, const simulate_options *o,
                       const char *path)
{
    if (!o->model)
        return vc_sim_plan_workload(out, plan, o->head_dim, o->compressed, path);
    vc_model *model;
    const cli_model_options how = {.path = o->model,
                                   .autoencoder = o->autoencoder,
                                   .heads = o->heads,
                                   .image_size = o->image_size};
    VC_TRY(cli_open_model(&model, &how, CLI_RUN));
    vc_status status = vc_model_check_plan(&model->config, plan, path);
    if (status == VC_OK)
        status = vc_model_lower(out, &model->config, plan);
    vc_model_close(model);
    return status;
}

static vc_status add_bound(json_t *result, const char *name, const vc_workload *workload,
                           const vc_sim_config *config, int attention_only)
{
    vc_bound b;
    VC_TRY(vc_sim_bound(&b, workload, config, attention_only));
    json_object_set_new(result, name, bound_json(&b));
    return VC_OK;
}

static vc_status bound(json_t *result, const vc_plan *plan, const simulate_options *o,
                       const char *path)
{
    const vc_sim_config config = vc_sim_config_default();
    vc_workload workload = {0};
    vc_status status = lower(&workload, plan, o, path);
    if (status == VC_OK)
        status = add_bound(result, "attention", &workload, &config, 1);
    if (status == VC_OK && o->model)
        status = add_bound(result, "end_to_end", &workload, &config, 0);
    if (status == VC_OK)
        json_object_set_new(result, "config",
                            json_pack("{s:f, s:f, s:f, s:f, s:f}", "macs_per_cycle",
                                      config.macs_per_cycle, "clock_hz", config.clock_hz,
                                      "bandwidth_bytes_per_s", config.bandwidth, "value_bytes",
                                      config.value_bytes, "index_bytes", config.index_bytes));
    vc_workload_close(&workload);
    return status;
}

/* DeiT's head dimension must not be taken for another model's. */
static vc_status set_head_dim(simulate_options *o, const vc_plan *plan, const char *path)
{
    const vc_plan_layer *first = &plan->layers[0];
    for (size_t l = 0; !o->head_dim && !o->model && l < plan->layer_count; l++)
        if (plan->layers[l].heads != first->heads || plan->layers[l].queries != first->queries)
            return vc_fail(VC_EINVAL,
                           "%s: layers of several shapes are no DeiT's: wanted --model or "
                           "--head-dim",
                           path);
    o->head_dim = o->head_dim ? o->head_dim : DEFAULT_HEAD_DIM;
    return VC_OK;
}

static vc_status run(json_t *result, const simulate_options *o, const vc_plan *plan,
                     const char *path)
{
    char hash[32];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)vc_plan_hash(plan));
    json_object_set_new(result, "plan_hash", json_string(hash));
    json_object_set_new(result, "kind", json_string(o->control ? "control" : "bound"));
    return o->control ? control(result, plan, o, path) : bound(result, plan, o, path);
}

static vc_status simulate(json_t *result, simulate_options *o, const char *path)
{
    vc_plan plan;
    VC_TRY(vc_plan_read(&plan, path));
    vc_status status = set_head_dim(o, &plan, path);
    if (status == VC_OK)
        status = run(result, o, &plan, path);
    vc_plan_close(&plan);
    return status;
}

static void print_numbers(const json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value)
        if (json_is_integer(value))
            printf("%s%-20s %lld\n", prefix, key, (long long)json_integer_value(value));
        else if (json_is_real(value))
            printf("%s%-20s %.0f\n", prefix, key, json_real_value(value));
}

static void print_text(const json_t *result)
{
    int control_run = strcmp(json_string_value(json_object_get(result, "kind")), "control") == 0;
    puts(control_run ? "control (published formulas), cycles" : "lower bound, cycles at 500 MHz");
    puts("attention");
    print_numbers(json_object_get(result, "attention"), "  ");
    json_t *all = json_object_get(result, "end_to_end");
    if (json_is_object(all)) {
        puts("end to end");
        print_numbers(all, "  ");
    }
    static const char *const totals[] = {"linear", "ffn"};
    for (size_t i = 0; control_run && i < 2; i++)
        printf("%-22s %lld\n", totals[i],
               (long long)json_integer_value(json_object_get(result, totals[i])));
}

static int run_simulate(const cli_command *command, int argc, char **argv)
{
    simulate_options o = {.ratio = NAN};
    const cli_option options[] = {
        {"model", "FILE", "the model the plan is for: adds end to end", CLI_TEXT, &o.model},
        {"autoencoder", "FILE", "with the model: the auto-encoder's weights", CLI_TEXT,
         &o.autoencoder},
        {"heads", "N", "with the model: attention heads, where the file does not say", CLI_COUNT,
         &o.heads},
        {"image-size", "N", "with the model: pixels along an image's side", CLI_COUNT,
         &o.image_size},
        {"control", NULL, "the published simulator's formulas instead of the bound", CLI_FLAG,
         &o.control},
        {"head-dim", "N", "values per head, without a model (default 64)", CLI_COUNT, &o.head_dim},
        {"compressed", "N", "heads of compressed Q and K, without a model (default: none)",
         CLI_COUNT, &o.compressed},
        {"ratio", "X", "control: the auto-encoder's ratio (default 0.667)", CLI_NUMBER, &o.ratio},
        {"embed-dim", "N", "control: model width, adds the linear part", CLI_COUNT, &o.embed_dim},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.control && (o.model || o.compressed))
        return cli_usage(command, "--control takes --head-dim, --ratio and --embed-dim alone");
    if (!o.control && (!isnan(o.ratio) || o.embed_dim))
        return cli_usage(command, "--ratio and --embed-dim belong to --control");
    if (!o.model && (o.autoencoder || o.heads || o.image_size))
        return cli_usage(command, "--autoencoder, --heads and --image-size belong to --model");
    if (o.model && (o.head_dim || o.compressed))
        return cli_usage(command, "--model brings its own --head-dim and --compressed");
    o.ratio = isnan(o.ratio) ? DEFAULT_RATIO : o.ratio;
    json_t *result = cli_result(command, &common);
    vc_status done = simulate(result, &o, arguments.positional[0]);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_simulate = {
    "simulate", "cycles of a plan on the ViTCoD accelerator", "PLAN [--model MODEL] [--control]",
    "Counts cycles for a plan: a lower bound for 512 MACs and 76.8 GB/s, everything overlapping, or,\n"
    "with --control, the published simulator's loop counts exactly. docs/simulator.md has equations\n"
    "and assumptions.",
    run_simulate};
