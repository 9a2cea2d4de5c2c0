#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"

/* On the plan, when there is one. */
static vc_status lower(vc_workload *out, const vc_model *model, const char *plan_path)
{
    vc_plan plan;
    if (!plan_path)
        return vc_model_lower(out, &model->config, NULL);
    VC_TRY(vc_plan_read(&plan, plan_path));
    vc_status status = vc_model_lower(out, &model->config, &plan);
    vc_plan_close(&plan);
    return status;
}

static vc_status describe(json_t *result, const char *path, const cli_model_options *options)
{
    vc_model *model;
    VC_TRY(cli_open_model(&model, path, options, 0));
    const vc_deit_config *c = &model->config.deit;
    vc_workload workload = {0};
    vc_status status = lower(&workload, model, options->plan);
    size_t parameters = 0;
    for (size_t i = 0; i < model->param_count; i++)
        parameters += model->params[i].count;
    if (status == VC_OK) {
        json_object_update_new(
            result,
            json_pack(
                "{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I}",
                "model", cli_text(path), "architecture", "deit", "image", (json_int_t)c->image,
                "patch", (json_int_t)c->patch, "channels", (json_int_t)c->channels, "classes",
                (json_int_t)c->classes, "tokens", (json_int_t)vc_deit_tokens(c), "width",
                (json_int_t)c->width, "depth", (json_int_t)c->depth, "heads", (json_int_t)c->heads,
                "hidden", (json_int_t)c->hidden, "distilled", c->distilled, "compressed_heads",
                (json_int_t)c->compressed_heads, "parameters", (json_int_t)parameters, "macs",
                (json_int_t)vc_workload_macs(&workload, 0), "attention_macs",
                (json_int_t)vc_workload_macs(&workload, 1)));
        json_object_update_new(result, vc_workload_json(&workload));
    }
    vc_workload_close(&workload);
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    static const char *const keys[] = {
        "image", "patch",  "channels",         "classes",    "tokens", "width",         "depth",
        "heads", "hidden", "compressed_heads", "parameters", "macs",   "attention_macs"};
    printf("%s: DeiT\n", json_string_value(json_object_get(result, "model")));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        printf("  %-18s %lld\n", keys[i],
               (long long)json_integer_value(json_object_get(result, keys[i])));
}

static int run_info(const cli_command *command, int argc, char **argv)
{
    cli_model_options o = {0};
    const cli_option options[] = {
        {"autoencoder", "FILE", "safetensors with the auto-encoder's weights", CLI_TEXT,
         &o.autoencoder},
        {"plan", "FILE", "count the MACs of attention on this plan", CLI_TEXT, &o.plan},
        {"heads", "N", "attention heads, where the file does not say", CLI_COUNT, &o.heads},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    vc_status done = describe(result, arguments.positional[0], &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_info = {
    "info", "sizes, parameters and MACs of a model", "MODEL [options]",
    "Says what a checkpoint holds. MACs are for one image, of dense attention\n"
    "or on a plan.",
    run_info};
