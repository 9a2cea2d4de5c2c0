/* Compiled kernels in the user's cache: NVRTC takes a second for what a driver of OpenCL keeps by
 * itself. A file begins with the key that it belongs to and a checksum of what follows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_impl.h"
#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/hash.h"

enum { PATH_ROOM = 4096, HEAD = 1024 };

static void path_of(char path[PATH_ROOM], const char *key)
{
    char name[64];
    snprintf(name, sizeof name, "kernels-%016" PRIx64 ".bin",
             vc_hash(VC_HASH_START, key, strlen(key)));
    vc_cache_path(path, PATH_ROOM, name);
}

/* The start of a file, whose rest is zeros. */
static void make_head(char head[HEAD], const char *key, const void *image, size_t bytes)
{
    memset(head, 0, HEAD);
    snprintf(head, HEAD, "%08" PRIx32 " %zu %s", vc_checksum(0, image, bytes), bytes, key);
}

int vc__cu_kept(void **image, size_t *bytes, const char *key)
{
    char path[PATH_ROOM], head[HEAD];
    vc_mapped_file file;
    path_of(path, key);
    *image = NULL;
    if (!path[0] || vc_file_map(&file, path) != VC_OK)
        return 0;
    if (file.bytes > HEAD) {
        *bytes = file.bytes - HEAD;
        make_head(head, key, file.data + HEAD, *bytes);
        *image = memcmp(head, file.data, HEAD) == 0 ? malloc(*bytes + 1) : NULL;
        if (*image) {
            memcpy(*image, file.data + HEAD, *bytes);
            ((char *)*image)[*bytes] = '\0'; /* of PTX, which is text */
        }
    }
    vc_file_unmap(&file);
    return *image != NULL;
}

/* A cache that cannot be written is none. */
void vc__cu_keep(const void *image, size_t bytes, const char *key)
{
    char path[PATH_ROOM], head[HEAD], folder[PATH_ROOM];
    vc_file_writer writer;
    path_of(path, key);
    vc_cache_path(folder, sizeof folder, "");
    if (!path[0] || vc_directory_make(folder) != VC_OK ||
        vc_file_write_begin(&writer, path) != VC_OK)
        return;
    make_head(head, key, image, bytes);
    if (fwrite(head, 1, HEAD, writer.stream) == HEAD &&
        fwrite(image, 1, bytes, writer.stream) == bytes)
        (void)vc_file_write_commit(&writer);
    else
        vc_file_write_abort(&writer);
}
