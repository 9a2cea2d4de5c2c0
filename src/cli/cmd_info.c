#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "coded.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"

/* The attentions, group by group: layers in a group have one shape. */
static json_t *attention_json(const vc_model_config *config)
{
    json_t *list = json_array();
    for (size_t g = 0; g < vc_model_groups(config); g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        json_array_append_new(
            list,
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "group", group.name,
                      "layers", (json_int_t)group.count, "heads", (json_int_t)l.heads, "queries",
                      (json_int_t)l.queries, "keys", (json_int_t)l.keys, "head_dim",
                      (json_int_t)l.head_dim, "value_dim", (json_int_t)l.value_dim,
                      "compressed_heads", (json_int_t)vc_model_coded_width(l.compressed),
                      "compressed_of", vc_model_coded_word(l.compressed)));
    }
    return list;
}

static json_t *macs_json(const vc_workload *workload)
{
    uint64_t macs[VC_OP_COUNT] = {0};
    json_t *object = json_object();
    for (size_t i = 0; i < workload->count; i++)
        macs[workload->ops[i].kind] += workload->ops[i].macs;
    for (int kind = 0; kind < VC_OP_COUNT; kind++)
        if (macs[kind])
            json_object_set_new(object, vc_op_name((vc_op_kind)kind),
                                json_integer((json_int_t)macs[kind]));
    return object;
}

/* `plan`: NULL where attention is dense. */
static vc_status describe(json_t *result, const vc_model_config *config, const vc_plan *plan,
                          const cli_model_options *options)
{
    const vc_model_input input = vc_model_input_of(config);
    vc_workload workload = {0};
    size_t parameters;
    VC_TRY(vc_model_parameters(&parameters, config));
    VC_TRY(vc_model_lower(&workload, config, plan));
    json_object_update_new(
        result,
        json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "model",
                  vc_json_text(options->arch ? options->arch : options->path), "architecture",
                  vc_model_family(config), "image", (json_int_t)input.width, "channels",
                  (json_int_t)input.channels, "classes", (json_int_t)input.classes, "parameters",
                  (json_int_t)parameters, "macs", (json_int_t)vc_workload_macs(&workload, 0),
                  "attention_macs", (json_int_t)vc_workload_macs(&workload, 1)));
    json_object_update_new(result, vc_model_describe(config));
    json_object_set_new(result, "attention", attention_json(config));
    json_object_set_new(result, "macs_by_operator", macs_json(&workload));
    json_object_update_new(result, vc_workload_json(&workload));
    vc_workload_close(&workload);
    if (plan) {
        json_t *about = cli_plan_json(plan);
        json_object_set_new(about, "inside", json_boolean(!options->plan));
        json_object_set_new(result, "plan", about);
    }
    return VC_OK;
}

static vc_status describe_preset(json_t *result, const cli_model_options *options)
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

static vc_status open_and_describe(json_t *result, const cli_model_options *options)
{
    vc_model *model;
    if (options->arch)
        return describe_preset(result, options);
    VC_TRY(cli_open_model(&model, options, CLI_RUN));
    const vc_plan *plan = vc_model_plan(model);
    const vc_status status = describe(result, &model->config, plan, options);
    vc_model_close(model);
    return status;
}

static void print_numbers(const json_t *result)
{
    static const char *const keys[] = {
        "image",         "patch",      "channels", "classes",       "tokens",
        "width",         "depth",      "heads",    "hidden",        "compressed_heads",
        "compressed_of", "parameters", "macs",     "attention_macs"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(result, keys[i]);
        if (json_is_integer(value))
            printf("  %-18s %lld\n", keys[i], (long long)json_integer_value(value));
        else if (json_string_length(value) > 0)
            printf("  %-18s %s\n", keys[i], json_string_value(value));
    }
}

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_plan(const json_t *plan)
{
    size_t l, h;
    json_t *heads, *count;
    json_int_t least = -1, most = 0;
    if (!plan)
        return;
    json_array_foreach (json_object_get(plan, "global_tokens"), l, heads)
        json_array_foreach (heads, h, count) {
            const json_int_t n = json_integer_value(count);
            least = least < 0 || n < least ? n : least;
            most = n > most ? n : most;
        }
    printf("plan%s: %.2f %% pruned, %lld to %lld global tokens in a head, threshold %lld\n",
           json_is_true(json_object_get(plan, "inside")) ? " inside" : "",
           100.0 * (1.0 - json_real_value(json_object_get(plan, "kept_share"))), (long long)least,
           (long long)most, number(plan, "threshold"));
}

static void print_text(const json_t *result)
{
    size_t i;
    const char *kind;
    json_t *value;
    printf("%s: %s\n", json_string_value(json_object_get(result, "model")),
           json_string_value(json_object_get(result, "architecture")));
    print_numbers(result);
    puts("attention     layers  heads  queries   keys  head dim  value dim  compressed");
    json_array_foreach (json_object_get(result, "attention"), i, value)
        printf("  %-11s %6lld %6lld %8lld %6lld %9lld %10lld %8s %3lld\n",
               json_string_value(json_object_get(value, "group")), number(value, "layers"),
               number(value, "heads"), number(value, "queries"), number(value, "keys"),
               number(value, "head_dim"), number(value, "value_dim"),
               json_string_value(json_object_get(value, "compressed_of")),
               number(value, "compressed_heads"));
    print_plan(json_object_get(result, "plan"));
    puts("operator               MACs   share");
    json_object_foreach (json_object_get(result, "macs_by_operator"), kind, value)
        printf("  %-11s %13lld  %5.1f %%\n", kind, (long long)json_integer_value(value),
               100.0 * (double)json_integer_value(value) / (double)number(result, "macs"));
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
    json_t *result = cli_result(command, &common);
    vc_status done = open_and_describe(result, &o);
    return cli_finish(result, done, common.json, print_text);
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
    NULL};
