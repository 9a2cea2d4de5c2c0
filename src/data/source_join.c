/* Several sources as one. */
#include <stdlib.h>
#include <string.h>

#include "source_impl.h"

/* 1 if a label means the same class in all of them. */
static int share_labels(vc_source *const *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!sources[i]->labelled || !vc_source_same_classes(sources[0], sources[i]))
            return 0;
    return 1;
}

static vc_status join(vc_source **out, vc_source **sources, size_t count)
{
    if (count == 0 || count > VC_SOURCE_MOST_PARTS)
        return vc_fail(VC_EINVAL, "%zu sources of images, wanted 1 to %d", count,
                       (int)VC_SOURCE_MOST_PARTS);
    for (size_t i = 0; i < count; i++)
        if (vc_source_joints(sources[i]) > 0)
            return vc_fail(VC_EUNSUPPORTED, "%s: poses beside others, wanted one npz of them",
                           vc_source_path(sources[i], 0));
    VC_TRY(vc__source_create(out, share_labels(sources, count)));
    vc_source *joined = *out;
    joined->parts = malloc(count * sizeof *joined->parts);
    if (!joined->parts)
        return vc_fail(VC_ENOMEM, "out of memory for %zu sources of images", count);
    joined->classes = joined->labelled ? sources[0]->classes : 0;
    joined->listed = joined->labelled;
    for (size_t i = 0; i < count; i++) {
        joined->parts[i] = sources[i];
        joined->count += sources[i]->count;
        joined->listed = joined->listed && sources[i]->listed;
    }
    joined->part_count = count;
    return VC_OK;
}

vc_status vc_source_join(vc_source **out, vc_source **sources, size_t count)
{
    *out = NULL;
    if (count == 1) {
        *out = sources[0];
        return VC_OK;
    }
    const vc_status status = join(out, sources, count);
    if (status == VC_OK)
        return VC_OK;
    vc_source_close(*out);
    for (size_t i = 0; i < count; i++)
        vc_source_close(sources[i]);
    *out = NULL;
    return status;
}

vc_status vc_source_open_all(vc_source **out, const char *const *paths, size_t count,
                             const vc_source_options *options)
{
    vc_source *sources[VC_SOURCE_MOST_PARTS] = {NULL};
    size_t opened = 0;
    vc_status status = VC_OK;
    *out = NULL;
    if (count > VC_SOURCE_MOST_PARTS)
        return vc_fail(VC_EINVAL, "%zu sources of images, wanted at most %d", count,
                       (int)VC_SOURCE_MOST_PARTS);
    while (opened < count && status == VC_OK) {
        status = vc_source_open(&sources[opened], paths[opened], options);
        if (status == VC_OK && options->labelled && opened > 0 &&
            vc_source_joints(sources[opened]) == 0 &&
            !vc_source_same_classes(sources[0], sources[opened]))
            status = vc_fail(VC_EINVAL, "%s: its classes are not those of %s, which labels want",
                             paths[opened], paths[0]);
        opened++;
    }
    if (status == VC_OK)
        return vc_source_join(out, sources, count);
    for (size_t i = 0; i < opened; i++)
        vc_source_close(sources[i]);
    return status;
}

size_t vc_source_parts(const vc_source *source)
{
    source = source->whole ? source->whole : source;
    return source->part_count > 0 ? source->part_count : 1;
}

const char *vc_source_path(const vc_source *source, size_t part)
{
    source = source->whole ? source->whole : source;
    source = source->part_count > 0 ? source->parts[part] : source;
    if (source->path)
        return source->path;
    return source->dataset && source->dataset->path ? source->dataset->path : "memory";
}

size_t vc_source_part_of(const vc_source *source, size_t index)
{
    size_t part = 0;
    index = source->whole ? source->indices[index] : index;
    source = source->whole ? source->whole : source;
    while (part + 1 < source->part_count && index >= source->parts[part]->count)
        index -= source->parts[part++]->count;
    return part;
}

size_t vc_source_part_count(const vc_source *source, size_t part)
{
    size_t count = 0;
    for (size_t i = 0; i < source->count; i++)
        count += vc_source_part_of(source, i) == part;
    return count;
}
