/* The headers of a tar archive, which tar.c reads. */
#ifndef VC_TAR_HEADER_H
#define VC_TAR_HEADER_H

#include "tar.h"

enum { VC__TAR_BLOCK = 512 };
#define VC__TAR_LARGEST ((uint64_t)1 << 62) /* so that offset + size cannot overflow */

/* A header block, as POSIX ustar lays it out. */
typedef struct vc__tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
    char unused[12];
} vc__tar_header;
_Static_assert(sizeof(vc__tar_header) == VC__TAR_BLOCK, "a tar header is one block");

/* Reads a number: octal digits between blanks, or big-endian base 256 if the first bit is set.
 * Returns 0 if it is not a number, or not below VC__TAR_LARGEST. */
int vc__tar_number(uint64_t *out, const char *field, size_t width);

int vc__tar_checksum_agrees(const vc__tar_header *header);
int vc__tar_is_zero(const void *block);

/* Appends the components of a path, without "." and empty ones, joined by '/'. Returns 0 if the
 * name becomes too long. */
int vc__tar_join(char out[VC__TAR_NAME], const char *text, size_t count);

/* The archive and the place in it, for messages. */
typedef struct vc__tar_place {
    const char *path;
    char last[VC__TAR_NAME]; /* name of the previous entry */
} vc__tar_place;

/* What GNU and pax headers say about the entry that follows them. */
typedef struct vc__tar_extra {
    char name[VC__TAR_NAME]; /* "": not given */
    uint64_t bytes;
    int has_bytes;
} vc__tar_extra;

/* 1 if ".." is a part of the name. */
int vc__tar_climbs(const char *name);

vc_status vc__tar_keep_name(vc__tar_extra *extra, const char *name, size_t length,
                            const vc__tar_place *place);

/* Reads the records of a pax header, "LENGTH KEY=VALUE\n"; the length counts the whole record. The
 * text ends with a zero byte and is modified. `global`: the header is for all entries, and must not
 * set what matters here. */
vc_status vc__tar_keep_records(vc__tar_extra *extra, char *text, size_t bytes, int global,
                               const vc__tar_place *place);

#endif
