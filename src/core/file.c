#include "vitcod/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_impl.h"

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

vc_status vc_file_check_regular(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return vc_fail(VC_EIO, "%s: is %s, wanted a regular file", path, kind_of(info.st_mode));
    return VC_OK;
}

int vc_file_is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

/* Opening a pipe waits for its writer unless O_NONBLOCK says otherwise. */
vc_status vc_file_map(vc_mapped_file *out, const char *path)
{
    *out = (vc_mapped_file){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return vc_fail(VC_EIO, "%s: is %s, wanted a regular file", path, kind_of(info.st_mode));
    }
    if (info.st_size == 0) {
        close(fd);
        return vc_fail(VC_EFORMAT, "%s: is empty", path);
    }
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int reason = errno;
    close(fd);
    if (data == MAP_FAILED)
        return vc_fail(VC_EIO, "%s: cannot map: %s", path, strerror(reason));
    vc__file_note(data, (size_t)info.st_size, path, &info);
    *out = (vc_mapped_file){.data = data, .bytes = (size_t)info.st_size};
    return VC_OK;
}

void vc_file_unmap(vc_mapped_file *file)
{
    if (file->data) {
        vc__file_forget(file->data);
        munmap((void *)file->data, file->bytes);
    }
    *file = (vc_mapped_file){0};
}

vc_status vc_directory_make(const char *path)
{
    if (path[0] == '\0')
        return vc_fail(VC_EINVAL, "the name of a directory is empty");
    char *partial = strdup(path);
    if (!partial)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    vc_status status = VC_OK;
    for (char *end = partial + 1; status == VC_OK; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char kept = *end;
        *end = '\0';
        struct stat info;
        if (mkdir(partial, 0777) != 0 &&
            (errno != EEXIST || (stat(partial, &info) == 0 && !S_ISDIR(info.st_mode))))
            status = vc_fail(VC_EIO, "%s: cannot create the directory: %s", path, strerror(errno));
        *end = kept;
        if (kept == '\0')
            break;
    }
    free(partial);
    return status;
}
