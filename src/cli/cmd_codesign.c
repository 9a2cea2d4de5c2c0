#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codesign.h"
#include "commands.h"
#include "learning.h"
#include "open_data.h"
#include "open_model.h"
#include "plan_cost.h"
#include "simulate.h"
#include "vitcod/prune.h"

/* ---- what would fail late */

/* A class token keeps its row and column, and every row keeps an entry. */
static vc_status check_sparsity(const codesign_options *o, const vc_attention_layer *l)
{
    const double all = (double)l->queries * (double)l->keys,
                 most = 1.0 - (double)(l->queries + l->keys - 1) / all;
    if (o->sparsity <= most + 0.002)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "--sparsity is %g, and with %zu tokens no more than %.4f can be pruned: the "
                   "class token is kept",
                   o->sparsity, l->keys, most);
}

static vc_status check_model(codesign_options *o, const vc_model *model)
{
    const vc_attention_layer l = vc_model_layer(&model->config, 0);
    if (model->config.architecture != VC_DEIT)
        return vc_fail(VC_EUNSUPPORTED, "%s: a %s cannot be designed, wanted a deit", o->model,
                       vc_architecture_name(model->config.architecture));
    if (vc_model_plan(model))
        return vc_fail(VC_EINVAL,
                       "%s: a plan is inside, wanted a dense model (`vitcod import --plan none`)",
                       o->model);
    if (cli_coded_width(l.compressed) > 0 && codesign_is_coded(o))
        return vc_fail(VC_EINVAL, "%s: an auto-encoder is inside, wanted --autoencoder none",
                       o->model);
    o->head_dim = l.head_dim;
    return check_sparsity(o, &l);
}

static vc_status look_at_model(codesign_options *o)
{
    const cli_model_options how = {.path = o->model, .heads = o->heads};
    vc_model *model;
    VC_TRY(cli_open_model(&model, &how, CLI_RUN));
    const vc_status status = check_model(o, model);
    vc_model_close(model);
    return status;
}

/* Where nobody says what to test with, it is the test images of a data set in files that has some. */
static vc_status look_at_images(codesign_options *o)
{
    const cli_data_options learn = {.path = o->data, .split = "train"},
                           test = {.path = o->test ? o->test : o->data,
                                   .split = "test",
                                   .classes = o->classes};
    vc_source *source;
    VC_TRY(cli_open_source(&source, &learn, 0));
    const int is_set = vc_source_dataset(source) != NULL;
    vc_source_close(source);
    if (!o->test && !is_set)
        return VC_OK;
    const vc_status status = cli_open_source(&source, &test, 1);
    if (status == VC_OK)
        vc_source_close(source);
    if (o->test)
        return status;
    o->test = status == VC_OK ? o->data : NULL;
    return VC_OK;
}

static vc_status look_at_chip(const codesign_options *o)
{
    vc_accelerator chip;
    VC_TRY(cli_open_chip(&chip, o->chip, NULL));
    if (codesign_is_coded(o) && !chip.chip.steps.autoencoder)
        return vc_fail(VC_EINVAL,
                       "the accelerator '%s' has 'autoencoder: false', wanted --autoencoder none",
                       chip.chip.name);
    return VC_OK;
}

/* ---- the steps */

static vc_status run_steps(json_t **done, const codesign_options *o, const codesign_recipe *recipe,
                           int json)
{
    for (size_t i = 0; i < recipe->count; i++) {
        const codesign_step *s = &recipe->steps[i];
        int ran;
        VC_TRY(codesign_run_step(&done[i], &ran, s, o->folder));
        if (json)
            continue;
        printf("%2zu/%zu  %-16s %8.1f s%s\n", i + 1, recipe->count, s->name,
               json_number_value(json_object_get(done[i], "step_seconds")),
               ran ? "" : ", done before");
        fflush(stdout);
    }
    return VC_OK;
}

static vc_status run_and_sum_up(json_t *result, const codesign_options *o,
                                const codesign_recipe *recipe, int json)
{
    char path[CODESIGN_PATH];
    json_t *done[CODESIGN_MOST_STEPS] = {NULL};
    vc_status status = run_steps(done, o, recipe, json);
    if (status == VC_OK) {
        codesign_add_summary(result, o, recipe, done);
        snprintf(path, sizeof path, "%s/result.json", o->folder);
        status = vc_json_write(path, result);
    }
    for (size_t i = 0; i < recipe->count; i++)
        json_decref(done[i]);
    return status;
}

static vc_status run_in_folder(json_t *result, const codesign_options *o,
                               const codesign_recipe *recipe, int json)
{
    int lock = -1;
    vc_status status = codesign_open_folder(&lock, o, recipe);
    if (status == VC_OK)
        status = run_and_sum_up(result, o, recipe, json);
    if (lock >= 0)
        close(lock);
    return status;
}

static vc_status codesign(json_t *result, codesign_options *o, int json)
{
    codesign_recipe recipe;
    VC_TRY(look_at_model(o));
    VC_TRY(look_at_images(o));
    VC_TRY(look_at_chip(o));
    vc_status status = codesign_open_recipe(&recipe, o);
    if (status == VC_OK && o->dry_run)
        json_object_set_new(result, "commands", codesign_commands(&recipe));
    else if (status == VC_OK)
        status = run_in_folder(result, o, &recipe, json);
    codesign_close_recipe(&recipe);
    return status;
}

/* ---- arguments */

static int check_words(const cli_command *command, const codesign_options *o)
{
    cli_plan_cost cost = {.target = o->target};
    size_t threshold;
    int search;
    if (!cli_is_coded(o->autoencoder) && strcmp(o->autoencoder, "none") != 0)
        return cli_usage(command, "--autoencoder is '%s', wanted qk, q, k or none", o->autoencoder);
    if (strcmp(o->finetune, "calibrate") != 0 && strcmp(o->finetune, "train") != 0)
        return cli_usage(command, "--finetune is '%s', wanted calibrate or train", o->finetune);
    const int status = cli_take_threshold(command, &threshold, &search, o->threshold);
    return status == CLI_CONTINUE ? cli_check_plan_cost(command, &cost) : status;
}

static int check_training(const cli_command *command, const codesign_options *o)
{
    if (!codesign_trains(o))
        return CLI_CONTINUE;
    if (!isnan(o->minutes) || !isnan(o->hold_back) || o->gradual || o->patience != CLI_UNSET)
        return cli_usage(command, "--minutes, --patience, --hold-back and --gradual belong to "
                                  "--finetune calibrate");
    return o->epochs == 0 ? cli_usage(command, "--epochs must be above 0 to train") : CLI_CONTINUE;
}

static int check(const cli_command *command, const codesign_options *o)
{
    double stages[CLI_MOST_STAGES];
    size_t count;
    if (!o->data || !o->folder)
        return cli_usage(command, "wanted --data IMAGES and -o RUN");
    if (o->folder[0] == '-')
        return cli_usage(command, "-o is '%s', wanted ./%s", o->folder, o->folder);
    if (strlen(o->folder) + 300 > CODESIGN_PATH) /* and a name */
        return cli_usage(command, "-o is too long a path");
    if (!(o->sparsity > 0.0 && o->sparsity < 1.0))
        return cli_usage(command, "--sparsity is %g, wanted more than 0, less than 1", o->sparsity);
    if (o->compressed > 0 && !codesign_is_coded(o))
        return cli_usage(command, "--compressed belongs to --autoencoder qk, q or k");
    int status = check_words(command, o);
    if (status == CLI_CONTINUE)
        status = check_training(command, o);
    if (status == CLI_CONTINUE)
        status = cli_check_learning(command, o->rule, o->residual,
                                    isnan(o->hold_back) ? 0.2 : o->hold_back, o->minutes);
    if (status == CLI_CONTINUE)
        status = cli_take_stages(command, stages, &count, o->gradual, o->sparsity);
    if (status == CLI_CONTINUE && o->batch != CLI_UNSET)
        status = cli_check_batch(command, o->batch);
    return status;
}

static codesign_options defaults(void)
{
    return (codesign_options){.rule = "budget",
                              .residual = "mean",
                              .autoencoder = "qk",
                              .threshold = "auto",
                              .target = "vitcod",
                              .finetune = "calibrate",
                              .sparsity = 0.9,
                              .minutes = NAN,
                              .hold_back = NAN,
                              .learning_rate = NAN,
                              .epochs = CLI_UNSET,
                              .patience = CLI_UNSET,
                              .batch = CLI_UNSET,
                              .limit = CLI_UNSET};
}

static int run_codesign(const cli_command *command, int argc, char **argv)
{
    codesign_options o = defaults();
    const cli_option options[] = {
        {"data", "IMAGES", "a folder, a tar, IDX or CIFAR files; labels are needed to train alone",
         CLI_TEXT, &o.data},
        {"output", "RUN", "the run folder; one that is there is gone on with", CLI_TEXT, &o.folder},
        {"test", "PATH", "labelled images to evaluate (default: test images of IDX or CIFAR data)",
         CLI_TEXT, &o.test},
        {"classes", "FILE", "class list of --test", CLI_TEXT, &o.classes},
        {"sparsity", "X", "share of attention that is pruned (default 0.9)", CLI_NUMBER,
         &o.sparsity},
        {"rule", "NAME", "budget (default, see calibrate), or as `vitcod prune --rule`", CLI_TEXT,
         &o.rule},
        {"residual", "NAME",
         "mean (default): pruned entries count as the mean of all values; none: as in ViTCoD",
         CLI_TEXT, &o.residual},
        {"autoencoder", "qk|q|k|none", "what is compressed (default qk)", CLI_TEXT, &o.autoencoder},
        {"compressed", "N", "heads after compression (default: ViTCoD's, half rounded up)",
         CLI_COUNT, &o.compressed},
        {"threshold", "N|auto",
         "a column that keeps more is a global token; auto (default): what costs least", CLI_TEXT,
         &o.threshold},
        {"for", "TARGET", "auto: vitcod (default), cycles on the chip; cpu, time on this machine",
         CLI_TEXT, &o.target},
        {"finetune", "NAME", "calibrate (default), from the dense model alone; train, from labels",
         CLI_TEXT, &o.finetune},
        {"epochs", "N", "of each of the two runs (default: the verb's)", CLI_COUNT, &o.epochs},
        {"minutes", "X", "of both runs together, in place of --epochs", CLI_NUMBER, &o.minutes},
        {"patience", "N", "see calibrate (default 6)", CLI_COUNT, &o.patience},
        {"gradual", "X,Y", "learn at these sparsities first", CLI_TEXT, &o.gradual},
        {"batch", "N", "images per step (default: the verb's)", CLI_COUNT, &o.batch},
        {"lr", "X", "highest learning rate (default: the verb's)", CLI_NUMBER, &o.learning_rate},
        {"limit", "N", "only the first N images, 0 for all", CLI_COUNT, &o.limit},
        {"hold-back", "X", "share of the images kept to judge by (default 0.2)", CLI_NUMBER,
         &o.hold_back},
        {"chip", "FILE", "as `vitcod simulate --config` (default vitcod)", CLI_TEXT, &o.chip},
        {"heads", "N", "attention heads, where MODEL does not say", CLI_COUNT, &o.heads},
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o.skip_broken},
        {"force", NULL, "start over in a folder that is there", CLI_FLAG, &o.force},
        {"dry-run", NULL, "print the commands and leave", CLI_FLAG, &o.dry_run},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    o.model = arguments.positional[0];
    o.seed = common.seed;
    o.threads = common.threads;
    status = check(command, &o);
    if (status != CLI_CONTINUE)
        return status;
    static const char *const besides[] = {"output", "skip-broken", "force", "dry-run", NULL};
    o.settings = cli_settings(options, sizeof options / sizeof *options, besides);
    const int remembered =
        o.settings && json_object_set_new(o.settings, "MODEL", json_string(o.model)) == 0 &&
        json_object_set_new(o.settings, "--seed", json_integer((json_int_t)o.seed)) == 0;
    json_t *result = cli_result(command, &common);
    const vc_status done =
        remembered ? codesign(result, &o, common.json)
                   : vc_fail(VC_EINVAL, "a path that is not UTF-8 cannot be remembered");
    json_decref(o.settings);
    return cli_finish(result, done, common.json, codesign_print);
}

const cli_command cmd_codesign = {
    "codesign", "ViTCoD's whole recipe, step by step in a run folder",
    "MODEL --data IMAGES -o RUN [options]",
    "Sets up the auto-encoder and lets the model learn with it, averages attention, prunes, polarizes, lets\n"
    "the sparse model learn from the dense one, evaluates and simulates. Each step is another verb (--dry-run\n"
    "prints them) and leaves its files in RUN; RUN/model.safetensors has plan and auto-encoder inside. The same\n"
    "command goes on where it was stopped, and ends with the same bits.",
    run_codesign};
