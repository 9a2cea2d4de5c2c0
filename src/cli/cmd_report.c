#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/json.h"

/* What a run folder may hold, in the order of the pipeline. */
static const char *const parts[] = {"info",      "dense",   "attention",   "prune",
                                    "polarize",  "pruned",  "autoencoder", "finetune",
                                    "finetuned", "profile", "simulate",    "control"};
enum { PARTS = sizeof parts / sizeof *parts };

static vc_status gather(json_t *out, const char *directory)
{
    for (size_t i = 0; i < PARTS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.json", directory, parts[i]);
        if (access(path, F_OK) != 0)
            continue;
        json_t *part;
        VC_TRY(vc_json_read(&part, path));
        json_object_set_new(out, parts[i], part);
    }
    if (json_object_size(out) == 0)
        return vc_fail(VC_EINVAL, "%s: holds no result of a run (dense.json, prune.json, ...)",
                       directory);
    return VC_OK;
}

/* The number at run[part][key], or [part][key][inner]; NULL when it was not measured. */
static const json_t *number(const json_t *run, const char *part, const char *key, const char *inner)
{
    const json_t *value = json_object_get(json_object_get(run, part), key);
    return inner ? json_object_get(value, inner) : value;
}

static void print_number(const char *label, const json_t *value, const char *format, double factor)
{
    if (!value)
        return;
    printf("  %-44s ", label);
    printf(format, factor * json_number_value(value));
    putchar('\n');
}

static void print_globals(const json_t *layers)
{
    size_t l, h;
    json_t *heads, *count;
    json_array_foreach((json_t *)layers, l, heads)
    {
        char label[64];
        snprintf(label, sizeof label, "global tokens per head, layer %zu", l);
        printf("  %-44s", label);
        json_array_foreach(heads, h, count) printf(" %lld", (long long)json_integer_value(count));
        putchar('\n');
    }
}

static void print_table(const json_t *result)
{
    const json_t *run = json_object_get(result, "run");
    printf("%s\n", json_string_value(json_object_get(result, "folder")));
    print_number("top-1, dense", number(run, "dense", "top1", NULL), "%.2f %%", 1.0);
    print_number("top-1, pruned", number(run, "pruned", "top1", NULL), "%.2f %%", 1.0);
    print_number("top-1, pruned + auto-encoder, finetuned", number(run, "finetuned", "top1", NULL),
                 "%.2f %%", 1.0);
    print_number("attention kept", number(run, "polarize", "kept_share", NULL), "%.2f %%", 100.0);
    print_globals(number(run, "polarize", "global_tokens", NULL));
    print_number("attention on this CPU, dense", number(run, "profile", "dense_ms", "median"),
                 "%.3f ms", 1.0);
    print_number("attention on this CPU, sparse", number(run, "profile", "sparse_ms", "median"),
                 "%.3f ms", 1.0);
    print_number("  dense / sparse, median", number(run, "profile", "ratio", "median"), "%.2f",
                 1.0);
    print_number("  lower quartile", number(run, "profile", "ratio", "quartile_low"), "%.2f", 1.0);
    print_number("  upper quartile", number(run, "profile", "ratio", "quartile_high"), "%.2f", 1.0);
    print_number("accelerator, attention, at least", number(run, "simulate", "attention", "cycles"),
                 "%.0f cycles", 1.0);
    print_number("accelerator, end to end, at least",
                 number(run, "simulate", "end_to_end", "cycles"), "%.0f cycles", 1.0);
    print_number("published formulas, attention", number(run, "control", "attention", "total"),
                 "%.0f cycles", 1.0);
}

static vc_status report(json_t *result, const char *directory)
{
    char path[4096];
    json_t *run = json_object();
    snprintf(path, sizeof path, "%s/result.json", directory);
    json_object_set_new(result, "folder", cli_text(directory));
    json_object_set_new(result, "run", run);
    VC_TRY(gather(run, directory));
    return vc_json_write(path, result);
}

static int run_report(const cli_command *command, int argc, char **argv)
{
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, NULL, 0, &common, &arguments, 1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    vc_status done = report(result, arguments.positional[0]);
    return cli_finish(result, done, common.json, print_table);
}

const cli_command cmd_report = {
    "report", "one table and one result.json for a run folder", "RUN",
    "Gathers the JSON results in a run folder (dense.json, prune.json, polarize.json, "
    "pruned.json,\n"
    "finetuned.json, profile.json, simulate.json, ...) into RUN/result.json and prints a table.",
    run_report};
