#include <stdlib.h>
#include <string.h>

#include "source_impl.h"

/* All that an archive holds, before a part of it is chosen. */
typedef struct contents {
    vc_source *source;
    vc__names folders; /* of every entry */
} contents;

static vc_status keep_folder(contents *c, const vc__tar_entry *entry)
{
    const char *slash = strrchr(entry->name, '/');
    size_t length = slash ? (size_t)(slash - entry->name) : 0;
    if (entry->kind == VC__TAR_FOLDER)
        length = strlen(entry->name);
    const char *last = c->folders.count > 0 ? c->folders.items[c->folders.count - 1] : "";
    if (length == 0 || (strncmp(last, entry->name, length) == 0 && last[length] == '\0'))
        return VC_OK;
    return vc__names_add(&c->folders, entry->name, length);
}

static int is_hidden(const char *name)
{
    return name[0] == '.' || strstr(name, "/.") || strncmp(name, "__MACOSX", 8) == 0;
}

static vc_status keep_entry(contents *c, const vc__tar_entry *entry, const char *path)
{
    if (is_hidden(entry->name))
        return VC_OK;
    VC_TRY(keep_folder(c, entry));
    if (entry->kind == VC__TAR_FOLDER || !vc__is_image_name(entry->name))
        return VC_OK;
    if (entry->kind == VC__TAR_OTHER)
        return vc_fail(VC_EUNSUPPORTED, "%s:%s: is a link or a device, wanted a regular file", path,
                       entry->name);
    if (entry->bytes > VC_SOURCE_MAX_FILE)
        return vc_fail(VC_EUNSUPPORTED, "%s:%s: has %llu bytes, wanted at most %zu", path,
                       entry->name, (unsigned long long)entry->bytes, VC_SOURCE_MAX_FILE);
    return vc__source_add(c->source, entry->name, entry->offset, entry->bytes);
}

static vc_status keep_entries(contents *c, const char *path)
{
    vc__tar_entry *entry = malloc(sizeof *entry);
    vc_status status = entry ? VC_OK : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    while (status == VC_OK) {
        status = c->source->zip ? vc__zip_next(entry, c->source->zip)
                                : vc__tar_next(entry, c->source->tar);
        if (status == VC_OK && entry->kind == VC__TAR_END)
            break;
        if (status == VC_OK)
            status = keep_entry(c, entry, path);
    }
    free(entry);
    return status;
}

static int compare(const void *a, const void *b)
{
    return strcmp((*(const vc__sample *const *)a)->name, (*(const vc__sample *const *)b)->name);
}

/* Names must not repeat: unpacked, the second file would replace the first, while here both would
 * count. */
static vc_status check_repeats(const vc_source *source, const char *path)
{
    const vc__sample **sorted = malloc((source->count + 1) * sizeof *sorted);
    vc_status status = VC_OK;
    if (!sorted)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < source->count; i++)
        sorted[i] = &source->samples[i];
    qsort(sorted, source->count, sizeof *sorted, compare);
    for (size_t i = 1; i < source->count && status == VC_OK; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            status = vc_fail(VC_EFORMAT, "%s:%s: comes twice", path, sorted[i]->name);
    free(sorted);
    return status;
}

/* 1 if some sample is below `root` and at least `folders` folders deeper. */
static int holds_samples(const vc_source *source, const char *root, size_t folders)
{
    size_t length = strlen(root);
    for (size_t i = 0; i < source->count; i++) {
        const char *name = source->samples[i].name;
        if (strncmp(name, root, length) != 0)
            continue;
        size_t depth = 0;
        for (name += length; *name; name++)
            depth += *name == '/';
        if (depth >= folders)
            return 1;
    }
    return 0;
}

/* Finds the folder that encloses all samples, with its slash; "" if there is none. */
static void find_wrapper(char out[VC__TAR_NAME], const vc_source *source)
{
    const char *first = source->samples[0].name, *slash = strchr(first, '/');
    size_t length = slash ? (size_t)(slash - first) + 1 : 0;
    for (size_t i = 0; i < source->count; i++)
        if (strncmp(source->samples[i].name, first, length) != 0)
            length = 0;
    memcpy(out, first, length);
    out[length] = '\0';
}

/* Finds the folder of a split and writes its path, such as "wrapper/test/". Returns 0 if there is
 * none. */
static int find_split(char out[VC__TAR_NAME], const vc_source *source, const char *wrapper,
                      const char *split)
{
    for (const char *const *name = vc__split_names(split); *name; name++) {
        if (strlen(wrapper) + strlen(*name) + 2 > VC__TAR_NAME)
            continue;
        strcat(strcat(strcpy(out, wrapper), *name), "/");
        if (holds_samples(source, out, 1))
            return 1;
    }
    return 0;
}

/* 1 if every sample is at least two folders deep, so that a class folder remains when the enclosing
 * folder is skipped. */
static int all_deeper(const vc_source *source)
{
    for (size_t i = 0; i < source->count; i++) {
        const char *slash = strchr(source->samples[i].name, '/');
        if (!slash || !strchr(slash + 1, '/'))
            return 0;
    }
    return 1;
}

static int is_listed(const vc__class_list *list, const char *wrapper)
{
    char folder[VC__TAR_NAME];
    size_t length = strcspn(wrapper, "/");
    memcpy(folder, wrapper, length);
    folder[length] = '\0';
    return list && length > 0 && vc__class_list_find(list, folder) < list->folders.count;
}

static vc_status choose_root(char out[VC__TAR_NAME], const vc_source *source, const char *path,
                             const vc_source_options *how, const vc__class_list *list)
{
    char wrapper[VC__TAR_NAME];
    const char *split = how->split;
    find_wrapper(wrapper, source);
    if (is_listed(list, wrapper))
        wrapper[0] = '\0';
    if (find_split(out, source, "", split) || find_split(out, source, wrapper, split))
        return VC_OK;
    for (size_t i = 0; source->labelled && vc__split_at(i); i++)
        if (find_split(out, source, "", vc__split_at(i)) ||
            find_split(out, source, wrapper, vc__split_at(i)))
            return vc_fail(VC_EABSENT, "%s: has a folder '%s', but none for the split '%s'", path,
                           out, split);
    if (how->own_split)
        return vc__source_no_split(path, split);
    strcpy(out, all_deeper(source) ? wrapper : "");
    return VC_OK;
}

/* Only splits may stand beside the split `root` (which may be in an enclosing folder). A class
 * folder beside it would be silently ignored. */
static vc_status check_siblings(const vc_source *source, const char *root, const char *path)
{
    const char *slash = strchr(root, '/');
    size_t wrapper = slash && slash[1] ? (size_t)(slash - root) + 1 : 0;
    if (!vc__is_split_name(root + wrapper, strcspn(root + wrapper, "/")))
        return VC_OK;
    for (size_t i = 0; i < source->count; i++) {
        const char *name = source->samples[i].name;
        if (strncmp(name, root, wrapper) != 0 ||
            !vc__is_split_name(name + wrapper, strcspn(name + wrapper, "/")))
            return vc_fail(
                VC_EFORMAT,
                "%s:%s: lies beside the split '%s': wanted splits alone or classes alone", path,
                name, root);
    }
    return VC_OK;
}

/* Drops the samples outside `root`, and takes `root` off the names of the others. */
static void keep_below(vc_source *source, const char *root)
{
    size_t kept = 0, length = strlen(root);
    for (size_t i = 0; i < source->count; i++) {
        vc__sample sample = source->samples[i];
        if (strncmp(sample.name, root, length) != 0) {
            source->name_bytes -= strlen(sample.name) + 1;
            free(sample.name);
            continue;
        }
        memmove(sample.name, sample.name + length, strlen(sample.name + length) + 1);
        source->samples[kept++] = sample;
    }
    source->count = kept;
}

/* Collects the class folders: the first components of names below the root. */
static vc_status keep_class_folders(contents *c, const char *root)
{
    size_t length = strlen(root);
    for (size_t i = 0; i < c->folders.count; i++) {
        const char *name = c->folders.items[i];
        if (strncmp(name, root, length) != 0 || name[length] == '\0')
            continue;
        VC_TRY(vc__names_add(&c->source->folders, name + length, strcspn(name + length, "/")));
    }
    return VC_OK;
}

static vc_status find_entries(contents *c, const char *path, const vc_source_options *how,
                              const vc__class_list *list)
{
    char root[VC__TAR_NAME];
    vc_source *source = c->source;
    VC_TRY(vc__zip_begins(path) ? vc__zip_open(&source->zip, path)
                                : vc__tar_open(&source->tar, path));
    VC_TRY(keep_entries(c, path));
    if (source->count == 0)
        return VC_OK; /* which the caller reports */
    VC_TRY(check_repeats(source, path));
    VC_TRY(choose_root(root, source, path, how, list));
    if (root[0])
        VC_TRY(check_siblings(source, root, path));
    VC_TRY(vc__source_set_root(source, path, ":", root));
    keep_below(source, root);
    return keep_class_folders(c, root);
}

vc_status vc__source_find_entries(vc_source *source, const char *path, const vc_source_options *how,
                                  const vc__class_list *list)
{
    contents c = {.source = source};
    vc_status status = vc__source_set_root(source, path, ":", "");
    if (status == VC_OK)
        status = find_entries(&c, path, how, list);
    vc__names_close(&c.folders);
    return status;
}
