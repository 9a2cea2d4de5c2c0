#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

int vc__runs_on_device(const vc__result *r)
{
    const char *device = vc__text_at(r->json, "device");
    return device[0] && strcmp(device, "cpu") != 0;
}

static void add_result(vc__result *r, const vc_report *report, size_t run, const char *file,
                       const json_t *json)
{
    const char *verb = json_string_value(json_object_get(json, "verb"));
    const char *end = strrchr(file, '.');
    const int stem = (int)(end && end != file ? (size_t)(end - file) : strlen(file));
    *r = (vc__result){.run = run,
                      .file = file,
                      .verb = verb ? verb : "",
                      .pruned_share = (double)NAN,
                      .json = json};
    snprintf(r->name, sizeof r->name, "%.*s", stem, file);
    vc__data_name(r->data, json);
    if (report->run_count > 1)
        snprintf(r->label, sizeof r->label, "%s: %.*s", report->runs[run].name, stem, file);
    else
        snprintf(r->label, sizeof r->label, "%.*s", stem, file);
    const size_t used = strlen(r->label);
    if (vc__runs_on_device(r))
        snprintf(r->label + used, sizeof r->label - used, ", on %.20s in %.8s",
                 vc__text_at(json, "device"), vc__text_at(json, "dtype"));
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

/* The order in which things were done: by date; what has the same or none as the pipeline's parts
 * follow each other, else by name. */
static int by_order(const void *a, const void *b)
{
    const vc__result *one = a, *other = b;
    const int by_date = strcmp(vc__text_at(one->json, "date"), vc__text_at(other->json, "date"));
    const size_t first = vc__part_rank(one->name), second = vc__part_rank(other->name);
    if (one->run != other->run)
        return one->run < other->run ? -1 : 1;
    if (by_date != 0)
        return by_date;
    if (first != second)
        return first < second ? -1 : 1;
    return strcmp(one->file, other->file);
}

vc_status vc__book_open(vc__book *out, const vc_report *report)
{
    *out = (vc__book){
        .report = report, .result_count = entries(report, 0), .log_count = entries(report, 1)};
    out->results = calloc(out->result_count + 1, sizeof *out->results);
    out->logs = calloc(out->log_count + 1, sizeof *out->logs);
    out->used = calloc(report->run_count + 1, 1);
    out->unread = json_array();
    for (size_t r = 0; r < report->run_count; r++)
        vc_json_append(&out->unread, json_array());
    if (!out->results || !out->logs || !out->used ||
        json_array_size(out->unread) < report->run_count) {
        vc__book_close(out);
        return vc_fail(VC_ENOMEM, "out of memory for %zu results", out->result_count);
    }
    add_all(out->results, report, 0);
    qsort(out->results, out->result_count, sizeof *out->results, by_order);
    add_all(out->logs, report, 1);
    vc__find_pruned_shares(out);
    return VC_OK;
}

void vc__book_close(vc__book *book)
{
    free(book->results);
    free(book->logs);
    free(book->used);
    json_decref(book->unread);
    *book = (vc__book){0};
}

int vc__is(const vc__result *result, const char *verb)
{
    return strcmp(result->verb, verb) == 0;
}

static int has_any_key(const vc_record *record, const json_t *object)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (json_object_get(object, record->fields[i].name))
            return 1;
    return 0;
}

/* The last error, once. */
static void note_unread(vc__book *book, size_t run)
{
    size_t i;
    json_t *note, *notes = json_array_get(book->unread, run);
    json_array_foreach (notes, i, note)
        if (strcmp(json_string_value(note), vc_last_error()) == 0)
            return;
    json_incref(notes);
    vc_json_append(&notes, vc_json_text(vc_last_error()));
    if (!notes) { /* out of memory, which ends the page */
        json_decref(book->unread);
        book->unread = NULL;
    }
    json_decref(notes);
}

int vc__book_read(void *out, vc__book *book, const vc_record *record, const vc__result *result,
                  const char *key)
{
    char path[VC__LABEL];
    const json_t *part = json_object_get(result->json, key);
    memset(out, 0, record->size);
    if (!part || json_is_number(part) || (json_is_object(part) && !has_any_key(record, part)))
        return 0;
    snprintf(path, sizeof path, "%.120s, %.30s", result->file, key);
    if (vc_record_read(out, record, part, path) == VC_OK)
        return 1;
    note_unread(book, result->run);
    vc_record_free(record, out);
    memset(out, 0, record->size);
    return 0;
}

const char *vc__book_common_run(const vc__book *book, char (*names)[VC__LABEL], size_t count)
{
    for (size_t r = 0; r < book->report->run_count && book->report->run_count > 1; r++) {
        char before[VC__LABEL];
        const int length = snprintf(before, sizeof before, "%s: ", book->report->runs[r].name);
        size_t with = 0;
        for (size_t i = 0; i < count && length > 0 && length < VC__LABEL; i++)
            with += strncmp(names[i], before, (size_t)length) == 0;
        if (with < count || count == 0)
            continue;
        for (size_t i = 0; i < count; i++)
            memmove(names[i], names[i] + length, strlen(names[i] + length) + 1);
        return book->report->runs[r].name;
    }
    return NULL;
}
