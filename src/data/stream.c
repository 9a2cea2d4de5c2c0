#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* What makes more than MOST_INFLATED of one byte, beyond the first FREE bytes, is no archive of
 * images: deflate cannot, and of the others only what was made to fill a disk does. */
enum { READ_AT_ONCE = 1 << 30, ROOM = 1 << 16, MOST_INFLATED = 2000, FREE = 1 << 26 };

static const vc__unpacker *const unpackers[] = {&vc__unpack_bzip2, &vc__unpack_xz};

struct vc__stream {
    char *path;
    gzFile gzip; /* also reads files that are not compressed; NULL: `unpacker` does */
    const vc__unpacker *unpacker;
    void *state; /* the unpacker's */
    FILE *file;
    vc__chunk chunk; /* what of `packed` is left */
    int ended;
    uint64_t at;    /* of the unpacked data */
    uint64_t bytes; /* of the file */
    unsigned char packed[ROOM];
};

static const vc__unpacker *find_unpacker(FILE *file)
{
    char start[8] = {0};
    const size_t count = fread(start, 1, sizeof start, file);
    for (size_t i = 0; i < sizeof unpackers / sizeof *unpackers; i++)
        if (count >= unpackers[i]->count &&
            memcmp(start, unpackers[i]->start, unpackers[i]->count) == 0)
            return unpackers[i];
    return NULL;
}

/* Begins at the first byte. */
static vc_status begin(vc__stream *s)
{
    if (s->state)
        s->unpacker->end(s->state);
    s->state = NULL;
    s->chunk = (vc__chunk){0};
    s->at = 0;
    s->ended = 0;
    rewind(s->file);
    return s->unpacker->begin(&s->state, s->path);
}

static vc_status open_file(vc__stream *s)
{
    struct stat info;
    s->file = fopen(s->path, "rbe");
    if (!s->file || fstat(fileno(s->file), &info) != 0)
        return vc_fail(VC_EIO, "%s: cannot open: %s", s->path, strerror(errno));
    s->bytes = (uint64_t)info.st_size;
    s->unpacker = find_unpacker(s->file);
    if (s->unpacker)
        return begin(s);
    fclose(s->file);
    s->file = NULL;
    s->gzip = gzopen(s->path, "rbe");
    return s->gzip ? VC_OK : vc_fail(VC_EIO, "%s: cannot open: %s", s->path, strerror(errno));
}

vc_status vc__stream_open(vc__stream **out, const char *path)
{
    vc__stream *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s || !(s->path = strdup(path))) {
        free(s);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    const vc_status status = open_file(s);
    if (status == VC_OK)
        *out = s;
    else
        vc__stream_close(s);
    return status;
}

void vc__stream_close(vc__stream *s)
{
    if (!s)
        return;
    if (s->gzip)
        gzclose(s->gzip);
    if (s->state)
        s->unpacker->end(s->state);
    if (s->file)
        fclose(s->file);
    free(s->path);
    free(s);
}

int vc__stream_is_plain(const vc__stream *s)
{
    return s->gzip && gzdirect(s->gzip);
}

static vc_status read_gzip(size_t *have, vc__stream *s, void *out, size_t bytes)
{
    while (*have < bytes) {
        const size_t left = bytes - *have;
        const int got = gzread(s->gzip, (char *)out + *have,
                               (unsigned)(left < READ_AT_ONCE ? left : READ_AT_ONCE));
        int error = Z_OK;
        gzerror(s->gzip, &error);
        if (got < 0 || (error != Z_OK && error != Z_BUF_ERROR))
            return vc_fail(error == Z_ERRNO ? VC_EIO : VC_EFORMAT, "%s: %s", s->path,
                           error == Z_ERRNO ? strerror(errno) : "damaged gzip data");
        if (error == Z_BUF_ERROR)
            return vc_fail(VC_EFORMAT, "%s: truncated: the gzip data ends before its checksum",
                           s->path);
        if (got == 0)
            return VC_OK;
        *have += (size_t)got;
    }
    return VC_OK;
}

/* Fills the chunk's input from the file. */
static vc_status refill(vc__stream *s)
{
    if (s->chunk.in_count > 0 || feof(s->file))
        return VC_OK;
    s->chunk.in = s->packed;
    s->chunk.in_count = fread(s->packed, 1, ROOM, s->file);
    if (ferror(s->file))
        return vc_fail(VC_EIO, "%s: cannot read: %s", s->path, strerror(errno));
    return VC_OK;
}

static vc_status read_packed(size_t *have, vc__stream *s, void *out, size_t bytes)
{
    while (*have < bytes && !s->ended) {
        VC_TRY(refill(s));
        const size_t before = s->chunk.in_count;
        const int last = before == 0 || feof(s->file);
        s->chunk.out = (unsigned char *)out + *have;
        s->chunk.out_count = bytes - *have;
        const vc_status status = s->unpacker->step(&s->ended, s->state, &s->chunk, last);
        if (status == VC_ENOMEM)
            return vc_fail(status, "%s: out of memory, or more is wanted than %s data may take",
                           s->path, s->unpacker->name);
        if (status != VC_OK)
            return vc_fail(status, "%s: damaged %s data", s->path, s->unpacker->name);
        const size_t filled = bytes - *have - s->chunk.out_count;
        *have += filled;
        if (filled == 0 && s->chunk.in_count == before && !s->ended)
            return vc_fail(VC_EFORMAT, "%s: truncated: the %s data ends early", s->path,
                           s->unpacker->name);
    }
    s->at += *have;
    if (s->at > FREE && s->at / MOST_INFLATED > s->bytes)
        return vc_fail(VC_EFORMAT, "%s: unpacks to more than %d times its %llu bytes", s->path,
                       MOST_INFLATED, (unsigned long long)s->bytes);
    return VC_OK;
}

vc_status vc__stream_read(size_t *have, vc__stream *s, void *out, size_t bytes)
{
    *have = 0;
    return s->gzip ? read_gzip(have, s, out, bytes) : read_packed(have, s, out, bytes);
}

vc_status vc__stream_go(vc__stream *s, uint64_t offset)
{
    unsigned char skipped[4096];
    int reached = 1;
    if (s->gzip)
        reached = gzseek(s->gzip, (z_off_t)offset, SEEK_SET) >= 0;
    else if (offset < s->at)
        VC_TRY(begin(s));
    while (reached && !s->gzip && s->at < offset) {
        const uint64_t left = offset - s->at;
        size_t have;
        VC_TRY(vc__stream_read(&have, s, skipped,
                               left < sizeof skipped ? (size_t)left : sizeof skipped));
        reached = have > 0;
    }
    if (!reached)
        return vc_fail(VC_EFORMAT, "%s: byte %llu cannot be reached", s->path,
                       (unsigned long long)offset);
    return VC_OK;
}
