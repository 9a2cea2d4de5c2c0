#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/clock.h"
#include "vitcod/loss.h"
#include "vitcod/npy.h"

typedef struct infer_options {
    cli_model_options model;
    const char *input, *output;
    size_t batch;
    int reconstruction;
    cli_engine_options engine;
} infer_options;

static vc_status run_all(float *logits, json_t *result, const infer_options *o,
                         const vc_model *model, const vc_tensor *x, size_t batch)
{
    const size_t images = x->shape[0], values = vc_model_image_values(&model->config),
                 outputs = vc_model_input_of(&model->config).outputs;
    const vc_engine_options how = cli_engine_how(&o->engine, batch);
    vc_engine *engine = NULL;
    vc_status status = vc_engine_open(&engine, model, &how);
    const double started = vc_clock_seconds();
    for (size_t done = 0; done < images && status == VC_OK; done += batch)
        status = vc_engine_run(engine, logits + done * outputs,
                               (const float *)x->data + done * values,
                               images - done < batch ? images - done : batch);
    json_object_set_new(result, "seconds", json_real(vc_clock_seconds() - started));
    vc_engine_close(engine);
    return status;
}

/* What the auto-encoder loses, over all images: the engine has it folded away. */
static vc_status measure_reconstruction(json_t *result, const vc_model *model, const vc_tensor *x)
{
    vc_acts acts;
    VC_TRY(vc_acts_open(&acts, model, x->shape[0], 0));
    vc_model_forward(&acts, model, x->data, x->shape[0], NULL);
    json_object_set_new(result, "reconstruction_loss",
                        json_real(vc_model_reconstruction(&acts, model)));
    vc_acts_close(&acts);
    return VC_OK;
}

static json_t *top_classes(const float *logits, size_t images, size_t classes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < images; i++)
        json_array_append_new(list, json_integer(vc_first_class(logits + i * classes, classes)));
    return list;
}

static vc_status infer(json_t *result, const infer_options *o, const vc_model *model,
                       const vc_tensor *x)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    size_t images = x->shape[0], outputs = input.outputs;
    size_t batch = o->batch && o->batch < images ? o->batch : images;
    float *logits = malloc(images * outputs * sizeof *logits);
    if (!logits)
        return vc_fail(VC_ENOMEM, "out of memory for %zu logits", images * outputs);
    vc_status status = run_all(logits, result, o, model, x, batch);
    json_object_set_new(result, "images", json_integer((json_int_t)images));
    if (status == VC_OK) {
        const vc_tensor made = {VC_F32, 2, {images, outputs}, logits};
        status = vc_tensor_check_finite(&made, o->input, "logits");
    }
    if (status == VC_OK) {
        if (input.classes > 0)
            json_object_set_new(result, "top1_class", top_classes(logits, images, outputs));
        const vc_tensor out = {VC_F32, 2, {images, outputs}, logits};
        if (o->output)
            status = vc_npy_write(o->output, &out);
    }
    if (status == VC_OK && o->reconstruction)
        status = measure_reconstruction(result, model, x);
    free(logits);
    return status;
}

static vc_status open_and_infer(json_t *result, const infer_options *o)
{
    vc_model *model;
    vc_npy input;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    if (vc_model_plan(model))
        cli_add_plan_hash(result, vc_model_plan(model));
    vc_status status = cli_open_images(&input, o->input, model);
    if (status == VC_OK) {
        status = infer(result, o, model, &input.tensor);
        vc_npy_close(&input);
    }
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    size_t i;
    json_t *value;
    json_array_foreach (json_object_get(result, "top1_class"), i, value)
        printf("image %zu: class %lld\n", i, (long long)json_integer_value(value));
}

static int run_infer(const cli_command *command, int argc, char **argv)
{
    infer_options o = {.batch = 8};
    const cli_option options[] = {
        {"input", "FILE", "npy, float32 (N, channels, H, W), normalised", CLI_TEXT, &o.input},
        {"output", "FILE", "npy of logits (N, classes)", CLI_TEXT, &o.output},
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        {"batch", "N", "images at once, 0 for all (default 8)", CLI_COUNT, &o.batch},
        CLI_ENGINE_OPTIONS(o.engine),
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
        status = cli_check_engine_options(command, &o.engine);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    vc_status done = open_and_infer(result, &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_infer = {
    "infer", "run a model on an npy array of images",
    "MODEL|--arch NAME --input X.npy [-o LOGITS.npy]",
    "Runs a model on normalised images and writes the logits. Attention is dense, under a mask, or\n"
    "sparse on a plan.",
    run_infer};
