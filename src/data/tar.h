/* Reading tar archives, plain or packed (stream.h): ustar with its prefix, GNU's long names and
 * base-256 sizes, and pax's path and size. Names of entries are never used as paths of files. */
#ifndef VC_TAR_H
#define VC_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

/* What is wanted where a path is to hold images. */
#define VC__SOURCE_WANTED                                                                          \
    "a folder of images, an archive of one (zip, or tar: plain, or packed by gzip, bzip2 or xz), " \
    "or IDX or CIFAR files"

enum { VC__TAR_NAME = 4096 }; /* bytes of the longest name, with its zero byte */

typedef struct vc__tar vc__tar;

typedef enum vc__tar_kind { VC__TAR_END, VC__TAR_FILE, VC__TAR_FOLDER, VC__TAR_OTHER } vc__tar_kind;

typedef struct vc__tar_entry {
    vc__tar_kind kind;       /* VC__TAR_OTHER: links, devices, pipes */
    char name[VC__TAR_NAME]; /* without ".", leading slashes or repeated slashes */
    uint64_t offset, bytes;  /* of the content, uncompressed */
} vc__tar_entry;

/* VC_EFORMAT unless the beginning of the file is that of an archive. */
vc_status vc__tar_open(vc__tar **out, const char *path);
void vc__tar_close(vc__tar *tar); /* NULL is fine */

/* The next entry in the archive's order. VC__TAR_END in `kind` means that the archive ended and was
 * complete. VC_EFORMAT for a wrong checksum, a size beyond the end, a missing end, an unknown type,
 * "..", or damaged packed data. */
vc_status vc__tar_next(vc__tar_entry *out, vc__tar *tar);

/* Reads `bytes` bytes at `offset`. Going back in a packed archive is slow unless it was
 * inflated. */
vc_status vc__tar_read(void *out, vc__tar *tar, uint64_t offset, size_t bytes);

/* Prepares for reading in any order: a packed archive is inflated into a nameless file in $TMPDIR
 * or /tmp, and read from there. VC_EIO if there is no room for it. */
vc_status vc__tar_inflate(vc__tar *tar);

#endif
