#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "coded.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/group_files.h"
#include "vitcod/plan_summary.h"

typedef struct info_attention {
    char group[32];
    size_t layers, heads, queries, keys, head_dim, value_dim, compressed_heads;
    const char *compressed_of;
} info_attention;

typedef struct info_result {
    const char *model, *architecture;
    size_t image, channels, classes, parameters;
    uint64_t macs, attention_macs;
    json_t *sizes; /* the family's own */
    info_attention attention[VC_MOST_GROUPS], *groups;
    size_t group_count;
    uint64_t macs_by_operator[VC_OP_COUNT];
    json_t *ops;
    bool has_plan, inside;
    vc_plan_summary plan;
} info_result;

static const vc_field attention_fields[] = {
    {VC_FIELD(info_attention, group, "", "layers of one shape; \"\": all")},
    {VC_FIELD(info_attention, layers, "", "of the group")},
    {VC_FIELD(info_attention, heads, "", "of a layer")},
    {VC_FIELD(info_attention, queries, "", "tokens that ask")},
    {VC_FIELD(info_attention, keys, "", "tokens that are asked")},
    {VC_FIELD(info_attention, head_dim, "", "values of a query and of a key")},
    {VC_FIELD(info_attention, value_dim, "", "values of a value")},
    {VC_FIELD(info_attention, compressed_heads, "", "of the auto-encoder; 0: none")},
    {VC_FIELD(info_attention, compressed_of, "", "qk, q, k or nothing")},
};
static const vc_record attention_record = VC_RECORD("attention", info_attention, attention_fields);

#define INFO_OP_NAME(name, text, work, precision, part) text,
static const char *const op_names[] = {VC_OP_MAP(INFO_OP_NAME) NULL};
#undef INFO_OP_NAME

static const vc_field plan_fields[] = {
    {VC_FIELD_INLINE(info_result, plan, &vc_plan_summary_record)},
    {VC_FIELD(info_result, inside, "", "the plan lies in the model's file")},
};
static const vc_record plan_record = VC_RECORD("plan", info_result, plan_fields);

static const vc_field result_fields[] = {
    {VC_FIELD(info_result, model, "", "file or preset")},
    {VC_FIELD(info_result, architecture, "", "family")},
    {VC_FIELD(info_result, image, "", "pixels along an image's side")},
    {VC_FIELD(info_result, channels, "", "of an image")},
    {VC_FIELD(info_result, classes, "", "that it tells apart; 0: no classifier")},
    {VC_FIELD(info_result, parameters, "", "learnt numbers")},
    {VC_FIELD(info_result, macs, "MAC", "multiply-adds of one image")},
    {VC_FIELD(info_result, attention_macs, "MAC", "of them between the projections")},
    {VC_FIELD_INLINE_JSON(info_result, sizes)},
    {VC_FIELD_RECORDS(info_result, groups, group_count, "attention", &attention_record,
                      "by group of layers")},
    {VC_FIELD_BY_WORD(info_result, macs_by_operator, op_names, "macs_by_operator", "MAC",
                      "of one image"),
     .skip_zeros = true},
    {VC_FIELD(info_result, ops, "", "every operator, as a workload's file has it")},
    {VC_FIELD_SELF(info_result, "plan", &plan_record, "that attention is on"),
     VC_WHEN(info_result, has_plan)},
};
static const vc_record result_record = VC_RECORD("info", info_result, result_fields);

/* The attentions, group by group: layers in a group have one shape. */
static void describe_attention(info_result *result, const vc_model_config *config)
{
    result->groups = result->attention;
    for (size_t g = 0; g < vc_model_groups(config); g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        info_attention *a = &result->groups[result->group_count++];
        *a = (info_attention){.layers = group.count,
                              .heads = l.heads,
                              .queries = l.queries,
                              .keys = l.keys,
                              .head_dim = l.head_dim,
                              .value_dim = l.value_dim,
                              .compressed_heads = vc_model_coded_width(l.compressed),
                              .compressed_of = vc_model_coded_word(l.compressed)};
        snprintf(a->group, sizeof a->group, "%s", group.name);
    }
}

static vc_status describe_work(info_result *result, const vc_model_config *config,
                               const vc_plan *plan)
{
    vc_workload workload = {0};
    VC_TRY(vc_model_lower(&workload, config, plan));
    result->macs = vc_workload_macs(&workload, 0);
    result->attention_macs = vc_workload_macs(&workload, 1);
    for (size_t i = 0; i < workload.count; i++)
        result->macs_by_operator[workload.ops[i].kind] += workload.ops[i].macs;
    json_t *all = vc_workload_json(&workload);
    result->ops = json_incref(json_object_get(all, "ops"));
    json_decref(all);
    vc_workload_close(&workload);
    return result->ops ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for the operators");
}

/* `plan`: NULL where attention is dense. */
static vc_status describe(info_result *result, const vc_model_config *config, const vc_plan *plan,
                          const cli_model_options *options)
{
    const vc_model_input input = vc_model_input_of(config);
    VC_TRY(vc_model_parameters(&result->parameters, config));
    VC_TRY(describe_work(result, config, plan));
    result->model = options->arch ? options->arch : options->path;
    result->architecture = vc_model_family(config);
    result->image = input.width;
    result->channels = input.channels;
    result->classes = input.classes;
    result->sizes = vc_model_describe(config);
    if (!result->sizes)
        return vc_fail(VC_ENOMEM, "out of memory for the sizes");
    describe_attention(result, config);
    result->has_plan = plan != NULL;
    result->inside = !options->plan;
    return plan ? vc_plan_summarize(&result->plan, plan) : VC_OK;
}

static vc_status describe_preset(info_result *result, const cli_model_options *options)
{
    vc_model_config config;
    vc_plan plan;
    VC_TRY(cli_preset(&config, options));
    if (!options->plan || cli_is_none(options->plan))
        return describe(result, &config, NULL, options);
    VC_TRY(vc_plan_read(&plan, options->plan));
    vc_status status = vc_model_check_plan(&config, &plan, options->plan);
    if (status == VC_OK)
        status = describe(result, &config, &plan, options);
    vc_plan_close(&plan);
    return status;
}

static vc_status open_and_describe(info_result *result, const cli_model_options *options)
{
    vc_model *model;
    if (options->arch)
        return describe_preset(result, options);
    VC_TRY(cli_open_model(&model, options, CLI_RUN));
    const vc_status status = describe(result, &model->config, vc_model_plan(model), options);
    vc_model_close(model);
    return status;
}

static void print_number(const char *name, uint64_t value)
{
    printf("  %-18s %llu\n", name, (unsigned long long)value);
}

/* Sizes of the family's, where it has them. */
static void print_sizes(const json_t *sizes, const char *const *keys)
{
    for (; *keys; keys++) {
        const json_t *value = json_object_get(sizes, *keys);
        if (json_is_integer(value))
            print_number(*keys, (uint64_t)json_integer_value(value));
        else if (json_string_length(value) > 0)
            printf("  %-18s %s\n", *keys, json_string_value(value));
    }
}

static void print_numbers(const info_result *r)
{
    static const char *const patch[] = {"patch", NULL};
    static const char *const rest[] = {
        "tokens", "width", "depth", "heads", "hidden", "compressed_heads", "compressed_of", NULL};
    print_number("image", r->image);
    print_sizes(r->sizes, patch);
    print_number("channels", r->channels);
    print_number("classes", r->classes);
    print_sizes(r->sizes, rest);
    print_number("parameters", r->parameters);
    print_number("macs", r->macs);
    print_number("attention_macs", r->attention_macs);
}

static void print_plan(const info_result *r)
{
    const vc_plan_summary *p = &r->plan;
    int32_t least = INT32_MAX, most = 0;
    for (size_t l = 0; l < p->layers; l++)
        for (size_t h = 0; h < p->global_tokens[l].heads; h++) {
            const int32_t n = p->global_tokens[l].of_heads[h];
            least = n < least ? n : least;
            most = n > most ? n : most;
        }
    printf("plan%s: %.2f %% pruned, %d to %d global tokens in a head, threshold %llu\n",
           r->inside ? " inside" : "", 100.0 * (1.0 - p->kept_share), least, most,
           (unsigned long long)p->threshold);
}

static void print_text(const void *result)
{
    const info_result *r = result;
    printf("%s: %s\n", r->model, r->architecture);
    print_numbers(r);
    puts("attention     layers  heads  queries   keys  head dim  value dim  compressed");
    for (size_t g = 0; g < r->group_count; g++) {
        const info_attention *a = &r->groups[g];
        printf("  %-11s %6zu %6zu %8zu %6zu %9zu %10zu %8s %3zu\n", a->group, a->layers, a->heads,
               a->queries, a->keys, a->head_dim, a->value_dim, a->compressed_of,
               a->compressed_heads);
    }
    if (r->has_plan)
        print_plan(r);
    puts("operator               MACs   share");
    for (size_t k = 0; k < VC_OP_COUNT; k++)
        if (r->macs_by_operator[k])
            printf("  %-11s %13llu  %5.1f %%\n", op_names[k],
                   (unsigned long long)r->macs_by_operator[k],
                   100.0 * (double)r->macs_by_operator[k] / (double)r->macs);
}

static int run_info(const cli_command *command, int argc, char **argv)
{
    cli_model_options o = {0};
    const cli_option options[] = {
        {"arch", "NAME", "instead of MODEL: a preset by timm's name", CLI_TEXT, &o.arch},
        {"autoencoder", "FILE", "a file with the auto-encoder's weights", CLI_TEXT, &o.autoencoder},
        {"plan", "FILE", "attention on this plan, or none (default: the one inside MODEL, if any)",
         CLI_TEXT, &o.plan},
        CLI_IMAGE_SIZE_OPTION(o),
        {"heads", "N", "attention heads, where the file does not say", CLI_COUNT, &o.heads},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    status = cli_take_model(command, &o, &arguments, &common);
    if (status != CLI_CONTINUE)
        return status;
    info_result result = {0};
    const vc_status done = open_and_describe(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    vc_record_free(&vc_plan_summary_record, &result.plan);
    json_decref(result.sizes);
    json_decref(result.ops);
    return status;
}

const cli_command cmd_info = {
    "info",
    "sizes, parameters and MACs of a model",
    "MODEL|--arch NAME [options]",
    "Says what a checkpoint, or a preset, holds: layers, learnt parameters, the plan inside, and "
    "the MACs\nof each operator for one image, with dense attention or on a plan. Presets are "
    "timm's names:\ndeit_tiny_patch16_224, deit_small_.., deit_base_.., "
    "deit_base_patch16_384,\ndeit_tiny_distilled_patch16_224, .., levit_128s, levit_128, "
    "levit_192, levit_256, levit_384.",
    run_info,
    &result_record};
