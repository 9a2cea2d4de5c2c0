#include "class_list.h"

#include <stdlib.h>
#include <string.h>

#include "vitcod/file_kind.h"

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Moves start and end inwards over blanks. */
static void trim(const char **start, const char **end)
{
    while (*start < *end && is_blank(**start))
        ++*start;
    while (*start < *end && is_blank((*end)[-1]))
        --*end;
}

static vc_status add_line(vc__class_list *out, const char *start, const char *end)
{
    const char *word = start;
    while (word < end && !is_blank(*word))
        word++;
    VC_TRY(vc__names_add(&out->folders, start, (size_t)(word - start)));
    if (word == end)
        return vc__names_add(&out->names, start, (size_t)(word - start));
    trim(&word, &end);
    return vc__names_add(&out->names, word, (size_t)(end - word));
}

static vc_status add_lines(vc__class_list *out, const char *path, const char *text,
                           const char *stop)
{
    static const char mark[] = "\xef\xbb\xbf"; /* written by some editors before UTF-8 */
    size_t empty = 0;
    if (stop - text >= 3 && memcmp(text, mark, 3) == 0)
        text += 3;
    for (size_t number = 1; text < stop; number++) {
        const char *start = text, *end = memchr(text, '\n', (size_t)(stop - text));
        end = end ? end : stop;
        text = end < stop ? end + 1 : stop;
        if (memchr(start, '\0', (size_t)(end - start)))
            return vc_fail(VC_EFORMAT, "%s: line %zu holds a zero byte, wanted text", path, number);
        trim(&start, &end);
        if (start == end) {
            empty = empty ? empty : number;
            continue;
        }
        if (empty)
            return vc_fail(VC_EFORMAT, "%s: line %zu is empty, wanted the class of that number",
                           path, empty);
        VC_TRY(add_line(out, start, end));
    }
    if (out->folders.count == 0)
        return vc_fail(VC_EFORMAT, "%s: holds no classes, wanted one a line", path);
    return VC_OK;
}

typedef struct line {
    const char *folder;
    size_t number;
} line;

static int compare(const void *a, const void *b)
{
    const line *x = a, *y = b;
    int order = strcmp(x->folder, y->folder);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

static vc_status sort(vc__class_list *out, const char *path)
{
    size_t count = out->folders.count;
    line *lines = malloc(count * sizeof *lines);
    out->order = malloc(count * sizeof *out->order);
    vc_status status = VC_OK;
    if (!lines || !out->order) {
        free(lines);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    for (size_t i = 0; i < count; i++)
        lines[i] = (line){out->folders.items[i], i};
    qsort(lines, count, sizeof *lines, compare);
    for (size_t i = 0; i < count; i++) {
        out->order[i] = lines[i].number;
        if (i > 0 && status == VC_OK && strcmp(lines[i].folder, lines[i - 1].folder) == 0)
            status = vc_fail(VC_EFORMAT, "%s: lines %zu and %zu both name '%s'", path,
                             lines[i - 1].number + 1, lines[i].number + 1, lines[i].folder);
    }
    free(lines);
    return status;
}

vc_status vc__class_list_read(vc__class_list *out, const char *path)
{
    vc_mapped_file file;
    *out = (vc__class_list){0};
    VC_TRY(vc_file_map(&file, path));
    const char *text = (const char *)file.data;
    vc_status status = VC_OK;
    if (strchr("{[<", text[0]) || vc_file_kind_of(path) != VC_FILE_OTHER)
        status = vc_file_refuse_known(path, &file, "a class list, a line for each class");
    if (status == VC_OK)
        status = add_lines(out, path, text, text + file.bytes);
    vc_file_unmap(&file);
    if (status == VC_OK)
        status = sort(out, path);
    if (status != VC_OK)
        vc__class_list_close(out);
    return status;
}

size_t vc__class_list_find(const vc__class_list *list, const char *folder)
{
    size_t low = 0, high = list->folders.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(list->folders.items[list->order[middle]], folder);
        if (order == 0)
            return list->order[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return list->folders.count;
}

void vc__class_list_close(vc__class_list *list)
{
    vc__names_close(&list->folders);
    vc__names_close(&list->names);
    free(list->order);
    *list = (vc__class_list){0};
}
