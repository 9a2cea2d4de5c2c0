#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/report.h"
#include "vitcod/run_folder.h"

typedef struct report_result {
    const char *folder; /* of a table */
    json_t *run;        /* the results of its parts */
    const char *page;
    bool is_page;
    size_t runs, figures, bytes;
} report_result;

static const vc_field result_fields[] = {
    {VC_FIELD(report_result, folder, "", "run folder"), VC_KNOWN},
    {VC_FIELD(report_result, run, "", "results of the parts, by part"), VC_KNOWN},
    {VC_FIELD(report_result, page, "", "file of the page"), VC_KNOWN},
    {VC_FIELD(report_result, runs, "", "on the page"), VC_WHEN(report_result, is_page)},
    {VC_FIELD(report_result, figures, "", "on the page"), VC_WHEN(report_result, is_page)},
    {VC_FIELD(report_result, bytes, "B", "of the page"), VC_WHEN(report_result, is_page)},
};
static const vc_record result_record = VC_RECORD("report", report_result, result_fields);

static vc_status write_result(const report_result *result, const cli_command *command,
                              const cli_common *common, const char *path)
{
    json_t *value = cli_frame(command, common);
    vc_status status = value ? vc_record_add(value, &result_record, result) : VC_ENOMEM;
    if (status == VC_OK)
        status = vc_json_write(path, value);
    json_decref(value);
    return status;
}

static vc_status report_table(report_result *result, const cli_command *command,
                              const cli_common *common, const char *directory)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/result.json", directory);
    result->folder = directory;
    result->run = json_object();
    if (!result->run)
        return vc_fail(VC_ENOMEM, "out of memory");
    VC_TRY(vc_run_folder_gather(result->run, directory));
    return write_result(result, command, common, path);
}

static vc_status report_page(report_result *result, const char *page,
                             const cli_arguments *arguments)
{
    struct stat info;
    result->is_page = true;
    result->page = page;
    result->runs = arguments->count;
    VC_TRY(vc_run_folders_page(page, arguments->positional, result->runs, cli_command_line(),
                               &result->figures));
    result->bytes = stat(page, &info) == 0 ? (size_t)info.st_size : 0;
    return VC_OK;
}

static void print_text(const void *result)
{
    const report_result *r = result;
    if (r->is_page) {
        printf("%s: runs %zu, figures %zu, bytes %zu\n", r->page, r->runs, r->figures, r->bytes);
        return;
    }
    printf("%s\n", r->folder);
    vc_table_print(stdout, r->run);
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
    report_result result = {0};
    const vc_status done = page ? report_page(&result, page, &arguments)
                                : report_table(&result, command, &common, arguments.positional[0]);
    status = cli_end(command, &common, done, &result, print_text);
    json_decref(result.run);
    return status;
}

const cli_command cmd_report = {
    "report",
    "a page with the figures of one or several runs, or a table of one",
    "RUN... [-o PAGE.html]",
    "With -o, one HTML page that needs nothing else: it draws what the results in each RUN hold. "
    "A RUN is a folder with what verbs printed with --json (*.json), logs (*.jsonl), maps, masks "
    "and plan, or one such file. Without -o, gathers dense.json, prune.json, polarize.json, "
    "pruned.json, finetuned.json, profile.json, simulate.json, ... into RUN/result.json and "
    "prints a table.",
    run_report,
    &result_record,
    "vitcod report run -o page.html\n"
    "vitcod report run"};
