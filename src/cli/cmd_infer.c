#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/clock.h"
#include "vitcod/engine_pass.h"
#include "vitcod/image_array.h"
#include "vitcod/loss.h"
#include "vitcod/npy.h"

typedef struct infer_options {
    cli_model_options model;
    const char *input, *output;
    size_t batch;
    int reconstruction;
    cli_engine_options engine;
} infer_options;

typedef struct infer_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *split;
    double seconds, reconstruction_loss;
    size_t images, *top1_class;
    bool classifies;
} infer_result;

static const vc_field result_fields[] = {
    {VC_FIELD(infer_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD(infer_result, split, "", CLI_SPLIT_MEANING)},
    {VC_FIELD(infer_result, seconds, "s", "for all images, without opening the model")},
    {VC_FIELD(infer_result, images, "", "images that were read")},
    {VC_FIELD_LIST(infer_result, top1_class, images, "top1_class", "", "likeliest class of each"),
     VC_WHEN(infer_result, classifies)},
    {VC_FIELD(infer_result, reconstruction_loss, "", "mean squared error of the auto-encoder"),
     VC_KNOWN},
};
static const vc_record result_record = VC_RECORD("infer", infer_result, result_fields);

static vc_status run_all(float *logits, infer_result *result, const infer_options *o,
                         const vc_model *model, const vc_tensor *x, size_t batch)
{
    const vc_engine_options how = cli_engine_how(&o->engine, model, batch);
    vc_engine_pass pass;
    result->split = vc_pattern_split_name(vc_engine_split(model, &how));
    VC_TRY(vc_engine_pass_open(&pass, model, &how));
    const vc_runner runner = vc_engine_runner(&pass);
    const double started = vc_clock_seconds();
    const vc_status status = vc_run_images(logits, &runner, model, x->data, x->shape[0]);
    result->seconds = vc_clock_seconds() - started;
    vc_engine_pass_close(&pass);
    return status;
}

static vc_status infer(infer_result *result, const infer_options *o, const vc_model *model,
                       const vc_tensor *x)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t images = x->shape[0], outputs = input.outputs;
    const size_t batch = o->batch && o->batch < images ? o->batch : images;
    float *logits = malloc(images * outputs * sizeof *logits);
    if (!logits)
        return vc_fail(VC_ENOMEM, "out of memory for %zu logits", images * outputs);
    const size_t width = vc_model_layer(&model->config, vc_model_layers(&model->config) - 1).width;
    const int tokens = o->model.features && strcmp(o->model.features, "tokens") == 0;
    const vc_tensor made = {VC_F32, 2, {images, outputs}, logits},
                    by_token = {VC_F32, 3, {images, outputs / width, width}, logits};
    result->images = images;
    result->classifies = input.classes > 0;
    vc_status status = run_all(logits, result, o, model, x, batch);
    if (status == VC_OK)
        status = vc_tensor_check_finite(&made, o->input, "logits");
    if (status == VC_OK && result->classifies)
        status = vc_first_classes(&result->top1_class, logits, images, outputs);
    if (status == VC_OK && o->output)
        status = vc_npy_write(o->output, tokens ? &by_token : &made);
    if (status == VC_OK && o->reconstruction)
        status = vc_images_reconstruction(&result->reconstruction_loss, model, x->data, images);
    free(logits);
    return status;
}

static vc_status open_and_infer(infer_result *result, const infer_options *o)
{
    vc_model *model;
    vc_npy input;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    vc_status status = vc_image_array_open(&input, o->input, model);
    if (status == VC_OK) {
        status = infer(result, o, model, &input.tensor);
        vc_npy_close(&input);
    }
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const infer_result *r = result;
    for (size_t i = 0; r->classifies && i < r->images; i++)
        printf("image %zu: class %zu\n", i, r->top1_class[i]);
}

static int run_infer(const cli_command *command, int argc, char **argv)
{
    infer_options o = {.batch = 8};
    const cli_option options[] = {
        {"input", "FILE", "npy, float32 (N, channels, H, W), normalised", CLI_TEXT, &o.input,
         .files = "npy"},
        {"output", "FILE", "npy of logits (N, classes) or features", CLI_STREAM, &o.output,
         .form = &cli_form_logits},
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        {"features", "cls|pool|tokens",
         "instead of logits (N, C): the class token or what the head reads; (N, T, C): all tokens",
         CLI_TEXT, &o.model.features},
        {"batch", "N", "images at once, 0 for all (default 8)", CLI_COUNT, &o.batch},
        CLI_ENGINE_OPTIONS(o.engine),
        CLI_CACHE_OPTION(o.engine),
        {"reconstruction", NULL, "also measure what the auto-encoder loses", CLI_FLAG,
         &o.reconstruction},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.input)
        return cli_usage(command, "--input FILE is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_take_engine(command, &o.engine, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    infer_result result = {.reconstruction_loss = NAN};
    const vc_status done = open_and_infer(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    free(result.top1_class);
    return status;
}

const cli_command cmd_infer = {
    "infer",
    "run a model on an npy array of images",
    "MODEL|--arch NAME --input X.npy [-o LOGITS.npy]",
    "Runs a model on normalised images and writes the logits, or features; without a head it has "
    "features alone, those of pool. Attention is dense, under a mask, "
    "or sparse on a plan.",
    run_infer,
    &result_record,
    "vitcod infer deit_tiny.safetensors --input images.npy -o logits.npy"};
