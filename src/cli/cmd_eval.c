#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "vitcod/progress.h"
#include "vitcod/train.h"

typedef struct eval_options {
    cli_model_options model;
    const char *data, *split;
    size_t batch, limit;
} eval_options;

static json_t *evaluation_json(const vc_evaluation *e)
{
    double images = (double)e->images;
    return json_pack("{s:f, s:f, s:f, s:I, s:f}", "top1", 100.0 * (double)e->top1 / images, "top5",
                     100.0 * (double)e->top5 / images, "loss", e->loss, "images",
                     (json_int_t)e->images, "images_per_s", images / e->seconds);
}

static vc_status evaluate(json_t *result, const eval_options *o)
{
    vc_model *model;
    vc_dataset data = {0};
    vc_acts acts = {0};
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    vc_status status = vc_dataset_open(&data, o->data, o->split);
    if (status == VC_OK)
        status = vc_acts_open(&acts, model, o->batch, 0);
    if (status == VC_OK) {
        vc_progress progress = vc_progress_begin("evaluating", 1);
        vc_evaluation e;
        status = vc_evaluate(&e, model, &data, &acts, o->limit, NULL, &progress);
        vc_progress_end(&progress);
        if (status == VC_OK)
            json_object_update_new(result, evaluation_json(&e));
        vc_acts_close(&acts);
    }
    vc_dataset_close(&data);
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    printf("top-1 %.2f %%  top-5 %.2f %%  loss %.4f  on %lld images, %.0f images/s\n",
           json_real_value(json_object_get(result, "top1")),
           json_real_value(json_object_get(result, "top5")),
           json_real_value(json_object_get(result, "loss")),
           (long long)json_integer_value(json_object_get(result, "images")),
           json_real_value(json_object_get(result, "images_per_s")));
}

static int run_eval(const cli_command *command, int argc, char **argv)
{
    eval_options o = {.split = "test", .batch = 16};
    const cli_option options[] = {
        {"data", "DIR", "images and labels in IDX files", CLI_TEXT, &o.data},
        {"split", "NAME", "train or test (default test)", CLI_TEXT, &o.split},
        CLI_MODEL_OPTIONS(o.model),
        {"limit", "N", "only the first N images", CLI_COUNT, &o.limit},
        {"batch", "N", "images at once (default 16)", CLI_COUNT, &o.batch},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.data)
        return cli_usage(command, "--data DIR is missing");
    status = cli_check_model_options(command, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    status = cli_check_batch(command, o.batch);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    json_t *result = cli_result(command, &common);
    vc_status done = evaluate(result, &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_eval = {
    "eval", "top-1, top-5 and loss on labelled images", "MODEL --data DIR [options]",
    "Evaluates a model on labelled images; accuracies in percent.", run_eval};
