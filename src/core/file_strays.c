/* Unfinished files that nobody will finish. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_impl.h"

enum { DIGITS = 8 };

char *vc__folder_of(const char *path)
{
    const char *end = strrchr(path, '/');
    if (!end)
        return strdup(".");
    return end == path ? strdup("/") : strndup(path, (size_t)(end - path));
}

void vc__file_hold(int fd)
{
    /* Where a file system has no locks, nothing is taken for left over either. */
    (void)flock(fd, LOCK_EX | LOCK_NB);
}

/* BASE.XXXXXXXX.part */
static int is_unfinished(const char *name, const char *base)
{
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || name[length] != '.')
        return 0;
    name += length + 1;
    for (int i = 0; i < DIGITS; i++)
        if (!isxdigit((unsigned char)name[i]))
            return 0;
    return strcmp(name + DIGITS, ".part") == 0;
}

/* What can be locked is held by nobody. */
static void remove_if_left(int folder, const char *name)
{
    struct stat info;
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
    close(fd);
}

void vc__file_remove_strays(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *folder = vc__folder_of(path);
    DIR *directory = folder ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL)
        if (is_unfinished(entry->d_name, base))
            remove_if_left(dirfd(directory), entry->d_name);
    if (directory)
        closedir(directory);
    free(folder);
}
