#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "eval_features.h"
#include "eval_poses.h"
#include "open_data.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/engine_pass.h"
#include "vitcod/plural.h"
#include "vitcod/token_accuracy.h"

typedef struct eval_options {
    cli_model_options model;
    cli_data_options data;
    cli_engine_options engine;
    eval_pose_options poses;
    vc_token_reduction tokens; /* rule NULL: all of them */
    eval_features_options features;
} eval_options;

typedef struct eval_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    double kept_share; /* NAN: attention is dense */
    const char *split, *dtype;
    bool pictures, posed; /* what was looked at */
    vc_pose_errors poses;
    cli_images seen;
    vc_accuracy accuracy;
    bool classifies; /* else features were judged */
    vc_feature_accuracy features;
    vc_class_accuracy *classes;
    size_t class_count;
    bool reduced, of_features;
    vc_token_result tokens;
    vc_token_accuracy token_pass; /* which their list belongs to */
    vc_source *source;            /* which the names of classes belong to */
} eval_result;

static const vc_field result_fields[] = {
    {VC_FIELD(eval_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD(eval_result, kept_share, "",
              "of attention's scores that its mask or plan keeps, with those of summaries"),
     VC_KNOWN},
    {VC_FIELD(eval_result, split, "", CLI_SPLIT_MEANING)},
    {VC_FIELD_INLINE(eval_result, seen, &cli_images_record), VC_WHEN(eval_result, pictures)},
    {VC_FIELD_INLINE(eval_result, accuracy, &vc_accuracy_record), VC_WHEN(eval_result, classifies)},
    {VC_FIELD_RECORDS(eval_result, classes, class_count, "classes", &vc_class_accuracy_record,
                      "the classes that were seen"),
     VC_WHEN(eval_result, pictures)},
    {VC_FIELD_RECORD(eval_result, poses, "poses", &vc_pose_errors_record,
                     "how far poses in 3-D are from the truth"),
     VC_WHEN(eval_result, posed)},
    {VC_FIELD_RECORD(eval_result, tokens, "tokens", &vc_token_result_record,
                     "fewer tokens from layer to layer"),
     VC_WHEN(eval_result, reduced)},
    {VC_FIELD_RECORD(eval_result, features, "features", &vc_feature_accuracy_record,
                     "nearest neighbours or a linear classifier on features"),
     VC_WHEN(eval_result, of_features)},
};
static const vc_record result_record = VC_RECORD("eval", eval_result, result_fields);

static vc_status run(eval_result *result, vc_class_count *counts, const eval_options *o,
                     const vc_model *model, const vc_runner *runner)
{
    vc_evaluation e;
    if (o->data.poses.truth) {
        VC_TRY(cli_check_alone("--truth runs"));
        VC_TRY(eval_poses(&result->poses, &o->poses, &o->data, model, runner));
        result->posed = true;
        return VC_OK;
    }
    VC_TRY(cli_run_over_source(&result->seen, &e, model, result->source, &o->data, "evaluating",
                               runner, counts));
    result->accuracy = vc_accuracy_of(&e);
    return VC_OK;
}

static vc_status run_engine(eval_result *result, vc_class_count *counts, const eval_options *o,
                            const vc_model *model)
{
    vc_engine_pass pass;
    const vc_engine_options how = cli_engine_how(&o->engine, model, o->data.batch);
    result->split = vc_pattern_split_name(vc_engine_split(model, &how));
    result->dtype = vc_precision_name(how.precision);
    VC_TRY(vc_engine_pass_open(&pass, model, &how));
    const vc_runner runner = vc_engine_runner(&pass);
    const vc_status status = run(result, counts, o, model, &runner);
    vc_engine_pass_close(&pass);
    return status;
}

static vc_status run_tokens(eval_result *result, vc_class_count *counts, const eval_options *o,
                            const vc_model *model)
{
    if (cli_precision(&o->engine, model) != VC_IN_FP32)
        return vc_fail(VC_EINVAL, "%s: is in int8, and --tokens runs in fp32: wanted --dtype fp32",
                       o->model.path);
    VC_TRY(cli_check_alone("--tokens runs"));
    result->dtype = vc_precision_name(VC_IN_FP32);
    cli_note_precision(VC_IN_FP32);
    result->split = vc_pattern_split_name(VC_PATTERN_WHOLE);
    VC_TRY(vc_token_accuracy_open(&result->token_pass, model, &o->tokens, o->data.batch));
    const vc_runner runner = vc_token_accuracy_runner(&result->token_pass);
    VC_TRY(run(result, counts, o, model, &runner));
    result->tokens = vc_token_result_of(&result->token_pass);
    result->reduced = true;
    return VC_OK;
}

static vc_status run_features(eval_result *result, const eval_options *o, const vc_model *model)
{
    vc_engine_pass pass;
    const vc_engine_options how = cli_engine_how(&o->engine, model, o->data.batch);
    VC_TRY(cli_check_alone("--knn and --probe run"));
    result->split = vc_pattern_split_name(vc_engine_split(model, &how));
    result->dtype = vc_precision_name(how.precision);
    VC_TRY(vc_engine_pass_open(&pass, model, &how));
    const vc_runner runner = vc_engine_runner(&pass);
    const vc_status status = eval_features_run(&result->features, &result->seen, &o->features,
                                               &o->data, model, result->source, &runner);
    vc_engine_pass_close(&pass);
    result->of_features = true;
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
        status = (o->tokens.rule ? run_tokens : run_engine)(result, counts, o, model);
    if (status == VC_OK && result->classifies)
        result->class_count = vc_class_accuracies(result->classes, counts, classes, result->source);
    free(counts);
    return status;
}

static vc_status evaluate(eval_result *result, const eval_options *o)
{
    vc_model *model;
    result->pictures = !o->data.poses.truth;
    result->classifies = result->pictures && !eval_features_wanted(&o->features);
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    const vc_plan *entries = vc_model_entries(model);
    result->kept_share = entries ? vc_plan_kept_share(entries) : (double)NAN;
    vc_status status = eval_check_pose_model(&o->data, model);
    if (status == VC_OK && result->pictures)
        status = cli_open_source(&result->source, &o->data, 1);
    if (status == VC_OK && eval_features_wanted(&o->features))
        status = run_features(result, o, model);
    else if (status == VC_OK)
        status = evaluate_source(result, o, model);
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const eval_result *r = result;
    if (r->of_features) {
        eval_features_print(&r->features);
        return;
    }
    const vc_accuracy *a = &r->accuracy;
    if (r->posed) {
        eval_print_poses(&r->poses, r->dtype);
        return;
    }
    printf("top-1 %.2f %%  top-5 %.2f %%  loss %.4f  on %zu %s, %s, %.0f images/s", a->top1,
           a->top5, a->loss, r->seen.images, vc_plural(r->seen.images, "image", "images"), r->dtype,
           a->images_per_s);
    if (r->seen.broken_count > 0)
        printf(", %zu broken", r->seen.broken_count);
    putchar('\n');
    if (r->reduced)
        printf("tokens: %s, %zu of %zu in the last layer, %.1f %% of the MACs; %.2f %% of the "
               "images with the class of all tokens, divergence %.4f\n",
               r->tokens.rule, r->tokens.tokens[r->tokens.layers - 1], r->tokens.tokens[0],
               100.0 * r->tokens.macs_share, r->tokens.same_class_percent, r->tokens.divergence);
}

static int check_tokens(const cli_command *command, const eval_options *o)
{
    if ((o->tokens.rule == NULL) != (isnan(o->tokens.keep) != 0))
        return cli_usage(command, "wanted both of --tokens and --keep, or none");
    if (o->tokens.rule && o->engine.dtype && strcmp(o->engine.dtype, "fp32") != 0)
        return cli_usage(command, "--tokens runs in fp32, not in %s", o->engine.dtype);
    if (o->tokens.rule && o->engine.device && strcmp(o->engine.device, "cpu") != 0)
        return cli_usage(command, "--tokens runs on the CPU, not on %s", o->engine.device);
    if (o->tokens.rule && (o->engine.split || o->engine.cache))
        return cli_usage(command, "--tokens neither splits heads nor packs weights: wanted no "
                                  "--split-heads and no --cache");
    if (o->tokens.rule && o->data.poses.truth)
        return cli_usage(command, "--tokens belongs to pictures, --truth to poses");
    if (o->tokens.rule && vc_token_reduction_check(&o->tokens) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    return CLI_CONTINUE;
}

static int run_eval(const cli_command *command, int argc, char **argv)
{
    eval_options o = {.data = cli_data_options_default("test"), .tokens.keep = NAN};
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o.data),
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_INPUT_OPTIONS(o.model),
        CLI_ENGINE_OPTIONS_AND(o.engine, NULL),
        CLI_CACHE_OPTION(o.engine),
        EVAL_POSE_OPTIONS(o.data, o.poses),
        {"tokens", "prune|merge",
         "fewer from layer to layer: prune (as SpAtten) or merge (as ToMe)", CLI_TEXT,
         &o.tokens.rule},
        {"keep", "X", "with --tokens: share of the patches' tokens that the last layer has",
         CLI_NUMBER, &o.tokens.keep},
        EVAL_FEATURES_OPTIONS(o.features),
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
    o.data.seed = common.seed;
    if (status == CLI_CONTINUE)
        status = cli_check_some(command, &o.data.limit, o.data.sample, 0);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status == CLI_CONTINUE)
        status = cli_take_engine(command, &o.engine, &o.model);
    if (status == CLI_CONTINUE)
        status = check_tokens(command, &o);
    if (status == CLI_CONTINUE)
        status = eval_features_check(command, &o.features, &o.model, o.tokens.rule);
    if (status == CLI_CONTINUE && o.data.poses.truth && eval_features_wanted(&o.features))
        status = cli_usage(command, "--knn and --probe belong to pictures, --truth to poses");
    if (status == CLI_CONTINUE)
        status = eval_check_poses(command, &o.poses, &o.data);
    if (status != CLI_CONTINUE)
        return status;
    eval_result result = {0};
    if (vc_comm_open() != VC_OK)
        return cli_fail();
    const int tells = vc_comm_rank() == 0;
    o.data.together = vc_comm_size() > 1;
    const vc_status done = evaluate(&result, &o);
    status = cli_end_together(command, &common, done, &result, print_text);
    cli_images broken = result.seen;
    broken.broken_count += result.features.train_broken; /* which were named as well */
    if (tells)
        status = cli_judge_images(status, &broken, o.data.skip_broken);
    cli_images_free(&result.seen);
    free(result.classes);
    vc_pose_errors_close(&result.poses);
    vc_token_accuracy_close(&result.token_pass);
    vc_source_close(result.source);
    return status;
}

const cli_command cmd_eval = {
    "eval",
    "top-1, top-5 and loss on labelled images",
    "MODEL --data PATH [options]",
    "Evaluates a model on labelled images; accuracies in percent, per class with --json. Images "
    "are JPEG, PNG, WebP, GIF, BMP, TIFF or PPM in class folders (a folder, or a zip or tar of "
    "them, the latter also packed by gzip, bzip2 or xz), or IDX or CIFAR-10/100 files. As DeiT was "
    "evaluated: shorter side bicubically to 8/7 of the model's side (256 for 224), then its "
    "centre; not turned by EXIF "
    "data, as in torchvision, unless --exif on. A broken image is named, left out, and "
    "ends the run with status 1, unless --skip-broken. "
    "Several processes (mpirun -n N) share the batches, with the result of one. "
    "--tokens lets tokens go between attention and MLP, anew for every image, without finetuning: "
    "prune those that got the least attention so far, or merge those with the most similar keys. "
    "--knn and --probe say what the model's features are worth on labelled images, for models "
    "without classes (DINO) as well. "
    "A model of poses (docs/poses.md) is evaluated on sequences that the tools of VideoPose3D "
    "write, --data data_2d_NAME.npz --truth data_3d_NAME.npz: MPJPE with its interval of 95 %, "
    "P-MPJPE and both by action, of the frame in the middle of every window.",
    run_eval,
    &result_record,
    "vitcod eval deit_tiny.safetensors --data imagenet/val\n"
    "vitcod eval sparse.safetensors --data imagenet/val --dtype int8 --json\n"
    "vitcod eval pose.safetensors --data data_2d_h36m_gt.npz \\\n"
    "    --truth data_3d_h36m.npz --cameras cameras.json --subjects S9,S11 --mirror"};
