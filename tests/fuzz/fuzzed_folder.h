/* A folder whose files are the bytes. */
#ifndef VC_FUZZED_FOLDER_H
#define VC_FUZZED_FOLDER_H

#include "fuzzing.h"

#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static inline int fuzz_remove(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

static inline const char *fuzz_folder(void);

static inline void fuzz_folder_remove(void)
{
    nftw(fuzz_folder(), fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* In memory, where the machine has that; the same one each time. */
static inline const char *fuzz_folder(void)
{
    static char path[64];
    if (!path[0]) {
        snprintf(path, sizeof path, "/dev/shm/vitcod-fuzz-XXXXXX");
        if (!mkdtemp(path)) {
            snprintf(path, sizeof path, "/tmp/vitcod-fuzz-XXXXXX");
            if (!mkdtemp(path))
                abort();
        }
        atexit(fuzz_folder_remove);
    }
    return path;
}

/* The path of a file of it, which then has these bytes. */
static inline const char *fuzz_folder_file(const char *name, const uint8_t *data, size_t size)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *file = fopen(path, "wb");
    if (!file || (size > 0 && fwrite(data, 1, size, file) != size))
        abort();
    fclose(file);
    return path;
}

#endif
