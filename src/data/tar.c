#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "stream.h"
#include "tar_header.h"
#include "vitcod/file_kind.h"

enum { BLOCK = VC__TAR_BLOCK, MOST_EXTRA = 1 << 20, CHUNK = 1 << 20 };

struct vc__tar {
    vc__stream *stream;
    int inflated; /* file descriptor of the inflated archive; -1: none */
    char *path;
    uint64_t next; /* where the next header starts */
    vc__tar_place place;
    vc__tar_extra extra; /* what extra headers say about the next entry */
};

/* Reads `bytes` bytes at an offset of the inflated file, or fewer at its end. */
static vc_status read_at(size_t *have, const vc__tar *tar, void *out, size_t bytes, uint64_t offset)
{
    *have = 0;
    while (*have < bytes) {
        const ssize_t got =
            pread(tar->inflated, (char *)out + *have, bytes - *have, (off_t)(offset + *have));
        if (got < 0 && errno != EINTR)
            return vc_fail(VC_EIO, "%s, inflated: %s", tar->path, strerror(errno));
        if (got == 0)
            return VC_OK;
        *have += got > 0 ? (size_t)got : 0;
    }
    return VC_OK;
}

vc_status vc__tar_read(void *out, vc__tar *tar, uint64_t offset, size_t bytes)
{
    size_t have;
    if (tar->inflated >= 0) {
        VC_TRY(read_at(&have, tar, out, bytes, offset));
    } else {
        VC_TRY(vc__stream_go(tar->stream, offset));
        VC_TRY(vc__stream_read(&have, tar->stream, out, bytes));
    }
    if (have < bytes)
        return vc_fail(VC_EFORMAT, "%s: truncated: %zu of %zu bytes could be read at byte %llu",
                       tar->path, have, bytes, (unsigned long long)offset);
    return VC_OK;
}

static vc_status name_entry(vc__tar_entry *out, const vc__tar *tar, const vc__tar_header *h)
{
    int fits = 1;
    out->name[0] = '\0';
    if (tar->extra.name[0]) {
        fits = vc__tar_join(out->name, tar->extra.name, strlen(tar->extra.name));
    } else {
        /* GNU's magic is "ustar  "; it uses the bytes of the prefix for something else */
        if (memcmp(h->magic, "ustar", 6) == 0)
            fits = vc__tar_join(out->name, h->prefix, strnlen(h->prefix, sizeof h->prefix));
        fits = fits && vc__tar_join(out->name, h->name, strnlen(h->name, sizeof h->name));
    }
    if (!fits)
        return vc_fail(VC_EFORMAT, "%s: a name after '%s' is longer than %d bytes", tar->path,
                       tar->place.last, VC__TAR_NAME);
    if (vc__tar_climbs(out->name))
        return vc_fail(VC_EFORMAT, "%s: '%s' climbs out of the archive", tar->path, out->name);
    return VC_OK;
}

/* Reads the content of a header about the next entry, and adds a zero byte. The caller frees
 * *out. */
static vc_status read_extra(char **out, vc__tar *tar, uint64_t offset, uint64_t bytes, size_t most)
{
    if (bytes > most)
        return vc_fail(VC_EFORMAT, "%s: a header after '%s' has %llu bytes, wanted at most %zu",
                       tar->path, tar->place.last, (unsigned long long)bytes, most);
    *out = malloc((size_t)bytes + 1);
    if (!*out)
        return vc_fail(VC_ENOMEM, "%s: out of memory", tar->path);
    (*out)[bytes] = '\0';
    return vc__tar_read(*out, tar, offset, (size_t)bytes);
}

/* Keeps what an extra header says about the next entry. */
static vc_status take_extra(vc__tar *tar, char type, uint64_t offset, uint64_t bytes)
{
    char *text = NULL;
    vc_status status =
        read_extra(&text, tar, offset, bytes, type == 'L' ? VC__TAR_NAME : MOST_EXTRA);
    if (status == VC_OK && type == 'L')
        status = vc__tar_keep_name(&tar->extra, text, strlen(text), &tar->place);
    if (status == VC_OK && type != 'L')
        status = vc__tar_keep_records(&tar->extra, text, (size_t)bytes, type == 'g', &tar->place);
    free(text);
    return status;
}

/* After the end of the archive only zeros may follow; reading them also verifies the checksum of
 * gzip. */
static vc_status check_end(vc__tar *tar)
{
    char block[BLOCK];
    size_t have;
    do {
        VC_TRY(vc__stream_read(&have, tar->stream, block, BLOCK));
        memset(block + have, 0, BLOCK - have);
        if (!vc__tar_is_zero(block))
            return vc_fail(VC_EFORMAT, "%s: goes on after the archive's end", tar->path);
    } while (have > 0);
    return VC_OK;
}

static vc_status read_header(vc__tar_header *out, vc__tar *tar)
{
    size_t have;
    VC_TRY(vc__stream_go(tar->stream, tar->next));
    VC_TRY(vc__stream_read(&have, tar->stream, out, BLOCK));
    if (have < BLOCK)
        return vc_fail(VC_EFORMAT, "%s: truncated: ends within or after '%s', wanted its end mark",
                       tar->path, tar->place.last);
    if (vc__tar_is_zero(out))
        return VC_OK;
    if (memcmp(out->magic, "ustar", 5) != 0 || !vc__tar_checksum_agrees(out))
        return vc_fail(VC_EFORMAT, "%s: damaged: no valid header after '%s'", tar->path,
                       tar->place.last);
    return VC_OK;
}

static vc_status kind_of(vc__tar_kind *out, const vc__tar *tar, char type)
{
    switch (type) {
    case '0':
    case '\0':
    case '7':
        *out = VC__TAR_FILE;
        return VC_OK;
    case '5':
    case 'D': /* GNU: a folder with a list of its names */
        *out = VC__TAR_FOLDER;
        return VC_OK;
    case '1':
    case '2':
    case '3':
    case '4':
    case '6':
    case 'V': /* GNU: the volume's name */
        *out = VC__TAR_OTHER;
        return VC_OK;
    default:
        return vc_fail(VC_EUNSUPPORTED, "%s: an entry after '%s' has the unknown type 0x%02x",
                       tar->path, tar->place.last, (unsigned char)type);
    }
}

static vc_status size_of(uint64_t *out, const vc__tar *tar, const vc__tar_header *h)
{
    if (!vc__tar_number(out, h->size, sizeof h->size))
        return vc_fail(VC_EFORMAT, "%s: the entry after '%s' has no valid size", tar->path,
                       tar->place.last);
    return VC_OK;
}

static uint64_t after(uint64_t offset, uint64_t bytes)
{
    return offset + (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

/* Links and devices have no content, whatever size their header gives. */
static int has_content(char type)
{
    return !(type >= '1' && type <= '6');
}

static vc_status finish(vc__tar_entry *out, vc__tar *tar, const vc__tar_header *h, uint64_t bytes)
{
    VC_TRY(kind_of(&out->kind, tar, h->type));
    VC_TRY(name_entry(out, tar, h));
    if (out->kind == VC__TAR_FILE && h->name[0] != '\0' && !tar->extra.name[0] &&
        h->name[strnlen(h->name, sizeof h->name) - 1] == '/')
        out->kind = VC__TAR_FOLDER; /* old archives mark a folder only by this slash */
    out->offset = tar->next + BLOCK;
    out->bytes = has_content(h->type) ? (tar->extra.has_bytes ? tar->extra.bytes : bytes) : 0;
    if (out->bytes >= VC__TAR_LARGEST - out->offset)
        return vc_fail(VC_EFORMAT, "%s: '%s' names a size of %llu bytes", tar->path, out->name,
                       (unsigned long long)out->bytes);
    tar->next = after(out->offset, out->bytes);
    tar->extra.name[0] = '\0';
    tar->extra.has_bytes = 0;
    memcpy(tar->place.last, out->name, sizeof tar->place.last);
    return VC_OK;
}

vc_status vc__tar_next(vc__tar_entry *out, vc__tar *tar)
{
    for (;;) {
        vc__tar_header h;
        uint64_t bytes = 0;
        VC_TRY(read_header(&h, tar));
        if (vc__tar_is_zero(&h)) {
            out->kind = VC__TAR_END;
            return check_end(tar);
        }
        VC_TRY(size_of(&bytes, tar, &h));
        if (!strchr("LKxg", h.type) || h.type == '\0')
            return finish(out, tar, &h, bytes);
        if (h.type != 'K') /* K: the target of a link */
            VC_TRY(take_extra(tar, h.type, tar->next + BLOCK, bytes));
        if (bytes >= VC__TAR_LARGEST - tar->next)
            return vc_fail(VC_EFORMAT, "%s: a header after '%s' names %llu bytes", tar->path,
                           tar->place.last, (unsigned long long)bytes);
        tar->next = after(tar->next + BLOCK, bytes);
    }
}

static vc_status check_start(vc__tar *tar)
{
    vc__tar_header h;
    size_t have;
    VC_TRY(vc__stream_read(&have, tar->stream, &h, BLOCK));
    if (have == BLOCK && memcmp(h.magic, "ustar", 5) == 0)
        return VC_OK;
    const vc_mapped_file first = {(const unsigned char *)&h, have};
    VC_TRY(vc_file_refuse_known(tar->path, &first, VC__SOURCE_WANTED));
    return vc_fail(VC_EFORMAT, "%s: is of no kind that is known, wanted " VC__SOURCE_WANTED,
                   tar->path);
}

vc_status vc__tar_open(vc__tar **out, const char *path)
{
    vc__tar *tar = calloc(1, sizeof *tar);
    *out = NULL;
    if (!tar || !(tar->path = strdup(path))) {
        free(tar);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    tar->place.path = tar->path;
    tar->inflated = -1;
    strcpy(tar->place.last, "the start");
    vc_status status = vc_file_check_regular(path); /* opening a pipe could wait for ever */
    if (status == VC_OK)
        status = vc__stream_open(&tar->stream, path);
    if (status == VC_OK)
        status = check_start(tar);
    if (status == VC_OK)
        *out = tar;
    else
        vc__tar_close(tar);
    return status;
}

/* Opens a file without a name, which disappears when it is closed. */
static vc_status open_nameless(int *fd, const char *folder)
{
    char name[VC__TAR_NAME];
    const int length = snprintf(name, sizeof name, "%s/vitcod-XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof name)
        return vc_fail(VC_EINVAL, "TMPDIR is longer than %d bytes", VC__TAR_NAME);
    *fd = mkstemp(name);
    if (*fd < 0)
        return vc_fail(VC_EIO, "%s: no file can be made: %s", folder, strerror(errno));
    unlink(name);
    fcntl(*fd, F_SETFD, FD_CLOEXEC);
    return VC_OK;
}

/* Copies all entries, without the zeros after them, of which there may be any number. */
static vc_status copy_all(int fd, vc__tar *tar, const char *folder)
{
    char *chunk = malloc(CHUNK);
    vc_status status =
        chunk ? vc__stream_go(tar->stream, 0) : vc_fail(VC_ENOMEM, "%s: out of memory", tar->path);
    uint64_t left = tar->next;
    for (size_t have = 1; status == VC_OK && have > 0; left -= have) {
        status = vc__stream_read(&have, tar->stream, chunk, left < CHUNK ? (size_t)left : CHUNK);
        for (size_t done = 0; status == VC_OK && done < have;) {
            const ssize_t wrote = write(fd, chunk + done, have - done);
            if (wrote < 0 && errno != EINTR)
                status =
                    vc_fail(VC_EIO, "%s: cannot be inflated in %s (TMPDIR names another place): %s",
                            tar->path, folder, strerror(errno));
            done += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    free(chunk);
    return status;
}

/* A disk is not filled first and spoken of afterwards. */
static vc_status check_room(int fd, const vc__tar *tar, const char *folder)
{
    struct statvfs disk;
    if (fstatvfs(fd, &disk) != 0 || tar->next / disk.f_frsize < disk.f_bavail)
        return VC_OK;
    return vc_fail(VC_EIO,
                   "%s: unpacks to %llu bytes, and %s has %llu left (TMPDIR names another place)",
                   tar->path, (unsigned long long)tar->next, folder,
                   (unsigned long long)disk.f_bavail * disk.f_frsize);
}

vc_status vc__tar_inflate(vc__tar *tar)
{
    const char *folder = getenv("TMPDIR");
    int fd = -1;
    if (tar->inflated >= 0 || vc__stream_is_plain(tar->stream))
        return VC_OK;
    if (!folder || !*folder)
        folder = "/tmp";
    VC_TRY(open_nameless(&fd, folder));
    vc_status status = check_room(fd, tar, folder);
    if (status == VC_OK)
        status = copy_all(fd, tar, folder);
    if (status == VC_OK)
        tar->inflated = fd;
    else
        close(fd);
    return status;
}

void vc__tar_close(vc__tar *tar)
{
    if (!tar)
        return;
    vc__stream_close(tar->stream);
    if (tar->inflated >= 0)
        close(tar->inflated);
    free(tar->path);
    free(tar);
}
