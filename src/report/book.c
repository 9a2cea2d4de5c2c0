#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

static void add_result(vc__result *r, const vc_report *report, size_t run, const char *file,
                       const json_t *json)
{
    const char *verb = json_string_value(json_object_get(json, "verb"));
    const char *end = strrchr(file, '.');
    const int stem = (int)(end && end != file ? (size_t)(end - file) : strlen(file));
    *r = (vc__result){.run = run, .file = file, .verb = verb ? verb : "", .json = json};
    if (report->run_count > 1)
        snprintf(r->label, sizeof r->label, "%s: %.*s", report->runs[run].name, stem, file);
    else
        snprintf(r->label, sizeof r->label, "%.*s", stem, file);
}

static size_t entries(const vc_report *report, int logs)
{
    size_t count = 0;
    for (size_t r = 0; r < report->run_count; r++)
        count += json_object_size(logs ? report->runs[r].logs : report->runs[r].results);
    return count;
}

static void add_all(vc__result *list, const vc_report *report, int logs)
{
    const char *file;
    json_t *json;
    for (size_t r = 0; r < report->run_count; r++) {
        const json_t *from = logs ? report->runs[r].logs : report->runs[r].results;
        json_object_foreach ((json_t *)from, file, json)
            add_result(list++, report, r, file, json);
    }
}

vc_status vc__book_open(vc__book *out, const vc_report *report)
{
    *out = (vc__book){
        .report = report, .result_count = entries(report, 0), .log_count = entries(report, 1)};
    out->results = calloc(out->result_count + 1, sizeof *out->results);
    out->logs = calloc(out->log_count + 1, sizeof *out->logs);
    out->used = calloc(report->run_count + 1, 1);
    if (!out->results || !out->logs || !out->used) {
        vc__book_close(out);
        return vc_fail(VC_ENOMEM, "out of memory for %zu results", out->result_count);
    }
    add_all(out->results, report, 0);
    add_all(out->logs, report, 1);
    return VC_OK;
}

void vc__book_close(vc__book *book)
{
    free(book->results);
    free(book->logs);
    free(book->used);
    *book = (vc__book){0};
}

int vc__is(const vc__result *result, const char *verb)
{
    return strcmp(result->verb, verb) == 0;
}
