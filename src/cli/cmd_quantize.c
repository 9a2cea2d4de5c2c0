#include <math.h>
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
#include "vitcod/plural.h"

typedef struct quantize_options {
    cli_model_options model;
    cli_data_options data;
    const char *output;
} quantize_options;

typedef struct quantize_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    cli_images seen;
    vc_engine_error before, after;
    const char *model;
} quantize_result;

static const vc_field result_fields[] = {
    {VC_FIELD(quantize_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD_INLINE(quantize_result, seen, &cli_images_record)},
    {VC_FIELD_RECORD(quantize_result, before, "before", &vc_engine_error_record,
                     "int8 against fp32 before channels were evened out")},
    {VC_FIELD_RECORD(quantize_result, after, "after", &vc_engine_error_record, "and afterwards")},
    {VC_FIELD(quantize_result, model, "", "file that was written")},
};
static const vc_record result_record = VC_RECORD("quantize", quantize_result, result_fields);

static vc_status run_over(quantize_result *result, const vc_model *model, const quantize_options *o,
                          const char *label, const vc_runner *runner)
{
    vc_source *source;
    vc_evaluation ignored;
    VC_TRY(cli_open_source(&source, &o->data, 0));
    vc_status status =
        cli_run_over_source(&result->seen, &ignored, model, source, &o->data, label, runner, NULL);
    vc_source_close(source);
    return status;
}

/* Images at once, which is room for activations: no more than there will be. */
static size_t batch_of(const quantize_options *o)
{
    return o->data.limit > 0 && o->data.limit < o->data.batch ? o->data.limit : o->data.batch;
}

/* int8 beside fp32 on the same images. */
static vc_status compare(vc_engine_error *out, quantize_result *result, const char *label,
                         const vc_model *model, const quantize_options *o)
{
    vc_engine_options exact = vc_engine_options_default(), int8;
    vc_engine_comparison c;
    exact.batch = batch_of(o);
    int8 = exact;
    int8.precision = VC_IN_INT8;
    cli_note_precision(VC_IN_INT8);
    VC_TRY(vc_engine_comparison_open(&c, model, &exact, &int8));
    const vc_runner runner = vc_engine_comparison_runner(&c);
    const vc_status status = run_over(result, model, o, label, &runner);
    if (status == VC_OK)
        *out = vc_engine_comparison_error(&c);
    vc_engine_comparison_close(&c);
    return status;
}

static vc_status equalize(quantize_result *result, vc_model *model, const quantize_options *o)
{
    vc_channel_range range;
    vc_acts acts;
    VC_TRY(vc_channel_range_open(&range, model));
    vc_status status = vc_acts_open(&acts, model, batch_of(o), VC_KEEP_ALL);
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

static vc_status quantize(quantize_result *result, const quantize_options *o)
{
    vc_model *model;
    VC_TRY(vc_file_try(o->output));
    VC_TRY(cli_open_model(&model, &o->model, CLI_TRAIN));
    cli_model_plan_hash(result->plan_hash, model);
    vc_status status = compare(&result->before, result, "before", model, o);
    if (status == VC_OK)
        status = equalize(result, model, o);
    if (status == VC_OK)
        status = compare(&result->after, result, "after", model, o);
    if (status == VC_OK)
        status = vc_model_write_int8(o->output, model);
    result->model = o->output;
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const quantize_result *r = result;
    const char *images = vc_plural(r->seen.images, "image", "images");
    if (isnan(r->after.same_class_percent))
        printf("%s: int8, on %zu %s", r->model, r->seen.images, images);
    else
        printf("%s: int8, same class as fp32 on %.2f %% of %zu %s (%.2f %% before channels were "
               "evened out)",
               r->model, r->after.same_class_percent, r->seen.images, images,
               r->before.same_class_percent);
    printf(", largest error of %s %.3f (%.3f)\n",
           isnan(r->after.same_class_percent) ? "a feature" : "a logit",
           r->after.largest_logit_error, r->before.largest_logit_error);
}

static int run_quantize(const cli_command *command, int argc, char **argv)
{
    quantize_options o = {.data = cli_data_options_default("train")};
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o.data),
        {"output", "FILE", "the model, its matrices in int8", CLI_STREAM, &o.output,
         .form = &cli_form_model},
        CLI_MODEL_OPTIONS(o.model),
        CLI_INPUT_OPTIONS(o.model),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.data.paths.count == 0)
        return cli_usage(command, "--data PATH is missing");
    if (!o.output)
        return cli_usage(command, "--output FILE is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    o.data.seed = common.seed;
    if (status == CLI_CONTINUE)
        status = cli_check_some(command, &o.data.limit, o.data.sample, 0);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status != CLI_CONTINUE)
        return status;
    quantize_result result = {0};
    const vc_status done = quantize(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    status = cli_judge_images(status, &result.seen, o.data.skip_broken);
    cli_images_free(&result.seen);
    return status;
}

const cli_command cmd_quantize = {
    "quantize",
    "a model whose matrices are int8, calibrated on images",
    "MODEL --data PATH -o QUANTIZED [--limit N]",
    "Evens out the channels behind every LayerNorm, as large as the images make them, against the "
    "weights that read them (SmoothQuant), which changes nothing in fp32; writes matrices in int8 "
    "with a scale per output; and says how far int8 is from fp32 on the images, before and after. "
    "Images need no labels. For DeiTs; `--dtype int8` quantizes any model as it is opened.",
    run_quantize,
    &result_record,
    "vitcod quantize deit_tiny.safetensors --data photos -o int8.safetensors"};
