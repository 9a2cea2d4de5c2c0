#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/file.h"
#include "vitcod/onnx.h"
#include "vitcod/source.h"

typedef struct export_options {
    cli_model_options model;
    const char *output, *classes;
} export_options;

typedef struct export_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *model, *file;
    vc_onnx_info info;
    size_t class_names;
    bool of_int8;
} export_result;

static const vc_field result_fields[] = {
    {VC_FIELD(export_result, plan_hash, "", "of the plan that the graph follows"), VC_KNOWN},
    {VC_FIELD(export_result, model, "", "file that was read, or timm's name")},
    {VC_FIELD(export_result, file, "", "file that was written")},
    {VC_FIELD_INLINE(export_result, info, &vc_onnx_info_record)},
    {VC_FIELD(export_result, class_names, "", "names of classes in the metadata")},
    {VC_FIELD(export_result, of_int8, "", "whether the weights were int8, and are now fp32")},
};
static const vc_record result_record = VC_RECORD("export", export_result, result_fields);

/* The names in a class list, which belong to `source`; NULL without one. */
static vc_status read_names(const char ***out, vc_source **source, const export_options *o,
                            const vc_model *model)
{
    const vc_source_options how = {.classes = o->classes};
    const size_t classes = vc_model_input_of(&model->config).classes;
    *out = NULL;
    if (!o->classes)
        return VC_OK;
    VC_TRY(vc_source_of_files(source, NULL, 0, &how));
    const size_t named = vc_source_named(*source);
    if (named != classes)
        return vc_fail(VC_EINVAL, "%s: names %zu classes, the model has %zu", o->classes, named,
                       classes);
    *out = malloc(named * sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for the names of %zu classes", named);
    for (size_t i = 0; i < named; i++)
        (*out)[i] = vc_source_class_name(*source, i);
    return VC_OK;
}

static vc_status export_model(export_result *result, const export_options *o)
{
    vc_model *model;
    vc_source *source = NULL;
    const char **names = NULL;
    VC_TRY(vc_file_try(o->output));
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    vc_status status = read_names(&names, &source, o, model);
    const vc_onnx_options options = {.class_names =
                                         names ? names : (const char *const *)model->class_names};
    if (status == VC_OK)
        status = vc_onnx_write(&result->info, o->output, model, &options);
    result->model = o->model.path ? o->model.path : o->model.arch;
    result->file = o->output;
    result->class_names = names ? vc_source_named(source) : model->class_name_count;
    result->of_int8 = model->of_int8;
    free(names);
    vc_source_close(source);
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const export_result *r = result;
    const vc_onnx_info *i = &r->info;
    printf("%s: ONNX of opset %zu, %zu nodes, %.1f MB, images (batch, %zu, %zu, %zu) to %zu values",
           r->file, i->opset, i->nodes, (double)i->bytes / 1e6, i->channels, i->height, i->width,
           i->outputs);
    if (i->sparsity > 0.0)
        printf(", %s, %.2f %% pruned", i->method, 100.0 * i->sparsity);
    puts(r->of_int8 ? ", int8 weights as fp32" : "");
}

static int run_export(const cli_command *command, int argc, char **argv)
{
    export_options o = {0};
    const cli_option options[] = {
        {"output", "FILE", "the model (.onnx)", CLI_STREAM, &o.output, .form = &cli_form_onnx},
        {"classes", "FILE",
         "class list whose names go into the file: line i names class i (default: the model's)",
         CLI_TEXT, &o.classes, .files = "txt"},
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_INPUT_OPTIONS(o.model),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.output)
        return cli_usage(command, "-o FILE is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status != CLI_CONTINUE)
        return status;
    export_result result = {0};
    return cli_end(command, &common, export_model(&result, &o), &result, print_text);
}

const cli_command cmd_export = {
    "export",
    "a model as ONNX, for the engines that read it",
    "MODEL -o FILE.onnx [--classes FILE]",
    "Writes the model, with the mask or plan that it runs on, as one ONNX file (opset 17, fp32): "
    "masks, summaries and residual are constants of the graph, the auto-encoder and BatchNorm are "
    "folded into weights. Its input `images` is (batch, channels, height, width) for any batch, "
    "normalised as the metadata says; its output `logits` (batch, classes). The metadata names the "
    "model, its plan, its sparsity, how images are prepared, and the classes. Such engines compute "
    "what is pruned and drop it: the file has the answers of the sparse model, not its speed.",
    run_export,
    &result_record,
    "vitcod export deit_tiny.safetensors -o deit_tiny.onnx\n"
    "vitcod export sparse.safetensors --classes synsets.txt -o sparse.onnx"};
