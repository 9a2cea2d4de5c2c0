/* The user's cache. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/file.h"

char *vc_cache_path(char *out, size_t room, const char *name)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const int own = cache && *cache == '/';
    out[0] = '\0';
    if (!own && !(home && *home == '/'))
        return out;
    const int length =
        snprintf(out, room, "%s%s/vitcod/%s", own ? cache : home, own ? "" : "/.cache", name);
    if (length < 0 || (size_t)length >= room)
        out[0] = '\0';
    return out;
}

/* ---- what lies there */

static int is_cached(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strlen(entry->d_name) < VC_CACHED_NAME;
}

static void add_file(vc_cached_files *out, const char *name)
{
    char path[PATH_MAX];
    struct stat info;
    if (!*vc_cache_path(path, sizeof path, name) || lstat(path, &info) != 0 ||
        !S_ISREG(info.st_mode))
        return;
    vc_cached_file *made = &out->files[out->count++];
    snprintf(made->name, sizeof made->name, "%s", name);
    made->bytes = (uint64_t)info.st_size;
}

vc_status vc_cached_files_open(vc_cached_files *out)
{
    char folder[PATH_MAX];
    struct dirent **entries;
    *out = (vc_cached_files){0};
    if (!*vc_cache_path(folder, sizeof folder, ""))
        return VC_OK;
    const int count = scandir(folder, &entries, is_cached, alphasort);
    if (count < 0)
        return errno == ENOENT ? VC_OK
                               : vc_fail(VC_EIO, "%s: cannot read: %s", folder, strerror(errno));
    out->files = calloc((size_t)count + 1, sizeof *out->files);
    for (int i = 0; i < count; i++) {
        if (out->files)
            add_file(out, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return out->files ? VC_OK : vc_fail(VC_ENOMEM, "%s: out of memory", folder);
}

void vc_cached_files_close(vc_cached_files *files)
{
    free(files->files);
    *files = (vc_cached_files){0};
}

vc_status vc_cached_files_remove(const vc_cached_files *files)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < files->count; i++)
        if (*vc_cache_path(path, sizeof path, files->files[i].name) && unlink(path) != 0 &&
            errno != ENOENT)
            return vc_fail(VC_EIO, "%s: cannot remove: %s", path, strerror(errno));
    return VC_OK;
}
