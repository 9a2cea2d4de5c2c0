#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"

typedef struct import_options {
    cli_model_options model;
    const char *output;
} import_options;

static vc_status import(json_t *result, const import_options *o)
{
    vc_model *model;
    size_t values = 0;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    for (size_t i = 0; i < model->param_count; i++)
        values += model->params[i].count;
    vc_status status = vc_model_write(o->output, model);
    if (vc_model_plan(model))
        cli_add_plan_hash(result, vc_model_plan(model));
    json_object_update_new(result,
                           json_pack("{s:o, s:o, s:s, s:I, s:I}", "checkpoint",
                                     cli_text(o->model.path), "model", cli_text(o->output),
                                     "architecture", vc_model_family(&model->config), "tensors",
                                     (json_int_t)model->param_count, "values", (json_int_t)values));
    json_t *left_out = json_array();
    for (size_t i = 0; vc_model_left_out(model, i); i++)
        json_array_append_new(left_out, cli_text(vc_model_left_out(model, i)));
    json_object_set_new(result, "left_out", left_out);
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    printf("%s: %s of %lld tensors, %lld values%s\n",
           json_string_value(json_object_get(result, "model")),
           json_string_value(json_object_get(result, "architecture")),
           (long long)json_integer_value(json_object_get(result, "tensors")),
           (long long)json_integer_value(json_object_get(result, "values")),
           json_object_get(result, "plan_hash") ? ", a plan inside" : "");
    size_t left_out = json_array_size(json_object_get(result, "left_out"));
    if (left_out > 0)
        printf("left out: %zu tables and statistics that no model needs (--json names them)\n",
               left_out);
}

static int run_import(const cli_command *command, int argc, char **argv)
{
    import_options o = {0};
    const cli_option options[] = {
        {"output", "FILE", "the model (safetensors, timm's names)", CLI_TEXT, &o.output},
        {"autoencoder", "FILE", "put this auto-encoder's weights in as well", CLI_TEXT,
         &o.model.autoencoder},
        {"plan", "FILE", "put this plan in as well, or none: leave out the one inside", CLI_TEXT,
         &o.model.plan},
        CLI_IMAGE_SIZE_OPTION(o.model),
        {"heads", "N", "attention heads, where the file does not say", CLI_COUNT, &o.model.heads},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.output)
        return cli_usage(command, "-o FILE is missing");
    o.model.path = arguments.positional[0];
    json_t *result = cli_result(command, &common);
    vc_status done = import(result, &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_import = {
    "import", "a checkpoint as safetensors with timm's names",
    "CHECKPOINT -o MODEL [--plan PLAN] [--autoencoder FILE]",
    "Reads a checkpoint of DeiT (plain or distilled) or LeViT, as timm, the original releases or\n"
    "ViTCoD's finetuning wrote it: safetensors, or PyTorch's zip format (.pth), of which nothing is\n"
    "executed. Values are kept bit for bit (another --image-size interpolates a DeiT's position\n"
    "embeddings); names become timm's. Every other command reads these\n"
    "checkpoints as well: what import adds is speed, and a file that anything can read. With --plan and\n"
    "--autoencoder one file holds all that inference needs, and every verb takes it as its MODEL.",
    run_import};
