#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "source_impl.h"

/* Limit on the bytes of all names. It is enough for ImageNet-21k with 14 million images; without it
 * a small archive could make up any number of names. */
#define MOST_NAME_BYTES ((size_t)1 << 29)

int vc__is_image_name(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "png",  "ppm",  "bmp",
                                          "pgm", "tif",  "tiff", "webp", "gif"};
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    const char *dot = strrchr(base, '.');
    if (base[0] == '.' || !dot)
        return 0;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return 1;
    return 0;
}

/* The names of splits, each with the folders that it may have, in the order in which they are
 * looked for. */
static const char *const splits[][6] = {
    {"train", "train"},
    {"test", "test", "val", "validation", "valid"},
    {"val", "val", "validation", "valid"},
    {"validation", "validation", "val", "valid"},
    {"valid", "valid", "val", "validation"},
};
enum { SPLITS = sizeof splits / sizeof splits[0] };

const char *const *vc__split_names(const char *split)
{
    for (size_t i = 0; i < SPLITS; i++)
        if (strcmp(split, splits[i][0]) == 0)
            return splits[i] + 1;
    return NULL;
}

int vc_source_is_split(const char *name)
{
    return vc__split_names(name) != NULL;
}

const char *vc__split_at(size_t index)
{
    return index < SPLITS ? splits[index][0] : NULL;
}

/* The name of each split is also that of a folder. */
int vc__is_split_name(const char *name, size_t length)
{
    for (size_t i = 0; i < SPLITS; i++)
        if (strlen(splits[i][0]) == length && strncmp(splits[i][0], name, length) == 0)
            return 1;
    return 0;
}

vc_status vc__source_add(vc_source *source, const char *name, uint64_t offset, uint64_t bytes)
{
    source->name_bytes += strlen(name) + 1;
    if (source->name_bytes > MOST_NAME_BYTES)
        return vc_fail(VC_EUNSUPPORTED, "%s: the names of its images take more than %zu bytes",
                       source->root, MOST_NAME_BYTES);
    if (source->count == source->capacity) {
        size_t capacity = source->capacity ? 2 * source->capacity : 256;
        vc__sample *samples = realloc(source->samples, capacity * sizeof *samples);
        if (!samples)
            return vc_fail(VC_ENOMEM, "%s: out of memory for %zu samples", source->root, capacity);
        source->samples = samples;
        source->capacity = capacity;
    }
    vc__sample sample = {strdup(name), -1, offset, bytes};
    if (!sample.name)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu samples", source->root, source->count);
    source->samples[source->count++] = sample;
    return VC_OK;
}

/* Length of the first component of a name; 0 if it has only one. */
static size_t first_component(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

static size_t directory_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

static int compare_parts(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare(const void *x, const void *y)
{
    const char *a = ((const vc__sample *)x)->name, *b = ((const vc__sample *)y)->name;
    int order = compare_parts(a, first_component(a), b, first_component(b));
    if (order == 0)
        order = compare_parts(a, directory_length(a), b, directory_length(b));
    return order != 0 ? order : strcmp(a, b);
}

void vc__samples_sort(vc__sample *samples, size_t count)
{
    if (count > 0)
        qsort(samples, count, sizeof *samples, compare);
}

/* Finds each class folder's line in the list. The caller frees *out. */
static vc_status look_up_folders(int32_t **out, const vc_source *source, const vc__class_list *list,
                                 const char *path)
{
    int32_t *lines = malloc((source->folders.count + 1) * sizeof *lines);
    *out = lines;
    if (!lines)
        return vc_fail(VC_ENOMEM, "%s: out of memory", source->root);
    for (size_t i = 0; i < source->folders.count; i++) {
        const char *folder = source->folders.items[i];
        size_t line = list ? vc__class_list_find(list, folder) : i;
        if (list && line == list->folders.count)
            return vc_fail(VC_EFORMAT, "%s%s: is a folder that the class list %s does not name",
                           source->root, folder, path);
        lines[i] = (int32_t)line;
    }
    return VC_OK;
}

static vc_status label_each(vc_source *source, const int32_t *lines)
{
    for (size_t i = 0; i < source->count; i++) {
        vc__sample *sample = &source->samples[i];
        size_t length = first_component(sample->name);
        if (length == 0)
            return vc_fail(VC_EFORMAT, "%s%s: lies in no class folder", source->root, sample->name);
        size_t folder = vc__names_find(&source->folders, sample->name, length);
        sample->label = lines[folder];
    }
    return VC_OK;
}

/* Without a list, classes are numbered by their folders. An empty folder that is there by mistake
 * would shift all numbers after it, so it is refused. */
static vc_status check_empty(const vc_source *source)
{
    unsigned char *used = calloc(source->folders.count + 1, 1);
    if (!used)
        return vc_fail(VC_ENOMEM, "%s: out of memory", source->root);
    for (size_t i = 0; i < source->count; i++)
        used[source->samples[i].label] = 1;
    size_t first = 0;
    while (first < source->folders.count && used[first])
        first++;
    free(used);
    if (first < source->folders.count)
        return vc_fail(VC_EFORMAT,
                       "%s%s: is a class folder without images, wanted at least one, or a class "
                       "list",
                       source->root, source->folders.items[first]);
    return VC_OK;
}

static vc_status copy_names(vc__names *out, const vc__names *from)
{
    for (size_t i = 0; i < from->count; i++)
        VC_TRY(vc__names_add(out, from->items[i], strlen(from->items[i])));
    return VC_OK;
}

vc_status vc__samples_label(vc_source *source, const vc__class_list *list, const char *path)
{
    int32_t *lines;
    vc__names_sort(&source->folders);
    vc_status status = look_up_folders(&lines, source, list, path);
    if (status == VC_OK)
        status = label_each(source, lines);
    if (status == VC_OK && !list)
        status = check_empty(source);
    free(lines);
    VC_TRY(status);
    source->classes = list ? list->folders.count : source->folders.count;
    return copy_names(&source->class_names, list ? &list->names : &source->folders);
}
