/* Where images come from: one handle over folders, archives and data sets in memory. What a path is, its
 * content says. */
#ifndef VITCOD_SOURCE_H
#define VITCOD_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/data.h"

enum { VC_SOURCE_NAME = 4096 + 256 };
#define VC_SOURCE_MAX_FILE ((size_t)1 << 30) /* bytes of one encoded image */

typedef struct vc_source vc_source;

typedef struct vc_source_options {
    const char *split;   /* "train" or "test" */
    const char *classes; /* a class list, see below; NULL: none */
    int labelled;        /* 0: images may lie anywhere below, and all labels are -1 */
} vc_source_options;

/* "test", no list, labelled. */
vc_source_options vc_source_options_default(void);

/* Opens what `path` is:
 *
 * - a directory with IDX files or with the binary files of CIFAR-10 or CIFAR-100: see vc_dataset_open;
 * - a directory of class folders (ImageFolder). An image is a file whose name ends in .jpg, .jpeg, .png,
 *   .ppm, .bmp, .pgm, .tif, .tiff or .webp, at any depth below its class; other files and names that
 *   start with a dot are no images and no classes. When it has a folder of the split's name ("train";
 *   "test", "val" or "validation") that itself holds folders, that one is taken in its place, and
 *   nothing but splits may stand beside it. Links are followed; loops, and folders that are reached
 *   twice, refused. Samples are sorted by class folder, directory and name;
 * - a tar archive of the same, plain or gzipped, read where it lies. One folder around everything is
 *   looked through, unless the class list names it. Samples keep the archive's order.
 *
 * Classes are the class folders, sorted by name, each with at least one image. A class list takes their
 * place: line i (from 0) is class i, its first word the folder's name, the rest what people call it. For
 * IDX and CIFAR a list gives names only.
 *
 * VC_EFORMAT, with the name of what is wrong: no images, an image outside any class folder, a folder that
 * is not in the list, a list with an empty or repeated line, a damaged archive. */
vc_status vc_source_open(vc_source **out, const char *path, const vc_source_options *options);

/* A data set as a source; it stays the caller's and must outlive the source. */
vc_status vc_source_of_dataset(vc_source **out, const vc_dataset *dataset);

/* Image files, in this order, not labelled. Whether they are there shows when they are read. `classes` is
 * a class list that gives names, or NULL. */
vc_status vc_source_of_files(vc_source **out, const char *const *paths, size_t count,
                             const char *classes);

/* Takes a source apart: of its first `limit` images (0: all) this share, 0 to 1, evenly spread so that sorted classes are
 * on both sides, is in `second`, the others in `first`. A fifth is every fifth image. `whole` must outlive both and serves
 * one loader at a time. VC_EINVAL: a share out of range, or that of a part. */
vc_status vc_source_split(vc_source **first, vc_source **second, vc_source *whole, size_t limit,
                          double share);

void vc_source_close(vc_source *source); /* NULL is fine */

size_t vc_source_count(const vc_source *source);
size_t vc_source_classes(const vc_source *source); /* 0: not labelled */
int vc_source_has_list(const vc_source *source);   /* class indices are those of a class list */

/* Classes that have a name. */
size_t vc_source_named(const vc_source *source);

/* What people call a class: from the list, else its folder or the data set's names; "" when nobody
 * says. */
const char *vc_source_class_name(const vc_source *source, size_t index);

int32_t vc_source_label(const vc_source *source, size_t index); /* -1: not labelled */

/* For messages: "DIR/n01440764/x.JPEG", "archive.tar:test/cat/1.jpg", "DIR: image 7". Returns `text`. */
const char *vc_source_name(char text[VC_SOURCE_NAME], const vc_source *source, size_t index);

/* Names the images: pixels and labels in memory, else names below the root, bytes and labels. Not what the files hold. */
uint64_t vc_source_hash(const vc_source *source);

/* The data set behind a source of pixels in memory, for a part the whole's; NULL behind one of encoded images. */
const vc_dataset *vc_source_dataset(const vc_source *source);

/* A buffer that is used again and grows. Starts as {0}. */
typedef struct vc_bytes {
    unsigned char *data;
    size_t count, capacity;
} vc_bytes;

/* Reads an encoded image as it is stored; from any thread. An archive goes forward fast and back slowly.
 * VC_EIO: cannot be read, is no regular file, or is larger than VC_SOURCE_MAX_FILE. */
vc_status vc_source_read(vc_bytes *out, vc_source *source, size_t index);
void vc_bytes_close(vc_bytes *bytes);

#endif
