#include <math.h>
#include <stdio.h>
#include <string.h>

#include "calibrate.h"
#include "commands.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"

static calibrate_options defaults(void)
{
    calibrate_options o = {
        .data = cli_data_options_default("train"),
        .dtype = "fp32",
        .memory = "fast",
        .hold_back = "0.2",
        .minutes = NAN,
        .recipe = {.sparsity = NAN, .threshold = CLI_UNSET, .images = VC_STATISTICS_IMAGES},
        .how = vc_distill_options_default()};
    o.how.train.epochs = o.how.stage_epochs = CLI_UNSET;
    o.how.train.parts = 1;
    o.how.train.augment.crop_least = NAN;
    return o;
}

static int take_stages(const cli_command *command, calibrate_options *o)
{
    const int status =
        cli_take_stages(command, o->stages, &o->stage_count, o->gradual, o->recipe.sparsity);
    if (status == CLI_CONTINUE && o->recipe.sparsity > 0.0 && !o->model.plan)
        o->stages[o->stage_count++] = o->recipe.sparsity;
    return status;
}

/* What a plan from elsewhere leaves without a say, and what one limit of time leaves to another. */
static int check_unused(const cli_command *command, const calibrate_options *o)
{
    const vc_train_options *t = &o->how.train;
    if (o->model.plan && !o->gradual &&
        (o->recipe.rule || o->residual || o->recipe.summaries || !isnan(o->recipe.sparsity) ||
         o->recipe.curves || o->recipe.threshold != CLI_UNSET))
        return cli_usage(command, "--sparsity, --rule, --residual, --summary, --curves and "
                                  "--threshold make a plan, and --plan is there already");
    if (o->recipe.sparsity == 0.0 &&
        (o->recipe.rule || o->residual || o->recipe.summaries || o->recipe.curves))
        return cli_usage(command, "--sparsity 0 prunes nothing: no --rule, --residual, --summary "
                                  "or --curves beside it");
    if (o->how.stage_epochs != CLI_UNSET && !o->gradual)
        return cli_usage(command, "--stage-epochs belongs to --gradual");
    if ((t->epochs != CLI_UNSET) + (o->steps > 0) + !isnan(o->minutes) > 1)
        return cli_usage(command, "wanted one of --epochs, --steps and --minutes");
    if (o->gradual && t->epochs == 0)
        return cli_usage(command, "--epochs is 0, which leaves --gradual nothing to lead to");
    size_t limit = o->data.limit;
    return cli_check_some(command, &limit, o->data.sample, 0);
}

static void take_defaults(calibrate_options *o)
{
    const vc_distill_options usual = vc_distill_options_default();
    if (isnan(o->recipe.sparsity))
        o->recipe.sparsity = 0.9;
    if (o->recipe.threshold == CLI_UNSET)
        o->recipe.threshold = VC_POLARIZE_THRESHOLD;
    o->usual_crop = isnan(o->how.train.augment.crop_least);
    if (o->usual_crop)
        o->how.train.augment.crop_least = usual.train.augment.crop_least;
    if (o->how.stage_epochs == CLI_UNSET)
        o->how.stage_epochs = usual.stage_epochs;
    if (o->how.train.epochs == CLI_UNSET)
        o->how.train.epochs = usual.train.epochs;
}

static int check(const cli_command *command, const calibrate_options *o)
{
    const vc_train_options *t = &o->how.train;
    if (o->data.paths.count == 0)
        return cli_usage(command, "--data PATH is missing");
    if (!o->output)
        return cli_usage(command, "-o MODEL is missing");
    if (!(o->recipe.sparsity >= 0.0 && o->recipe.sparsity < 1.0))
        return cli_usage(command, "--sparsity is %g, wanted 0 to less than 1", o->recipe.sparsity);
    if (!(t->augment.crop_least > 0.0 && t->augment.crop_least <= 1.0))
        return cli_usage(command, "--crop is %g, wanted more than 0, up to 1",
                         t->augment.crop_least);
    if (!(t->augment.mix >= 0.0 && t->augment.mix <= 1.0))
        return cli_usage(command, "--mix is %g, wanted 0 to 1", t->augment.mix);
    if (!(t->ema >= 0.0 && t->ema < 1.0))
        return cli_usage(command, "--ema is %g, wanted 0 to less than 1", t->ema);
    if (o->recipe.curves && !vc_plan_recipe_measures(&o->recipe))
        return cli_usage(command, "--curves belongs to --rule measured");
    if (o->model.mask)
        return cli_usage(command, "--mask has no plan: wanted --plan (`vitcod polarize`)");
    if (t->parts == 0 || (t->parts > 1 && t->batch % (2 * t->parts) != 0))
        return cli_usage(command,
                         "--parts is %zu of a batch of %zu: wanted parts of 2, 4, .. images",
                         t->parts, t->batch);
    return cli_check_batch(command, t->batch);
}

/* What is pruned, and into which files. */
static size_t list_pruning(cli_option *list, size_t used, calibrate_options *o)
{
    const cli_option options[] = {
        {"data", "PATH",
         "images, which need no labels: a folder, an archive, IDX or CIFAR; may be repeated; or an "
         "npz of poses",
         CLI_TEXTS, &o->data.paths},
        CLI_POSE_OPTIONS(o->data.poses),
        CLI_SOME_OPTIONS(o->data.limit, o->data.sample),
        CLI_EXIF_OPTION(o->data.exif, "off"),
        CLI_CONVERT_OPTION(o->data.convert),
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o->data.skip_broken},
        {"output", "FILE", "the model that was best on the images held back, its plan inside",
         CLI_WRITTEN, &o->output, .form = &cli_form_model},
        {"plan-output", "FILE", "the plan that it runs on, as a file of its own", CLI_WRITTEN,
         &o->plan_output, .form = &cli_form_plan},
        {"sparsity", "X", "share of the scores that is pruned (default 0.9; 0: none)", CLI_NUMBER,
         &o->recipe.sparsity},
        {"rule", "NAME",
         "measured (default); budget, see above, or as `vitcod prune --rule`, with --residual mean "
         "unless --summary says otherwise",
         CLI_TEXT, &o->recipe.rule, .word = cli_learning_rule_name},
        {"residual", "mean|none",
         "mean: what is pruned counts as the mean value; none: as in ViTCoD; with either there "
         "are no summaries, and the rule is budget (default: summaries)",
         CLI_TEXT, &o->residual},
        {"summary", "auto|none|GRID",
         "auto (default; of rule measured), none, or blocks whose pooled keys stand in for what "
         "is pruned: 3x3, 3x3q (by queries), 3x3s1.5 (sharpened), by layer 3x3*9,1x1q*3",
         CLI_TEXT, &o->recipe.summaries},
        {"statistics", "N", "average attention over N images, spread evenly; 0: all (default 1000)",
         CLI_COUNT, &o->recipe.images},
        {"curves", "FILE", "what sparsity costs each head, as JSON", CLI_WRITTEN, &o->recipe.curves,
         .form = &cli_form_curves},
        {"gradual", "X,Y", "learn at these first, each --stage-epochs long", CLI_TEXT, &o->gradual},
        {"stage-epochs", "N", "see --gradual (default 1)", CLI_COUNT, &o->how.stage_epochs},
        {"threshold", "N",
         "a column that keeps more is global (default " CLI_NUMERAL(VC_POLARIZE_THRESHOLD) ")",
         CLI_COUNT, &o->recipe.threshold},
        {"plan", "FILE", "a plan instead of one made here", CLI_TEXT, &o->model.plan,
         .files = "safetensors"},
        {"teacher", "MODEL",
         "what it learns from, and whose attention is pruned (default: MODEL itself, dense)",
         CLI_TEXT, &o->teacher},
        {"autoencoder", "qk|q|k|FILE",
         "with an auto-encoder of Q, K or both, made here, or from `vitcod autoencoder`", CLI_TEXT,
         &o->autoencoder, .files = "safetensors"},
        {"compressed", "N", "heads after compression (default: ViTCoD's, half rounded up)",
         CLI_COUNT, &o->compressed},
        CLI_TOLD_OPTIONS(o->model),
        CLI_WEIGHTS_OPTION(o->model),
        CLI_INPUT_OPTIONS(o->model),
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

/* How it learns. */
static size_t list_learning(cli_option *list, size_t used, calibrate_options *o)
{
    vc_train_options *t = &o->how.train;
    const cli_option options[] = {
        {"epochs", "N", "passes over the images (default 20; 0: prune alone)", CLI_COUNT,
         &t->epochs},
        {"minutes", "X", "as many epochs as fit, by the time of a few steps", CLI_NUMBER,
         &o->minutes},
        {"steps", "N", "so many steps, rounded up to whole epochs", CLI_COUNT, &o->steps},
        {"patience", "N", "stop after so many epochs without a better one, 0: never (default 6)",
         CLI_COUNT, &o->how.patience},
        {"batch", "N", "images per step (default 16)", CLI_COUNT, &t->batch},
        {"parts", "N",
         "add up gradients from so many parts of each batch: in as many processes, or a number "
         "that divides it, the same model (default 1)",
         CLI_COUNT, &t->parts},
        {"lr", "X",
         "highest learning rate (default: 2e-4 of the divergence before learning, within 5e-5 and "
         "2e-4)",
         CLI_NUMBER, &t->learning_rate},
        {"lr-bias", "X", "of the summaries' bias (default: ten times --lr; 0: it is not learnt)",
         CLI_NUMBER, &o->how.bias_learning_rate},
        {"lr-autoencoder", "X",
         "of the auto-encoder (default: ten times --lr; 0: it is not learnt)", CLI_NUMBER,
         &o->how.coder_learning_rate},
        {"feature-weight", "X", "of the distance from the dense model's blocks (default 160)",
         CLI_NUMBER, &t->features},
        {"attention-weight", "X", "of the distance from its heads' outputs (default 0)", CLI_NUMBER,
         &t->attention},
        {"logit-weight", "X", "of the divergence from its logits (default 1)", CLI_NUMBER,
         &t->logits},
        {"temperature", "X", "of both models' logits (default 1)", CLI_NUMBER, &t->temperature},
        {"weight-decay", "X", "of matrices, as in AdamW (default 0)", CLI_NUMBER, &t->weight_decay},
        {"ema", "X",
         "decay per step of a moving average of the weights, which is what is judged and written "
         "(default 0: none)",
         CLI_NUMBER, &t->ema},
        {"dtype", "fp32|bf16", "precision of both models' products while learning (default fp32)",
         CLI_TEXT, &o->dtype},
        {"memory", "fast|less|least",
         "what is kept of the student's activations, as train says (default fast)", CLI_TEXT,
         &o->memory},
        {"crop", "X", "random resized crops of this share of the area or more (default 0.25)",
         CLI_NUMBER, &t->augment.crop_least},
        {"mix", "X", "share of the batches whose images are mixed with each other (default 0)",
         CLI_NUMBER, &t->augment.mix},
        {"hold-back", "X|N,..",
         "share, or number of images (of poses: sequences), of each --data to judge by (default "
         "0.2)",
         CLI_TEXT, &o->hold_back},
        {"checkpoint", "FILE", "where to go on from (default: beside -o)", CLI_WRITTEN,
         &o->checkpoint, .form = &cli_form_checkpoint},
        {"resume", NULL, "go on where a run was stopped, be it while it measured heads", CLI_FLAG,
         &o->how.resume},
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

static int run_calibrate(const cli_command *command, int argc, char **argv)
{
    calibrate_options o = defaults();
    vc_train_options *t = &o.how.train;
    cli_option options[CLI_MOST_OPTIONS];
    const size_t count = list_learning(options, list_pruning(options, 0, &o), &o);
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, count, &common, &arguments, 1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    t->seed = o.data.seed = common.seed;
    status = check_unused(command, &o);
    if (status == CLI_CONTINUE && vc_plan_recipe_settle(&o.recipe, &o.residual) != VC_OK)
        status = cli_usage(command, "%s", vc_last_error());
    take_defaults(&o);
    if (status == CLI_CONTINUE)
        status = check(command, &o);
    if (status == CLI_CONTINUE)
        status = calibrate_check_rates(command, &o);
    if (status == CLI_CONTINUE)
        status = cli_check_learning(command, o.recipe.rule, o.minutes);
    if (status == CLI_CONTINUE)
        status = cli_take_hold_back(command, o.held, o.data.paths.count, o.hold_back);
    if (status == CLI_CONTINUE)
        status = take_stages(command, &o);
    t->half = strcmp(o.dtype, "bf16") == 0;
    t->activations = cli_activations(o.memory);
    if (status == CLI_CONTINUE)
        status = calibrate_take_autoencoder(command, &o);
    if (status != CLI_CONTINUE)
        return status;
    o.how.seconds = isnan(o.minutes) ? 0.0 : 60.0 * o.minutes;
    static const char *const places[] = {"output", "plan-output", "checkpoint", "curves",
                                         "resume", "skip-broken", "memory",     NULL};
    o.settings = cli_settings(options, count, places);
    calibrate_result result = {.sparsity = NAN};
    if (vc_comm_open() != VC_OK)
        return cli_fail();
    const int tells = vc_comm_rank() == 0;
    vc_status done = vc_fail(VC_EINVAL, "a path that is no UTF-8 cannot be remembered");
    if (o.settings)
        done = calibrate_all(&result, &o, cli_is_quiet(&common));
    json_decref(o.settings);
    status = cli_end_together(command, &common, done, &result, calibrate_print);
    if (tells)
        status = cli_judge_images(status, &result.seen, o.data.skip_broken);
    calibrate_free(&result);
    return status;
}

const cli_command cmd_calibrate = {
    "calibrate",
    "prune a model and let it learn from its dense self, without labels",
    "MODEL --data IMAGES [--sparsity X] -o MODEL",
    "Averages attention over the images, prunes it to a mask, polarizes, and trains the sparse "
    "model on what the dense one makes of the images: its blocks' outputs and its logits. A share "
    "of the images is held back; the result is the model that is least apart from the dense one "
    "on them. Rule measured spends the kept scores on the heads whose sparsity costs most, rule "
    "budget on attention times the norm of the projected value; summaries stand in for what is "
    "pruned. Several processes (mpirun -n N) share the images; those of a batch by --parts. "
    "docs/calibration.md has formulas and figures.",
    run_calibrate,
    &calibrate_record,
    "vitcod calibrate deit_tiny.safetensors --data photos -o sparse.safetensors\n"
    "vitcod calibrate deit_tiny.safetensors --data photos --sparsity 0.8 \\\n"
    "    --minutes 30 -o sparse.safetensors"};
