#include "vitcod/tensor_file.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tensor_file_impl.h"

vc_status vc__tensor_file_begin(vc_tensor_file **out, const char *path, void *backing,
                                void (*close_backing)(void *backing))
{
    *out = calloc(1, sizeof **out);
    if (*out) {
        (*out)->path = strdup(path);
        (*out)->backing = backing;
        (*out)->close_backing = close_backing;
    }
    if (*out && (*out)->path)
        return VC_OK;
    if (*out)
        vc_tensor_file_close(*out);
    else
        close_backing(backing);
    *out = NULL;
    return vc_fail(VC_ENOMEM, "%s: out of memory", path);
}

vc_status vc__tensor_file_reserve(vc_tensor_file *file, size_t tensors, size_t metadata)
{
    file->tensors = calloc(tensors + 1, sizeof *file->tensors);
    file->by_name = calloc(tensors + 1, sizeof *file->by_name);
    file->metadata = calloc(metadata + 1, sizeof *file->metadata);
    if (!file->tensors || !file->by_name || !file->metadata)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu tensors", file->path, tensors);
    return VC_OK;
}

static int compare_names(const void *a, const void *b)
{
    const vc_named_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

vc_status vc__tensor_file_finish(vc_tensor_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    for (size_t i = 1; i < file->count; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
            return vc_fail(VC_EFORMAT, "%s: two tensors are called '%s'", file->path,
                           file->by_name[i]->name);
    return VC_OK;
}

void vc_tensor_file_close(vc_tensor_file *file)
{
    if (!file)
        return;
    file->close_backing(file->backing);
    for (size_t i = 0; i < file->note_count; i++)
        free(file->notes[i]);
    free(file->notes);
    free(file->made);
    free(file->tensors);
    free(file->by_name);
    free(file->metadata);
    free(file->path);
    free(file);
}

vc_status vc__tensor_file_note(vc_tensor_file *file, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char **longer = realloc(file->notes, (file->note_count + 1) * sizeof *longer);
    char *copy = strdup(text);
    if (longer)
        file->notes = longer;
    if (!longer || !copy) {
        free(copy);
        return vc_fail(VC_ENOMEM, "%s: out of memory", file->path);
    }
    file->notes[file->note_count++] = copy;
    return VC_OK;
}

const char *vc_tensor_file_note(const vc_tensor_file *file, size_t index)
{
    return index < file->note_count ? file->notes[index] : NULL;
}

const char *vc_tensor_file_path(const vc_tensor_file *file)
{
    return file->path;
}

int vc_tensor_file_is_index(const vc_tensor_file *file)
{
    return file->is_index;
}

size_t vc_tensor_file_count(const vc_tensor_file *file)
{
    return file->count;
}

const vc_named_tensor *vc_tensor_file_at(const vc_tensor_file *file, size_t index)
{
    return &file->tensors[index];
}

const vc_tensor *vc_tensor_file_find(const vc_tensor_file *file, const char *name)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const vc_named_tensor *at = file->by_name[middle];
        int order = strcmp(name, at->name);
        if (order == 0)
            return &at->tensor;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

vc_status vc_tensor_file_get(const vc_tensor **out, const vc_tensor_file *file, const char *name,
                             vc_dtype dtype, size_t rank, const size_t *shape)
{
    char found[VC_SHAPE_TEXT], wanted[VC_SHAPE_TEXT];
    *out = vc_tensor_file_find(file, name);
    if (!*out)
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s'", file->path, name);
    if (!vc_tensor_has(*out, dtype, rank, shape))
        return vc_fail(VC_EFORMAT, "%s: '%s' is %s %s, wanted %s %s", file->path, name,
                       vc_dtype_name((*out)->dtype),
                       vc_shape_text(found, (*out)->rank, (*out)->shape), vc_dtype_name(dtype),
                       vc_shape_text(wanted, rank, shape));
    return VC_OK;
}

void vc_tensor_file_forget(const vc_tensor_file *file, const void *values, size_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)values, start = (uintptr_t)file->mapped.data;
    if (from < start || from + bytes > start + file->mapped.bytes)
        return;
    uintptr_t first = (from + page - 1) / page * page, end = (from + bytes) / page * page;
    if (first < end)
        madvise((void *)first, end - first, MADV_DONTNEED);
}

const char *vc_tensor_file_metadata(const vc_tensor_file *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    return NULL;
}
