/* Folders of images for tests: files need no pixels to be found. */
#ifndef VC_TESTS_FOLDERS_H
#define VC_TESTS_FOLDERS_H

#include "testing.h"

#include <sys/stat.h>

#include "vitcod/file.h"

/* A directory of its own below temporary(); the name lives until the program ends. */
static inline char *fresh_directory(void)
{
    static unsigned made;
    static char paths[64][280];
    char *path = paths[made];
    snprintf(path, sizeof paths[0], "%s%u", temporary("d"), made);
    made++;
    assert_ok(vc_directory_make(path));
    return path;
}

static inline const char *joined(const char *directory, const char *name)
{
    static char paths[8][1024];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* Writes DIRECTORY/NAME, with the folders on the way. */
static inline void put_bytes(const char *directory, const char *name, const void *bytes,
                             size_t count)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    *strrchr(path, '/') = '\0';
    assert_ok(vc_directory_make(path));
    write_bytes(joined(directory, name), bytes, count);
}

static inline void put(const char *directory, const char *name)
{
    put_bytes(directory, name, name, strlen(name));
}

#endif
