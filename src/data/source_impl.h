/* A source from inside: samples, their classes, and one opener per kind. */
#ifndef VC_SOURCE_IMPL_H
#define VC_SOURCE_IMPL_H

#include <pthread.h>
#include <sys/types.h>

#include "class_list.h"
#include "names.h"
#include "tar.h"
#include "vitcod/source.h"

typedef struct vc__sample {
    char *name; /* below the source's root: "cat/1.jpg" */
    int32_t label;
    uint64_t offset, bytes; /* in an archive */
} vc__sample;

struct vc_source {
    char *root; /* what stands before a sample's name: "DIR/test/", "archive.tar:test/" */
    int labelled, listed;
    size_t classes;
    vc__names class_names;

    vc__sample *samples; /* encoded images */
    size_t count, capacity, name_bytes;
    vc__names folders; /* class folders, found while the samples were collected */

    vc__tar *tar;         /* NULL: files of their own */
    pthread_mutex_t lock; /* of the archive's position */

    vc_dataset owned;
    const vc_dataset *dataset; /* images in memory; `owned`, the caller's, or the whole's */

    vc_source *whole;  /* this is a part of it; NULL: of nothing */
    uint32_t *indices; /* (count), in the whole */
};

/* Where a sample stands in the whole; in a source that is no part, where it stands. */
size_t vc__source_place(const vc_source *source, size_t index);

/* An empty one. */
vc_status vc__source_create(vc_source **out, int labelled);

/* Samples of the folder `directory`, unsorted, and its class folders. */
vc_status vc__source_find_files(vc_source *source, const char *directory, const char *split);
/* Samples and class folders of an archive, in its order. A folder that `list` (or NULL) names is a
 * class, not a wrapper. */
vc_status vc__source_find_entries(vc_source *source, const char *path, const char *split,
                                  const vc__class_list *list);

vc_status vc__source_add(vc_source *source, const char *name, uint64_t offset, uint64_t bytes);
vc_status vc__source_set_root(vc_source *source, const char *before, const char *name,
                              const char *after);

/* Sorted by class folder, directory, name. */
void vc__samples_sort(vc__sample *samples, size_t count);
/* Labels from the class folders and, unless NULL, a list. `path` is the list's. */
vc_status vc__samples_label(vc_source *source, const vc__class_list *list, const char *path);

/* Whether a name ends like an image's. */
int vc__is_image_name(const char *name);

/* The names under which a split's folder is looked for, ended by NULL; NULL for an unknown
 * split. */
const char *const *vc__split_names(const char *split);

/* Whether a folder may be some split's. */
int vc__is_split_name(const char *name, size_t length);

/* 1: reading goes forward only, so samples should be asked for one after the other. */
int vc__source_is_sequential(const vc_source *source);

/* Before samples are asked for in any order (vc__tar_inflate). */
vc_status vc__source_inflate(vc_source *source);

#endif
