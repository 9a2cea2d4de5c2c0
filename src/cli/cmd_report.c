#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/report.h"
#include "vitcod/run_folder.h"

static vc_status report_table(json_t *result, const char *directory)
{
    char path[4096];
    json_t *run = json_object();
    snprintf(path, sizeof path, "%s/result.json", directory);
    json_object_set_new(result, "folder", vc_json_text(directory));
    json_object_set_new(result, "run", run);
    VC_TRY(vc_run_folder_gather(run, directory));
    return vc_json_write(path, result);
}

static void print_text(const json_t *result)
{
    printf("%s\n", json_string_value(json_object_get(result, "folder")));
    vc_table_print(stdout, json_object_get(result, "run"));
}

/* ---- a page */

static vc_status report_page(json_t *result, const char *page, const cli_arguments *arguments)
{
    const char *command = json_string_value(json_object_get(result, "command"));
    const size_t count = arguments->count;
    struct stat info;
    size_t figures;
    VC_TRY(vc_run_folders_page(page, arguments->positional, count, command, &figures));
    json_object_set_new(result, "page", vc_json_text(page));
    json_object_set_new(result, "runs", json_integer((json_int_t)count));
    json_object_set_new(result, "figures", json_integer((json_int_t)figures));
    json_object_set_new(result, "bytes",
                        json_integer(stat(page, &info) == 0 ? (json_int_t)info.st_size : 0));
    return VC_OK;
}

static void print_page(const json_t *result)
{
    printf("%s: runs %lld, figures %lld, bytes %lld\n",
           json_string_value(json_object_get(result, "page")),
           (long long)json_integer_value(json_object_get(result, "runs")),
           (long long)json_integer_value(json_object_get(result, "figures")),
           (long long)json_integer_value(json_object_get(result, "bytes")));
}

static int is_page(const char *path)
{
    const size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".html") == 0;
}

static int run_report(const cli_command *command, int argc, char **argv)
{
    const char *page = NULL;
    const cli_option options[] = {
        {"output", "PAGE.html", "write one page with the figures of all runs", CLI_TEXT, &page}};
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, SIZE_MAX, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (page && !is_page(page))
        return cli_usage(command, "-o is '%s', wanted a name that ends in .html", page);
    if (!page && arguments.count > 1)
        return cli_usage(command, "%zu runs, wanted one, or -o PAGE.html", arguments.count);
    json_t *result = cli_result(command, &common);
    const vc_status done = page ? report_page(result, page, &arguments)
                                : report_table(result, arguments.positional[0]);
    return cli_finish(result, done, common.json, page ? print_page : print_text);
}

const cli_command cmd_report = {
    "report",
    "a page with the figures of one or several runs, or a table of one",
    "RUN... [-o PAGE.html]",
    "With -o, one HTML page that needs nothing else: it draws what the results in each RUN hold. "
    "A RUN is a\nfolder with what verbs printed with --json (*.json), logs (*.jsonl), maps, masks "
    "and plan, or one such file.\nWithout -o, gathers dense.json, prune.json, polarize.json, "
    "pruned.json, finetuned.json, profile.json,\nsimulate.json, ... into RUN/result.json and "
    "prints a table.",
    run_report,
    NULL};
