#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"

typedef struct import_options {
    cli_model_options model;
    const char *output;
} import_options;

typedef struct import_result {
    char plan_hash[VC_PLAN_HASH_TEXT], guessed[VC_GUESSES_TEXT];
    const char *checkpoint, *model, *architecture;
    size_t tensors, values;
    const char **left_out; /* names that belong to `opened` */
    size_t left_out_count;
    vc_model *opened;
} import_result;

static const vc_field result_fields[] = {
    {VC_FIELD(import_result, plan_hash, "", "of the plan inside"), VC_KNOWN},
    {VC_FIELD(import_result, checkpoint, "", "file that was read")},
    {VC_FIELD(import_result, model, "", "file that was written")},
    {VC_FIELD(import_result, architecture, "", "family")},
    {VC_FIELD(import_result, guessed, "", "what no file and no option says"), VC_KNOWN},
    {VC_FIELD(import_result, tensors, "", "tensors that were written")},
    {VC_FIELD(import_result, values, "", "numbers in them")},
    {VC_FIELD_LIST(import_result, left_out, left_out_count, "left_out", "",
                   "tensors of the checkpoint that no model needs")},
};
static const vc_record result_record = VC_RECORD("import", import_result, result_fields);

static vc_status list_left_out(import_result *result)
{
    while (vc_model_left_out(result->opened, result->left_out_count))
        result->left_out_count++;
    result->left_out = calloc(result->left_out_count + 1, sizeof *result->left_out);
    if (!result->left_out)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < result->left_out_count; i++)
        result->left_out[i] = vc_model_left_out(result->opened, i);
    return VC_OK;
}

static vc_status import(import_result *result, const import_options *o)
{
    VC_TRY(cli_open_model(&result->opened, &o->model, CLI_RUN));
    const vc_model *model = result->opened;
    result->checkpoint = o->model.path;
    result->model = o->output;
    result->architecture = vc_model_family(&model->config);
    result->tensors = model->param_count;
    for (size_t i = 0; i < model->param_count; i++)
        result->values += model->params[i].count;
    cli_model_plan_hash(result->plan_hash, model);
    vc_model_guesses(result->guessed, &model->config);
    VC_TRY(list_left_out(result));
    return vc_model_write(o->output, model);
}

static void print_text(const void *result)
{
    const import_result *r = result;
    printf("%s: %s of %zu tensors, %zu values%s\n", r->model, r->architecture, r->tensors,
           r->values, r->plan_hash[0] ? ", a plan inside" : "");
    if (r->guessed[0])
        printf("guessed, and written as such: %s\n", r->guessed);
    if (r->left_out_count > 0)
        printf("left out: %zu tables and statistics that no model needs (--json names them)\n",
               r->left_out_count);
}

static int run_import(const cli_command *command, int argc, char **argv)
{
    import_options o = {0};
    const cli_option options[] = {
        {"output", "FILE", "the model (safetensors, timm's names)", CLI_STREAM, &o.output,
         .form = &cli_form_model},
        {"autoencoder", "FILE", "put this auto-encoder's weights in as well", CLI_TEXT,
         &o.model.autoencoder, .files = "safetensors"},
        {"plan", "FILE|none", "put this plan in as well, or none: leave out the one inside",
         CLI_TEXT, &o.model.plan, .files = "safetensors"},
        CLI_IMAGE_SIZE_OPTION(o.model),
        CLI_WEIGHTS_OPTION(o.model),
        CLI_INPUT_OPTIONS(o.model),
        CLI_TOLD_OPTIONS(o.model),
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
    status = cli_check_model_options(command, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    import_result result = {0};
    status = cli_end(command, &common, import(&result, &o), &result, print_text);
    free(result.left_out);
    vc_model_close(result.opened);
    return status;
}

const cli_command cmd_import = {
    "import",
    "a checkpoint as safetensors with timm's names",
    "CHECKPOINT -o MODEL [--plan PLAN] [--autoencoder FILE]",
    "Reads a checkpoint of a ViT (DeiT, DINO, DINOv2, CLIP's image tower, ..) or LeViT, as timm, "
    "transformers, the original releases or ViTCoD's finetuning wrote it: safetensors, or "
    "PyTorch's zip format (.pth), of which nothing is executed. Values are kept bit for bit "
    "(another --image-size interpolates a DeiT's position embeddings); names become timm's. Every "
    "other command reads these checkpoints as well: what import adds is speed, and a file that "
    "anything can read. With --plan and --autoencoder one file holds all that inference needs, and "
    "every verb takes it as its MODEL.",
    run_import,
    &result_record,
    "vitcod import deit_tiny_patch16_224.pth -o deit_tiny.safetensors\n"
    "vitcod import deit_tiny.safetensors --plan plan.safetensors \\\n"
    "    -o sparse.safetensors"};
