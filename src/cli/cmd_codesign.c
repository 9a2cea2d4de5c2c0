#include <math.h>
#include <stdio.h>
#include <string.h>

#include "coded.h"
#include "commands.h"
#include "learning.h"
#include "open_data.h"
#include "plan_cost.h"
#include "vitcod/recipe.h"
#include "words.h"

/* ---- arguments */

static int check_words(const cli_command *command, const vc_recipe_options *o)
{
    cli_plan_cost cost = {0};
    size_t threshold;
    int search;
    const int status = cli_take_threshold(command, &threshold, &search, o->threshold);
    return status == CLI_CONTINUE ? cli_check_plan_cost(command, &cost, o->target) : status;
}

static int check_training(const cli_command *command, const vc_recipe_options *o)
{
    if (!vc_recipe_trains(o))
        return CLI_CONTINUE;
    if (!isnan(o->minutes) || !isnan(o->hold_back) || o->gradual || o->patience != CLI_UNSET)
        return cli_usage(command, "--minutes, --patience, --hold-back and --gradual belong to "
                                  "--finetune calibrate");
    return o->epochs == 0 ? cli_usage(command, "--epochs must be above 0 to train") : CLI_CONTINUE;
}

static int check(const cli_command *command, const vc_recipe_options *o)
{
    double stages[CLI_MOST_STAGES];
    size_t count;
    if (!o->data)
        return cli_usage(command, "--data IMAGES is missing");
    if (!o->folder)
        return cli_usage(command, "-o RUN is missing");
    if (o->folder[0] == '-')
        return cli_usage(command, "-o is '%s', wanted ./%s", o->folder, o->folder);
    if (strlen(o->folder) + 300 > VC_RECIPE_PATH) /* and a name */
        return cli_usage(command, "-o is too long a path");
    if (!(o->sparsity > 0.0 && o->sparsity < 1.0))
        return cli_usage(command, "--sparsity is %g, wanted more than 0, less than 1", o->sparsity);
    if (o->compressed > 0 && !vc_recipe_is_coded(o))
        return cli_usage(command, "--compressed belongs to --autoencoder qk, q or k");
    if (o->epochs != CLI_UNSET && !isnan(o->minutes))
        return cli_usage(command, "both --epochs and --minutes, wanted one of them");
    int status = check_words(command, o);
    if (status == CLI_CONTINUE)
        status = check_training(command, o);
    if (status == CLI_CONTINUE)
        status = cli_check_learning(command, o->rule, o->minutes);
    if (status == CLI_CONTINUE && !isnan(o->hold_back))
        status = cli_check_hold_back(command, o->hold_back);
    if (status == CLI_CONTINUE)
        status = cli_take_stages(command, stages, &count, o->gradual, o->sparsity);
    if (status == CLI_CONTINUE && o->batch != CLI_UNSET)
        status = cli_check_batch(command, o->batch);
    return status;
}

/* ---- what came out */

static void print_step(void *context, const vc_recipe *recipe, size_t index, double seconds,
                       int ran)
{
    (void)context;
    printf("%2zu/%zu  %-16s %8.1f s%s\n", index + 1, recipe->count, recipe->steps[index].name,
           seconds, ran ? "" : ", done before");
    fflush(stdout);
}

typedef struct codesign_result {
    bool done; /* else only listed */
    vc_recipe_summary summary;
    json_t *commands;
} codesign_result;

static const vc_field result_fields[] = {
    {VC_FIELD_INLINE(codesign_result, summary, &vc_recipe_record), VC_WHEN(codesign_result, done)},
    {VC_FIELD(codesign_result, commands, "", "the steps as a shell takes them"), VC_KNOWN},
};
static const vc_record result_record = VC_RECORD("codesign", codesign_result, result_fields);

static void print_summary(const vc_recipe_summary *s)
{
    printf("%s: %.2f %% of attention pruned", s->model, 100.0 * s->sparsity);
    if (s->threshold != VC_NO_COUNT)
        printf(", threshold %llu", (unsigned long long)s->threshold);
    putchar('\n');
    if (!isnan(s->agreement))
        printf("  agreement with the dense model %.1f %%, %.1f %% before learning\n",
               100.0 * s->agreement, 100.0 * s->agreement_before);
    if (!isnan(s->top1))
        printf("  top-1 %.2f %%, dense %.2f %%\n", s->top1, s->top1_dense);
    printf("  attention %llu cycles on the simulated chip, dense %llu: %.2f times as fast\n",
           (unsigned long long)s->attention_cycles, (unsigned long long)s->attention_cycles_dense,
           s->attention_speedup);
    printf("  end to end %llu cycles, dense %llu: %.2f times as fast; %.2f uJ, dense %.2f uJ\n",
           (unsigned long long)s->cycles, (unsigned long long)s->cycles_dense, s->speedup,
           s->energy_uj, s->energy_uj_dense);
    printf("  %llu bytes, dense %llu; %.1f s\n", (unsigned long long)s->bytes,
           (unsigned long long)s->bytes_dense, s->seconds);
}

static void print_text(const void *result)
{
    const codesign_result *r = result;
    size_t i;
    json_t *command;
    json_array_foreach (r->commands, i, command)
        puts(json_string_value(command));
    if (r->done)
        print_summary(&r->summary);
}

static vc_status codesign(codesign_result *result, const cli_command *command,
                          const cli_common *common, const vc_recipe_options *o, int dry_run)
{
    const vc_recipe_hooks hooks = {.on_step = cli_is_quiet(common) ? NULL : print_step};
    vc_recipe recipe;
    VC_TRY(vc_recipe_open(&recipe, o));
    vc_status status = VC_OK;
    cli_note_hash(recipe.model_hash);
    if (dry_run) {
        result->commands = vc_recipe_commands(&recipe);
        if (!result->commands)
            status = vc_fail(VC_ENOMEM, "out of memory for the commands");
    } else {
        json_t *frame = cli_frame(command, common);
        status = frame ? vc_recipe_run(&result->summary, frame, &recipe, &hooks) : VC_ENOMEM;
        json_decref(frame);
        result->done = true;
    }
    vc_recipe_close(&recipe);
    return status;
}

static int run_codesign(const cli_command *command, int argc, char **argv)
{
    vc_recipe_options o = vc_recipe_options_default();
    int dry_run = 0;
    const cli_option options[] = {
        {"data", "IMAGES",
         "a folder, an archive, IDX or CIFAR files; labels are needed to train alone", CLI_TEXT,
         &o.data},
        {"output", "RUN", "the run folder; one that is there is gone on with", CLI_WRITTEN,
         &o.folder},
        {"test", "PATH", "labelled images to evaluate (default: test images of IDX or CIFAR data)",
         CLI_TEXT, &o.test},
        {"classes", "FILE", "class list of --test", CLI_TEXT, &o.classes, .files = "txt"},
        CLI_EXIF_OPTION(o.exif, "off"),
        {"sparsity", "X", "share of attention that is pruned (default 0.9)", CLI_NUMBER,
         &o.sparsity},
        {"rule", "NAME", "budget (default; measured with --summary), see calibrate, or as prune's",
         CLI_TEXT, &o.rule, .word = cli_learning_rule_name},
        {"residual", "mean|none",
         "mean (default): pruned entries count as the mean of all values; none: as in ViTCoD",
         CLI_TEXT, &o.residual},
        {"summary", "none|auto|GRID",
         "none (default), 3x3 or auto, as in calibrate, which makes the plan then", CLI_TEXT,
         &o.summaries},
        {"autoencoder", "qk|q|k|none", "what is compressed (default qk)", CLI_TEXT, &o.autoencoder},
        {"compressed", "N", "heads after compression (default: ViTCoD's, half rounded up)",
         CLI_COUNT, &o.compressed},
        {"threshold", "N|auto",
         "a column that keeps more is a global token; auto (default): what costs least", CLI_TEXT,
         &o.threshold},
        {"for", "vitcod|cpu",
         "auto: vitcod (default), cycles on the chip; cpu, time on this machine", CLI_TEXT,
         &o.target},
        {"finetune", "calibrate|train",
         "calibrate (default), from the dense model alone; train, from labels", CLI_TEXT,
         &o.finetune},
        {"epochs", "N", "of each of the two runs (default: the verb's)", CLI_COUNT, &o.epochs},
        {"minutes", "X", "of both runs together, in place of --epochs", CLI_NUMBER, &o.minutes},
        {"patience", "N", "see calibrate (default 6)", CLI_COUNT, &o.patience},
        {"gradual", "X,Y", "learn at these sparsities first", CLI_TEXT, &o.gradual},
        {"batch", "N", "images per step (default: the verb's)", CLI_COUNT, &o.batch},
        {"lr", "X", "highest learning rate (default: the verb's)", CLI_NUMBER, &o.learning_rate},
        CLI_SOME_OPTIONS(o.limit, o.sample),
        {"hold-back", "X", "share of the images kept to judge by (default 0.2)", CLI_NUMBER,
         &o.hold_back},
        {"chip", "FILE", "as `vitcod simulate --chip` (default vitcod)", CLI_TEXT, &o.chip,
         .files = "yaml yml", .word = cli_chip_name},
        {"heads", "N", "attention heads, where MODEL does not say", CLI_COUNT, &o.heads},
        CLI_CONVERT_OPTION(o.convert),
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o.skip_broken},
        {"force", NULL, "start over in a folder that is there", CLI_FLAG, &o.force},
        {"dry-run", NULL, "print the commands and leave", CLI_FLAG, &dry_run},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    o.model = arguments.positional[0];
    status = cli_check_some(command, &o.limit, o.sample, CLI_UNSET);
    if (status != CLI_CONTINUE)
        return status;
    o.seed = common.seed;
    o.threads = common.threads;
    o.program = cli_own_program();
    status = vc_recipe_options_settle(&o) == VC_OK ? check(command, &o)
                                                   : cli_usage(command, "%s", vc_last_error());
    if (status != CLI_CONTINUE)
        return status;
    codesign_result result = {0};
    const vc_status done = codesign(&result, command, &common, &o, dry_run);
    status = cli_end(command, &common, done, &result, print_text);
    json_decref(result.commands);
    return status;
}

const cli_command cmd_codesign = {
    "codesign",
    "ViTCoD's whole recipe, step by step in a run folder",
    "MODEL --data IMAGES -o RUN [options]",
    "Sets up the auto-encoder and lets the model learn with it, averages attention, prunes, "
    "polarizes, lets the sparse model learn from the dense one, evaluates and simulates. Each "
    "step is another verb (--dry-run prints them) and leaves its files in RUN; "
    "RUN/model.safetensors has plan and auto-encoder inside. The same command goes on where it "
    "was stopped, and ends with the same bits.",
    run_codesign,
    &result_record,
    "vitcod codesign deit_tiny.safetensors --data photos -o run\n"
    "vitcod codesign deit_tiny.safetensors --data photos -o run --dry-run"};
