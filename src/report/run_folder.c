#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_folder_impl.h"
#include "vitcod/file.h"
#include "vitcod/version.h"

void vc__run_note(json_t *notes, const char *format, ...)
{
    char text[2 * VC__RUN_PATH];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    json_array_append_new(notes, vc_json_text(text));
}

static int ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

/* A name as JSON wants it. */
static void set_named(json_t *object, const char *name, json_t *value)
{
    json_t *text = vc_json_text(name);
    json_object_set_new(object, json_string_value(text) ? json_string_value(text) : "?", value);
    json_decref(text);
}

/* What `vitcod report RUN` gathered is told by its parts, where their files are gone. */
static void take_gathered(vc_run_folder *f)
{
    size_t i;
    const char *part;
    json_t *run, *value;
    json_array_foreach (f->gathered, i, run)
        json_object_foreach (run, part, value) {
            char name[256];
            snprintf(name, sizeof name, "%s.json", part);
            if (json_is_object(value) && !json_object_get(f->results, name))
                set_named(f->results, name, json_incref(value));
        }
}

static void take_json(vc_run_folder *f, const char *path, const char *name)
{
    json_t *value;
    if (vc_json_read(&value, path) != VC_OK) {
        vc__run_note(f->notes, "%s is not shown: %s", name, vc_last_error());
        return;
    }
    if (!json_is_string(json_object_get(value, "verb")))
        vc__run_note(f->notes, "%s is not shown: it names no verb that wrote it", name);
    else if (json_is_object(json_object_get(value, "run")))
        json_array_append(f->gathered, json_object_get(value, "run"));
    else
        set_named(f->results, name, json_incref(value));
    json_decref(value);
}

static void take_lines(vc_run_folder *f, const char *path, const char *name)
{
    vc_mapped_file file;
    size_t number = 0, broken = 0, length;
    json_t *lines = json_array();
    if (vc_file_map(&file, path) != VC_OK) {
        vc__run_note(f->notes, "%s is not shown: %s", name, vc_last_error());
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
            vc__run_note(f->notes, "%s: line %zu is no JSON object, and not shown", name, number);
        json_decref(line);
    }
    if (broken > 1)
        vc__run_note(f->notes, "%s: %zu more lines are no JSON objects", name, broken - 1);
    vc_file_unmap(&file);
    set_named(f->logs, name, lines);
}

static void take_file(vc_run_folder *f, const char *path, const char *name)
{
    if (ends_in(name, ".jsonl"))
        take_lines(f, path, name);
    else if (ends_in(name, ".json"))
        take_json(f, path, name);
}

static vc_status take_folder(vc_run_folder *f)
{
    struct dirent **entries;
    const int count = scandir(f->path, &entries, NULL, alphasort);
    if (count < 0)
        return vc_fail(VC_EIO, "%s: cannot read the folder: %s", f->path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[VC__RUN_PATH];
        struct stat info;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", f->path, entries[i]->d_name) <
                sizeof path &&
            stat(path, &info) == 0 && S_ISREG(info.st_mode))
            take_file(f, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return VC_OK;
}

static vc_status take_all(vc_run_folder *f)
{
    struct stat info;
    if (stat(f->path, &info) != 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", f->path, strerror(errno));
    const int folder = S_ISDIR(info.st_mode);
    const char *slash = strrchr(f->path, '/');
    if (folder)
        VC_TRY(take_folder(f));
    else
        take_file(f, f->path, slash ? slash + 1 : f->path);
    take_gathered(f); /* last: a file beside it counts more */
    if (folder)
        VC_TRY(vc__run_maps_open(&f->maps, f));
    if (json_object_size(f->results) + json_object_size(f->logs) + f->maps.count > 0)
        return VC_OK;
    return vc_fail(
        VC_EINVAL,
        "%s: holds no result of a run, wanted JSON that a verb printed with --json, JSON lines, "
        "maps "
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

vc_status vc_run_folder_open(vc_run_folder **out, const char *path)
{
    vc_run_folder *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    *f = (vc_run_folder){.path = strdup(path),
                         .name = name_of(path),
                         .results = json_object(),
                         .logs = json_object(),
                         .gathered = json_array(),
                         .notes = json_array()};
    const vc_status status =
        f->path && f->name ? take_all(f) : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (status == VC_OK)
        *out = f;
    else
        vc_run_folder_close(f);
    return status;
}

void vc_run_folder_close(vc_run_folder *f)
{
    if (!f)
        return;
    vc__run_maps_close(&f->maps);
    free(f->path);
    free(f->name);
    json_decref(f->results);
    json_decref(f->logs);
    json_decref(f->gathered);
    json_decref(f->notes);
    free(f);
}

static const char *unique_name(vc_run_folder *const *folders, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++)
        if (i != index && strcmp(folders[i]->name, folders[index]->name) == 0)
            return folders[index]->path;
    return folders[index]->name;
}

void vc_run_folder_runs(vc_report_run *runs, vc_run_folder *const *folders, size_t count)
{
    for (size_t i = 0; i < count; i++)
        runs[i] = (vc_report_run){.name = unique_name(folders, count, i),
                                  .results = folders[i]->results,
                                  .logs = folders[i]->logs,
                                  .notes = folders[i]->notes,
                                  .layers = folders[i]->maps.layers,
                                  .layer_count = folders[i]->maps.count};
}

static vc_status write_page(const char *page, vc_run_folder *const *folders, size_t count,
                            const char *command, size_t *figures)
{
    vc_report_run *runs = calloc(count, sizeof *runs);
    if (!runs)
        return vc_fail(VC_ENOMEM, "out of memory for %zu runs", count);
    vc_run_folder_runs(runs, folders, count);
    const vc_report r = {
        .runs = runs, .run_count = count, .command = command, .version = VC_VERSION};
    const vc_status status = vc_report_write(page, &r, figures);
    free(runs);
    return status;
}

vc_status vc_run_folders_page(const char *page, const char *const *paths, size_t count,
                              const char *command, size_t *figures)
{
    size_t opened = 0;
    vc_status status = VC_OK;
    vc_run_folder **folders = calloc(count, sizeof *folders);
    if (!folders)
        return vc_fail(VC_ENOMEM, "out of memory for %zu runs", count);
    while (status == VC_OK && opened < count) {
        status = vc_run_folder_open(&folders[opened], paths[opened]);
        opened += status == VC_OK;
    }
    if (status == VC_OK)
        status = write_page(page, folders, opened, command, figures);
    for (size_t i = 0; i < opened; i++)
        vc_run_folder_close(folders[i]);
    free(folders);
    return status;
}

/* ---- the parts of a pipeline */

/* What a run folder may hold, in the order of the pipeline. */
static const char *const parts[] = {
    "info",     "dense",     "attention", "prune",      "polarize", "pruned",   "autoencoder",
    "finetune", "finetuned", "calibrate", "calibrated", "profile",  "simulate", "control"};
enum { PARTS = sizeof parts / sizeof *parts };

vc_status vc_run_folder_gather(json_t *out, const char *folder)
{
    for (size_t i = 0; i < PARTS; i++) {
        char path[VC__RUN_PATH];
        snprintf(path, sizeof path, "%s/%s.json", folder, parts[i]);
        if (access(path, F_OK) != 0)
            continue;
        json_t *part;
        VC_TRY(vc_json_read(&part, path));
        json_object_set_new(out, parts[i], part);
    }
    if (json_object_size(out) == 0)
        return vc_fail(VC_EINVAL, "%s: holds no result of a run (dense.json, prune.json, ...)",
                       folder);
    return VC_OK;
}
