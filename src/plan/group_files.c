#include "vitcod/group_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

vc_status vc_group_file_name(char out[VC_GROUP_PATH], const char *path, const char *prefix,
                             const char *group)
{
    int length = group[0] ? snprintf(out, VC_GROUP_PATH, "%s/%s_%s.npy", path, prefix, group)
                          : snprintf(out, VC_GROUP_PATH, "%s", path);
    if (length < 0 || length >= VC_GROUP_PATH)
        return vc_fail(VC_EINVAL, "%s: the path is longer than %d bytes", path, VC_GROUP_PATH - 1);
    return VC_OK;
}

/* Finds the file of a group, with the prefix or without; the path is empty if there is neither. */
static vc_status look_for(vc_group_file *out, const char *path, const char *prefix)
{
    VC_TRY(vc_group_file_name(out->path, path, prefix, out->name));
    if (access(out->path, F_OK) == 0)
        return VC_OK;
    snprintf(out->path, sizeof out->path, "%s/%s.npy", path, out->name);
    if (access(out->path, F_OK) != 0)
        out->path[0] = '\0';
    return VC_OK;
}

static vc_status find_groups(vc_group_files *out, const char *path, const char *prefix)
{
    size_t found = 0;
    for (size_t i = 0; i < VC_MOST_GROUPS; i++) {
        vc_group_file *file = &out->files[i];
        snprintf(file->name, sizeof file->name, "%s%zu", i % 2 ? "subsample" : "dpt", i / 2);
        VC_TRY(look_for(file, path, prefix));
        if (file->path[0] && found < i)
            return vc_fail(VC_EFORMAT, "%s: is there, but no %s_%s.npy", file->path, prefix,
                           out->files[found].name);
        found += file->path[0] != '\0';
    }
    if (found % 2 == 0)
        return vc_fail(VC_EFORMAT, "%s: holds no %s_%s.npy, wanted a file per group of layers",
                       path, prefix, out->files[found].name);
    out->count = found;
    return VC_OK;
}

vc_status vc_group_files_find(vc_group_files *out, const char *path, const char *prefix)
{
    *out = (vc_group_files){.files = calloc(VC_MOST_GROUPS, sizeof *out->files)};
    if (!out->files)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_status status = VC_OK;
    if (is_directory(path)) {
        status = find_groups(out, path, prefix);
    } else {
        out->count = 1;
        status = vc_group_file_name(out->files[0].path, path, prefix, "");
    }
    if (status != VC_OK)
        vc_group_files_close(out);
    return status;
}

void vc_group_files_close(vc_group_files *files)
{
    free(files->files);
    *files = (vc_group_files){0};
}
