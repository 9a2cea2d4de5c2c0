/* Reading a file forward, unpacked as it is read: plain, gzip, bzip2 or xz. */
#ifndef VC_STREAM_H
#define VC_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

typedef struct vc__stream vc__stream;

/* VC_EUNSUPPORTED for a compression whose library was not there when this was built. */
vc_status vc__stream_open(vc__stream **out, const char *path);
void vc__stream_close(vc__stream *stream); /* NULL is fine */
int vc__stream_is_plain(const vc__stream *stream);

/* Reads `bytes` bytes, or fewer at the end. VC_EFORMAT for damaged or truncated data. */
vc_status vc__stream_read(size_t *have, vc__stream *stream, void *out, size_t bytes);
/* Goes to a byte of the unpacked data: forward by reading, back from the beginning. */
vc_status vc__stream_go(vc__stream *stream, uint64_t offset);

/* ---- compressions beside gzip */

/* What is left to take and to fill. */
typedef struct vc__chunk {
    const unsigned char *in;
    size_t in_count;
    unsigned char *out;
    size_t out_count;
} vc__chunk;

typedef struct vc__unpacker {
    const char *name;  /* for messages */
    const char *start; /* of a file */
    size_t count;
    vc_status (*begin)(void **state, const char *path);
    /* Takes and fills as much as it can. `last`: nothing comes after this input. *ended: all that
     * was packed is unpacked. A failure is VC_EFORMAT or VC_ENOMEM, without a message. */
    vc_status (*step)(int *ended, void *state, vc__chunk *chunk, int last);
    void (*end)(void *state);
} vc__unpacker;

extern const vc__unpacker vc__unpack_bzip2, vc__unpack_xz;

#endif
