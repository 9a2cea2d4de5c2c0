/* BMP: Windows' headers and the first of OS/2; plain, with bit fields, or run-length coded. */
#include <string.h>

#include "image_impl.h"

enum { FILE_HEADER = 14, OS2_HEADER = 12, RAW = 0, RLE8 = 1, RLE4 = 2, BIT_FIELDS = 3 };

typedef struct bitmap {
    const vc__encoded *in;
    size_t header, width, height, bits, compression, colours;
    size_t entry; /* bytes of a colour */
    size_t palette_at, pixels_at;
    int top_down;
    unsigned shift[3]; /* of red, green and blue in a pixel of 32 bits */
    int is_565;        /* a pixel of 16 bits has 6 of green */
    uint8_t palette[256][3];
} bitmap;

static uint32_t u16(const vc__encoded *in, size_t at)
{
    return in->bytes[at] | (uint32_t)in->bytes[at + 1] << 8;
}

static uint32_t u32(const vc__encoded *in, size_t at)
{
    return u16(in, at) | u16(in, at + 2) << 16;
}

static vc_status truncated(const vc__encoded *in, size_t wanted)
{
    return vc_fail(VC_EFORMAT, "%s: BMP: truncated: %zu bytes, wanted %zu", in->name, in->count,
                   wanted);
}

static vc_status read_sizes(bitmap *b)
{
    const vc__encoded *in = b->in;
    if (b->header == OS2_HEADER) {
        b->width = u16(in, 18);
        b->height = u16(in, 20);
        b->bits = u16(in, 24);
        b->entry = 3;
        return VC_OK;
    }
    const int32_t width = (int32_t)u32(in, 18), height = (int32_t)u32(in, 22);
    if (width < 0 || height == INT32_MIN)
        return vc_fail(VC_EFORMAT, "%s: BMP: %d x %d pixels, wanted at least 1 x 1", in->name,
                       width, height);
    b->width = (size_t)width;
    b->height = (size_t)(height < 0 ? -height : height);
    b->top_down = height < 0;
    b->bits = u16(in, 28);
    b->compression = u32(in, 30);
    b->colours = u32(in, 46);
    b->entry = 4;
    return VC_OK;
}

/* Fields of 32 bits are whole bytes here, in any order. */
static int find_bytes(unsigned shift[3], const uint32_t mask[3])
{
    for (size_t c = 0; c < 3; c++) {
        shift[c] = 0;
        while (shift[c] < 32 && mask[c] != (uint32_t)0xff << shift[c])
            shift[c] += 8;
        if (shift[c] == 32)
            return 0;
    }
    return 1;
}

static vc_status read_masks(bitmap *b)
{
    const vc__encoded *in = b->in;
    const size_t at = FILE_HEADER + 40;
    if (at + 12 > in->count)
        return truncated(in, at + 12);
    const uint32_t mask[3] = {u32(in, at), u32(in, at + 4), u32(in, at + 8)};
    const int none = !mask[0] && !mask[1] && !mask[2];
    const int is_555 = mask[0] == 0x7c00 && mask[1] == 0x3e0 && mask[2] == 0x1f;
    b->is_565 = mask[0] == 0xf800 && mask[1] == 0x7e0 && mask[2] == 0x1f;
    if (b->bits == 16 && (is_555 || b->is_565))
        return VC_OK;
    if (b->bits == 24 && mask[0] == 0xff0000 && mask[1] == 0xff00 && mask[2] == 0xff)
        return VC_OK;
    if (b->bits == 32 && (none || find_bytes(b->shift, mask)))
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED, "%s: BMP: bit fields %x, %x and %x of %zu bits", in->name,
                   mask[0], mask[1], mask[2], b->bits);
}

static vc_status check_coding(bitmap *b)
{
    const vc__encoded *in = b->in;
    const size_t bits = b->bits, c = b->compression;
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return vc_fail(VC_EUNSUPPORTED, "%s: BMP: %zu bits a pixel, wanted 1, 4, 8, 16, 24 or 32",
                       in->name, bits);
    if (!(c == RAW || (c == RLE8 && bits == 8) || (c == RLE4 && bits == 4) ||
          (c == BIT_FIELDS && bits >= 16)))
        return vc_fail(VC_EUNSUPPORTED,
                       "%s: BMP: compression %zu of %zu bits a pixel, wanted none, run lengths or "
                       "bit fields",
                       in->name, c, bits);
    return c == BIT_FIELDS ? read_masks(b) : VC_OK;
}

static vc_status read_palette(bitmap *b)
{
    const vc__encoded *in = b->in;
    b->palette_at = FILE_HEADER + b->header;
    if (b->colours == 0)
        b->colours = (size_t)1 << b->bits;
    if (b->colours > 256)
        return vc_fail(VC_EFORMAT, "%s: BMP: a palette of %zu colours, wanted at most 256",
                       in->name, b->colours);
    const size_t end = b->palette_at + b->colours * b->entry;
    if (end > in->count)
        return truncated(in, end);
    for (size_t i = 0; i < b->colours; i++)
        for (size_t c = 0; c < 3; c++)
            b->palette[i][c] = in->bytes[b->palette_at + i * b->entry + 2 - c];
    /* some programs give the palette's place for that of the pixels */
    if (b->pixels_at == b->palette_at || b->pixels_at == 0)
        b->pixels_at = end;
    return VC_OK;
}

static vc_status read_header(bitmap *b)
{
    const vc__encoded *in = b->in;
    if (in->count < FILE_HEADER + 4)
        return truncated(in, FILE_HEADER + OS2_HEADER);
    b->header = u32(in, FILE_HEADER);
    if (b->header != OS2_HEADER && b->header != 40 && b->header != 52 && b->header != 56 &&
        b->header != 64 && b->header != 108 && b->header != 124)
        return vc_fail(VC_EUNSUPPORTED,
                       "%s: BMP: a header of %zu bytes, wanted 12, 40, 52, 56, 64, 108 or 124",
                       in->name, b->header);
    if (FILE_HEADER + b->header > in->count)
        return truncated(in, FILE_HEADER + b->header);
    b->pixels_at = u32(in, 10);
    VC_TRY(read_sizes(b));
    VC_TRY(check_coding(b));
    if (b->bits <= 8)
        return read_palette(b);
    if (b->pixels_at == 0)
        b->pixels_at = FILE_HEADER + b->header + (b->compression == BIT_FIELDS ? 12 : 0);
    return VC_OK;
}

static uint8_t *row_of(const bitmap *b, uint8_t *pixels, size_t y, size_t row_bytes)
{
    return pixels + (b->top_down ? y : b->height - 1 - y) * row_bytes;
}

static void unpack_indices(uint8_t *to, const uint8_t *row, size_t width, size_t bits)
{
    const size_t each = 8 / bits;
    const unsigned most = (1u << bits) - 1;
    for (size_t x = 0; x < width; x++)
        to[x] = (uint8_t)((unsigned)row[x / each] >> (8 - bits - x % each * bits) & most);
}

static void unpack_colours(uint8_t *rgb, const uint8_t *row, const bitmap *b)
{
    for (size_t x = 0; x < b->width; x++, rgb += 3) {
        if (b->bits == 16) {
            const unsigned v = row[2 * x] | (unsigned)row[2 * x + 1] << 8;
            rgb[0] = (uint8_t)((b->is_565 ? v >> 11 : v >> 10 & 31) * 255 / 31);
            rgb[1] = (uint8_t)(b->is_565 ? (v >> 5 & 63) * 255 / 63 : (v >> 5 & 31) * 255 / 31);
            rgb[2] = (uint8_t)((v & 31) * 255 / 31);
        } else {
            const uint8_t *p = row + x * b->bits / 8;
            for (size_t c = 0; c < 3; c++)
                rgb[c] = p[b->bits == 24 ? 2 - c : b->shift[c] / 8];
        }
    }
}

/* Rows begin at multiples of four bytes; what fills up the last one may be missing. */
static vc_status read_rows(bitmap *b, uint8_t *pixels)
{
    const vc__encoded *in = b->in;
    const size_t used = (b->width * b->bits + 7) / 8, stride = (used + 3) / 4 * 4;
    const size_t wanted = b->pixels_at + stride * (b->height - 1) + used;
    if (wanted > in->count)
        return truncated(in, wanted);
    for (size_t y = 0; y < b->height; y++) {
        const uint8_t *row = in->bytes + b->pixels_at + y * stride;
        if (b->bits <= 8)
            unpack_indices(row_of(b, pixels, y, b->width), row, b->width, b->bits);
        else
            unpack_colours(row_of(b, pixels, y, 3 * b->width), row, b);
    }
    return VC_OK;
}

/* A reader of run lengths: where it is in the file and in the image. */
typedef struct runs {
    const bitmap *b;
    uint8_t *indices;
    size_t at, x, y;
} runs;

static void put(runs *r, size_t count, const uint8_t *from, int repeats)
{
    uint8_t *row = row_of(r->b, r->indices, r->y, r->b->width);
    for (size_t i = 0; i < count; i++, r->x++) {
        const uint8_t byte = repeats ? from[0] : from[r->b->bits == 4 ? i / 2 : i];
        const int high = i % 2 == 0;
        row[r->x] = r->b->bits == 8 ? byte : high ? byte >> 4 : byte & 15;
    }
}

/* Pixels that are listed one by one, filled up to an even number of bytes. */
static vc_status read_listed(runs *r, size_t count)
{
    const bitmap *b = r->b;
    const size_t bytes = b->bits == 4 ? (count + 1) / 2 : count;
    if (r->at + bytes > b->in->count)
        return truncated(b->in, r->at + bytes);
    if (count > b->width - r->x)
        return vc_fail(VC_EFORMAT, "%s: BMP: row %zu goes on after its %zu pixels", b->in->name,
                       r->y, b->width);
    put(r, count, b->in->bytes + r->at, 0);
    r->at += (bytes + 1) / 2 * 2;
    return VC_OK;
}

static int is_complete(const runs *r)
{
    return r->y >= r->b->height || (r->y + 1 == r->b->height && r->x == r->b->width);
}

static vc_status read_run(runs *r)
{
    const bitmap *b = r->b;
    const uint8_t *p = b->in->bytes + r->at;
    if (r->at + 2 > b->in->count)
        return truncated(b->in, r->at + 2);
    r->at += 2;
    if (p[0] > 0) {
        /* writers of 4 bits may fill up the last run of a row */
        put(r, p[0] < b->width - r->x ? p[0] : b->width - r->x, p + 1, 1);
        return VC_OK;
    }
    if (p[1] > 2)
        return read_listed(r, p[1]);
    if (p[1] == 0) {
        r->x = 0;
        r->y++;
    } else if (p[1] == 1) {
        return vc_fail(VC_EFORMAT, "%s: BMP: ends in row %zu of %zu", b->in->name, r->y, b->height);
    } else {
        if (r->at + 2 > b->in->count)
            return truncated(b->in, r->at + 2);
        r->x += p[2];
        r->y += p[3];
        r->at += 2;
        if (r->x > b->width)
            return vc_fail(VC_EFORMAT, "%s: BMP: row %zu goes on after its %zu pixels", b->in->name,
                           r->y, b->width);
    }
    return VC_OK;
}

static vc_status read_runs(const bitmap *b, uint8_t *indices)
{
    runs r = {.b = b, .indices = indices, .at = b->pixels_at};
    memset(indices, 0, b->width * b->height);
    while (!is_complete(&r))
        VC_TRY(read_run(&r));
    return VC_OK;
}

vc_status vc__decode_bmp(vc_image *out, const vc__encoded *in)
{
    bitmap b = {.in = in, .shift = {16, 8, 0}};
    VC_TRY(read_header(&b));
    VC_TRY(vc_image_reserve(out, b.width, b.height, 3, in->name));
    uint8_t *indices = out->pixels + 2 * b.width * b.height;
    if (b.compression == RLE8 || b.compression == RLE4)
        VC_TRY(read_runs(&b, indices));
    else
        VC_TRY(read_rows(&b, b.bits <= 8 ? indices : out->pixels));
    if (b.bits <= 8)
        VC_TRY(vc__image_look_up(out, b.palette, b.colours, in->name));
    if (in->channels == 1)
        vc__image_make_grey(out);
    return VC_OK;
}
