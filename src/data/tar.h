/* Reading tar archives, plain or gzipped: ustar with its prefix, GNU's long names and base-256
 * sizes, pax's path and size. Nothing is ever written under an entry's name: names are only
 * names. */
#ifndef VC_TAR_H
#define VC_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

enum { VC__TAR_NAME = 4096 }; /* longest name, with its end */

typedef struct vc__tar vc__tar;

typedef enum vc__tar_kind { VC__TAR_END, VC__TAR_FILE, VC__TAR_FOLDER, VC__TAR_OTHER } vc__tar_kind;

typedef struct vc__tar_entry {
    vc__tar_kind kind; /* VC__TAR_OTHER: links, devices, pipes */
    char
        name[VC__TAR_NAME]; /* components joined by '/', without ".", leading or repeated slashes */
    uint64_t offset, bytes; /* of the content, after decompression */
} vc__tar_entry;

/* VC_EFORMAT unless the file starts like an archive. */
vc_status vc__tar_open(vc__tar **out, const char *path);
void vc__tar_close(vc__tar *tar); /* NULL is fine */

/* The next entry in the archive's order. At the end `kind` says so, and the file was whole.
 * VC_EFORMAT for a wrong checksum, a size beyond the end, a missing end, an unknown type, "..",
 * damaged gzip data. */
vc_status vc__tar_next(vc__tar_entry *out, vc__tar *tar);

/* `bytes` bytes from `offset` on. Goes back slowly when gzipped and not inflated. */
vc_status vc__tar_read(void *out, vc__tar *tar, uint64_t offset, size_t bytes);

/* Before reading here and there: what is gzipped goes into a file without a name in $TMPDIR, or
 * /tmp, and is read from there. VC_EIO where there is no room for it. */
vc_status vc__tar_inflate(vc__tar *tar);

#endif
