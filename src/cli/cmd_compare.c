#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "vitcod/comma_lists.h"
#include "vitcod/compare.h"
#include "vitcod/polarize.h"
#include "vitcod/subject.h"
#include "words.h"

typedef struct compare_options {
    const char *arch, *sparsity, *chips, *measured;
    vc_comma_names archs, chip_names, measured_files;
    vc_comma_numbers sparsities;
    vc_compare_options how;
} compare_options;

static void print_text(const void *result)
{
    vc_comparison_print(stdout, result);
}

/* ---- arguments */

static vc_status split_lists(compare_options *o, const cli_arguments *arguments)
{
    if (o->arch)
        VC_TRY(vc_comma_names_add(&o->archs, "--arch", o->arch));
    for (size_t i = 0; i < arguments->count; i++)
        VC_TRY(vc_comma_names_add(&o->archs, "--arch", arguments->positional[i]));
    if (o->sparsity)
        VC_TRY(vc_comma_numbers_add(&o->sparsities, "--sparsity", o->sparsity, 0.0, 1.0));
    if (o->chips)
        VC_TRY(vc_comma_names_add(&o->chip_names, "--chip", o->chips));
    if (o->measured)
        VC_TRY(vc_comma_names_add(&o->measured_files, "--measured", o->measured));
    o->how.measured = o->measured_files.names;
    o->how.measured_count = o->measured_files.count;
    o->how.models = o->archs.names;
    o->how.model_count = o->archs.count;
    o->how.sparsities = o->sparsities.values;
    o->how.sparsity_count = o->sparsities.count;
    o->how.chips = o->chip_names.names;
    o->how.chip_count = o->chip_names.count;
    return VC_OK;
}

static int wants_masks(const vc_compare_options *o)
{
    for (size_t i = 0; !o->masks && i < o->model_count; i++)
        if (!vc_subject_is_file(o->models[i]))
            return 1;
    return o->model_count == 0;
}

static int run_compare(const cli_command *command, int argc, char **argv)
{
    compare_options o = {.how = vc_compare_options_default()};
    const cli_option options[] = {
        {"arch", "NAME",
         "models: timm's names, or files with a plan inside; commas or spaces between", CLI_TEXT,
         &o.arch, .word = vc_model_preset_name},
        {"masks", "DIR", "DIR/ARCH/0.9.npy, DIR/ARCH/0.9/ (LeViT), or as ViTCoD has them", CLI_TEXT,
         &o.how.masks},
        {"attention", "DIR", "real attention, DIR/ARCH.npy or DIR/ARCH/, for Sanger and SpAtten",
         CLI_TEXT, &o.how.attention},
        {"sparsity", "X,..", "pruned shares (default: those of 0.6 to 0.95 that have masks)",
         CLI_TEXT, &o.sparsity},
        {"chip", "NAME,..", "built-in chips or YAML files (default: all on an equal substrate)",
         CLI_TEXT, &o.chips, "chips", .files = "yaml yml", .word = cli_chip_name},
        {"published", NULL, "Sanger and SpAtten with their own MACs, clocks and memories as well",
         CLI_FLAG, &o.how.published},
        {"memory", "FILE", "another memory behind every chip: a file, or one of simulate --list",
         CLI_TEXT, &o.how.memory, .files = "yaml yml", .word = cli_memory_name},
        {"token-keep", "X", "SpAtten: share of tokens kept (default: as many scores as the mask)",
         CLI_NUMBER, &o.how.token_keep},
        {"flat", "X",
         "SpAtten: a row whose highest score is lower wants the low bits (default 0.1)", CLI_NUMBER,
         &o.how.flat},
        {"threshold", "N",
         "a column that keeps more is global (default " CLI_NUMERAL(VC_POLARIZE_THRESHOLD) ")",
         CLI_COUNT, &o.how.threshold},
        {"measured", "FILE,..",
         "times beside the chips': JSON of bench, profile, trtexec --exportProfile, or a trace of "
         "PyTorch",
         CLI_TEXT, &o.measured, .files = "json"},
        {"measured-batch", "N", "images of a run, where such a file does not say (default 1)",
         CLI_COUNT, &o.how.measured_batch},
        {"attention-only", NULL, "not end to end", CLI_FLAG, &o.how.attention_only},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, VC_MOST_COMMA_ITEMS, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!isnan(o.how.token_keep) && !(o.how.token_keep > 0.0 && o.how.token_keep <= 1.0))
        return cli_usage(command, "--token-keep is %g, wanted more than 0, up to 1",
                         o.how.token_keep);
    if (split_lists(&o, &arguments) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    if (wants_masks(&o.how))
        return cli_usage(command,
                         "wanted --arch NAME and --masks DIR, or a MODEL with a plan inside");
    vc_comparison result;
    vc_progress progress = vc_progress_begin("compare", 1);
    o.how.progress = &progress;
    const vc_status done = vc_compare(&result, &o.how);
    vc_progress_end(&progress);
    status = cli_end(command, &common, done, &result, print_text);
    if (done == VC_OK)
        vc_comparison_close(&result);
    return status;
}

const cli_command cmd_compare = {
    "compare",
    "ViTCoD's chip, its ablation and its rivals on equal terms",
    "--arch NAME.. --masks DIR [--sparsity X,..] | MODEL..",
    "Simulates every chip with the same MACs, clock, scratchpads, memory and masks: attention and "
    "end to end, bytes, energy, and how many times ViTCoD's time and energy. Sanger keeps the "
    "scores that the mask keeps, or, with --attention, as many of the highest of real attention. "
    "SpAtten keeps so many tokens that as many scores are left. A model's file runs on its own "
    "plan, with its own auto-encoder. docs/simulator.md, part E, numbers every assumption.",
    run_compare,
    &vc_comparison_record,
    "vitcod compare sparse.safetensors\n"
    "vitcod compare --arch deit_tiny_patch16_224 --masks masks --sparsity 0.9"};
