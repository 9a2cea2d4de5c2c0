/* The zip archive around a PyTorch checkpoint: entries `<prefix>/data.pkl`, `<prefix>/data/<key>`,
 * ... */
#ifndef VC_PTH_ARCHIVE_IMPL_H
#define VC_PTH_ARCHIVE_IMPL_H

#include "vitcod/file.h"

typedef struct vc__archive {
    const char *path; /* the caller's, for messages */
    size_t file_bytes;
    struct zip *zip;
    char *prefix;
    size_t count; /* entries */
} vc__archive;

/* Reads the directory of a mapped file, which must outlive the archive. VC_EFORMAT when it is
 * damaged, when names repeat, lead outside or are no text, and unless exactly one entry is the
 * pickle. Names are only ever compared, never opened. */
vc_status vc__archive_open(vc__archive *out, const char *path, const vc_mapped_file *file);
void vc__archive_close(vc__archive *archive);

/* The entry `<prefix>/<name>` and its size; `found` is 0 when there is none. VC_EFORMAT when it is
 * encrypted or its sizes cannot be. */
vc_status vc__archive_find(int *found, size_t *index, size_t *bytes, const vc__archive *archive,
                           const char *name);

/* Its content, whose checksum must agree. */
vc_status vc__archive_read(void *out, size_t bytes, const vc__archive *archive, size_t index);

/* Whether a file is a zip archive or of one of PyTorch's formats before it. */
int vc__pth_begins(const vc_mapped_file *file);

#endif
