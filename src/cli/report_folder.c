#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "report.h"
#include "vitcod/file.h"

void report_note(json_t *notes, const char *format, ...)
{
    char text[2 * REPORT_PATH];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    json_array_append_new(notes, cli_text(text));
}

static int ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

/* A name as JSON wants it. */
static void set(json_t *object, const char *name, json_t *value)
{
    json_t *text = cli_text(name);
    json_object_set_new(object, json_string_value(text) ? json_string_value(text) : "?", value);
    json_decref(text);
}

/* What `vitcod report RUN` gathered is told by its parts, where their files are gone. */
static void take_gathered(report_folder *f)
{
    size_t i;
    const char *part;
    json_t *run, *value;
    json_array_foreach (f->gathered, i, run)
        json_object_foreach (run, part, value) {
            char name[256];
            snprintf(name, sizeof name, "%s.json", part);
            if (json_is_object(value) && !json_object_get(f->results, name))
                set(f->results, name, json_incref(value));
        }
}

static void take_json(report_folder *f, const char *path, const char *name)
{
    json_t *value;
    if (vc_json_read(&value, path) != VC_OK) {
        report_note(f->notes, "%s is not shown: %s", name, vc_last_error());
        return;
    }
    if (!json_is_string(json_object_get(value, "verb")))
        report_note(f->notes, "%s is not shown: it names no verb that wrote it", name);
    else if (json_is_object(json_object_get(value, "run")))
        json_array_append(f->gathered, json_object_get(value, "run"));
    else
        set(f->results, name, json_incref(value));
    json_decref(value);
}

static void take_lines(report_folder *f, const char *path, const char *name)
{
    vc_mapped_file file;
    size_t number = 0, broken = 0, length;
    json_t *lines = json_array();
    if (vc_file_map(&file, path) != VC_OK) {
        report_note(f->notes, "%s is not shown: %s", name, vc_last_error());
        json_decref(lines);
        return;
    }
    const char *at = (const char *)file.data, *end = at + file.bytes;
    for (; at < end; at += length + 1) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        length = (size_t)((stop ? stop : end) - at);
        json_t *line = json_loadb(at, length, 0, NULL);
        number++;
        if (json_is_object(line))
            json_array_append(lines, line);
        else if (length > 0 && broken++ == 0)
            report_note(f->notes, "%s: line %zu is no JSON object, and not shown", name, number);
        json_decref(line);
    }
    if (broken > 1)
        report_note(f->notes, "%s: %zu more lines are no JSON objects", name, broken - 1);
    vc_file_unmap(&file);
    set(f->logs, name, lines);
}

static void take(report_folder *f, const char *path, const char *name)
{
    if (ends_in(name, ".jsonl"))
        take_lines(f, path, name);
    else if (ends_in(name, ".json"))
        take_json(f, path, name);
}

static vc_status walk(report_folder *f)
{
    struct dirent **entries;
    const int count = scandir(f->path, &entries, NULL, alphasort);
    if (count < 0)
        return vc_fail(VC_EIO, "%s: cannot read the folder: %s", f->path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[REPORT_PATH];
        struct stat info;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", f->path, entries[i]->d_name) <
                sizeof path &&
            stat(path, &info) == 0 && S_ISREG(info.st_mode))
            take(f, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return VC_OK;
}

static vc_status fill(report_folder *f)
{
    struct stat info;
    if (stat(f->path, &info) != 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", f->path, strerror(errno));
    const int folder = S_ISDIR(info.st_mode);
    const char *slash = strrchr(f->path, '/');
    if (folder)
        VC_TRY(walk(f));
    else
        take(f, f->path, slash ? slash + 1 : f->path);
    take_gathered(f); /* last: a file beside it counts more */
    if (folder)
        VC_TRY(report_open_maps(&f->maps, f));
    if (json_object_size(f->results) + json_object_size(f->logs) + f->maps.count > 0)
        return VC_OK;
    return vc_fail(
        VC_EINVAL,
        "%s: holds no result of a run, wanted JSON that a verb printed with --json, JSON lines, maps "
        "or masks",
        f->path);
}

/* The last part of where it leads: "." and "run/" have names too. To be freed. */
static char *name_of(const char *path)
{
    char *whole = realpath(path, NULL);
    const char *from = whole ? whole : path, *slash = strrchr(from, '/');
    char *name = strdup(slash && slash[1] ? slash + 1 : from);
    free(whole);
    return name;
}

vc_status report_open_folder(report_folder *out, const char *path)
{
    *out = (report_folder){.path = path,
                           .name = name_of(path),
                           .results = json_object(),
                           .logs = json_object(),
                           .gathered = json_array(),
                           .notes = json_array()};
    const vc_status status = out->name ? fill(out) : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (status != VC_OK)
        report_close_folder(out);
    return status;
}

void report_close_folder(report_folder *f)
{
    report_close_maps(&f->maps);
    free(f->name);
    json_decref(f->results);
    json_decref(f->logs);
    json_decref(f->gathered);
    json_decref(f->notes);
    *f = (report_folder){0};
}
