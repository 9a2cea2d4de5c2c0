/* A pickle in a sound archive with storages of 16, 64 and 0 bytes: what fuzz_pth cannot reach. */
#include "fuzzing.h"

#include <zip.h>

#include "vitcod/pth.h"

static void add(zip_t *zip, const char *name, const void *data, size_t size)
{
    zip_source_t *source = zip_source_buffer(zip, data, size, 0);
    zip_int64_t index = zip_file_add(zip, name, source, 0);
    if (index < 0 || zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char storage[64] = {1, 2, 3};
    static unsigned char archive[1 << 20];
    zip_error_t error;
    zip_source_t *into = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_source_keep(into);
    zip_t *zip = zip_open_from_source(into, ZIP_CREATE | ZIP_TRUNCATE, &error);
    add(zip, "a/data.pkl", data, size);
    add(zip, "a/data/0", storage, 16);
    add(zip, "a/data/1", storage, 64);
    add(zip, "a/data/2", storage, 0);
    if (zip_close(zip) != 0 || zip_source_open(into) != 0)
        abort();
    zip_int64_t count = zip_source_read(into, archive, sizeof archive);
    zip_source_free(into);
    vc_tensor_file *file;
    if (vc_pth_open(&file, fuzz_path(archive, (size_t)count)) == VC_OK)
        fuzz_tensor_file(file);
    return 0;
}
