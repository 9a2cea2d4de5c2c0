/* A valid archive around a pickle. Its storages are '0' of 16 bytes, '1' of 64 and '2' of none;
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

/* Its path, valid until the next call. */
static inline const char *fuzz_archive(const uint8_t *pickle, size_t size)
{
    static unsigned char storage[FUZZ_STORAGE_BYTES], archive[1 << 20];
    for (unsigned i = 0; i < FUZZ_STORAGE_BYTES; i++)
        storage[i] = (unsigned char)i;
    zip_error_t error;
    zip_source_t *into = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_source_keep(into);
    zip_t *zip = zip_open_from_source(into, ZIP_CREATE | ZIP_TRUNCATE, &error);
    fuzz_add(zip, "a/data.pkl", pickle, size);
    fuzz_add(zip, "a/data/0", storage, 16);
    fuzz_add(zip, "a/data/1", storage, FUZZ_STORAGE_BYTES);
    fuzz_add(zip, "a/data/2", storage, 0);
    if (zip_close(zip) != 0 || zip_source_open(into) != 0)
        abort();
    zip_int64_t count = zip_source_read(into, archive, sizeof archive);
    zip_source_free(into);
    return fuzz_path(archive, (size_t)count);
}

#endif
