/* Which way up an image is, by its EXIF data or XMP, and turning it. */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "image_impl.h"
#include "vitcod/image.h"

enum { ORIENTATION = 0x112, SHORT = 3, LONG = 4, ENTRY = 12 };

typedef struct part {
    const unsigned char *bytes;
    size_t count;
} part;

static uint32_t number(const unsigned char *p, size_t bytes, int big)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[big ? i : bytes - 1 - i];
    return value;
}

static int starts_with(part p, const char *text, size_t count)
{
    return p.count >= count && memcmp(p.bytes, text, count) == 0;
}

static int sound(uint32_t value)
{
    return value >= 1 && value <= 8 ? (int)value : 1;
}

/* The orientation in the first directory of EXIF data, which is laid out as TIFF; 0: not said. */
static int in_directory(part p)
{
    if (starts_with(p, "Exif\0\0", 6))
        p = (part){p.bytes + 6, p.count - 6};
    const int big = starts_with(p, "MM\0*", 4);
    if (p.count < 8 || (!big && !starts_with(p, "II*\0", 4)))
        return 0;
    const size_t at = number(p.bytes + 4, 4, big);
    if (at > p.count || p.count - at < 2)
        return 0;
    const size_t entries = number(p.bytes + at, 2, big), room = (p.count - at - 2) / ENTRY;
    for (size_t i = 0; i < entries && i < room; i++) {
        const unsigned char *entry = p.bytes + at + 2 + i * ENTRY;
        const uint32_t type = number(entry + 2, 2, big);
        if (number(entry, 2, big) == ORIENTATION)
            return type == SHORT || type == LONG
                       ? sound(number(entry + 8, type == SHORT ? 2 : 4, big))
                       : 1;
    }
    return 0;
}

/* The first that XMP says, as an attribute or an element; 0: none. Pillow looks no closer. */
static int in_xmp(part p)
{
    static const char key[] = "tiff:Orientation", *const ways[] = {"=\"", ">"};
    if (p.count == 0)
        return 0;
    const unsigned char *end = p.bytes + p.count, *at = p.bytes;
    while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1))) {
        at += sizeof key - 1;
        for (size_t i = 0; i < 2; i++) {
            const size_t length = strlen(ways[i]);
            const part rest = {at, (size_t)(end - at)};
            if (rest.count > length && starts_with(rest, ways[i], length) && at[length] >= '0' &&
                at[length] <= '9')
                return sound((uint32_t)(at[length] - '0'));
        }
    }
    return 0;
}

/* Segments of a JPEG, up to its pixels. */
static int in_jpeg(part file)
{
    static const char adobe[] = "http://ns.adobe.com/xap/1.0/";
    part exif = {0}, xmp = {0};
    size_t at = 2;
    while (at + 4 <= file.count && file.bytes[at] == 0xff) {
        const unsigned char marker = file.bytes[at + 1];
        if (marker == 0xff) {
            at++; /* fills up */
            continue;
        }
        const size_t bytes = number(file.bytes + at + 2, 2, 1);
        if (marker == 0xda || bytes < 2 || bytes > file.count - at - 2)
            break;
        const part segment = {file.bytes + at + 4, bytes - 2};
        if (marker == 0xe1 && !exif.bytes && starts_with(segment, "Exif\0\0", 6))
            exif = segment;
        else if (marker == 0xe1 && starts_with(segment, adobe, sizeof adobe))
            xmp = (part){segment.bytes + sizeof adobe, segment.count - sizeof adobe};
        at += 2 + bytes;
    }
    const int said = in_directory(exif);
    return said ? said : in_xmp(xmp);
}

/* Chunks of a PNG (size, name, content, checksum) or a WebP (name, size, content up to an even
 * number of bytes). */
static part next_chunk(part *file, const char *name, int png)
{
    while (file->count >= 8) {
        const unsigned char *head = file->bytes;
        const size_t bytes = number(head + (png ? 0 : 4), 4, png), tail = png ? 4 : bytes % 2;
        if (bytes > file->count - 8)
            break;
        const size_t whole = 8 + bytes + (tail < file->count - 8 - bytes ? tail : 0);
        *file = (part){head + whole, file->count - whole};
        if (memcmp(head + (png ? 4 : 0), name, 4) == 0)
            return (part){head + 8, bytes};
    }
    *file = (part){0};
    return (part){0};
}

static int in_webp(part chunks)
{
    part again = chunks;
    const int said = in_directory(next_chunk(&chunks, "EXIF", 0));
    return said ? said : in_xmp(next_chunk(&again, "XMP ", 0));
}

/* The keyword is that of XMP, whose text Adobe has unpacked there: two zeros, a language and a
 * translated keyword come first. The last such chunk counts. */
static int in_png(part chunks)
{
    static const char keyword[] = "XML:com.adobe.xmp\0\0";
    part again = chunks, text, xmp = {0};
    const int said = in_directory(next_chunk(&chunks, "eXIf", 1));
    while (!said && (text = next_chunk(&again, "iTXt", 1)).bytes)
        if (starts_with(text, keyword, sizeof keyword - 1))
            xmp = text;
    return said ? said : in_xmp(xmp);
}

int vc_image_orientation(const void *bytes, size_t count)
{
    const part file = {bytes, count};
    int said = 0;
    if (starts_with(file, "\xff\xd8\xff", 3))
        said = in_jpeg(file);
    else if (starts_with(file, "\x89PNG\r\n\x1a\n", 8))
        said = in_png((part){file.bytes + 8, count - 8});
    else if (count >= 12 && starts_with(file, "RIFF", 4) && memcmp(file.bytes + 8, "WEBP", 4) == 0)
        said = in_webp((part){file.bytes + 12, count - 12});
    return said ? said : 1;
}

int vc__orientation_in_xmp(const void *bytes, size_t count)
{
    return in_xmp((part){bytes, count});
}

/* Where the first pixel of a turned image lies, and the next one to the right and below. */
typedef struct walk {
    ptrdiff_t start, right, down;
} walk;

static walk walk_of(int orientation, size_t width, size_t height)
{
    const ptrdiff_t w = (ptrdiff_t)width, h = (ptrdiff_t)height, last = w * h - 1;
    switch (orientation) {
    case 2:
        return (walk){w - 1, -1, w};
    case 3:
        return (walk){last, -1, -w};
    case 4:
        return (walk){last - (w - 1), 1, -w};
    case 5:
        return (walk){0, w, 1};
    case 6:
        return (walk){last - (w - 1), -w, 1};
    case 7:
        return (walk){last, -w, -1};
    default:
        return (walk){w - 1, w, -1};
    }
}

vc_status vc_image_turn(vc_image *image, int orientation, const char *name)
{
    if (orientation < 2 || orientation > 8)
        return VC_OK;
    const int lies = orientation >= 5;
    const size_t channels = image->channels;
    vc_image turned = {0};
    VC_TRY(vc_image_reserve(&turned, lies ? image->height : image->width,
                            lies ? image->width : image->height, channels, name));
    const walk w = walk_of(orientation, image->width, image->height);
    uint8_t *to = turned.pixels;
    for (size_t y = 0; y < turned.height; y++)
        for (size_t x = 0; x < turned.width; x++, to += channels) {
            const ptrdiff_t at = w.start + (ptrdiff_t)x * w.right + (ptrdiff_t)y * w.down;
            memcpy(to, image->pixels + (size_t)at * channels, channels);
        }
    vc_image_close(image);
    *image = turned;
    return VC_OK;
}
