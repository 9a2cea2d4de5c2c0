/* The zip archive of a PyTorch checkpoint: the entries `<prefix>/data.pkl`, `<prefix>/data/<key>`
 * and others. */
#ifndef VC_PTH_ARCHIVE_IMPL_H
#define VC_PTH_ARCHIVE_IMPL_H

#include "pth_stores_impl.h"

typedef struct vc__archive {
    const char *path; /* the caller's, for messages */
    size_t file_bytes;
    struct zip *zip;
    char *prefix;
    size_t count; /* entries */
} vc__archive;

/* The storages in an archive, which must outlive them. */
vc__stores vc__archive_stores(const vc__archive *archive);

/* Reads the directory of a mapped file, which must outlive the archive. VC_EFORMAT when it is
 * damaged, when names repeat, contain ".." or are not text, or unless exactly one entry is the
 * pickle. Names are only compared; no file of such a name is ever opened. */
vc_status vc__archive_open(vc__archive *out, const char *path, const vc_mapped_file *file);
void vc__archive_close(vc__archive *archive);

/* Finds the entry `<prefix>/<name>` and its size; `found` is 0 if there is none. VC_EFORMAT when it
 * is encrypted or its sizes are impossible. */
vc_status vc__archive_find(int *found, size_t *index, size_t *bytes, const vc__archive *archive,
                           const char *name);

/* Reads the content of an entry and verifies its checksum. */
vc_status vc__archive_read(void *out, size_t bytes, const vc__archive *archive, size_t index);

/* 1 if it has an entry whose name ends so. */
int vc__archive_has(const vc__archive *archive, const char *ending);

#endif
