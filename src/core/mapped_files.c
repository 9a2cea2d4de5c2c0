/* Which files are mapped. Somebody else may write into one, or make it shorter, while it is read:
 * then values are of both, or the next look at it is a signal. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file_impl.h"
#include "vitcod/file.h"

enum { MOST = 1024 }; /* of those beyond, nothing is known */

typedef struct mapped {
    _Atomic uintptr_t begin; /* 0: free */
    size_t bytes;
    char *path;
    struct stat was;
} mapped;

static mapped files[MOST];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *changed; /* the first that was when it was unmapped; until it is told */

void vc__file_note(const void *data, size_t bytes, const char *path, const struct stat *was)
{
    char *copy = strdup(path);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST && copy; i++)
        if (files[i].begin == 0) {
            files[i].bytes = bytes;
            files[i].path = copy;
            files[i].was = *was;
            files[i].begin = (uintptr_t)data; /* last: a signal may come in between */
            copy = NULL;
        }
    pthread_mutex_unlock(&lock);
    free(copy);
}

/* A new file under the same name is no change: what is mapped is the old one. */
static int is_changed(const mapped *m)
{
    struct stat now;
    return stat(m->path, &now) == 0 && now.st_ino == m->was.st_ino && now.st_dev == m->was.st_dev &&
           (now.st_size != m->was.st_size || now.st_mtim.tv_sec != m->was.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != m->was.st_mtim.tv_nsec);
}

void vc__file_forget(const void *data)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST; i++)
        if (files[i].begin == (uintptr_t)data) {
            files[i].begin = 0;
            if (!changed && is_changed(&files[i]))
                changed = files[i].path;
            else
                free(files[i].path);
            break;
        }
    pthread_mutex_unlock(&lock);
}

const char *vc_file_mapped_at(const void *address)
{
    const uintptr_t at = (uintptr_t)address;
    for (int i = 0; i < MOST; i++) {
        const uintptr_t begin = files[i].begin;
        if (begin != 0 && at >= begin && at - begin < files[i].bytes)
            return files[i].path;
    }
    return NULL;
}

/* What is still mapped is of no use for as long as it is; what no longer is, is told once. */
vc_status vc_file_check_unchanged(void)
{
    pthread_mutex_lock(&lock);
    char *path = changed;
    int is = path != NULL;
    changed = NULL;
    for (int i = 0; i < MOST && !is; i++) {
        is = files[i].begin != 0 && is_changed(&files[i]);
        path = is ? strdup(files[i].path) : NULL;
    }
    pthread_mutex_unlock(&lock);
    if (!is)
        return VC_OK;
    const vc_status status = vc_fail(VC_EIO,
                                     "%s: was changed while it was read, so that what was made of "
                                     "it is of no use",
                                     path ? path : "a file");
    free(path);
    return status;
}
