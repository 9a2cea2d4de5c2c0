#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_data.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/engine_pass.h"
#include "vitcod/equalize.h"
#include "vitcod/file.h"

typedef struct quantize_options {
    cli_model_options model;
    cli_data_options data;
    const char *output;
} quantize_options;

static vc_status run_over(json_t *result, const vc_model *model, const quantize_options *o,
                          const char *label, const vc_runner *runner)
{
    vc_source *source;
    vc_evaluation ignored;
    VC_TRY(cli_open_source(&source, &o->data, 0));
    vc_status status =
        cli_run_over_source(result, &ignored, model, source, &o->data, label, runner, NULL);
    vc_source_close(source);
    return status;
}

/* int8 beside fp32 on the same images. */
static vc_status compare(json_t *result, const char *key, const vc_model *model,
                         const quantize_options *o)
{
    vc_engine_options exact = vc_engine_options_default(), int8;
    vc_engine_comparison c;
    exact.batch = o->data.batch;
    int8 = exact;
    int8.precision = VC_IN_INT8;
    VC_TRY(vc_engine_comparison_open(&c, model, &exact, &int8));
    const vc_runner runner = vc_engine_comparison_runner(&c);
    const vc_status status = run_over(result, model, o, key, &runner);
    if (status == VC_OK)
        json_object_set_new(result, key,
                            json_pack("{s:f, s:f}", "same_class_percent",
                                      100.0 * (double)c.same / (double)c.images,
                                      "largest_logit_error", c.difference / c.largest));
    vc_engine_comparison_close(&c);
    return status;
}

static vc_status equalize(json_t *result, vc_model *model, const quantize_options *o)
{
    vc_channel_range range;
    vc_acts acts;
    VC_TRY(vc_channel_range_open(&range, model));
    vc_status status = vc_acts_open(&acts, model, o->data.batch, 1);
    if (status == VC_OK) {
        vc_observing_pass pass = {&acts, model, &range};
        const vc_runner runner = vc_observing_runner(&pass);
        status = run_over(result, model, o, "calibrating", &runner);
        vc_acts_close(&acts);
    }
    if (status == VC_OK)
        vc_model_equalize(model, &range);
    vc_channel_range_close(&range);
    return status;
}

static vc_status quantize(json_t *result, const quantize_options *o)
{
    vc_model *model;
    VC_TRY(vc_file_try(o->output));
    VC_TRY(cli_open_model(&model, &o->model, CLI_TRAIN));
    if (vc_model_plan(model))
        cli_add_plan_hash(result, vc_model_plan(model));
    vc_status status = compare(result, "before", model, o);
    if (status == VC_OK)
        status = equalize(result, model, o);
    if (status == VC_OK)
        status = compare(result, "after", model, o);
    if (status == VC_OK)
        status = vc_model_write_int8(o->output, model);
    json_object_set_new(result, "model", cli_text(o->output));
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    printf("%s: int8, same class as fp32 on %.2f %% of %lld images (%.2f %% before channels were "
           "evened out), largest error of a logit %.3f (%.3f)\n",
           json_string_value(json_object_get(result, "model")),
           vc_json_part_number(result, "after", "same_class_percent"),
           (long long)json_integer_value(json_object_get(result, "images")),
           vc_json_part_number(result, "before", "same_class_percent"),
           vc_json_part_number(result, "after", "largest_logit_error"),
           vc_json_part_number(result, "before", "largest_logit_error"));
}

static int run_quantize(const cli_command *command, int argc, char **argv)
{
    quantize_options o = {.data = cli_data_options_default("train")};
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o.data),
        {"output", "FILE", "the model, its matrices in int8", CLI_TEXT, &o.output},
        CLI_MODEL_OPTIONS(o.model),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.data.path)
        return cli_usage(command, "--data PATH is missing");
    if (!o.output)
        return cli_usage(command, "--output FILE is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    const vc_status done = quantize(result, &o);
    return cli_finish_data(result, done, &o.data, common.json, print_text);
}

const cli_command cmd_quantize = {
    "quantize",
    "a model whose matrices are int8, calibrated on images",
    "MODEL --data PATH -o QUANTIZED [--limit N]",
    "Evens out the channels behind every LayerNorm, as large as the images make them, against the\n"
    "weights that read them (SmoothQuant), which changes nothing in fp32; writes matrices in int8 with\n"
    "a scale per output; and says how far int8 is from fp32 on the images, before and after. Images\n"
    "need no labels. For DeiTs; `--dtype int8` quantizes any model as it is opened.",
    run_quantize,
    NULL};
