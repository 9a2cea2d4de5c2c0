/* Writes pickles and zip archives byte by byte, so that a test can write what PyTorch never
 * would. */
#ifndef VC_PICKLING_H
#define VC_PICKLING_H

#include <zlib.h>

#include "testing.h"

typedef struct bytes {
    unsigned char *data;
    size_t count, room;
} bytes;

static inline void put(bytes *b, const void *data, size_t count)
{
    if (b->count + count > b->room) {
        b->room = 2 * (b->count + count);
        b->data = realloc(b->data, b->room);
        assert_non_null(b->data);
    }
    if (count > 0)
        memcpy(b->data + b->count, data, count);
    b->count += count;
}

static inline void put_uint(bytes *b, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        unsigned char byte = (unsigned char)(value >> (8 * i));
        put(b, &byte, 1);
    }
}

/* Opcodes and their arguments as a string literal. */
#define put_ops(b, literal) put(b, literal, sizeof(literal) - 1)

static inline void put_text(bytes *b, const char *text)
{
    put_ops(b, "X");
    put_uint(b, strlen(text), 4);
    put(b, text, strlen(text));
}

static inline void put_integer(bytes *b, int64_t value)
{
    put_ops(b, "\x8a\x08");
    put_uint(b, (uint64_t)value, 8);
}

static inline void put_integers(bytes *b, size_t count, const int64_t *values)
{
    put_ops(b, "(");
    for (size_t i = 0; i < count; i++)
        put_integer(b, values[i]);
    put_ops(b, "t");
}

/* A float32 tensor of storage `key`, which holds `values` of them. */
typedef struct tensor_words {
    const char *key;
    int64_t values, offset;
    size_t rank;
    int64_t shape[9], strides[9];
} tensor_words;

static inline void put_tensor(bytes *b, tensor_words t)
{
    put_ops(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
    put_ops(b, "(X\7\0\0\0storagectorch\nFloatStorage\n");
    put_text(b, t.key);
    put_ops(b, "X\3\0\0\0cpu");
    put_integer(b, t.values);
    put_ops(b, "tQ");
    put_integer(b, t.offset);
    put_integers(b, t.rank, t.shape);
    put_integers(b, t.rank, t.strides);
    put_ops(b, "\x89"
               "ccollections\nOrderedDict\n)RtR");
}

/* {'w': tensor} */
static inline bytes pickled_tensor(tensor_words t)
{
    bytes b = {0};
    put_ops(&b, "\x80\2}X\1\0\0\0w");
    put_tensor(&b, t);
    put_ops(&b, "s.");
    return b;
}

/* A zip entry. The members that make claims are for archives that lie. */
typedef struct zip_entry {
    const char *name;
    const void *data;
    size_t count;
    int deflated;
    unsigned flags;      /* bit 0: encrypted */
    uint32_t size_claim; /* 0: the true size */
    uint32_t crc_error;
} zip_entry;

static inline bytes packed(const zip_entry *entry)
{
    bytes b = {0};
    if (!entry->deflated) {
        put(&b, entry->data, entry->count);
        return b;
    }
    z_stream z = {.next_in = (Bytef *)entry->data, .avail_in = (uInt)entry->count};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    b.room = deflateBound(&z, entry->count);
    b.data = malloc(b.room);
    z.next_out = b.data;
    z.avail_out = (uInt)b.room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b.count = z.total_out;
    deflateEnd(&z);
    return b;
}

/* The part that the local header and the directory have in common. */
static inline void put_header(bytes *b, const zip_entry *e, size_t packed_count)
{
    uint32_t crc = (uint32_t)crc32(0, e->count ? e->data : (const void *)"", (uInt)e->count);
    put_uint(b, 20, 2);
    put_uint(b, e->flags, 2);
    put_uint(b, e->deflated ? 8 : 0, 2);
    put_uint(b, 0x00210000, 4);
    put_uint(b, crc ^ e->crc_error, 4);
    put_uint(b, e->size_claim && !e->deflated ? e->size_claim : packed_count, 4);
    put_uint(b, e->size_claim ? e->size_claim : e->count, 4);
    put_uint(b, strlen(e->name), 2);
    put_uint(b, 0, 2);
}

static inline bytes zipped(const zip_entry *entries, size_t count)
{
    bytes b = {0}, directory = {0};
    for (size_t i = 0; i < count; i++) {
        const zip_entry *e = &entries[i];
        bytes data = packed(e);
        size_t at = b.count;
        put_ops(&b, "PK\3\4");
        put_header(&b, e, data.count);
        put(&b, e->name, strlen(e->name));
        put(&b, data.data, data.count);
        put_ops(&directory, "PK\1\2\24\0");
        put_header(&directory, e, data.count);
        put_uint(&directory, 0, 8);
        put_uint(&directory, 0, 2);
        put_uint(&directory, at, 4);
        put(&directory, e->name, strlen(e->name));
        free(data.data);
    }
    size_t at = b.count;
    put(&b, directory.data, directory.count);
    put_ops(&b, "PK\5\6\0\0\0\0");
    put_uint(&b, count, 2);
    put_uint(&b, count, 2);
    put_uint(&b, directory.count, 4);
    put_uint(&b, at, 4);
    put_uint(&b, 0, 2);
    free(directory.data);
    return b;
}

#endif
