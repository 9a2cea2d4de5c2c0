/* Reading zip archives. Names of entries are never used as paths of files. */
#ifndef VC_ZIP_H
#define VC_ZIP_H

#include "tar.h"

typedef struct vc__zip vc__zip;

int vc__zip_begins(const char *path); /* 1: the file starts like one */

/* VC_EFORMAT for what is no archive, or is damaged. */
vc_status vc__zip_open(vc__zip **out, const char *path);
void vc__zip_close(vc__zip *zip); /* NULL is fine */

/* The next entry in the archive's order, as of a tar archive; its `offset` is its number.
 * VC_EFORMAT for names and sizes that cannot be, VC_EUNSUPPORTED for an encrypted file. */
vc_status vc__zip_next(vc__tar_entry *out, vc__zip *zip);

/* Reads a whole entry, and compares its checksum. Not from two threads at once. */
vc_status vc__zip_read(void *out, vc__zip *zip, uint64_t entry, size_t bytes);

#endif
