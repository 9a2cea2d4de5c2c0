/* Compiled kernels in the user's cache: NVRTC takes a second for what a driver of OpenCL keeps by
 * itself. A file begins with the key that it belongs to and a checksum of what follows. Kernels are
 * run, so that a file which another user could have written is not taken. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* NULL: it is not there, or not this user's alone. */
static FILE *open_own(const char *path)
{
    struct stat info;
    const int fd = *path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return NULL;
    FILE *file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
                         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0
                     ? fdopen(fd, "rb")
                     : NULL;
    if (!file)
        close(fd);
    return file;
}

/* What follows the head, whose size is in it; NULL: it is no whole file of this key. */
static void *read_image(size_t *bytes, FILE *file, const char *key)
{
    char have[HEAD], head[HEAD];
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || info.st_size <= HEAD ||
        fread(have, 1, HEAD, file) != HEAD)
        return NULL;
    *bytes = (size_t)info.st_size - HEAD;
    char *image = malloc(*bytes + 1);
    if (image && fread(image, 1, *bytes, file) == *bytes) {
        image[*bytes] = '\0'; /* of PTX, which is text */
        make_head(head, key, image, *bytes);
        if (memcmp(head, have, HEAD) == 0)
            return image;
    }
    free(image);
    return NULL;
}

int vc__cu_kept(void **image, size_t *bytes, const char *key)
{
    char path[PATH_ROOM];
    path_of(path, key);
    FILE *file = open_own(path);
    *image = file ? read_image(bytes, file, key) : NULL;
    if (file)
        fclose(file);
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
    if (fchmod(fileno(writer.stream), S_IRUSR | S_IWUSR) == 0 &&
        fwrite(head, 1, HEAD, writer.stream) == HEAD &&
        fwrite(image, 1, bytes, writer.stream) == bytes)
        (void)vc_file_write_commit(&writer);
    else
        vc_file_write_abort(&writer);
}
