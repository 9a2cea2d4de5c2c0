/* Where images come from: one handle for folders, archives and data sets in memory. What a path is,
 * is found out from its content. */
#ifndef VITCOD_SOURCE_H
#define VITCOD_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/data.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_SOURCE_NAME = 4096 + 256, VC_SOURCE_MOST_PARTS = 16 };
#define VC_SOURCE_MAX_FILE ((size_t)1 << 30) /* bytes of one encoded image */

typedef struct vc_source vc_source;

typedef struct vc_source_options {
    const char *split;   /* VC_SOURCE_SPLITS */
    const char *classes; /* file of a class list, see vc_source_open; NULL: none */
    int labelled;        /* 0: images may lie in any folder, and all labels are -1 */
    size_t limit;        /* only the first so many images; 0: all */
    size_t sample;       /* or so many at random over classes, in their order; 0: all */
    uint64_t seed;       /* of sample */
    int own_split;       /* 1: VC_EABSENT for what has no such split, in place of all its images */
    int upright;         /* 1: images are turned as their EXIF orientation says */
    /* Of poses alone, as vc_poses_open has them, each NULL or 0 for none; `every`: how many-th
     * frames are taken. A split they have not. */
    const char *truth, *cameras, *subjects;
    size_t every;
} vc_source_options;

/* The splits in words: "test" is also found in a folder "val", "validation" or "valid", and the
 * last three are one split, whose folder may have any of these names. */
#define VC_SOURCE_SPLITS "train, test, val, validation or valid"
int vc_source_is_split(const char *name);

/* "test", no list, labelled, all images, turned by nothing but a TIFF's own orientation, as in
 * torchvision's ImageFolder. */
vc_source_options vc_source_options_default(void);

/* Opens images. `path` is one of:
 *
 * - what vc_dataset_open takes: IDX files, or the files of CIFAR-10 or CIFAR-100;
 * - a directory of class folders (ImageFolder). Files that end in .jpg, .jpeg, .png, .ppm, .bmp,
 *   .pgm, .tif, .tiff, .webp or .gif, at any depth below a class folder, are its images; other
 *   files, and names that start with a dot, are ignored. If the directory has a folder of the split
 *   (VC_SOURCE_SPLITS) which itself holds folders, that one is opened instead, and only folders of
 *   other splits may stand beside it. Links are followed; loops, and folders that are reached
 *   twice, are refused. Samples are sorted by class folder, directory and name;
 * - a zip archive of the same, or a tar archive, plain or packed by gzip, bzip2 or xz, read
 *   without unpacking; what macOS adds (__MACOSX) is ignored. If one folder encloses
 *   everything, it is skipped unless the class list names it. Samples keep the archive's order;
 * - an npz archive of sequences of poses (poses.h), of which each frame is a sample that has no
 *   label: a loader makes windows of poses around it.
 *
 * Classes are the class folders, sorted by name; each must have at least one image. A class list
 * replaces them: line i (from 0) describes class i, its first word is the folder's name, the rest
 * is the name that people use. For IDX and CIFAR a list only gives names; without one CIFAR's own
 * file does, and Fashion-MNIST is told by its labels, whatever its files are called.
 *
 * VC_EABSENT: a split that is not there, beside another one or among IDX or CIFAR files.
 * VC_EFORMAT, with the name of what is wrong: no images, an image outside any class folder, a
 * folder that is not in the list, a list with an empty or repeated line, a damaged archive. */
vc_status vc_source_open(vc_source **out, const char *path, const vc_source_options *options);

/* Makes a source of a data set, which remains the caller's and must outlive the source. */
vc_status vc_source_of_dataset(vc_source **out, const vc_dataset *dataset);

/* Makes a source of image files, in this order and without labels; for a folder come all images
 * below it, sorted by name. Whether a file exists is found out when it is read. VC_EFORMAT for a
 * folder without images. Of the options, `classes` is a class list that gives names, or NULL, and
 * `upright` counts. */
vc_status vc_source_of_files(vc_source **out, const char *const *paths, size_t count,
                             const vc_source_options *options);

/* Gives a source of files names of classes in place of any that it has, as of the model that looks
 * at them. */
vc_status vc_source_name_classes(vc_source *source, const char *const *names, size_t count);

/* Lets images be made to have a model's channels: grey of RGB, or the other way round. Without it
 * grey files become RGB, as image libraries have it, and nothing else is changed. */
void vc_source_convert(vc_source *source);
/* VC_EINVAL when images have other channels than wanted, and may not be converted; of files the
 * first one is looked at, others when they are read. */
vc_status vc_source_check_channels(vc_source *source, size_t wanted);

/* Makes one source of several: the images of the first, then those of the second, and so on. It
 * takes the sources over, also when it fails, and closes them. Labels and names of classes are kept
 * if all sources have the same names of classes in the same order; otherwise it is not labelled. A
 * single source is returned as it is. VC_EINVAL: none, or more than VC_SOURCE_MOST_PARTS. */
vc_status vc_source_join(vc_source **out, vc_source **sources, size_t count);

/* 1 if both have names of classes, the same ones in the same order. */
int vc_source_same_classes(const vc_source *a, const vc_source *b);
/* 1 if the classes of `judge` may be others than those that are learnt from: where both have names,
 * or images are files, they must be the same. In memory they may have labels and no names: nothing
 * tells then that they are others. */
int vc_source_may_differ(const vc_source *learn, const vc_source *judge);
/* VC_EINVAL, naming both paths, unless a class has one number in both: as many of them, and none
 * that vc_source_may_differ finds either way. */
vc_status vc_source_check_classes(const vc_source *learn, const vc_source *judge);

/* Opens several paths with the same options, and joins them. options->limit counts for each path.
 * VC_EINVAL if labels are wanted and the classes are not the same. */
vc_status vc_source_open_all(vc_source **out, const char *const *paths, size_t count,
                             const vc_source_options *options);

/* The number of sources that were joined into this one, or into the one that it was split from; 1
 * for any other source. */
size_t vc_source_parts(const vc_source *source);
/* The path by which one of them was opened; "memory" for one that was not opened by a path. */
const char *vc_source_path(const vc_source *source, size_t part);
/* From which of them an image comes. */
size_t vc_source_part_of(const vc_source *source, size_t index);
/* How many images come from one of them. */
size_t vc_source_part_count(const vc_source *source, size_t part);

/* Splits a source in two. Of its images the given share (0 to 1), or so many (a whole number above
 * 1), go to `second` and the rest to `first`; of a joined source, so much of each part. The images
 * of `second` are spread evenly, so that both have every class: 1/5 is every fifth image,
 * of each class where there are labels. Of poses it is a share or number of whole sequences, since
 * frames of one are alike. `whole` must outlive both and serves one loader at a time.
 * VC_EINVAL: a share out of range, a number that is not whole or more than the images, or a source
 * that was itself split off. */
vc_status vc_source_split(vc_source **first, vc_source **second, vc_source *whole, double share);
/* The same with a share or number for each part (vc_source_parts). */
vc_status vc_source_split_parts(vc_source **first, vc_source **second, vc_source *whole,
                                const double *shares);

/* `count` images of a source, which may have been split off, spread evenly; all of them if there
 * are no more. What `from` was split off, or itself, must outlive it and serves one loader at a
 * time. */
vc_status vc_source_spread(vc_source **out, vc_source *from, size_t count);

void vc_source_close(vc_source *source); /* NULL is fine */

size_t vc_source_count(const vc_source *source);
size_t vc_source_classes(const vc_source *source); /* 0: not labelled */
int vc_source_has_list(const vc_source *source);   /* 1: opened with a class list */

/* Joints of a source of poses; 0: these are images. Whether they are known in 3-D. */
size_t vc_source_joints(const vc_source *source);
/* What so many of what it holds are called: "image", "images", or frames of poses. */
const char *vc_source_unit(const vc_source *source, uint64_t count);
int vc_source_has_truth(const vc_source *source);

/* Number of classes that have a name. */
size_t vc_source_named(const vc_source *source);

/* The name of a class: from the list if there is one, else the folder's name or the name that the
 * data set gives; "" if there is none. */
const char *vc_source_class_name(const vc_source *source, size_t index);

int32_t vc_source_label(const vc_source *source, size_t index); /* -1: not labelled */

/* Writes the name of an image for messages: "DIR/n01440764/x.JPEG", "archive.tar:test/cat/1.jpg",
 * "DIR: image 7". Returns `text`. */
const char *vc_source_name(char text[VC_SOURCE_NAME], const vc_source *source, size_t index);

/* A hash that tells sources apart. Of images in memory it covers pixels and labels; of files it
 * covers their names, sizes in bytes and labels, but not their content. */
uint64_t vc_source_hash(const vc_source *source);

/* The data set behind a source of images in memory (for one that was split off: that of the whole);
 * NULL for a source of encoded images, and for a joined one. */
const vc_dataset *vc_source_dataset(const vc_source *source);

/* A buffer that is reused and grows. Starts as {0}. */
typedef struct vc_bytes {
    unsigned char *data;
    size_t count, capacity;
} vc_bytes;

/* Reads an encoded image as it is stored. May be called from any thread. In an archive, reading
 * forward is fast and reading backward is slow. VC_EIO: the file cannot be read, is not a regular
 * file, or is larger than VC_SOURCE_MAX_FILE. */
vc_status vc_source_read(vc_bytes *out, vc_source *source, size_t index);
void vc_bytes_close(vc_bytes *bytes);

#ifdef __cplusplus
}
#endif

#endif
