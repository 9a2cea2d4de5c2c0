/* The inside of a source: samples, their classes, and one opener for each kind of source. */
#ifndef VC_SOURCE_IMPL_H
#define VC_SOURCE_IMPL_H

#include <pthread.h>
#include <sys/types.h>

#include "class_list.h"
#include "names.h"
#include "vitcod/image.h"
#include "vitcod/poses.h"
#include "vitcod/source.h"
#include "zip.h"

typedef struct vc__sample {
    char *name; /* below the source's root: "cat/1.jpg" */
    int32_t label;
    uint64_t offset, bytes; /* in an archive; of a zip, the entry's number */
} vc__sample;

/* A frame of a sequence of poses. */
typedef struct vc__frame {
    uint32_t sequence, at;
} vc__frame;

struct vc_source {
    char *path; /* by which it was opened; NULL: it was not opened by a path */
    char *root; /* the path before the samples' names: "DIR/test/", "archive.tar:test/" */
    int labelled, listed, upright;
    int converts; /* see vc_source_convert */
    size_t classes;
    vc__names class_names;

    vc__sample *samples; /* of encoded images */
    size_t count, capacity, name_bytes;
    vc__names folders; /* the class folders */

    vc__tar *tar;         /* the archive, or */
    vc__zip *zip;         /* the archive; both NULL: samples are files */
    pthread_mutex_t lock; /* protects the position in the archive */

    vc_dataset owned;
    const vc_dataset *dataset; /* images in memory: `owned`, the caller's or the whole's */

    vc_poses poses;
    vc__frame *frames; /* (count) of poses; NULL: these are images */

    vc_source *whole;  /* the source that this was split from, or NULL */
    uint32_t *indices; /* (count) of the samples in the whole */

    vc_source **parts; /* (part_count) the sources that this one joins; owned */
    size_t part_count; /* 0: it joins none */
};

/* The source that holds an image itself, neither joined nor split off; `index` becomes the image's
 * index there. */
vc_source *vc__source_holder(const vc_source *source, size_t *index);

/* The data set that holds an image, NULL for an encoded one; `index` becomes its index there. */
const vc_dataset *vc__source_pixels(const vc_source *source, size_t *index);

/* Poses: whether a file is an npz archive, its frames, and one of them in a hash or in words. */
int vc__source_is_npz(const char *path);
vc_status vc__source_open_poses(vc_source *source, const char *path, const vc_source_options *how);
uint64_t vc__source_hash_frame(uint64_t hash, const vc_source *holder, size_t index);
void vc__source_name_frame(char text[VC_SOURCE_NAME], const vc_source *holder, size_t index);

/* Makes an empty source. */
vc_status vc__source_create(vc_source **out, int labelled);

/* Finds the samples of the folder `directory`, unsorted, and its class folders. */
vc_status vc__source_find_files(vc_source *source, const char *directory,
                                const vc_source_options *how);
/* Adds all images below a folder, sorted; their names begin with its path. */
vc_status vc__source_find_below(vc_source *source, const char *directory);
/* Finds the samples and class folders of an archive, in its order. A folder that `list` (may be
 * NULL) names is a class folder even if it encloses everything. */
vc_status vc__source_find_entries(vc_source *source, const char *path, const vc_source_options *how,
                                  const vc__class_list *list);
/* Makes an RGB image grey that has no colours, and refuses others. */
vc_status vc__image_take_grey(vc_image *image, const char *name);

/* Leaves so many samples, drawn at random over classes, in their order. */
vc_status vc__source_keep_sample(vc_source *source, size_t wanted, uint64_t seed);

/* VC_EABSENT: a path without the split, of which there must be one of its own. */
vc_status vc__source_no_split(const char *path, const char *split);

vc_status vc__source_add(vc_source *source, const char *name, uint64_t offset, uint64_t bytes);
vc_status vc__source_set_root(vc_source *source, const char *before, const char *name,
                              const char *after);

/* Sorts by class folder, directory and name. */
void vc__samples_sort(vc__sample *samples, size_t count);
/* Labels the samples by their class folders and the list, which may be NULL. `path` is the
 * list's. */
vc_status vc__samples_label(vc_source *source, const vc__class_list *list, const char *path);

/* 1 if a name ends like an image's. */
int vc__is_image_name(const char *name);

/* The names that the folder of a split may have, ended by NULL; NULL for an unknown split. */
const char *const *vc__split_names(const char *split);

/* 1 if the name is one that some split's folder may have. */
int vc__is_split_name(const char *name, size_t length);

/* The splits one after the other; NULL after the last. */
const char *vc__split_at(size_t index);

/* 1 if samples can only be read forward, so that they should be asked for in order. */
int vc__source_is_sequential(const vc_source *source);

/* Prepares for reading samples in any order (see vc__tar_inflate). */
vc_status vc__source_inflate(vc_source *source);

#endif
