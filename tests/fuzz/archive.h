/* Valid archives: around a pickle its storages are '0' of 16 bytes, '1' of 64 and '2' of none;
 * byte i of a storage has the value i. */
#ifndef VC_FUZZ_ARCHIVE_H
#define VC_FUZZ_ARCHIVE_H

#include "fuzzing.h"

#include <zip.h>

enum { FUZZ_STORAGE_BYTES = 64 };

static inline void fuzz_add(zip_t *zip, const char *name, const void *data, size_t size)
{
    zip_source_t *source = zip_source_buffer(zip, data, size, 0);
    zip_int64_t index = zip_file_add(zip, name, source, 0);
    if (index < 0 || zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0)
        abort();
}

typedef struct fuzz_member {
    const char *name;
    const void *data;
    size_t size;
} fuzz_member;

/* The bytes of an archive of these, valid until the next call. */
static inline const unsigned char *fuzz_zip_bytes(size_t *bytes, const fuzz_member *members,
                                                  size_t members_count)
{
    static unsigned char archive[1 << 20];
    zip_error_t error;
    zip_source_t *into = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_source_keep(into);
    zip_t *zip = zip_open_from_source(into, ZIP_CREATE | ZIP_TRUNCATE, &error);
    for (size_t i = 0; i < members_count; i++)
        fuzz_add(zip, members[i].name, members[i].data, members[i].size);
    if (zip_close(zip) != 0 || zip_source_open(into) != 0)
        abort();
    *bytes = (size_t)zip_source_read(into, archive, sizeof archive);
    zip_source_free(into);
    return archive;
}

/* The path of an archive of these, valid until the next call. */
static inline const char *fuzz_zip(const fuzz_member *members, size_t members_count)
{
    size_t bytes;
    const unsigned char *archive = fuzz_zip_bytes(&bytes, members, members_count);
    return fuzz_path(archive, bytes);
}

/* The same of a checkpoint with this pickle. */
static inline const char *fuzz_archive(const uint8_t *pickle, size_t size)
{
    static unsigned char storage[FUZZ_STORAGE_BYTES];
    for (unsigned i = 0; i < FUZZ_STORAGE_BYTES; i++)
        storage[i] = (unsigned char)i;
    const fuzz_member members[] = {{"a/data.pkl", pickle, size},
                                   {"a/data/0", storage, 16},
                                   {"a/data/1", storage, FUZZ_STORAGE_BYTES},
                                   {"a/data/2", storage, 0}};
    return fuzz_zip(members, sizeof members / sizeof *members);
}

#endif
