/* xz, also several streams one after the other. */
#include <lzma.h>
#include <stdlib.h>

#include "stream.h"

/* Bytes that unpacking may take. The strongest setting of xz wants 65 MiB. */
#define MOST_MEMORY ((uint64_t)256 << 20)

static vc_status begin(void **state, const char *path)
{
    lzma_stream *stream = calloc(1, sizeof *stream);
    if (stream && lzma_stream_decoder(stream, MOST_MEMORY, LZMA_CONCATENATED) == LZMA_OK) {
        *state = stream;
        return VC_OK;
    }
    free(stream);
    return vc_fail(VC_ENOMEM, "%s: out of memory", path);
}

static void end(void *state)
{
    lzma_end(state);
    free(state);
}

static vc_status step(int *ended, void *state, vc__chunk *chunk, int last)
{
    lzma_stream *stream = state;
    stream->next_in = chunk->in;
    stream->avail_in = chunk->in_count;
    stream->next_out = chunk->out;
    stream->avail_out = chunk->out_count;
    const lzma_ret code = lzma_code(stream, last ? LZMA_FINISH : LZMA_RUN);
    chunk->in = stream->next_in;
    chunk->in_count = stream->avail_in;
    chunk->out = stream->next_out;
    chunk->out_count = stream->avail_out;
    *ended = code == LZMA_STREAM_END;
    switch (code) {
    case LZMA_OK:
    case LZMA_STREAM_END:
    case LZMA_BUF_ERROR: /* nothing was taken, which the caller sees */
        return VC_OK;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return VC_ENOMEM;
    default:
        return VC_EFORMAT;
    }
}

const vc__unpacker vc__unpack_xz = {"xz",
                                    "\xfd"
                                    "7zXZ",
                                    5,
                                    begin,
                                    step,
                                    end};
