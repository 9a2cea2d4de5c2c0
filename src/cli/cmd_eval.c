#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_data.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/engine_pass.h"

typedef struct eval_options {
    cli_model_options model;
    cli_data_options data;
    cli_engine_options engine;
} eval_options;

typedef struct eval_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *split;
    cli_images seen;
    vc_accuracy accuracy;
    vc_class_accuracy *classes;
    size_t class_count;
    vc_source *source; /* which the names of classes belong to */
} eval_result;

static const vc_field result_fields[] = {
    {VC_FIELD(eval_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD(eval_result, split, "", CLI_SPLIT_MEANING)},
    {VC_FIELD_INLINE(eval_result, seen, &cli_images_record)},
    {VC_FIELD_INLINE(eval_result, accuracy, &vc_accuracy_record)},
    {VC_FIELD_RECORDS(eval_result, classes, class_count, "classes", &vc_class_accuracy_record,
                      "the classes that were seen")},
};
static const vc_record result_record = VC_RECORD("eval", eval_result, result_fields);

static vc_status run_engine(eval_result *result, vc_class_count *counts, const eval_options *o,
                            const vc_model *model)
{
    vc_evaluation e;
    vc_engine_pass pass = {0};
    const vc_engine_options how = cli_engine_how(&o->engine, o->data.batch);
    result->split = vc_pattern_split_name(vc_engine_split(model, &how));
    vc_status status = vc_engine_pass_open(&pass, model, &how);
    if (status == VC_OK) {
        const vc_runner runner = vc_engine_runner(&pass);
        status = cli_run_over_source(&result->seen, &e, model, result->source, &o->data,
                                     "evaluating", &runner, counts);
    }
    vc_engine_pass_close(&pass);
    if (status == VC_OK)
        result->accuracy = vc_accuracy_of(&e);
    return status;
}

static vc_status evaluate_source(eval_result *result, const eval_options *o, const vc_model *model)
{
    const size_t classes = vc_model_input_of(&model->config).classes;
    vc_class_count *counts = calloc(classes + 1, sizeof *counts);
    vc_status status = VC_OK;
    result->classes = calloc(classes + 1, sizeof *result->classes);
    if (!counts || !result->classes)
        status = vc_fail(VC_ENOMEM, "out of memory for %zu classes", classes);
    if (status == VC_OK)
        status = run_engine(result, counts, o, model);
    if (status == VC_OK)
        result->class_count = vc_class_accuracies(result->classes, counts, classes, result->source);
    free(counts);
    return status;
}

static vc_status evaluate(eval_result *result, const eval_options *o)
{
    vc_model *model;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    vc_status status = cli_open_source(&result->source, &o->data, 1);
    if (status == VC_OK)
        status = evaluate_source(result, o, model);
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const eval_result *r = result;
    const vc_accuracy *a = &r->accuracy;
    printf("top-1 %.2f %%  top-5 %.2f %%  loss %.4f  on %zu images, %.0f images/s", a->top1,
           a->top5, a->loss, r->seen.images, a->images_per_s);
    if (r->seen.broken_count > 0)
        printf(", %zu broken", r->seen.broken_count);
    putchar('\n');
}

static int run_eval(const cli_command *command, int argc, char **argv)
{
    eval_options o = {.data = cli_data_options_default("test")};
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o.data),
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_ENGINE_OPTIONS_NAMED(o.engine, "split-heads"),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.data.paths.count == 0)
        return cli_usage(command, "--data PATH is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status == CLI_CONTINUE)
        status = cli_check_engine_options(command, &o.engine);
    if (status != CLI_CONTINUE)
        return status;
    eval_result result = {0};
    const vc_status done = evaluate(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    status = cli_judge_images(status, &result.seen, o.data.skip_broken);
    cli_images_free(&result.seen);
    free(result.classes);
    vc_source_close(result.source);
    return status;
}

const cli_command cmd_eval = {
    "eval",
    "top-1, top-5 and loss on labelled images",
    "MODEL --data PATH [options]",
    "Evaluates a model on labelled images; accuracies in percent, per class with --json. Images "
    "are\nJPEG or PNG in class folders (a folder or a tar archive of them, plain or gzipped), or "
    "IDX or\nCIFAR-10/100 files. As DeiT was evaluated: shorter side bicubically to 8/7 of "
    "the\nmodel's side (256 for 224), then its centre.\nA broken image is named, left out, and "
    "ends the run with status 1, unless --skip-broken.",
    run_eval,
    &result_record};
