#include "vitcod/group_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/file_kind.h"
#include "vitcod/npy.h"

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

/* ViTCoD's names, of which every second one joins two of the others; and plain numbers. */
enum { OF_VITCOD, NUMBERED, SERIES };

static void name_group(vc_group_file *file, size_t index, int series)
{
    if (series == NUMBERED)
        snprintf(file->name, sizeof file->name, "group%zu", index);
    else
        snprintf(file->name, sizeof file->name, "%s%zu", index % 2 ? "subsample" : "dpt",
                 index / 2);
}

static int can_be(size_t count, int series)
{
    return count > 0 && (series == NUMBERED || count % 2 == 1);
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

/* The names that a folder has the first of; ViTCoD's where it has neither. */
static vc_status series_of(int *out, const char *path, const char *prefix)
{
    vc_group_file first = {.name = ""};
    for (*out = SERIES - 1; *out > 0; (*out)--) {
        name_group(&first, 0, *out);
        VC_TRY(look_for(&first, path, prefix));
        if (first.path[0])
            return VC_OK;
    }
    return VC_OK;
}

static vc_status find_groups(vc_group_files *out, const char *path, const char *prefix)
{
    size_t found = 0;
    int series;
    VC_TRY(series_of(&series, path, prefix));
    for (size_t i = 0; i < VC_MOST_GROUPS; i++) {
        vc_group_file *file = &out->files[i];
        name_group(file, i, series);
        VC_TRY(look_for(file, path, prefix));
        if (file->path[0] && found < i)
            return vc_fail(VC_EFORMAT, "%s: is there, but no %s_%s.npy", file->path, prefix,
                           out->files[found].name);
        found += file->path[0] != '\0';
    }
    if (found == 0) {
        char wanted[128];
        snprintf(wanted, sizeof wanted,
                 "an npy array, or a folder with %s_dpt0.npy and so on, a file per group of layers",
                 prefix);
        return vc_file_refuse_folder(path, wanted);
    }
    if (!can_be(found, series))
        return vc_fail(VC_EFORMAT, "%s: holds no %s_%s.npy, wanted a file per group of layers",
                       path, prefix, out->files[found].name);
    out->count = found;
    return VC_OK;
}

static int is_among(const vc_npz_names *in, const char *name)
{
    for (size_t i = 0; i < in->count && i < VC_NPZ_NAMES; i++)
        if (strcmp(in->names[i], name) == 0)
            return 1;
    return 0;
}

static void name_member(vc_group_file *file, const char *prefix, const vc_npz_names *in)
{
    snprintf(file->member, sizeof file->member, "%s_%s", prefix, file->name);
    if (!is_among(in, file->member))
        snprintf(file->member, sizeof file->member, "%s", file->name);
}

/* The groups in an archive, as those in a folder. */
static vc_status find_members(vc_group_files *out, const char *path, const char *prefix,
                              const vc_npz_names *in)
{
    int series = NUMBERED;
    name_group(&out->files[0], 0, series);
    name_member(&out->files[0], prefix, in);
    if (!is_among(in, out->files[0].member))
        series = OF_VITCOD;
    for (size_t i = 0; i < VC_MOST_GROUPS; i++) {
        vc_group_file *file = &out->files[i];
        name_group(file, i, series);
        name_member(file, prefix, in);
        if (!is_among(in, file->member))
            break;
        VC_TRY(vc_group_file_name(file->path, path, prefix, ""));
        out->count++;
    }
    if (out->count != in->count || !can_be(out->count, series))
        return vc_fail(VC_EFORMAT,
                       "%s: %zu arrays in the npz archive, of which %zu are groups of layers: "
                       "wanted one array, or %s_dpt0, %s_subsample0, %s_dpt1 and so on",
                       path, in->count, out->count, prefix, prefix, prefix);
    return VC_OK;
}

/* One file: an array, or an archive of one or of groups. */
static vc_status find_one(vc_group_files *out, const char *path, const char *prefix)
{
    struct stat info;
    vc_npz_names in = {0};
    if (!vc_npy_is(path) && vc_file_kind_of(path) != VC_FILE_OTHER)
        VC_TRY(vc_file_refuse_path(path, strcmp(prefix, "mask") == 0 ? "a mask (npy)"
                                                                     : "averaged attention (npy)"));
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
        VC_TRY(vc_npz_list(&in, path));
    if (in.count > 1)
        return find_members(out, path, prefix, &in);
    out->count = 1;
    return vc_group_file_name(out->files[0].path, path, prefix, "");
}

vc_status vc_group_files_find(vc_group_files *out, const char *path, const char *prefix)
{
    *out = (vc_group_files){.files = calloc(VC_MOST_GROUPS, sizeof *out->files)};
    if (!out->files)
        return vc_fail(VC_ENOMEM, "out of memory");
    const vc_status status =
        is_directory(path) ? find_groups(out, path, prefix) : find_one(out, path, prefix);
    if (status != VC_OK)
        vc_group_files_close(out);
    return status;
}

void vc_group_files_close(vc_group_files *files)
{
    free(files->files);
    *files = (vc_group_files){0};
}
