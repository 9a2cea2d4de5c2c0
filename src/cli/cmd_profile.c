#include <math.h>

#include "commands.h"
#include "profile.h"
#include "vitcod/file.h"

enum { MOST_HEAD_DIM = 4096, MOST_RUNS = 1000000 };

static const vc_field model_fields[] = {
    {VC_FIELD(cli_profile_result, model, "", "file or preset")},
    {VC_FIELD_INLINE(cli_profile_result, profile, &vc_profile_about_record)},
    {VC_FIELD(cli_profile_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD_INLINE(cli_profile_result, profile, &vc_profile_record)},
};
static const vc_record model_record = VC_RECORD("model", cli_profile_result, model_fields);

static const vc_field result_fields[] = {
    {VC_FIELD_WHOLE(cli_profile_result, &model_record), VC_WHEN(cli_profile_result, of_model)},
    {VC_FIELD_INLINE(cli_profile_result, attention, &vc_attention_record),
     VC_WHEN(cli_profile_result, of_attention)},
    {VC_FIELD_INLINE(cli_profile_result, lengths, &vc_lengths_record),
     VC_WHEN(cli_profile_result, of_lengths)},
    {VC_FIELD_INLINE(cli_profile_result, costs, &vc_costs_record),
     VC_WHEN(cli_profile_result, of_costs)},
    {VC_FIELD(cli_profile_result, split, "", CLI_SPLIT_MEANING), VC_KNOWN},
};
static const vc_record result_record = VC_RECORD("profile", cli_profile_result, result_fields);

/* What belongs to attention on a plan alone, or to the operators of a model alone. */
static int check(const cli_command *command, const cli_profile_options *o, int attention)
{
    if (o->runs != CLI_UNSET && (o->runs == 0 || o->runs > MOST_RUNS))
        return cli_usage(command, "--runs is %zu, wanted 1 to %d", o->runs, MOST_RUNS);
    if (o->head_dim != CLI_UNSET && (o->head_dim == 0 || o->head_dim > MOST_HEAD_DIM))
        return cli_usage(command, "--head-dim is %zu, wanted 1 to %d", o->head_dim, MOST_HEAD_DIM);
    const int status = cli_check_batch(command, o->batch);
    if (status != CLI_CONTINUE)
        return status;
    if (!attention && o->head_dim != CLI_UNSET)
        return cli_usage(command, "a model brings its own --head-dim");
    if (o->count && o->runs != CLI_UNSET)
        return cli_usage(command, "--count runs nothing, so there are no --runs");
    if (o->count && o->engine.device)
        return cli_usage(command, "--count runs nothing, so there is no --device");
    if (o->trace && (o->count || attention))
        return cli_usage(command,
                         "--trace is of a model that runs, not of --count or attention alone");
    if (attention && (o->count || o->engine.dtype || o->engine.device || o->model.arch))
        return cli_usage(command, "--count, --dtype, --device and --arch are for a model, not "
                                  "attention on a plan");
    if (attention && !o->model.path && vc_extent_area(o->model.image_size) != 0)
        return cli_usage(command, "--image-size belongs to --model");
    if (attention && o->model.path && o->head_dim != CLI_UNSET)
        return cli_usage(command, "a model brings its own --head-dim");
    return cli_check_engine_options(command, &o->engine);
}

static int finish(const cli_command *command, const cli_common *common, vc_status status,
                  cli_profile_result *result, void (*print_text)(const void *result))
{
    const int code = cli_end(command, common, status, result, print_text);
    vc_record_free(&result_record, result);
    return code;
}

static int run_attention(const cli_command *command, cli_profile_options *o,
                         const cli_common *common, const char *path)
{
    const char *plan = o->model.plan;
    if (plan || o->model.mask)
        return cli_usage(command, "the plan is the argument: no --plan and --mask beside it");
    if (!o->model.path && vc_plan_is(path) == VC_PLAN_INSIDE)
        o->model.path = path;
    const int status = check(command, o, 1);
    if (status != CLI_CONTINUE)
        return status;
    o->model.plan = "none";
    cli_profile_result result = {0};
    const vc_status done = cli_profile_attention(&result, o, path, common->seed);
    return finish(command, common, done, &result, cli_print_profile_attention);
}

static int run_model(const cli_command *command, cli_profile_options *o,
                     const cli_arguments *arguments, const cli_common *common)
{
    if (o->model.path)
        return cli_usage(command, "--model belongs to a PLAN");
    int status = cli_take_model(command, &o->model, arguments, common);
    if (status == CLI_CONTINUE)
        status = check(command, o, 0);
    if (status != CLI_CONTINUE)
        return status;
    if (o->trace && vc_file_try(o->trace) != VC_OK)
        return cli_fail();
    cli_profile_result result = {0};
    const vc_status done = cli_profile_model(&result, o);
    return finish(command, common, done, &result, cli_print_profile_model);
}

static int run_lengths(const cli_command *command, cli_profile_options *o,
                       const cli_arguments *arguments, const cli_common *common)
{
    if (!o->model.arch || arguments->count > 0)
        return cli_usage(command,
                         "--lengths wants --arch NAME, whose heads it takes, and no MODEL or PLAN");
    if (o->attention || o->count || o->trace || o->engine.dtype || o->engine.device ||
        o->model.plan || o->model.mask || o->model.path || o->head_dim != CLI_UNSET)
        return cli_usage(command, "beside --lengths: --linformer, --sparsity and --runs alone");
    if (o->linformer == 0)
        return cli_usage(command, "--linformer is 0, wanted 1 or more");
    const int status = check(command, o, 0);
    if (status != CLI_CONTINUE)
        return status;
    if (isnan(o->sparsity))
        o->sparsity = 0.9;
    o->model.seed = common->seed;
    cli_profile_result result = {0};
    const vc_status done = cli_profile_lengths(&result, o);
    return finish(command, common, done, &result, cli_print_profile_lengths);
}

static int run_costs(const cli_command *command, const cli_profile_options *o,
                     const cli_arguments *arguments, const cli_common *common)
{
    if (o->engine.device)
        return cli_usage(command, "--costs are the CPU's: wanted no --device");
    if (arguments->count > 0)
        return cli_usage(command, "--costs are the machine's, not a MODEL's or a PLAN's");
    cli_profile_result result = {0};
    const vc_status done = cli_profile_costs(&result);
    return finish(command, common, done, &result, cli_print_profile_costs);
}

static int run_profile(const cli_command *command, int argc, char **argv)
{
    cli_profile_options o = {.head_dim = CLI_UNSET,
                             .batch = 8,
                             .runs = CLI_UNSET,
                             .linformer = CLI_UNSET,
                             .sparsity = NAN};
    const cli_option options[] = {
        CLI_ARCH_OPTION(o.model),
        {"count", NULL, "only count: run nothing", CLI_FLAG, &o.count},
        {"lengths", "N,N,..", "attention at so many tokens: dense, Linformer's and sparse",
         CLI_TEXT, &o.lengths},
        {"linformer", "N",
         "with --lengths: tokens that keys are projected to (default: an eighth, to 256)",
         CLI_COUNT, &o.linformer},
        {"sparsity", "X", "with --lengths: share that is pruned (default 0.9)", CLI_NUMBER,
         &o.sparsity},
        {"costs", NULL, "only what an entry of attention costs here, which splits by cost go by",
         CLI_FLAG, &o.costs},
        {"trace", "FILE", "the last run's events, for chrome://tracing and Perfetto", CLI_WRITTEN,
         &o.trace, .form = &cli_form_trace},
        {"attention", NULL, "MODEL: only its attention, dense against sparse", CLI_FLAG,
         &o.attention},
        {"model", "MODEL", "PLAN: the model it is for", CLI_TEXT, &o.model.path},
        {"head-dim", "N", "PLAN: values per head, without a model (default 64)", CLI_COUNT,
         &o.head_dim},
        CLI_ENGINE_OPTIONS(o.engine),
        {"batch", "N", "images at once (default 8)", CLI_COUNT, &o.batch},
        {"runs", "N", "how often each is run (default 30; attention: 101)", CLI_COUNT, &o.runs,
         "repeats"},
        CLI_MODEL_OPTIONS(o.model),
    };
    cli_common common = {0};
    cli_arguments arguments;
    const int status = cli_parse(command, options, sizeof options / sizeof *options, &common,
                                 &arguments, 0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    const char *path = arguments.count > 0 ? arguments.positional[0] : NULL;
    if (o.costs)
        return run_costs(command, &o, &arguments, &common);
    if (o.lengths)
        return run_lengths(command, &o, &arguments, &common);
    if (o.linformer != CLI_UNSET || !isnan(o.sparsity))
        return cli_usage(command, "--linformer and --sparsity belong to --lengths");
    if (o.attention && !path)
        return cli_usage(command, "--attention wants a PLAN, or a MODEL with one inside");
    if (path && (o.attention || vc_plan_is(path) == VC_PLAN_ALONE))
        return run_attention(command, &o, &common, path);
    return run_model(command, &o, &arguments, &common);
}

const cli_command cmd_profile = {
    "profile",
    "where a model's operations, bytes and time go",
    "MODEL|--arch NAME [options]|PLAN [--model MODEL]|--arch NAME --lengths N,N,..",
    "Of a model: multiply-adds (MACs), operations, bytes moved and time on this CPU, by kind of "
    "work and by layer, dense, under a mask or on a plan; --count gives the first three without "
    "running anything. MACs are of products and convolutions, as publications count them. Of a "
    "PLAN, or with --attention of a MODEL that has one inside: attention on it is checked "
    "against dense attention under its mask, then timed against dense attention in turn; for "
    "plans whose layers have one square shape, a DeiT's. --lengths sets attention of one layer "
    "side by side, at any number of tokens: dense, Linformer's (one head of keys, which are the "
    "values too, projected to fewer tokens, as in ViTCoD's own profiles) and on ViTCoD's "
    "pattern. Ratios count; absolute times depend on the machine.",
    run_profile,
    &result_record,
    "vitcod profile sparse.safetensors\n"
    "vitcod profile plan.safetensors --model deit_tiny.safetensors"};
