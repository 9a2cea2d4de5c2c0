#include "vitcod/source.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cifar.h"
#include "known_classes.h"
#include "source_impl.h"
#include "tar.h"
#include "vitcod/file_kind.h"

vc_source_options vc_source_options_default(void)
{
    return (vc_source_options){.split = "test", .labelled = 1};
}

vc_status vc__source_set_root(vc_source *source, const char *before, const char *name,
                              const char *after)
{
    size_t room = strlen(before) + strlen(name) + strlen(after) + 1;
    char *root = malloc(room);
    if (!root)
        return vc_fail(VC_ENOMEM, "%s: out of memory", before);
    snprintf(root, room, "%s%s%s", before, name, after);
    free(source->root); /* only now, as `before` may point into it */
    source->root = root;
    return VC_OK;
}

vc_status vc__source_create(vc_source **out, int labelled)
{
    vc_source *source = calloc(1, sizeof *source);
    *out = source;
    if (!source)
        return vc_fail(VC_ENOMEM, "out of memory for a source of images");
    pthread_mutex_init(&source->lock, NULL);
    source->labelled = labelled;
    return VC_OK;
}

vc_status vc__source_no_split(const char *path, const char *split)
{
    return vc_fail(VC_EABSENT, "%s: has no images of its own for the split '%s'", path, split);
}

static vc_status take_dataset(vc_source *source, const vc_dataset *dataset)
{
    source->dataset = dataset;
    source->count = dataset->count;
    source->classes = source->labelled ? dataset->classes : 0;
    return vc__source_set_root(source, dataset->path ? dataset->path : "memory", ": image ", "");
}

vc_status vc_source_of_dataset(vc_source **out, const vc_dataset *dataset)
{
    VC_TRY(vc__source_create(out, 1));
    vc_status status = take_dataset(*out, dataset);
    if (status != VC_OK) {
        vc_source_close(*out);
        *out = NULL;
    }
    return status;
}

vc_status vc_source_name_classes(vc_source *source, const char *const *names, size_t count)
{
    vc__names_close(&source->class_names);
    for (size_t i = 0; i < count; i++)
        VC_TRY(vc__names_add(&source->class_names, names[i], strlen(names[i])));
    return VC_OK;
}

static vc_status take_files(vc_source *source, const char *const *paths, size_t count,
                            const vc_source_options *o)
{
    vc__class_list list = {0};
    vc_status status = o->classes ? vc__class_list_read(&list, o->classes) : VC_OK;
    source->class_names = list.names;
    list.names = (vc__names){0};
    vc__class_list_close(&list);
    VC_TRY(status);
    VC_TRY(vc__source_set_root(source, "", "", ""));
    for (size_t i = 0; i < count; i++) {
        struct stat info;
        if (stat(paths[i], &info) == 0 && S_ISDIR(info.st_mode))
            VC_TRY(vc__source_find_below(source, paths[i]));
        else
            VC_TRY(vc__source_add(source, paths[i], 0, 0));
    }
    return VC_OK;
}

vc_status vc_source_of_files(vc_source **out, const char *const *paths, size_t count,
                             const vc_source_options *options)
{
    VC_TRY(vc__source_create(out, 0));
    (*out)->upright = options->upright;
    vc_status status = take_files(*out, paths, count, options);
    if (status != VC_OK) {
        vc_source_close(*out);
        *out = NULL;
    }
    return status;
}

/* For a data set in memory, a list only names the classes; it does not number them. */
static vc_status name_classes(vc_source *source, vc__class_list *list, const char *path)
{
    if (list->folders.count < source->classes)
        return vc_fail(VC_EFORMAT, "%s: names %zu classes, wanted the %zu of %s", path,
                       list->folders.count, source->classes, source->dataset->path);
    source->class_names = list->names;
    list->names = (vc__names){0};
    return VC_OK;
}

static vc_status open_dataset(vc_source *source, const char *path, const vc_source_options *o,
                              vc__class_list *list)
{
    VC_TRY(vc_dataset_open(&source->owned, path, o->split));
    VC_TRY(take_dataset(source, &source->owned));
    if (o->classes) {
        source->listed = 1;
        return name_classes(source, list, o->classes);
    }
    char names[4096];
    VC_TRY(vc__cifar_names(list, names, path));
    return list->names.count > 0 ? name_classes(source, list, names)
                                 : vc__known_classes(&source->class_names, &source->owned);
}

static vc_status open_images(vc_source *source, const char *path, const vc_source_options *o,
                             const vc__class_list *list, int is_directory)
{
    if (is_directory)
        VC_TRY(vc__source_find_files(source, path, o));
    else
        VC_TRY(vc__source_find_entries(source, path, o, o->classes ? list : NULL));
    if (source->count == 0)
        return vc_fail(VC_EFORMAT, "%s: holds no images, wanted %s", path,
                       o->labelled ? "folders of them, one for each class" : "some");
    if (!o->labelled)
        return VC_OK;
    source->listed = o->classes != NULL;
    return vc__samples_label(source, o->classes ? list : NULL, o->classes);
}

static vc_status open_path(vc_source *source, const char *path, const vc_source_options *o,
                           vc__class_list *list)
{
    struct stat info;
    if (!vc__split_names(o->split))
        return vc_fail(VC_EINVAL, "the split is '%s', wanted " VC_SOURCE_SPLITS, o->split);
    if (stat(path, &info) != 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))
        return vc_fail(VC_EIO, "%s: is neither a folder nor a regular file", path);
    if (vc__source_is_npz(path))
        return vc__source_open_poses(source, path, o);
    if (o->truth || o->cameras || o->subjects || o->every)
        return vc_fail(VC_EINVAL,
                       "%s: is no npz of poses, which alone have a truth, cameras, subjects or "
                       "frames of which every N-th is taken",
                       path);
    if (vc_file_kind_of(path) != VC_FILE_OTHER)
        VC_TRY(vc_file_refuse_path(path, VC__SOURCE_WANTED));
    if (o->classes)
        VC_TRY(vc__class_list_read(list, o->classes));
    if (vc__dataset_is_here(path))
        return open_dataset(source, path, o, list);
    return open_images(source, path, o, list, S_ISDIR(info.st_mode));
}

/* Leaves the first `limit` samples. */
static void keep_first(vc_source *source, size_t limit)
{
    for (size_t i = limit; source->samples && i < source->count; i++)
        free(source->samples[i].name);
    if (limit < source->count)
        source->count = limit;
}

vc_status vc_source_open(vc_source **out, const char *path, const vc_source_options *options)
{
    vc__class_list list = {0};
    VC_TRY(vc__source_create(out, options->labelled));
    (*out)->upright = options->upright;
    (*out)->path = strdup(path);
    vc_status status = (*out)->path ? open_path(*out, path, options, &list)
                                    : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    vc__class_list_close(&list);
    if (status == VC_OK && options->limit > 0)
        keep_first(*out, options->limit);
    if (status == VC_OK && options->sample > 0)
        status = vc__source_keep_sample(*out, options->sample, options->seed);
    if (status != VC_OK) {
        vc_source_close(*out);
        *out = NULL;
    }
    return status;
}

void vc_source_close(vc_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; source->samples && i < source->count; i++)
        free(source->samples[i].name);
    for (size_t i = 0; i < source->part_count; i++)
        vc_source_close(source->parts[i]);
    free(source->parts);
    free(source->samples);
    free(source->indices);
    free(source->root);
    free(source->path);
    vc__names_close(&source->class_names);
    vc__names_close(&source->folders);
    vc__tar_close(source->tar);
    vc__zip_close(source->zip);
    vc_dataset_close(&source->owned);
    vc_poses_close(&source->poses);
    free(source->frames);
    pthread_mutex_destroy(&source->lock);
    free(source);
}

size_t vc_source_count(const vc_source *source)
{
    return source->count;
}

size_t vc_source_classes(const vc_source *source)
{
    return source->classes;
}

int vc_source_has_list(const vc_source *source)
{
    return source->listed;
}

const vc_dataset *vc_source_dataset(const vc_source *source)
{
    return source->dataset;
}

/* The source whose names of classes these are. */
static const vc_source *namer(const vc_source *source)
{
    while (source->whole || source->part_count > 0)
        source = source->whole ? source->whole : source->parts[0];
    return source;
}

static int has_names(const vc_source *source)
{
    const vc_source *whole = source->whole ? source->whole : source;
    return whole->part_count == 0 || whole->labelled;
}

size_t vc_source_named(const vc_source *source)
{
    return has_names(source) ? namer(source)->class_names.count : 0;
}

const char *vc_source_class_name(const vc_source *source, size_t index)
{
    return index < vc_source_named(source) ? namer(source)->class_names.items[index] : "";
}

vc_source *vc__source_holder(const vc_source *source, size_t *index)
{
    assert(*index < source->count);
    while (source->whole || source->part_count > 0) {
        if (source->whole) {
            *index = source->indices[*index];
            source = source->whole;
            continue;
        }
        size_t part = 0;
        while (*index >= source->parts[part]->count)
            *index -= source->parts[part++]->count;
        source = source->parts[part];
    }
    return (vc_source *)source; /* as its owner has it */
}

const vc_dataset *vc__source_pixels(const vc_source *source, size_t *index)
{
    return vc__source_holder(source, index)->dataset;
}

int32_t vc_source_label(const vc_source *source, size_t index)
{
    const vc_source *holder = vc__source_holder(source, &index);
    if (!source->labelled)
        return -1;
    return holder->dataset ? holder->dataset->labels[index] : holder->samples[index].label;
}

const char *vc_source_name(char text[VC_SOURCE_NAME], const vc_source *source, size_t index)
{
    const vc_source *holder = vc__source_holder(source, &index);
    if (holder->frames)
        vc__source_name_frame(text, holder, index);
    else if (holder->dataset)
        snprintf(text, VC_SOURCE_NAME, "%s%zu", holder->root, index);
    else
        snprintf(text, VC_SOURCE_NAME, "%s%s", holder->root, holder->samples[index].name);
    return text;
}

int vc__source_is_sequential(const vc_source *source)
{
    if (source->whole)
        return vc__source_is_sequential(source->whole);
    for (size_t i = 0; i < source->part_count; i++)
        if (vc__source_is_sequential(source->parts[i]))
            return 1;
    return source->tar != NULL;
}

vc_status vc__source_inflate(vc_source *source)
{
    if (source->whole)
        return vc__source_inflate(source->whole);
    for (size_t i = 0; i < source->part_count; i++)
        VC_TRY(vc__source_inflate(source->parts[i]));
    return source->tar ? vc__tar_inflate(source->tar) : VC_OK;
}
