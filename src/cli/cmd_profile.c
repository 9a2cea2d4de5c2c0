#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "vitcod/profile.h"

static json_t *spread_json(const vc_spread *s, double factor)
{
    return json_pack("{s:f, s:f, s:f}", "median", s->median * factor, "quartile_low",
                     s->low * factor, "quartile_high", s->high * factor);
}

enum { MOST_HEAD_DIM = 4096 };

/* Values per head: the model's, which the plan must fit, or what was asked for. */
static vc_status find_head_dim(size_t *head_dim, const cli_model_options *options,
                               const vc_plan *plan, const char *plan_path)
{
    if (!options->path)
        return VC_OK;
    vc_model *model;
    VC_TRY(cli_open_model(&model, options, CLI_RUN));
    *head_dim = vc_model_layer(&model->config, 0).head_dim;
    vc_status status = vc_model_check_plan(&model->config, plan, plan_path);
    vc_model_close(model);
    return status;
}

static int run_profile(const cli_command *command, int argc, char **argv)
{
    size_t head_dim = 0, batch = 8, repeats = 101;
    cli_model_options model = {.plan = "none"};
    const cli_option options[] = {
        {"model", "FILE", "the model the plan is for: says how many values a head has", CLI_TEXT,
         &model.path},
        {"image-size", "N", "with the model: pixels along an image's side", CLI_COUNT,
         &model.image_size},
        {"head-dim", "N", "values per head, without a model (default 64)", CLI_COUNT, &head_dim},
        {"batch", "N", "images at once (default 8)", CLI_COUNT, &batch},
        {"repeats", "N", "interleaved pairs to time (default 101)", CLI_COUNT, &repeats},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (repeats == 0 || repeats > 1000000)
        return cli_usage(command, "--repeats is %zu, wanted 1 to 1000000", repeats);
    if (head_dim > MOST_HEAD_DIM)
        return cli_usage(command, "--head-dim is %zu, wanted at most %d", head_dim, MOST_HEAD_DIM);
    status = cli_check_batch(command, batch);
    if (status != CLI_CONTINUE)
        return status;
    if (!model.path && vc_plan_is(arguments.positional[0]) == VC_PLAN_INSIDE)
        model.path = arguments.positional[0];
    if (!model.path && model.image_size)
        return cli_usage(command, "--image-size belongs to --model");
    if (model.path && head_dim)
        return cli_usage(command, "a model brings its own --head-dim");
    head_dim = head_dim ? head_dim : 64;
    vc_plan plan;
    vc_attention_times times;
    if (vc_plan_read(&plan, arguments.positional[0]) != VC_OK)
        return cli_fail();
    vc_status measured = find_head_dim(&head_dim, &model, &plan, arguments.positional[0]);
    if (measured == VC_OK)
        measured = vc_profile_attention(&times, &plan, head_dim, batch, repeats, common.seed);
    vc_plan_close(&plan);
    if (measured != VC_OK)
        return cli_fail();
    if (!common.json) {
        printf(
            "attention of all layers, batch %zu: dense %.3f ms, sparse %.3f ms, ratio %.2f (%.2f to %.2f)\n",
            batch, 1e3 * times.dense.median, 1e3 * times.sparse.median, times.ratio.median,
            times.ratio.low, times.ratio.high);
        return CLI_OK;
    }
    json_t *result = cli_result(command, &common);
    json_object_update_new(result, json_pack("{s:o, s:o, s:o, s:f, s:I, s:I, s:I}", "dense_ms",
                                             spread_json(&times.dense, 1e3), "sparse_ms",
                                             spread_json(&times.sparse, 1e3), "ratio",
                                             spread_json(&times.ratio, 1.0), "largest_difference",
                                             times.largest_difference, "batch", (json_int_t)batch,
                                             "head_dim", (json_int_t)head_dim, "repeats",
                                             (json_int_t)repeats));
    return cli_print_json(result);
}

const cli_command cmd_profile = {
    "profile", "time dense against sparse attention on this CPU",
    "PLAN [--model MODEL]|MODEL [--batch N]",
    "Checks sparse attention on a plan against dense attention under its mask, then times it against\n"
    "dense attention in interleaved runs. Ratios count; absolute times depend on the machine. For\n"
    "plans whose layers have one square shape: a DeiT's. A MODEL has its plan inside.",
    run_profile};
