/* bzip2, also several streams one after the other, as parallel programs write them. */
#include <bzlib.h>
#include <limits.h>
#include <stdlib.h>

#include "stream.h"

typedef struct unpacking {
    bz_stream stream;
    int open; /* within a stream */
} unpacking;

static vc_status begin(void **state, const char *path)
{
    *state = calloc(1, sizeof(unpacking));
    return *state ? VC_OK : vc_fail(VC_ENOMEM, "%s: out of memory", path);
}

static void end(void *state)
{
    unpacking *u = state;
    if (u->open)
        BZ2_bzDecompressEnd(&u->stream);
    free(u);
}

static unsigned at_most(size_t count)
{
    return count < UINT_MAX ? (unsigned)count : UINT_MAX;
}

static vc_status step(int *ended, void *state, vc__chunk *chunk, int last)
{
    unpacking *u = state;
    if (!u->open && chunk->in_count == 0) {
        *ended = last;
        return VC_OK;
    }
    if (!u->open && BZ2_bzDecompressInit(&u->stream, 0, 0) != BZ_OK)
        return VC_ENOMEM;
    u->open = 1;
    const unsigned in = at_most(chunk->in_count), out = at_most(chunk->out_count);
    u->stream.next_in = (char *)chunk->in;
    u->stream.avail_in = in;
    u->stream.next_out = (char *)chunk->out;
    u->stream.avail_out = out;
    const int code = BZ2_bzDecompress(&u->stream);
    chunk->in += in - u->stream.avail_in;
    chunk->in_count -= in - u->stream.avail_in;
    chunk->out += out - u->stream.avail_out;
    chunk->out_count -= out - u->stream.avail_out;
    if (code == BZ_STREAM_END) {
        BZ2_bzDecompressEnd(&u->stream);
        u->open = 0;
        u->stream = (bz_stream){0};
        *ended = last && chunk->in_count == 0;
        return VC_OK;
    }
    return code == BZ_OK ? VC_OK : code == BZ_MEM_ERROR ? VC_ENOMEM : VC_EFORMAT;
}

const vc__unpacker vc__unpack_bzip2 = {"bzip2", "BZh", 3, begin, step, end};
