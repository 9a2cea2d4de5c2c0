#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_folder_impl.h"
#include "vitcod/file_kind.h"
#include "vitcod/measured.h"
#include "vitcod/version.h"

void vc__run_note(json_t **notes, const char *format, ...)
{
    char text[2 * VC__RUN_PATH];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    vc_json_append(notes, vc_json_text(text));
}

static int ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

/* A name as JSON wants it. */
static void set_named(json_t **object, const char *name, json_t *value)
{
    json_t *text = vc_json_text(name);
    vc_json_set(object, json_string_value(text), value); /* NULL: out of memory as well */
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
                set_named(&f->results, name, json_incref(value));
        }
}

/* Times of another program: a profile of TensorRT, a trace of PyTorch. */
static void take_measured(vc_run_folder *f, const json_t *value, const char *name)
{
    vc_measured measured;
    json_t *result = json_pack("{s:s}", "verb", "measured");
    vc_status status = VC_OK;
    if (!vc_measured_kind(value)) {
        vc__run_note(&f->notes,
                     "%s is not shown: it names no verb that wrote it, and is no profile of "
                     "trtexec and no trace of PyTorch",
                     name);
        json_decref(result);
        return;
    }
    status = vc_measured_take(&measured, value, name, 0);
    if (status == VC_OK) {
        status = result ? vc_record_add(result, &vc_measured_record, &measured) : VC_ENOMEM;
        vc_measured_close(&measured);
    }
    if (status == VC_ENOMEM)
        vc_json_append(&f->notes, NULL); /* which ends the run */
    else if (status != VC_OK)
        vc__run_note(&f->notes, "%s is not shown: %s", name, vc_last_error());
    else
        set_named(&f->results, name, json_incref(result));
    json_decref(result);
}

static void take_json(vc_run_folder *f, const char *path, const char *name)
{
    json_t *value;
    const vc_status status = vc_json_read(&value, path);
    if (status == VC_ENOMEM)
        vc_json_append(&f->notes, NULL); /* which ends the run */
    if (status != VC_OK) {
        vc__run_note(&f->notes, "%s is not shown: %s", name, vc_last_error());
        return;
    }
    if (!json_is_string(json_object_get(value, "verb")))
        take_measured(f, value, name);
    else if (json_is_object(json_object_get(value, "run")))
        vc_json_append(&f->gathered, json_incref(json_object_get(value, "run")));
    else
        set_named(&f->results, name, json_incref(value));
    json_decref(value);
}

static void take_lines(vc_run_folder *f, const char *path, const char *name)
{
    vc_mapped_file file;
    size_t number = 0, broken = 0, length;
    json_error_t error;
    json_t *lines = json_array();
    if (vc_file_map(&file, path) != VC_OK) {
        vc__run_note(&f->notes, "%s is not shown: %s", name, vc_last_error());
        json_decref(lines);
        return;
    }
    const char *at = (const char *)file.data, *end = at + file.bytes;
    for (; at < end; at += length + 1) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        length = (size_t)((stop ? stop : end) - at);
        json_t *line = vc_json_parse(at, length, 0, &error);
        number++;
        if (!line && vc_json_status(&error) == VC_ENOMEM)
            vc_json_append(&f->notes, NULL);
        if (json_is_object(line))
            vc_json_append(&lines, json_incref(line));
        else if (length > 0 && broken++ == 0)
            vc__run_note(&f->notes, "%s: line %zu is no JSON object, and not shown", name, number);
        json_decref(line);
    }
    if (broken > 1)
        vc__run_note(&f->notes, "%s: %zu more lines are no JSON objects", name, broken - 1);
    vc_file_unmap(&file);
    set_named(&f->logs, name, lines);
}

static void take_file(vc_run_folder *f, const char *path, const char *name)
{
    if (ends_in(name, ".jsonl"))
        take_lines(f, path, name);
    else if (ends_in(name, ".json"))
        take_json(f, path, name);
    else
        set_named(&f->others, name, json_true());
}

void vc__run_account(vc_run_folder *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (json_object_get(f->others, name))
        vc_json_set(&f->others, name, json_false());
}

/* One note of the files that are neither results nor maps of the run. */
static void note_others(vc_run_folder *f)
{
    enum { MOST = 12 };
    char text[VC__RUN_PATH];
    size_t used = 0, count = 0;
    const char *name;
    json_t *value;
    json_object_foreach (f->others, name, value) {
        if (json_is_true(value) && count++ < MOST && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.200s", used ? ", " : "",
                                     name);
    }
    if (count > MOST)
        vc__run_note(&f->notes, "not results, and not shown: %s and %zu more", text, count - MOST);
    else if (count > 0)
        vc__run_note(&f->notes, "not results, and not shown: %s", text);
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
            stat(path, &info) == 0 && entries[i]->d_name[0] != '.') {
            if (S_ISREG(info.st_mode))
                take_file(f, path, entries[i]->d_name);
            else
                set_named(&f->others, entries[i]->d_name, json_true());
        }
        free(entries[i]);
    }
    free(entries);
    return VC_OK;
}

/* The notes say what was found instead. */
static vc_status fail_empty(const vc_run_folder *f)
{
    static const char wanted[] = "a run's folder, JSON that a verb printed with --json, or a log";
    const char *first = json_string_value(json_array_get(f->notes, 0));
    struct stat info;
    if (stat(f->path, &info) == 0 && !S_ISDIR(info.st_mode) &&
        vc_file_kind_of(f->path) != VC_FILE_RESULT)
        VC_TRY(vc_file_refuse_path(f->path, wanted));
    return vc_fail(VC_EINVAL,
                   "%s: holds no result of a run, wanted JSON that a verb printed with --json, "
                   "JSON lines, maps or masks%s%s",
                   f->path, first ? "; found: " : "; it is empty", first ? first : "");
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
    note_others(f);
    if (json_object_size(f->results) + json_object_size(f->logs) + f->maps.count > 0)
        return VC_OK;
    return fail_empty(f);
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
                         .others = json_object(),
                         .notes = json_array()};
    vc_status status =
        f->path && f->name ? take_all(f) : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (status == VC_OK && !(f->results && f->logs && f->gathered && f->others && f->notes))
        status = vc_fail(VC_ENOMEM, "%s: out of memory", path);
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
    json_decref(f->others);
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

static vc_status check_titles(const vc_report_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(runs[i].name, runs[j].name) == 0)
                return vc_fail(VC_EINVAL, "two runs are called '%s', wanted a name for each",
                               runs[i].name);
    return VC_OK;
}

static vc_status write_page(const char *page, vc_run_folder *const *folders,
                            const vc_run_paths *from, const char *command, size_t *figures)
{
    vc_report_run *runs = calloc(from->count, sizeof *runs);
    if (!runs)
        return vc_fail(VC_ENOMEM, "out of memory for %zu runs", from->count);
    vc_run_folder_runs(runs, folders, from->count);
    for (size_t i = 0; i < from->title_count && i < from->count; i++)
        runs[i].name = from->titles[i];
    const vc_report r = {.runs = runs,
                         .run_count = from->count,
                         .command = command,
                         .version = VC_VERSION,
                         .measured_batch = from->measured_batch};
    vc_status status = check_titles(runs, from->count);
    if (status == VC_OK)
        status = vc_report_write(page, &r, figures);
    free(runs);
    return status;
}

vc_status vc_run_folders_page(const char *page, const vc_run_paths *runs, const char *command,
                              size_t *figures)
{
    size_t opened = 0;
    vc_status status = VC_OK;
    vc_run_folder **folders = calloc(runs->count, sizeof *folders);
    if (!folders)
        return vc_fail(VC_ENOMEM, "out of memory for %zu runs", runs->count);
    while (status == VC_OK && opened < runs->count) {
        status = vc_run_folder_open(&folders[opened], runs->paths[opened]);
        opened += status == VC_OK;
    }
    if (status == VC_OK)
        status = write_page(page, folders, runs, command, figures);
    for (size_t i = 0; i < opened; i++)
        vc_run_folder_close(folders[i]);
    free(folders);
    return status;
}

/* ---- a table */

static int ends_in_json(const char *name, size_t *stem)
{
    const char *dot = strrchr(name, '.');
    *stem = dot ? (size_t)(dot - name) : strlen(name);
    return dot && strcmp(dot, ".json") == 0;
}

static vc_status gather(json_t *run, const vc_run_folder *folder)
{
    const char *name;
    json_t *result;
    json_object_foreach (folder->results, name, result) {
        size_t stem;
        if (ends_in_json(name, &stem) && json_object_setn(run, name, stem, result) != 0)
            return vc_fail(VC_ENOMEM, "out of memory for the results of %s", folder->path);
    }
    return VC_OK;
}

vc_status vc_run_folder_gather(json_t **run, json_t **notes, const char *path)
{
    vc_run_folder *folder;
    *run = *notes = NULL;
    VC_TRY(vc_run_folder_open(&folder, path));
    *run = json_object();
    const vc_status status = *run ? gather(*run, folder)
                                  : vc_fail(VC_ENOMEM, "out of memory for the results of %s", path);
    if (json_array_size(folder->notes) > 0)
        *notes = json_incref(folder->notes);
    vc_run_folder_close(folder);
    return status;
}

/* Whether there is a result.json of another verb, such as `codesign`. */
static int is_of_another(const char *path)
{
    json_t *there = NULL;
    if (access(path, F_OK) != 0)
        return 0;
    const int read = vc_json_read(&there, path) == VC_OK;
    const char *verb = json_string_value(json_object_get(there, "verb"));
    const int ours = read && verb && strcmp(verb, "report") == 0;
    json_decref(there);
    return !ours;
}

vc_status vc_run_folder_table(char *table, size_t room, bool *write, const char *path)
{
    struct stat info;
    if ((size_t)snprintf(table, room, "%s/result.json", path) >= room)
        return vc_fail(VC_EINVAL, "%s: the path is too long", path);
    *write = stat(path, &info) == 0 && S_ISDIR(info.st_mode) && !is_of_another(table);
    return VC_OK;
}
