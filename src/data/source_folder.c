#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source_impl.h"

enum { MOST_DEPTH = 64, MOST_PATH = 4096 };

/* A directory on the path to the one being read. */
typedef struct level {
    dev_t device;
    ino_t inode;
    size_t depth;
    const struct level *parent;
} level;

/* A folder that was read. */
typedef struct seen {
    dev_t device;
    ino_t inode;
} seen;

typedef struct walker {
    vc_source *source;
    seen *seen; /* (capacity) a hash table; inode 0: free */
    size_t seen_count, seen_capacity;
    char path[MOST_PATH];
    size_t root; /* length of the path before the names of samples */
} walker;

static vc_status check_loop(const level *here, const char *path)
{
    if (here->depth > MOST_DEPTH)
        return vc_fail(VC_EFORMAT, "%s: lies %zu folders deep, wanted at most %d", path,
                       here->depth, MOST_DEPTH);
    for (const level *l = here->parent; l; l = l->parent)
        if (l->device == here->device && l->inode == here->inode)
            return vc_fail(VC_EFORMAT, "%s: leads back to a folder above it", path);
    return VC_OK;
}

static seen *place_of(seen *table, size_t capacity, dev_t device, ino_t inode)
{
    size_t at = (size_t)(inode * 0x9e3779b97f4a7c15u + device) % capacity;
    while (table[at].inode && (table[at].device != device || table[at].inode != inode))
        at = (at + 1) % capacity;
    return &table[at];
}

static vc_status grow(walker *w)
{
    size_t capacity = w->seen_capacity ? 2 * w->seen_capacity : 1024;
    seen *table = calloc(capacity, sizeof *table);
    if (!table)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu folders", w->path, capacity);
    for (size_t i = 0; i < w->seen_capacity; i++)
        if (w->seen[i].inode)
            *place_of(table, capacity, w->seen[i].device, w->seen[i].inode) = w->seen[i];
    free(w->seen);
    w->seen = table;
    w->seen_capacity = capacity;
    return VC_OK;
}

/* No folder may be reached twice. Its images would appear twice, and a few links could make up a
 * huge tree. */
static vc_status check_seen(walker *w, const level *here)
{
    if (2 * w->seen_count >= w->seen_capacity)
        VC_TRY(grow(w));
    seen *place = place_of(w->seen, w->seen_capacity, here->device, here->inode);
    if (place->inode)
        return vc_fail(VC_EFORMAT, "%s: is a folder that was reached already, by another link",
                       w->path);
    *place = (seen){here->device, here->inode};
    w->seen_count++;
    return VC_OK;
}

/* 1 for a folder or a link to one. If it cannot be determined, the entry is taken for a file:
 * reading it then gives the reason. */
static int is_folder(const char *path, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static vc_status walk(walker *w, const level *parent);

static vc_status add_entry(walker *w, const struct dirent *entry, const level *here)
{
    size_t length = strlen(w->path), more = strlen(entry->d_name);
    if (entry->d_name[0] == '.')
        return VC_OK;
    if (length + more + 2 > sizeof w->path)
        return vc_fail(VC_EFORMAT, "%s: a name in it makes a path longer than %d bytes", w->path,
                       MOST_PATH);
    if (length > w->root)
        w->path[length++] = '/';
    memcpy(w->path + length, entry->d_name, more + 1);
    vc_status status = VC_OK;
    if (is_folder(w->path, entry)) {
        if (here->depth == 0)
            status = vc__names_add(&w->source->folders, entry->d_name, more);
        if (status == VC_OK)
            status = walk(w, here);
    } else if (vc__is_image_name(entry->d_name)) {
        status = vc__source_add(w->source, w->path + w->root, 0, 0);
    }
    return status;
}

static vc_status walk_entries(walker *w, DIR *directory, const level *here)
{
    size_t length = strlen(w->path);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry)
            return errno == 0 ? VC_OK
                              : vc_fail(VC_EIO, "%s: cannot read the directory: %s", w->path,
                                        strerror(errno));
        VC_TRY(add_entry(w, entry, here));
        w->path[length] = '\0';
    }
}

static vc_status walk(walker *w, const level *parent)
{
    struct stat info;
    DIR *directory = opendir(w->path);
    if (!directory || fstat(dirfd(directory), &info) != 0) {
        vc_status status =
            vc_fail(VC_EIO, "%s: cannot open the directory: %s", w->path, strerror(errno));
        if (directory)
            closedir(directory);
        return status;
    }
    level here = {info.st_dev, info.st_ino, parent ? parent->depth + 1 : 0, parent};
    vc_status status = check_loop(&here, w->path);
    if (status == VC_OK)
        status = check_seen(w, &here);
    if (status == VC_OK)
        status = walk_entries(w, directory, &here);
    closedir(directory);
    return status;
}

/* 1 if a directory holds folders. `stray` gets the name of one that is not a split's. */
static int holds_folders(char stray[256], const char *path)
{
    char below[MOST_PATH];
    DIR *directory = opendir(path);
    int found = 0;
    const struct dirent *entry;
    stray[0] = '\0';
    while (directory && (entry = readdir(directory))) {
        int length = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.' || length >= MOST_PATH || !is_folder(below, entry))
            continue;
        if (!vc__is_split_name(entry->d_name, strlen(entry->d_name)))
            snprintf(stray, 256, "%s", entry->d_name);
        found = 1;
    }
    if (directory)
        closedir(directory);
    return found;
}

/* The first of `names` that is the folder of a split, that is one which holds folders; or NULL. */
static const char *find_split(const char *directory, const char *const *names)
{
    char path[MOST_PATH], ignored[256];
    for (; *names; names++) {
        int length = snprintf(path, sizeof path, "%s/%s", directory, *names);
        if (length < MOST_PATH && holds_folders(ignored, path))
            return *names;
    }
    return NULL;
}

/* Only splits may stand beside a split. A class folder beside it would be silently ignored. */
static vc_status check_siblings(const char *directory, const char *found)
{
    char stray[256];
    holds_folders(stray, directory);
    if (stray[0])
        return vc_fail(VC_EFORMAT,
                       "%s: has a folder '%s' for a split, and '%s', which is none: wanted splits "
                       "alone or classes alone",
                       directory, found, stray);
    return VC_OK;
}

static vc_status choose_root(walker *w, const char *directory, const vc_source_options *how)
{
    vc_source *source = w->source;
    const char *split = how->split;
    const char *found = find_split(directory, vc__split_names(split)), *stray = NULL;
    for (size_t i = 0; !found && !stray && source->labelled && vc__split_at(i); i++)
        stray = find_split(directory, vc__split_names(vc__split_at(i)));
    if (found)
        VC_TRY(check_siblings(directory, found));
    if (stray)
        return vc_fail(VC_EABSENT, "%s: has a folder '%s', but none for the split '%s'", directory,
                       stray, split);
    if (!found && how->own_split)
        return vc__source_no_split(directory, split);
    size_t length = strlen(directory);
    int ends = length > 0 && directory[length - 1] == '/';
    VC_TRY(vc__source_set_root(source, directory, ends ? "" : "/", found ? found : ""));
    if (found)
        VC_TRY(vc__source_set_root(source, source->root, "/", ""));
    w->root = strlen(source->root);
    if (w->root >= sizeof w->path)
        return vc_fail(VC_EINVAL, "%s: is longer than %d bytes", directory, MOST_PATH);
    memcpy(w->path, source->root, w->root + 1);
    return VC_OK;
}

vc_status vc__source_find_files(vc_source *source, const char *directory,
                                const vc_source_options *how)
{
    walker w = {.source = source};
    VC_TRY(choose_root(&w, directory, how));
    vc_status status = walk(&w, NULL);
    free(w.seen);
    VC_TRY(status);
    if (source->labelled && source->folders.count == 0)
        return vc_fail(VC_EFORMAT, "%s: holds no folders, wanted one for each class", source->root);
    vc__samples_sort(source->samples, source->count);
    return VC_OK;
}

vc_status vc__source_find_below(vc_source *source, const char *directory)
{
    walker w = {.source = source};
    const size_t before = source->count;
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (length >= sizeof w.path)
        return vc_fail(VC_EINVAL, "%s: is longer than %d bytes", directory, MOST_PATH);
    memcpy(w.path, directory, length);
    vc_status status = walk(&w, NULL);
    free(w.seen);
    VC_TRY(status);
    if (source->count == before)
        return vc_fail(VC_EFORMAT, "%s: holds no images", directory);
    vc__samples_sort(source->samples + before, source->count - before);
    return VC_OK;
}
