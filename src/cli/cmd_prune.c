#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "learning.h"
#include "vitcod/comma_lists.h"
#include "vitcod/distill.h"
#include "vitcod/file.h"
#include "vitcod/maps.h"
#include "vitcod/progress.h"
#include "vitcod/prune.h"
#include "vitcod/prune_result.h"

enum { RULE_HELP = VC_PRUNE_RULES_TEXT + 128 };

typedef struct prune_command {
    vc_prune_options options;
    const char *info, *output, *ties, *rule;
    vc_plan_recipe recipe; /* with summaries, or by what is measured */
    vc_comma_numbers cuts;
    int keep, drop; /* asked for: the class token's row and column may not, may be pruned */
} prune_command;

static int on_round(void *context, size_t done, size_t rounds)
{
    vc_progress *progress = context;
    progress->total = rounds;
    vc_progress_update(progress, done, NULL);
    return 0;
}

/* A file holds a model with a class token (DeiT), a folder one without (LeViT). */
static int keeps_class_token(const prune_command *c, const vc_group_files *files)
{
    const int usual = !files->files[0].name[0] && vc_prune_keeps_class_token(c->options.rule);
    return c->keep || (!c->drop && usual);
}

static vc_status prune(vc_prune_result *result, const prune_command *c, const char *path,
                       const vc_map_set *maps)
{
    const vc_group_files *files = &maps->files;
    vc_prune_options options = c->options;
    vc_mask_set set;
    vc_prune_report report = {0};
    vc_progress progress;
    options.keep_class_token = keeps_class_token(c, files);
    options.info = c->cuts.count ? c->cuts.values[0] : -1.0;
    if (c->cuts.count > 1 && c->cuts.count != files->count)
        return vc_fail(VC_EINVAL, "%zu info cuts for %zu groups of layers in %s", c->cuts.count,
                       files->count, path);
    VC_TRY(files->files[0].name[0] ? vc_directory_make(c->output) : vc_file_try(c->output));
    options.on_round = on_round;
    options.context = &progress;
    progress = vc_progress_begin("pruning", 1);
    vc_status status = vc_prune_set(&set, &report, maps, c->cuts.count > 1 ? c->cuts.values : NULL,
                                    &options, path);
    vc_progress_end(&progress);
    VC_TRY(status);
    status = vc_mask_set_write(c->output, &set);
    if (status == VC_OK)
        vc_prune_result_of(result, &set, &options, &report, c->output, c->cuts.values,
                           c->cuts.count);
    result->rounded = maps->rounded;
    vc_mask_set_close(&set);
    return status;
}

static vc_status find_and_prune(vc_prune_result *result, const prune_command *c, const char *path)
{
    vc_map_set maps;
    if (c->recipe.rule) {
        VC_TRY(vc_file_try(c->output));
        return vc_prune_statistics(result, &c->recipe, path, c->output);
    }
    VC_TRY(vc_map_set_read(&maps, path));
    const vc_status status = prune(result, c, path, &maps);
    vc_map_set_close(&maps);
    return status;
}

/* Rules that want more than maps. */
static int wants_more(const char *rule)
{
    return rule && (vc_prune_is_budget(rule) || strcmp(rule, VC_RULE_MEASURED) == 0);
}

static int is_shared(const prune_command *c)
{
    const char *summaries = c->recipe.summaries;
    return (summaries && strcmp(summaries, "none") != 0) || wants_more(c->rule);
}

/* Takes rule and summaries together, as calibrate does. A sparsity is what is shared out. */
static int take_recipe(const cli_command *command, prune_command *c)
{
    const char *residual = NULL;
    vc_plan_recipe *r = &c->recipe;
    r->rule = c->rule;
    r->sparsity = c->options.sparsity;
    if (c->rule && vc_prune_is_budget(c->rule) && !r->summaries)
        r->summaries = "none";
    if (vc_plan_recipe_settle(r, &residual) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    r->residual = 0;
    if (c->info || c->keep || c->drop || c->ties)
        return cli_usage(command, "with --summary, or by rule measured or budget, wanted "
                                  "--sparsity, and no --ties or --keep-class-token");
    return CLI_CONTINUE;
}

/* ---- the command */

static void print_text(const void *result)
{
    vc_prune_result_print(stdout, result);
}

/* The rules, of which the first is the default. */
static const char *help_of_rule(char text[RULE_HELP])
{
    char all[VC_PRUNE_RULES_TEXT];
    const char *rest = vc_prune_rules(all) + strcspn(all, ", ");
    snprintf(text, RULE_HELP,
             "pruning rule: %.*s (default)%s; of what `attention --rule` wrote for it, measured or "
             "budget",
             (int)(rest - all), all, rest);
    return text;
}

static int run_prune(const cli_command *command, int argc, char **argv)
{
    prune_command c = {.options = vc_prune_options_default()};
    char rule_help[RULE_HELP];
    const cli_option options[] = {
        {"output", "PATH", "npy mask, true = pruned; a folder of them for a folder", CLI_STREAM,
         &c.output, .form = &cli_form_mask},
        {"rule", "NAME", help_of_rule(rule_help), CLI_TEXT, &c.rule,
         .word = cli_learning_rule_name},
        {"summary", "auto|none|GRID",
         "as in calibrate, of what `attention --summary` wrote, by rule measured unless --rule "
         "says otherwise; -o is then a plan (safetensors), for `vitcod polarize`",
         CLI_TEXT, &c.recipe.summaries},
        {"info", "X[,X..]", "info cut: keep a row's highest scores up to this sum; one per group",
         CLI_TEXT, &c.info},
        {"sparsity", "X", "or the share of entries to prune, 0 to 1", CLI_NUMBER,
         &c.options.sparsity},
        {"keep-class-token", NULL,
         "never prune row 0 and column 0 (default for a file: DeiT; not of std and random)",
         CLI_FLAG, &c.keep},
        {"no-keep-class-token", NULL, "row 0 and column 0 may be pruned (default for a folder)",
         CLI_FLAG, &c.drop},
        {"ties", "numpy|stable",
         "of equal scores, keep: numpy, as ViTCoD's masks (default); stable, the later", CLI_TEXT,
         &c.ties},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!c.output)
        return cli_usage(command, "-o PATH is missing");
    if ((c.info == NULL) == (c.options.sparsity < 0.0))
        return cli_usage(command, "wanted one of --info and --sparsity, 0 or above");
    if (c.info && vc_comma_numbers_add(&c.cuts, "--info", c.info, 0.0, 1e300) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    if (c.ties)
        vc_prune_ties_of(&c.options.ties, c.ties);
    if (c.keep && c.drop)
        return cli_usage(command, "both --keep-class-token and --no-keep-class-token");
    const int shared = is_shared(&c);
    if (c.rule && !shared)
        c.options.rule = c.rule;
    status = shared ? take_recipe(command, &c) : CLI_CONTINUE;
    if (status != CLI_CONTINUE)
        return status;
    vc_prune_result result = {0};
    const vc_status done = find_and_prune(&result, &c, arguments.positional[0]);
    return cli_end(command, &common, done, &result, print_text);
}

const cli_command cmd_prune = {
    "prune",
    "prune averaged attention to a fixed mask",
    "MAPS.npy|DIR --info X|--sparsity X -o MASK.npy|DIR",
    "Turns averaged attention maps (layers, heads, queries, keys) into masks. Rule info keeps, "
    "per row, the highest scores whose sum reaches the cut, and one more. A folder holds the maps "
    "of a model in groups of layers (LeViT): attention_score_dpt0.npy, "
    "attention_score_subsample0.npy, .. --summary makes a plan of what `vitcod attention "
    "--summary` wrote: it holds what stands in for the pruned entries.",
    run_prune,
    &vc_prune_result_record,
    "vitcod prune maps.npy --info 0.9 -o mask.npy\n"
    "vitcod prune maps.npy --rule ratio --sparsity 0.9 -o mask.npy\n"
    "vitcod prune attention.safetensors --summary auto --sparsity 0.9 \\\n"
    "    -o pruned.safetensors"};
