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

/* The classes that were seen. */
static json_t *classes_json(const vc_class_count *counts, size_t count, const vc_source *source)
{
    json_t *list = json_array();
    for (size_t c = 0; c < count; c++) {
        const vc_class_count *n = &counts[c];
        if (n->images == 0)
            continue;
        json_array_append_new(list, json_pack("{s:I, s:o, s:I, s:f, s:f}", "class", (json_int_t)c,
                                              "name", cli_text(vc_source_class_name(source, c)),
                                              "images", (json_int_t)n->images, "top1",
                                              100.0 * (double)n->top1 / (double)n->images, "top5",
                                              100.0 * (double)n->top5 / (double)n->images));
    }
    return list;
}

static vc_status evaluate_source(json_t *result, const eval_options *o, const vc_model *model,
                                 vc_source *source)
{
    size_t classes = vc_model_input_of(&model->config).classes;
    vc_class_count *counts = calloc(classes, sizeof *counts);
    vc_evaluation e;
    vc_engine_pass pass = {0};
    const vc_engine_options how = cli_engine_how(&o->engine, o->data.batch);
    cli_add_split(result, vc_engine_split(model, &how));
    if (!counts)
        return vc_fail(VC_ENOMEM, "out of memory for %zu classes", classes);
    vc_status status = vc_engine_pass_open(&pass, model, &how);
    if (status == VC_OK) {
        const vc_runner runner = vc_engine_runner(&pass);
        status =
            cli_run_over_source(result, &e, model, source, &o->data, "evaluating", &runner, counts);
    }
    vc_engine_pass_close(&pass);
    if (status == VC_OK) {
        double images = (double)e.images;
        json_object_update_new(result, json_pack("{s:f, s:f, s:f, s:f}", "top1",
                                                 100.0 * (double)e.top1 / images, "top5",
                                                 100.0 * (double)e.top5 / images, "loss", e.loss,
                                                 "images_per_s", images / e.seconds));
        json_object_set_new(result, "classes", classes_json(counts, classes, source));
    }
    free(counts);
    return status;
}

static vc_status evaluate(json_t *result, const eval_options *o)
{
    vc_model *model;
    vc_source *source;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    if (vc_model_plan(model))
        cli_add_plan_hash(result, vc_model_plan(model));
    vc_status status = cli_open_source(&source, &o->data, 1);
    if (status == VC_OK) {
        status = evaluate_source(result, o, model, source);
        vc_source_close(source);
    }
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    size_t broken = json_array_size(json_object_get(result, "broken_images"));
    printf("top-1 %.2f %%  top-5 %.2f %%  loss %.4f  on %lld images, %.0f images/s",
           json_real_value(json_object_get(result, "top1")),
           json_real_value(json_object_get(result, "top5")),
           json_real_value(json_object_get(result, "loss")),
           (long long)json_integer_value(json_object_get(result, "images")),
           json_real_value(json_object_get(result, "images_per_s")));
    if (broken > 0)
        printf(", %zu broken", broken);
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
    if (!o.data.path)
        return cli_usage(command, "--data PATH is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status == CLI_CONTINUE)
        status = cli_check_engine_options(command, &o.engine);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    vc_status done = evaluate(result, &o);
    return cli_finish_data(result, done, &o.data, common.json, print_text);
}

const cli_command cmd_eval = {
    "eval",
    "top-1, top-5 and loss on labelled images",
    "MODEL --data PATH [options]",
    "Evaluates a model on labelled images; accuracies in percent, per class with --json. Images are\n"
    "JPEG or PNG in class folders (a folder or a tar archive of them, plain or gzipped), or IDX or\n"
    "CIFAR-10/100 files. As DeiT was evaluated: shorter side bicubically to 8/7 of the\n"
    "model's side (256 for 224), then its centre.\n"
    "A broken image is named, left out, and ends the run with status 1, unless --skip-broken.",
    run_eval,
    NULL};
