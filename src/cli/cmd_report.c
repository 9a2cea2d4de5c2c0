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
    json_t *notes;      /* what is not understood or not shown */
    const char *page;
    bool is_page;
    size_t runs, figures, bytes;
} report_result;

static const vc_field result_fields[] = {
    {VC_FIELD(report_result, folder, "", "run folder"), VC_KNOWN},
    {VC_FIELD(report_result, run, "", "results of the parts, by part"), VC_KNOWN},
    {VC_FIELD(report_result, notes, "", "sentences about what is not understood or not shown"),
     VC_KNOWN},
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
                              const cli_common *common, const char *path)
{
    char table[4096];
    bool write;
    result->folder = path;
    VC_TRY(vc_run_folder_gather(&result->run, &result->notes, path));
    VC_TRY(vc_run_folder_table(table, sizeof table, &write, path));
    return write ? write_result(result, command, common, table) : VC_OK;
}

static vc_status report_page(report_result *result, const char *page,
                             const cli_arguments *arguments, const cli_texts *titles,
                             size_t measured_batch)
{
    struct stat info;
    const vc_run_paths runs = {arguments->positional, titles->items, arguments->count,
                               titles->count, measured_batch};
    result->is_page = true;
    result->page = page;
    result->runs = arguments->count;
    VC_TRY(vc_run_folders_page(page, &runs, cli_command_line(), &result->figures));
    result->bytes = stat(page, &info) == 0 ? (size_t)info.st_size : 0;
    return VC_OK;
}

static void print_text(const void *result)
{
    const report_result *r = result;
    size_t i;
    json_t *note;
    if (r->is_page) {
        printf("%s: runs %zu, figures %zu, bytes %zu\n", r->page, r->runs, r->figures, r->bytes);
        return;
    }
    printf("%s\n", r->folder);
    vc_table_print(stdout, r->run);
    if (json_object_size(r->run) == 0)
        puts("  no numbers for a table; -o PAGE.html draws what is there");
    json_array_foreach (r->notes, i, note)
        printf("%s\n", json_string_value(note));
}

static int is_page(const char *path)
{
    const size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".html") == 0;
}

static int run_report(const cli_command *command, int argc, char **argv)
{
    const char *page = NULL;
    size_t measured_batch = 0;
    cli_texts titles = {0};
    const cli_option options[] = {
        {"output", "PAGE.html", "write one page with the figures of all runs", CLI_WRITTEN, &page,
         .form = &cli_form_page},
        {"title", "TEXT", "with -o: what the first run is called; again for the second, ..",
         CLI_TEXTS, &titles},
        {"measured-batch", "N",
         "with -o: images of a run in files of TensorRT and PyTorch (default 1)", CLI_COUNT,
         &measured_batch}};
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
    if (titles.count > 0 && !page)
        return cli_usage(command, "--title is for a page, wanted -o PAGE.html");
    if (measured_batch > 0 && !page)
        return cli_usage(command, "--measured-batch is for a page, wanted -o PAGE.html");
    if (titles.count > arguments.count)
        return cli_usage(command, "%zu titles, wanted at most one for each of %zu runs",
                         titles.count, arguments.count);
    report_result result = {0};
    const vc_status done = page ? report_page(&result, page, &arguments, &titles, measured_batch)
                                : report_table(&result, command, &common, arguments.positional[0]);
    status = cli_end(command, &common, done, &result, print_text);
    json_decref(result.run);
    json_decref(result.notes);
    return status;
}

const cli_command cmd_report = {
    "report",
    "a page with the figures of one or several runs, or a table of one",
    "RUN... [-o PAGE.html] [--title TEXT]... [--measured-batch N]",
    "With -o, one HTML page that needs nothing else: what each RUN lost and gained against its "
    "dense model, then figures of all that is in it. A RUN is any folder with what verbs printed "
    "with --json (*.json), logs (*.jsonl), maps, masks and plan, or one such file; profiles of "
    "`trtexec --exportProfile` and Chrome traces of PyTorch stand beside those of `profile`. "
    "Without -o, a table of one RUN, which a folder also gets as RUN/result.json. Both say what "
    "they found and did not understand.",
    run_report,
    &result_record,
    "vitcod report run -o page.html\n"
    "vitcod report first second -o page.html --title First --title Second\n"
    "vitcod report run"};
