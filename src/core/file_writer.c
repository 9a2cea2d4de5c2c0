/* Files that appear whole or not at all, after a kill and after a loss of power too.
 *
 * What is written has no name until it is done, where the file system can do that (O_TMPFILE), so
 * that a process that is killed leaves nothing. Elsewhere it has a name that nobody can guess, by
 * which the next writer of the same file removes it. */
#define _GNU_SOURCE /* O_TMPFILE */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_impl.h"
#include "vitcod/file.h"

enum { LINKS = 40, TRIES = 100, SUFFIX = 32, DESCRIPTOR_PATH = 48 };

static vc_status no_memory(const char *path)
{
    return vc_fail(VC_ENOMEM, "%s: out of memory", path);
}

/* What a symbolic link names, seen from where the link lies. NULL where memory runs out. */
static char *read_link(const char *path, size_t length)
{
    char *text = malloc(length + 1), *folder = vc__folder_of(path), *out = NULL;
    const ssize_t have = text ? readlink(path, text, length) : -1;
    if (have >= 0 && folder) {
        text[have] = '\0';
        if (text[0] == '/')
            out = strdup(text);
        else if ((out = malloc(strlen(folder) + (size_t)have + 2)) != NULL)
            sprintf(out, "%s/%s", folder, text);
    }
    free(text);
    free(folder);
    return out;
}

/* Where a file lies that is written under this name: a link is followed, so that its target is
 * replaced and not the link, also to a target that is yet to come. */
static vc_status follow(char **out, const char *path)
{
    char *here = strdup(path);
    struct stat info;
    int links = 0;
    while (here && lstat(here, &info) == 0 && S_ISLNK(info.st_mode)) {
        char *next = links++ < LINKS ? read_link(here, 4096) : NULL;
        free(here);
        if (links > LINKS)
            return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(ELOOP));
        here = next;
    }
    *out = here;
    return here ? VC_OK : no_memory(path);
}

vc_status vc_file_name_aside(char **out, const char *path)
{
    uint32_t bits;
    const size_t room = strlen(path) + SUFFIX;
    *out = malloc(room);
    if (!*out || getrandom(&bits, sizeof bits, 0) != sizeof bits) {
        free(*out);
        *out = NULL;
        return no_memory(path);
    }
    snprintf(*out, room, VC__ASIDE_FORMAT, path, bits);
    return VC_OK;
}

static int draw_name(vc_file_writer *writer)
{
    free(writer->aside);
    return vc_file_name_aside(&writer->aside, writer->path) == VC_OK ? 0 : -1;
}

/* Opens a file without a name in the folder of the path; -1 with errno where that is not to be. */
static int open_nameless(const char *path)
{
    char *folder = vc__folder_of(path);
    const int fd = folder && access("/proc/self/fd", X_OK) == 0
                       ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666)
                       : -1;
    free(folder);
    return fd;
}

/* A name that is there already is not opened: it may be a link that somebody else has put there. */
static int open_aside(vc_file_writer *writer)
{
    for (int i = 0; i < TRIES; i++) {
        if (draw_name(writer) != 0)
            return -1;
        struct stat info;
        const int fd =
            open(writer->aside, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            return -1;
        if (fd < 0)
            continue;
        vc__file_hold(fd);
        if (fstat(fd, &info) == 0 && info.st_nlink > 0)
            return fd;
        close(fd); /* another writer took it for left over before it was held */
    }
    return -1;
}

/* Opening a pipe waits for its reader, unless O_NONBLOCK turns that into an error. */
static int open_pipe(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        fcntl(fd, F_SETFL, 0);
    return fd;
}

static int open_target(vc_file_writer *writer, const struct stat *there)
{
    if (strcmp(writer->path, "-") == 0)
        return dup(STDOUT_FILENO);
    if (writer->direct && S_ISFIFO(there->st_mode))
        return open_pipe(writer->path);
    if (writer->direct)
        return open(writer->path, O_WRONLY | O_CLOEXEC);
    vc__file_remove_strays(writer->path);
    int fd = open_nameless(writer->path);
    if (fd >= 0)
        vc__file_hold(fd);
    else
        fd = open_aside(writer);
    /* What only its owner may read stays so. */
    if (fd >= 0 && there && fchmod(fd, there->st_mode & 07777) != 0) {
        const int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static void forget(vc_file_writer *writer)
{
    free(writer->path);
    free(writer->aside);
    *writer = (vc_file_writer){0};
}

vc_status vc_file_write_begin(vc_file_writer *out, const char *path)
{
    struct stat info;
    *out = (vc_file_writer){0};
    const int to_stdout = strcmp(path, "-") == 0;
    if (path[0] == '\0')
        return vc_fail(VC_EINVAL, "the name of a file to write is empty");
    VC_TRY(follow(&out->path, path));
    const int there = stat(out->path, &info) == 0;
    /* A device or pipe is written to directly; a rename would replace it by a file. */
    out->direct = to_stdout || (there && !S_ISREG(info.st_mode));
    const int fd = open_target(out, there ? &info : NULL);
    const int reason = errno;
    out->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (out->stream)
        return VC_OK;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && out->aside)
        unlink(out->aside);
    forget(out);
    return vc_fail(VC_EIO, "%s: cannot write: %s", path,
                   reason == ENXIO ? "nobody reads the pipe" : strerror(reason));
}

/* The first error of what was written, 0 for none. */
static int flush(vc_file_writer *writer)
{
    errno = 0;
    const int failed = fflush(writer->stream) != 0 || ferror(writer->stream);
    if (failed && errno == 0 && !writer->direct) {
        /* It was an earlier write that failed: another write sets errno to the reason. */
        clearerr(writer->stream);
        fputc(0, writer->stream);
        fflush(writer->stream);
    }
    if (failed)
        return errno ? errno : EIO;
    if (!writer->direct && fsync(fileno(writer->stream)) != 0)
        return errno;
    return 0;
}

/* Gives a file without a name one, still beside its target. */
static int give_name(vc_file_writer *writer)
{
    char descriptor[DESCRIPTOR_PATH];
    snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d", fileno(writer->stream));
    for (int i = 0; i < TRIES; i++) {
        if (draw_name(writer) != 0)
            return ENOMEM;
        if (linkat(AT_FDCWD, descriptor, AT_FDCWD, writer->aside, AT_SYMLINK_FOLLOW) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    const int reason = errno;
    free(writer->aside);
    writer->aside = NULL;
    return reason;
}

/* Without this a loss of power could take the new name away again. A file system that cannot do it
 * for folders is left alone. */
static int settle_folder(const char *path)
{
    char *folder = vc__folder_of(path);
    const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int reason = 0;
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        reason = errno;
    if (fd >= 0)
        close(fd);
    free(folder);
    return reason;
}

vc_status vc_file_write_commit(vc_file_writer *writer)
{
    const char *what = "cannot write";
    int reason = flush(writer);
    if (reason == 0 && !writer->direct && !writer->aside)
        reason = give_name(writer);
    if (reason == 0 && !writer->direct) {
        what = "cannot rename the finished file";
        if (rename(writer->aside, writer->path) != 0)
            reason = errno;
        else
            reason = settle_folder(writer->path);
    }
    /* Until here the file is held. What it has is on the disk already, unless it is direct. */
    if (fclose(writer->stream) != 0 && reason == 0)
        reason = errno;
    const vc_status status =
        reason ? vc_fail(VC_EIO, "%s: %s: %s", writer->path, what, strerror(reason)) : VC_OK;
    if (reason && writer->aside)
        unlink(writer->aside);
    forget(writer);
    return status;
}

void vc_file_write_abort(vc_file_writer *writer)
{
    if (writer->stream)
        fclose(writer->stream);
    if (writer->aside)
        unlink(writer->aside);
    forget(writer);
}

vc_status vc_file_try(const char *path)
{
    vc_file_writer writer;
    struct stat info;
    /* A reader takes an end of the pipe for the end of the file. */
    if (stat(path, &info) == 0 && S_ISFIFO(info.st_mode))
        return access(path, W_OK) == 0
                   ? VC_OK
                   : vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
    VC_TRY(vc_file_write_begin(&writer, path));
    /* A file without a name has not yet shown that it can get one. */
    const int reason = writer.direct || writer.aside ? 0 : give_name(&writer);
    vc_file_write_abort(&writer);
    return reason ? vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(reason)) : VC_OK;
}
