#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "image_impl.h"

/* The largest chunk that is accepted, beside pixels: enough for a palette. */
enum { CHUNK_BYTES = 1 << 16 };

typedef struct decoder {
    png_structp png;
    png_infop info;
    const vc__encoded *in;
    size_t at; /* bytes of `in` read */
    char reason[128];
} decoder;

static void on_error(png_structp png, png_const_charp message)
{
    decoder *d = png_get_error_ptr(png);
    snprintf(d->reason, sizeof d->reason, "%s", message);
    longjmp(png_jmpbuf(png), 1);
}

/* Warnings are ignored: they concern chunks other than pixels. */
static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep out, size_t count)
{
    decoder *d = png_get_io_ptr(png);
    if (count > d->in->count - d->at)
        png_error(png, "truncated");
    memcpy(out, d->in->bytes + d->at, count);
    d->at += count;
}

/* Skips everything but pixels unread, so that compressed text or profiles cost no memory. The
 * limits of libpng on width and height are lifted, as vc_image_reserve checks them with a better
 * message. */
static void set_limits(png_structp png)
{
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png, CHUNK_BYTES);
}

static int has_palette(const decoder *d)
{
    return png_get_color_type(d->png, d->info) == PNG_COLOR_TYPE_PALETTE;
}

/* Asks libpng for 8 bits without alpha: one channel for palette indices, and for grey if grey is
 * wanted; else three. */
static void set_transforms(const decoder *d, size_t channels)
{
    png_structp png = d->png;
    int type = png_get_color_type(png, d->info), bits = png_get_bit_depth(png, d->info);
    if (bits == 16)
        png_set_strip_16(png);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_packing(png);
    if (type == PNG_COLOR_TYPE_GRAY && bits < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    if (!(type & PNG_COLOR_MASK_COLOR) && channels == 3)
        png_set_gray_to_rgb(png);
}

static void read_rows(decoder *d, uint8_t *pixels, size_t height, size_t row_bytes)
{
    int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    if (png_get_rowbytes(d->png, d->info) != row_bytes)
        png_error(d->png, "rows of an unexpected size");
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < height; y++)
            png_read_row(d->png, pixels + y * row_bytes, NULL);
    png_read_end(d->png, NULL);
}

/* Replaces palette indices by colours, in place. The indices are in the last third of the pixels,
 * so that writing never overtakes reading. */
static void look_up_colours(const decoder *d, vc_image *image)
{
    png_colorp palette;
    int colours = 0;
    png_get_PLTE(d->png, d->info, &palette, &colours);
    size_t count = image->width * image->height;
    uint8_t *rgb = image->pixels;
    const uint8_t *indices = rgb + 2 * count;
    for (size_t i = 0; i < count; i++) {
        if (indices[i] >= colours)
            png_error(d->png, "a pixel's colour is beyond the palette");
        png_color colour = palette[indices[i]];
        rgb[3 * i] = colour.red;
        rgb[3 * i + 1] = colour.green;
        rgb[3 * i + 2] = colour.blue;
    }
}

/* Everything that may longjmp. Nothing in here owns memory, so that none is lost. */
static vc_status decode(decoder *d, vc_image *out)
{
    const vc__encoded *in = d->in;
    set_limits(d->png);
    png_set_read_fn(d->png, d, read_bytes);
    png_read_info(d->png, d->info);
    int coloured = (png_get_color_type(d->png, d->info) & PNG_COLOR_MASK_COLOR) != 0;
    size_t channels = coloured ? 3 : in->channels;
    VC_TRY(vc_image_reserve(out, png_get_image_width(d->png, d->info),
                            png_get_image_height(d->png, d->info), channels, in->name));
    set_transforms(d, channels);
    if (has_palette(d)) {
        read_rows(d, out->pixels + 2 * out->width * out->height, out->height, out->width);
        look_up_colours(d, out);
    } else {
        read_rows(d, out->pixels, out->height, out->width * channels);
    }
    if (channels != in->channels)
        vc__image_make_grey(out);
    return VC_OK;
}

static vc_status attempt(decoder *d, vc_image *out)
{
    if (setjmp(png_jmpbuf(d->png)))
        return vc_fail(VC_EFORMAT, "%s: PNG: %s", d->in->name, d->reason);
    return decode(d, out);
}

vc_status vc__decode_png(vc_image *out, const vc__encoded *in)
{
    decoder d = {.in = in};
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
    d.info = d.png ? png_create_info_struct(d.png) : NULL;
    vc_status status = d.info ? attempt(&d, out)
                              : vc_fail(VC_ENOMEM, "%s: out of memory while decoding", in->name);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    return status;
}
