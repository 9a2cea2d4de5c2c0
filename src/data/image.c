#include "vitcod/image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_impl.h"
#include "vitcod/file_kind.h"

vc_status vc_image_reserve(vc_image *out, size_t width, size_t height, size_t channels,
                           const char *name)
{
    if (width == 0 || height == 0)
        return vc_fail(VC_EFORMAT, "%s: %zu x %zu pixels, wanted at least 1 x 1", name, width,
                       height);
    if (width > VC_IMAGE_MAX_SIDE || height > VC_IMAGE_MAX_SIDE ||
        width * height > VC_IMAGE_MAX_PIXELS)
        return vc_fail(VC_EUNSUPPORTED,
                       "%s: %zu x %zu pixels, wanted at most %zu in all and %zu a side", name,
                       width, height, VC_IMAGE_MAX_PIXELS, VC_IMAGE_MAX_SIDE);
    size_t bytes = width * height * channels;
    if (bytes > out->capacity) {
        /* Not realloc, which would copy pixels that are not needed. */
        free(out->pixels);
        *out = (vc_image){0};
        out->pixels = malloc(bytes);
        if (!out->pixels)
            return vc_fail(VC_ENOMEM, "%s: out of memory for %zu x %zu pixels", name, width,
                           height);
        out->capacity = bytes;
    }
    out->width = width;
    out->height = height;
    out->channels = channels;
    return VC_OK;
}

void vc_image_close(vc_image *image)
{
    free(image->pixels);
    *image = (vc_image){0};
}

void vc__image_make_grey(vc_image *image)
{
    assert(image->channels == 3);
    size_t count = image->width * image->height;
    const uint8_t *rgb = image->pixels;
    for (size_t i = 0; i < count; i++)
        image->pixels[i] = vc_grey_of_rgb(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]);
    image->channels = 1;
}

void vc__rgb_of_cmyk(uint8_t *rgb, const uint8_t *cmyk, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned light = cmyk[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            unsigned taken = (255u - cmyk[4 * i + c]) * light + 128u;
            taken = (taken + (taken >> 8)) >> 8;
            rgb[3 * i + c] = (uint8_t)(light - taken);
        }
    }
}

vc_status vc__image_look_up(vc_image *image, uint8_t (*palette)[3], size_t colours,
                            const char *name)
{
    const size_t count = image->width * image->height;
    uint8_t *rgb = image->pixels;
    const uint8_t *indices = rgb + 2 * count;
    for (size_t i = 0; i < count; i++) {
        const size_t index = indices[i];
        if (index >= colours)
            return vc_fail(VC_EFORMAT, "%s: a pixel has colour %zu of a palette of %zu", name,
                           index, colours);
        memcpy(rgb + 3 * i, palette[index], 3);
    }
    return VC_OK;
}

/* A format that is read, and how its files start. */
typedef struct format {
    size_t skipped; /* bytes before the start */
    size_t count;   /* bytes of the start */
    const char *start;
    vc_status (*decode)(vc_image *out, const vc__encoded *in);
} format;

static const format formats[] = {
    {0, 3, "\xff\xd8\xff", vc__decode_jpeg},
    {0, 8, "\x89PNG\r\n\x1a\n", vc__decode_png},
    {8, 4, "WEBP", vc__decode_webp},
    {0, 4, "GIF8", vc__decode_gif},
    {0, 2, "BM", vc__decode_bmp},
    {0, 2, "P2", vc__decode_ppm},
    {0, 2, "P3", vc__decode_ppm},
    {0, 2, "P5", vc__decode_ppm},
    {0, 2, "P6", vc__decode_ppm},
    {0, 4, "II*\0", vc__decode_tiff},
    {0, 4, "MM\0*", vc__decode_tiff},
    {0, 4, "II+\0", vc__decode_tiff},
    {0, 4, "MM\0+", vc__decode_tiff},
};

#define WANTED "JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"

static vc_status refuse_unknown(const vc__encoded *in)
{
    const vc_mapped_file file = {in->bytes, in->count};
    if (in->count == 0)
        return vc_fail(VC_EFORMAT, "%s: is empty, wanted a " WANTED " image", in->name);
    VC_TRY(vc_file_refuse_known(in->name, &file, WANTED));
    char start[3 * 8 + 1];
    for (size_t i = 0; i < 8 && i < in->count; i++)
        snprintf(start + 3 * i, 4, " %02x", in->bytes[i]);
    return vc_fail(VC_EFORMAT, "%s: is not " WANTED ": starts with%s", in->name, start);
}

vc_status vc_image_decode(vc_image *out, const void *bytes, size_t count, size_t channels,
                          const char *name)
{
    const vc__encoded in = {bytes, count, channels, name};
    if (channels != 1 && channels != 3)
        return vc_fail(VC_EINVAL, "%s: %zu channels asked for, wanted 1 or 3", name, channels);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const format *f = &formats[i];
        if (count >= f->skipped + f->count &&
            memcmp(in.bytes + f->skipped, f->start, f->count) == 0)
            return f->decode(out, &in);
    }
    return refuse_unknown(&in);
}
