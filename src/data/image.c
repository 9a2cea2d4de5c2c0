#include "vitcod/image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_impl.h"

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

static int starts_with(const vc__encoded *in, const char *magic, size_t count)
{
    return in->count >= count && memcmp(in->bytes, magic, count) == 0;
}

static vc_status refuse_unknown(const vc__encoded *in)
{
    if (in->count == 0)
        return vc_fail(VC_EFORMAT, "%s: is empty, wanted a JPEG or PNG image", in->name);
    char start[3 * 8 + 1];
    for (size_t i = 0; i < 8 && i < in->count; i++)
        snprintf(start + 3 * i, 4, " %02x", in->bytes[i]);
    return vc_fail(VC_EFORMAT, "%s: is neither JPEG nor PNG: starts with%s", in->name, start);
}

vc_status vc_image_decode(vc_image *out, const void *bytes, size_t count, size_t channels,
                          const char *name)
{
    const vc__encoded in = {bytes, count, channels, name};
    if (channels != 1 && channels != 3)
        return vc_fail(VC_EINVAL, "%s: %zu channels asked for, wanted 1 or 3", name, channels);
    if (starts_with(&in, "\xff\xd8\xff", 3))
        return vc__decode_jpeg(out, &in);
    if (starts_with(&in, "\x89PNG\r\n\x1a\n", 8))
        return vc__decode_png(out, &in);
    return refuse_unknown(&in);
}
