#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coded.h"
#include "commands.h"
#include "learning.h"
#include "make_autoencoder.h"
#include "open_plan.h"
#include "vitcod/calibrate.h"
#include "vitcod/clock.h"

enum { MOST_STAGES = CLI_MOST_STAGES + 1 };

typedef struct calibrate_options {
    cli_model_options model;
    cli_data_options data;
    const char *output, *plan_output, *checkpoint, *residual, *gradual, *autoencoder, *teacher;
    double hold_back, minutes;
    double stages[MOST_STAGES]; /* sparsities; the wanted one last, unless there is a plan for it */
    size_t stage_count, steps;
    int makes_coder;
    vc_coded coded;
    size_t compressed;
    vc_plan_recipe recipe;
    vc_calibrate_options how;
    json_t *settings; /* what the options were set to */
} calibrate_options;

typedef struct run {
    const calibrate_options *o;
    vc_model *teacher, *student;
    vc_source *images, *learn, *held;
    json_t *broken; /* names of images that cannot be read */
    vc_plan plans[MOST_STAGES];
    size_t plan_count;
    char coder[4096]; /* the file of an auto-encoder made here; empty: none */
    int json;
    vc_progress progress;
} run;

/* ---- images */

static vc_status open_images(run *r)
{
    const calibrate_options *o = r->o;
    VC_TRY(cli_open_source(&r->images, &o->data, 0));
    VC_TRY(vc_source_split(&r->learn, &r->held, r->images, o->data.limit, o->hold_back));
    const size_t learn = vc_source_count(r->learn), held = vc_source_count(r->held);
    if (learn < o->how.train.batch || held == 0)
        return vc_fail(VC_EINVAL,
                       "%s: %zu images to learn from and %zu held back, wanted at least a batch "
                       "of %zu and one",
                       o->data.path, learn, held, o->how.train.batch);
    return VC_OK;
}

/* Images as they are; broken ones go on the list. */
static vc_look look_of(const run *r, cli_broken_images *broken, vc_progress *progress)
{
    vc_look how = vc_look_default();
    *broken = (cli_broken_images){r->broken, progress};
    how.batch = r->o->how.train.batch;
    how.crop_fraction = r->o->data.crop_fraction;
    how.on_broken = cli_on_broken;
    how.context = broken;
    how.progress = progress;
    return how;
}

/* ---- plans */

static vc_status make_plans(run *r, json_t *result, const vc_dense_stats *stats)
{
    const calibrate_options *o = r->o;
    double sparsity = 0.0;
    for (size_t s = 0; s < o->stage_count; s++) {
        vc_plan_recipe recipe = o->recipe;
        recipe.sparsity = o->stages[s];
        VC_TRY(vc_calibrate_plan(&r->plans[s], &sparsity, stats, &recipe, o->model.path));
        r->plan_count++;
    }
    json_object_set_new(result, "sparsity", json_real(sparsity));
    return VC_OK;
}

static vc_status read_plan(run *r, json_t *result, const char *path)
{
    vc_plan *plan = &r->plans[r->plan_count];
    VC_TRY(vc_plan_read(plan, path));
    r->plan_count++;
    json_object_set_new(result, "sparsity", json_real(1.0 - cli_plan_kept_share(plan)));
    return vc_model_check_plan(&r->student->config, plan, path);
}

static vc_status look_at(const run *r, vc_dense_stats *stats, vc_seen *seen)
{
    cli_broken_images broken;
    vc_progress progress = vc_progress_begin("attention", vc_source_count(r->learn));
    const vc_look how = look_of(r, &broken, &progress);
    const vc_status status = vc_dense_look(stats, seen, r->teacher, r->learn, &how);
    vc_progress_end(&progress);
    return status;
}

static void note_seen(json_t *result, const vc_seen *seen)
{
    json_object_set_new(result, "classes_seen", json_integer((json_int_t)seen->classes));
    if (seen->classes == 1)
        fprintf(stderr,
                "warning: the model sees class %zu in all %zu images; what it learns from one "
                "class may not hold for others\n",
                seen->last_class, seen->images);
}

static vc_status look_and_prune(run *r, json_t *result)
{
    const calibrate_options *o = r->o;
    const int prunes = o->stage_count > 0;
    vc_dense_stats stats = {0};
    vc_seen seen;
    vc_status status = VC_OK;
    if (prunes)
        status = vc_dense_stats_open(&stats, r->teacher, o->how.train.batch,
                                     vc_plan_recipe_weighs(&o->recipe), o->recipe.residual);
    if (status == VC_OK)
        status = look_at(r, prunes ? &stats : NULL, &seen);
    if (status == VC_OK && prunes)
        status = make_plans(r, result, &stats);
    vc_dense_stats_close(&stats);
    VC_TRY(status);
    if (o->model.plan)
        VC_TRY(read_plan(r, result, o->model.plan));
    if (o->plan_output && r->plan_count > 0)
        VC_TRY(vc_plan_write(o->plan_output, &r->plans[r->plan_count - 1]));
    note_seen(result, &seen);
    return VC_OK;
}

/* ---- learning */

static void on_step(void *context, size_t step, size_t steps, double best)
{
    run *r = context;
    char note[64];
    snprintf(note, sizeof note, "agreement of the best %.1f %%", 100.0 * best);
    r->progress.total = steps;
    vc_progress_update(&r->progress, step, note);
}

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void on_epoch(void *context, const json_t *entry)
{
    run *r = context;
    if (r->json)
        return;
    vc_progress_end(&r->progress);
    if (r->plan_count > 1)
        printf("stage %.0f/%zu  ", real_of(entry, "stage"), r->plan_count);
    printf(
        "epoch %.0f/%.0f  agreement %.1f %%, of the best %.1f %%  divergence %.4f  %.1f images/s\n",
        real_of(entry, "epoch"), real_of(entry, "epochs"), 100.0 * real_of(entry, "agreement"),
        100.0 * real_of(entry, "best_agreement"), real_of(entry, "divergence"),
        real_of(entry, "images_per_s"));
    fflush(stdout);
}

/* Everything that the files depend on. */
static json_t *settings_of(const run *r)
{
    json_t *all = json_copy(r->o->settings);
    char plan[32];
    json_object_set_new(all, "MODEL", cli_text(r->o->model.path));
    json_object_set_new(all, "--seed", json_integer((json_int_t)r->o->how.train.seed));
    if (r->plan_count > 0) {
        snprintf(plan, sizeof plan, "%016llx",
                 (unsigned long long)vc_plan_hash(&r->plans[r->plan_count - 1]));
        json_object_set_new(all, "plan", json_string(plan));
    }
    return all;
}

static double peak_mebibytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

static void describe_plan(json_t *result, const run *r)
{
    if (r->plan_count == 0)
        return;
    const vc_plan *plan = &r->plans[r->plan_count - 1];
    cli_add_plan_hash(result, plan);
    json_object_set_new(result, "residual",
                        json_string(plan->layers[0].kept_share ? "mean" : "none"));
    if (!r->o->model.plan)
        json_object_set_new(result, "rule", json_string(r->o->recipe.rule));
}

static vc_status learn(run *r, json_t *result)
{
    const calibrate_options *o = r->o;
    char checkpoint[4096];
    vc_calibration done;
    vc_calibrate_options how = o->how;
    const vc_calibrate_hooks hooks = {on_step, on_epoch, r};
    const double start = vc_clock_seconds();
    if ((size_t)snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", o->output) >=
        sizeof checkpoint)
        return vc_fail(VC_EINVAL, "%s: the path is too long", o->output);
    how.train.teacher = r->teacher;
    if (o->steps > 0) {
        const size_t each = vc_source_count(r->learn) / how.train.batch;
        how.train.epochs = (o->steps + each - 1) / each;
    }
    how.plans = r->plans;
    how.plan_count = r->plan_count;
    how.output = o->output;
    how.checkpoint = o->checkpoint ? o->checkpoint : checkpoint;
    json_t *settings = settings_of(r);
    how.settings = settings;
    if (!r->json)
        printf("%zu images to learn from, %zu held back\n", vc_source_count(r->learn),
               vc_source_count(r->held));
    fflush(stdout);
    r->progress = vc_progress_begin("calibrating", 1);
    cli_broken_images broken;
    how.look = look_of(r, &broken, &r->progress);
    const vc_status status = vc_calibrate(&done, r->student, r->learn, r->held, &how, &hooks);
    vc_progress_end(&r->progress);
    json_decref(settings);
    VC_TRY(status);
    json_object_update_new(
        result,
        json_pack("{s:I, s:I, s:f, s:f, s:I, s:I, s:f, s:f, s:o, s:O}", "images",
                  (json_int_t)vc_source_count(r->learn), "held_back",
                  (json_int_t)vc_source_count(r->held), "agreement_before", done.before,
                  "agreement", done.agreement, "epochs", (json_int_t)done.epochs, "best_epoch",
                  (json_int_t)done.best_epoch, "seconds", vc_clock_seconds() - start, "peak_mib",
                  peak_mebibytes(), "model", cli_text(o->output), "log", done.log));
    if (o->plan_output)
        json_object_set_new(result, "plan", cli_text(o->plan_output));
    describe_plan(result, r);
    vc_calibration_close(&done);
    return VC_OK;
}

/* A file, since a model takes its auto-encoder from one. */
static vc_status make_coder(json_t *result, run *r)
{
    const calibrate_options *o = r->o;
    if ((size_t)snprintf(r->coder, sizeof r->coder, "%s.XXXXXX", o->output) >= sizeof r->coder)
        return vc_fail(VC_EINVAL, "%s: the path is too long", o->output);
    const int file = mkstemp(r->coder);
    if (file < 0) {
        r->coder[0] = '\0';
        return vc_fail(VC_EIO, "%s: cannot write beside it", o->output);
    }
    close(file);
    cli_autoencoder_options how = {.model = o->model,
                                   .data = o->data,
                                   .output = r->coder,
                                   .compressed = o->compressed,
                                   .coded = o->coded};
    how.model.plan = "none";
    VC_TRY(cli_make_autoencoder(result, &how));
    json_object_del(result, "autoencoder"); /* it is inside the model */
    return VC_OK;
}

static vc_status open_models(run *r, json_t *result)
{
    cli_model_options dense = r->o->model, own = r->o->model;
    if (r->o->makes_coder) {
        VC_TRY(make_coder(result, r));
        own.autoencoder = r->coder;
    }
    if (r->o->teacher)
        dense.path = r->o->teacher;
    dense.autoencoder = NULL;
    dense.plan = own.plan = NULL;
    VC_TRY(cli_open_without_plan(&r->teacher, result, &dense, CLI_RUN));
    VC_TRY(cli_open_without_plan(&r->student, result, &own, CLI_TRAIN));
    if (!r->json)
        cli_print_without_plan(result);
    if (r->student->config.architecture != VC_DEIT)
        return vc_fail(VC_EUNSUPPORTED, "%s: a %s cannot be trained, wanted a deit", own.path,
                       vc_architecture_name(r->student->config.architecture));
    vc_train_options how = r->o->how.train;
    how.teacher = r->teacher;
    return vc_train_check_teacher(&how, r->student);
}

static vc_status calibrate(json_t *result, const calibrate_options *o, int json)
{
    run r = {.o = o, .json = json, .broken = json_array()};
    json_object_set_new(result, "broken_images", r.broken);
    VC_TRY(cli_try_output(o->output));
    if (o->plan_output)
        VC_TRY(cli_try_output(o->plan_output));
    vc_status status = open_models(&r, result);
    if (status == VC_OK)
        status = open_images(&r);
    if (status == VC_OK)
        status = look_and_prune(&r, result);
    if (status == VC_OK)
        status = learn(&r, result);
    for (size_t s = 0; s < r.plan_count; s++)
        vc_plan_close(&r.plans[s]);
    vc_source_close(r.learn);
    vc_source_close(r.held);
    vc_source_close(r.images);
    vc_model_close(r.student);
    vc_model_close(r.teacher);
    if (r.coder[0])
        unlink(r.coder);
    return status;
}

static void print_text(const json_t *result)
{
    printf("%s: agreement with the dense model %.1f %% (before learning %.1f %%), best after epoch "
           "%.0f, %.0f s, peak %.0f MiB\n",
           json_string_value(json_object_get(result, "model")),
           100.0 * real_of(result, "agreement"), 100.0 * real_of(result, "agreement_before"),
           real_of(result, "best_epoch"), real_of(result, "seconds"), real_of(result, "peak_mib"));
}

/* ---- arguments */

static calibrate_options defaults(void)
{
    calibrate_options o = {
        .data = cli_data_options_default("train"),
        .hold_back = 0.2,
        .minutes = NAN,
        .recipe = {.sparsity = NAN, .threshold = CLI_UNSET},
        .how = {.train = vc_train_options_default(), .stage_epochs = CLI_UNSET, .patience = 6}};
    vc_train_options *t = &o.how.train;
    t->epochs = CLI_UNSET;
    t->batch = 16;
    t->learning_rate = 1e-4; /* 2e-4 forgets faster than it learns */
    t->weight_decay = 0.0;
    t->min_learning_rate = 0.0;
    t->warmup_epochs = 1.0;
    t->distillation = 1.0; /* there are no labels */
    t->features = 10.0;
    t->label_smoothing = 0.0;
    t->augment = (vc_augment_options){.crop_least = 0.25,
                                      .crop_most = 1.0,
                                      .aspect_least = 3.0 / 4.0,
                                      .aspect_most = 4.0 / 3.0,
                                      .flip = 0.5,
                                      .mixup = 1.0};
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

/* A word, or a file. */
static int take_autoencoder(const cli_command *command, calibrate_options *o)
{
    const char *text = o->autoencoder;
    if (!text) {
        if (o->compressed > 0)
            return cli_usage(command, "--compressed belongs to --autoencoder");
        return CLI_CONTINUE;
    }
    o->makes_coder = cli_is_coded(text);
    if (o->makes_coder)
        return cli_take_coded(&o->coded, command, text);
    if (o->compressed > 0)
        return cli_usage(command, "--compressed belongs to --autoencoder qk, q or k");
    o->model.autoencoder = text;
    return CLI_CONTINUE;
}

/* What a plan from elsewhere leaves without a say, and what one limit of time leaves to another. */
static int check_unused(const cli_command *command, const calibrate_options *o)
{
    const vc_train_options *t = &o->how.train;
    if (o->model.plan && !o->gradual &&
        (o->recipe.rule || o->residual || !isnan(o->recipe.sparsity) ||
         o->recipe.threshold != CLI_UNSET))
        return cli_usage(command, "--sparsity, --rule, --residual and --threshold make a plan, and "
                                  "--plan is there already");
    if (o->how.stage_epochs != CLI_UNSET && !o->gradual)
        return cli_usage(command, "--stage-epochs belongs to --gradual");
    if ((t->epochs != CLI_UNSET) + (o->steps > 0) + !isnan(o->minutes) > 1)
        return cli_usage(command, "wanted one of --epochs, --steps and --minutes");
    if (o->gradual && t->epochs == 0)
        return cli_usage(command, "--epochs is 0, which leaves --gradual nothing to lead to");
    return CLI_CONTINUE;
}

static void take_defaults(calibrate_options *o)
{
    if (!o->recipe.rule)
        o->recipe.rule = "budget";
    if (!o->residual)
        o->residual = "mean";
    if (isnan(o->recipe.sparsity))
        o->recipe.sparsity = 0.9;
    if (o->recipe.threshold == CLI_UNSET)
        o->recipe.threshold = 50;
    if (o->how.stage_epochs == CLI_UNSET)
        o->how.stage_epochs = 1;
    if (o->how.train.epochs == CLI_UNSET)
        o->how.train.epochs = 20;
}

static int check(const cli_command *command, const calibrate_options *o)
{
    const vc_train_options *t = &o->how.train;
    if (!o->data.path || !o->output)
        return cli_usage(command, "wanted --data PATH and -o MODEL");
    if (!(o->recipe.sparsity >= 0.0 && o->recipe.sparsity < 1.0))
        return cli_usage(command, "--sparsity is %g, wanted 0 to less than 1", o->recipe.sparsity);
    if (!(t->augment.crop_least > 0.0 && t->augment.crop_least <= 1.0))
        return cli_usage(command, "--crop is %g, wanted more than 0, up to 1",
                         t->augment.crop_least);
    if (!(t->augment.mix >= 0.0 && t->augment.mix <= 1.0))
        return cli_usage(command, "--mixup is %g, wanted 0 to 1", t->augment.mix);
    if (o->model.mask)
        return cli_usage(command, "--mask has no plan: wanted --plan (`vitcod polarize`)");
    const int status =
        cli_check_learning(command, o->recipe.rule, o->residual, o->hold_back, o->minutes);
    return status == CLI_CONTINUE ? cli_check_batch(command, t->batch) : status;
}

static int run_calibrate(const cli_command *command, int argc, char **argv)
{
    calibrate_options o = defaults();
    vc_train_options *t = &o.how.train;
    const cli_option options[] = {
        {"data", "PATH", "images, which need no labels: a folder, a tar, IDX or CIFAR files",
         CLI_TEXT, &o.data.path},
        {"limit", "N", "only the first N images, 0 for all", CLI_COUNT, &o.data.limit},
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o.data.skip_broken},
        {"output", "FILE", "the model that was best on the images held back, its plan inside",
         CLI_TEXT, &o.output},
        {"plan-output", "FILE", "the plan that it runs on, as a file of its own", CLI_TEXT,
         &o.plan_output},
        {"sparsity", "X", "share of the scores that is pruned (default 0.9; 0: none)", CLI_NUMBER,
         &o.recipe.sparsity},
        {"rule", "NAME", "budget (default, see above), or as `vitcod prune --rule`", CLI_TEXT,
         &o.recipe.rule},
        {"residual", "NAME",
         "mean (default): pruned entries count as the mean of all values; none: as in ViTCoD",
         CLI_TEXT, &o.residual},
        {"gradual", "X,Y", "learn at these sparsities first, each --stage-epochs long", CLI_TEXT,
         &o.gradual},
        {"stage-epochs", "N", "see --gradual (default 1)", CLI_COUNT, &o.how.stage_epochs},
        {"threshold", "N", "a column that keeps more is global (default 50)", CLI_COUNT,
         &o.recipe.threshold},
        {"plan", "FILE", "a plan instead of one made here", CLI_TEXT, &o.model.plan},
        {"teacher", "MODEL",
         "what it learns from, and whose attention is pruned (default: MODEL itself, dense)",
         CLI_TEXT, &o.teacher},
        {"autoencoder", "qk|q|k|FILE",
         "with an auto-encoder of Q, K or both, made here, or from `vitcod autoencoder`", CLI_TEXT,
         &o.autoencoder},
        {"compressed", "N", "heads after compression (default: ViTCoD's, half rounded up)",
         CLI_COUNT, &o.compressed},
        {"heads", "N", "attention heads, where the file does not say", CLI_COUNT, &o.model.heads},
        {"epochs", "N", "passes over the images (default 20; 0: prune alone)", CLI_COUNT,
         &t->epochs},
        {"minutes", "X", "as many epochs as fit, by the time of a few steps", CLI_NUMBER,
         &o.minutes},
        {"steps", "N", "so many steps, rounded up to whole epochs", CLI_COUNT, &o.steps},
        {"patience", "N", "stop after so many epochs without a better one, 0: never (default 6)",
         CLI_COUNT, &o.how.patience},
        {"batch", "N", "images per step (default 16)", CLI_COUNT, &t->batch},
        {"lr", "X", "highest learning rate (default 1e-4)", CLI_NUMBER, &t->learning_rate},
        {"feature-weight", "X", "of the distance from the dense model's blocks (default 10)",
         CLI_NUMBER, &t->features},
        {"attention-weight", "X", "of the distance from its heads' outputs (default 0)", CLI_NUMBER,
         &t->attention},
        {"logit-weight", "X", "of the divergence from its logits (default 1)", CLI_NUMBER,
         &t->logits},
        {"temperature", "X", "of both models' logits (default 1)", CLI_NUMBER, &t->temperature},
        {"weight-decay", "X", "of matrices, as in AdamW (default 0)", CLI_NUMBER, &t->weight_decay},
        {"crop", "X", "random resized crops of this share of the area or more (default 0.25)",
         CLI_NUMBER, &t->augment.crop_least},
        {"mixup", "X", "share of the batches whose images are mixed with each other (default 0)",
         CLI_NUMBER, &t->augment.mix},
        {"hold-back", "X", "share of the images kept to judge by (default 0.2)", CLI_NUMBER,
         &o.hold_back},
        {"checkpoint", "FILE", "where to go on from (default: beside -o)", CLI_TEXT, &o.checkpoint},
        {"resume", NULL, "go on from the checkpoint of a run that was stopped", CLI_FLAG,
         &o.how.resume},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    t->seed = common.seed;
    status = check_unused(command, &o);
    take_defaults(&o);
    if (status == CLI_CONTINUE)
        status = check(command, &o);
    if (status == CLI_CONTINUE)
        status = take_stages(command, &o);
    if (status == CLI_CONTINUE)
        status = take_autoencoder(command, &o);
    if (status != CLI_CONTINUE)
        return status;
    o.recipe.residual = strcmp(o.residual, "mean") == 0;
    o.how.seconds = isnan(o.minutes) ? 0.0 : 60.0 * o.minutes;
    t->warmup_learning_rate = fmin(t->warmup_learning_rate, t->learning_rate);
    static const char *const places[] = {"output", "plan-output", "checkpoint",
                                         "resume", "skip-broken", NULL};
    o.settings = cli_settings(options, sizeof options / sizeof *options, places);
    json_t *result = cli_result(command, &common);
    const vc_status done = o.settings
                               ? calibrate(result, &o, common.json)
                               : vc_fail(VC_EINVAL, "a path that is no UTF-8 cannot be remembered");
    json_decref(o.settings);
    return cli_finish_data(result, done, &o.data, common.json, print_text);
}

const cli_command cmd_calibrate = {
    "calibrate", "prune a model and let it learn from its dense self, without labels",
    "MODEL --data IMAGES [--sparsity X] -o MODEL",
    "Averages attention over the images, prunes it to a mask, polarizes, and trains the sparse model on\n"
    "what the dense one makes of the images: its blocks' outputs and its logits. A share of the images is\n"
    "held back; the result is the model that is least apart from the dense one on them. Rule budget spends the\n"
    "kept scores over all layers and heads by attention times the norm of the projected value; residual mean gives\n"
    "back what is pruned as the mean of all values. docs/calibration.md has formulas and figures.",
    run_calibrate};
