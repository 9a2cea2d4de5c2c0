/* One writer at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/file.h"

enum { SUFFIX = 8, TRIES = 100 }; /* others come and go; more is a file system without locks */

/* Whether the locked file still has its name: who held it before may have removed it. */
static int is_named(int fd, const char *path)
{
    struct stat open, there;
    return fstat(fd, &open) == 0 && stat(path, &there) == 0 && open.st_ino == there.st_ino &&
           open.st_dev == there.st_dev;
}

static vc_status take(vc_file_lock *lock, const char *path)
{
    for (int tries = 0; tries < TRIES; tries++) {
        lock->fd = open(lock->path, O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (lock->fd < 0)
            return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(lock->fd);
            return vc_fail(VC_EIO, "%s: another run writes it, and holds %s", path, lock->path);
        }
        if (is_named(lock->fd, lock->path))
            return VC_OK;
        close(lock->fd);
    }
    return vc_fail(VC_EIO, "%s: cannot be locked: %s does not stay the same file", path,
                   lock->path);
}

vc_status vc_file_lock_open(vc_file_lock *out, const char *path)
{
    *out = (vc_file_lock){0};
    if (!path || vc_file_is_special(path))
        return VC_OK;
    out->path = malloc(strlen(path) + SUFFIX);
    if (!out->path)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    strcpy(out->path, path);
    strcat(out->path, ".lock");
    const vc_status status = take(out, path);
    if (status != VC_OK) {
        free(out->path);
        *out = (vc_file_lock){0};
    }
    return status;
}

void vc_file_lock_close(vc_file_lock *lock)
{
    if (!lock->path)
        return;
    unlink(lock->path);
    close(lock->fd);
    free(lock->path);
    *lock = (vc_file_lock){0};
}
