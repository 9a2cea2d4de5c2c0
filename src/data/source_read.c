#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_impl.h"

static vc_status reserve(vc_bytes *out, size_t bytes, const char *name)
{
    out->count = 0;
    if (bytes <= out->capacity)
        return VC_OK;
    vc_bytes_close(out);
    out->data = malloc(bytes);
    if (!out->data)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu bytes", name, bytes);
    out->capacity = bytes;
    return VC_OK;
}

static vc_status read_descriptor(vc_bytes *out, int fd, const char *name)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return vc_fail(VC_EIO, "%s: is not a regular file", name);
    if (info.st_size > (off_t)VC_SOURCE_MAX_FILE)
        return vc_fail(VC_EIO, "%s: has %lld bytes, wanted at most %zu", name,
                       (long long)info.st_size, VC_SOURCE_MAX_FILE);
    size_t bytes = (size_t)info.st_size;
    VC_TRY(reserve(out, bytes, name));
    while (out->count < bytes) {
        ssize_t got = read(fd, out->data + out->count, bytes - out->count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vc_fail(VC_EIO, "%s: cannot read: %s", name, strerror(errno));
        if (got == 0)
            return vc_fail(VC_EIO, "%s: became shorter while it was read", name);
        out->count += (size_t)got;
    }
    return VC_OK;
}

static vc_status read_file(vc_bytes *out, const char *name)
{
    /* O_NONBLOCK: opening must not wait if the name is that of a pipe. */
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", name, strerror(errno));
    vc_status status = read_descriptor(out, fd, name);
    close(fd);
    return status;
}

vc_status vc_source_read(vc_bytes *out, vc_source *source, size_t index)
{
    char name[VC_SOURCE_NAME];
    vc_source_name(name, source, index);
    source = vc__source_holder(source, &index);
    assert(!source->dataset);
    if (!source->tar && !source->zip)
        return read_file(out, name);
    const vc__sample *sample = &source->samples[index];
    VC_TRY(reserve(out, (size_t)sample->bytes, name));
    pthread_mutex_lock(&source->lock);
    vc_status status =
        source->zip ? vc__zip_read(out->data, source->zip, sample->offset, (size_t)sample->bytes)
                    : vc__tar_read(out->data, source->tar, sample->offset, (size_t)sample->bytes);
    pthread_mutex_unlock(&source->lock);
    out->count = status == VC_OK ? (size_t)sample->bytes : 0;
    return status;
}

void vc_bytes_close(vc_bytes *bytes)
{
    free(bytes->data);
    *bytes = (vc_bytes){0};
}
