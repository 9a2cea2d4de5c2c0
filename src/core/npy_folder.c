/* A folder of npy files as a file of tensors: each is called as its tensor, with .npy behind. */
#include "npy_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tensor_file_impl.h"
#include "vitcod/npy.h"
#include "vitcod/plural.h"

enum { MOST_FILES = 4096 };

typedef struct folder {
    struct dirent **entries;
    int count;
    vc_npy *arrays; /* (opened) */
    size_t opened;
} folder;

static int is_npy(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot > entry->d_name && strcmp(dot, ".npy") == 0;
}

/* What state dicts call their tensors. */
static int is_parameter(const struct dirent *entry)
{
    return is_npy(entry) &&
           (strstr(entry->d_name, ".weight.npy") || strstr(entry->d_name, ".bias.npy"));
}

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0)
        free(entries);
}

static void close_folder(void *backing)
{
    folder *f = backing;
    for (size_t i = 0; i < f->opened; i++)
        vc_npy_close(&f->arrays[i]);
    free(f->arrays);
    free_entries(f->entries, f->count);
    free(f);
}

int vc__npy_folder_is(const char *path)
{
    struct stat info;
    struct dirent **entries;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return 0;
    const int count = scandir(path, &entries, is_parameter, NULL);
    free_entries(entries, count);
    return count > 0;
}

static vc_status take(vc_tensor_file *out, folder *f)
{
    f->count = scandir(out->path, &f->entries, is_npy, alphasort);
    if (f->count < 0)
        return vc_fail(VC_EIO, "%s: cannot read the folder", out->path);
    if (f->count > MOST_FILES)
        return vc_fail(VC_EFORMAT, "%s: %d npy files, wanted at most %d", out->path, f->count,
                       MOST_FILES);
    f->arrays = calloc((size_t)f->count + 1, sizeof *f->arrays);
    if (!f->arrays)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    VC_TRY(vc__tensor_file_reserve(out, (size_t)f->count, 0));
    for (int i = 0; i < f->count; i++) {
        char path[4096], *name = f->entries[i]->d_name;
        if (snprintf(path, sizeof path, "%s/%s", out->path, name) >= (int)sizeof path)
            return vc_fail(VC_EINVAL, "%s: the path of '%s' is too long", out->path, name);
        VC_TRY(vc_npy_open(&f->arrays[f->opened], path));
        f->opened++;
        *strrchr(name, '.') = '\0';
        out->tensors[out->count++] = (vc_named_tensor){name, f->arrays[i].tensor};
    }
    VC_TRY(vc__tensor_file_finish(out));
    return vc__tensor_file_note(out, "weights from %zu npy %s", out->count,
                                vc_plural(out->count, "file", "files"));
}

vc_status vc__npy_folder_open(vc_tensor_file **out, const char *path)
{
    *out = NULL;
    folder *f = calloc(1, sizeof *f);
    if (!f)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    VC_TRY(vc__tensor_file_begin(out, path, f, close_folder));
    const vc_status status = take(*out, f);
    if (status != VC_OK) {
        vc_tensor_file_close(*out);
        *out = NULL;
    }
    return status;
}
