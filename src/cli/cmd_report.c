#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/json.h"
#include "vitcod/report.h"

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

static void print_text(const json_t *result)
{
    printf("%s\n", json_string_value(json_object_get(result, "folder")));
    vc_table_print(stdout, json_object_get(result, "run"));
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
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_report = {
    "report", "one table and one result.json for a run folder", "RUN",
    "Gathers the JSON results in a run folder (dense.json, prune.json, polarize.json, pruned.json,\n"
    "finetuned.json, profile.json, simulate.json, ...) into RUN/result.json and prints a table.",
    run_report};
