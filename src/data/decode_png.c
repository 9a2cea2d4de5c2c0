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

/* 1 for 16-bit grey without alpha, which Pillow reads as numbers rather than as 8 bits. */
static int is_wide_grey(const decoder *d)
{
    return png_get_color_type(d->png, d->info) == PNG_COLOR_TYPE_GRAY &&
           png_get_bit_depth(d->png, d->info) == 16;
}

/* Asks libpng for 8 bits without alpha: one channel for palette indices, and for grey if grey is
 * wanted; else three. Of 16-bit grey it leaves both bytes. */
static void set_transforms(const decoder *d, size_t channels)
{
    png_structp png = d->png;
    int type = png_get_color_type(png, d->info), bits = png_get_bit_depth(png, d->info);
    if (is_wide_grey(d))
        return;
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

static vc_status look_up_colours(const decoder *d, vc_image *image)
{
    uint8_t colours[256][3];
    png_colorp palette;
    int count = 0;
    png_get_PLTE(d->png, d->info, &palette, &count);
    for (int i = 0; i < count && i < 256; i++) {
        colours[i][0] = palette[i].red;
        colours[i][1] = palette[i].green;
        colours[i][2] = palette[i].blue;
    }
    return vc__image_look_up(image, colours, (size_t)count, d->in->name);
}

/* Pillow clips 16-bit grey, which stands in the last two thirds of the pixels. */
static void clip_grey(vc_image *image)
{
    const size_t count = image->width * image->height;
    const uint8_t *wide = image->pixels + count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t grey = wide[2 * i] ? 255 : wide[2 * i + 1];
        memset(image->pixels + 3 * i, grey, 3);
    }
}

/* Everything that may longjmp. Nothing in here owns memory, so that none is lost. */
static vc_status decode(decoder *d, vc_image *out)
{
    const vc__encoded *in = d->in;
    set_limits(d->png);
    png_set_read_fn(d->png, d, read_bytes);
    png_read_info(d->png, d->info);
    const int wide = is_wide_grey(d);
    int coloured = (png_get_color_type(d->png, d->info) & PNG_COLOR_MASK_COLOR) != 0;
    size_t channels = coloured || wide ? 3 : in->channels;
    VC_TRY(vc_image_reserve(out, png_get_image_width(d->png, d->info),
                            png_get_image_height(d->png, d->info), channels, in->name));
    const size_t count = out->width * out->height;
    set_transforms(d, channels);
    if (wide) {
        read_rows(d, out->pixels + count, out->height, 2 * out->width);
        clip_grey(out);
    } else if (has_palette(d)) {
        read_rows(d, out->pixels + 2 * count, out->height, out->width);
        VC_TRY(look_up_colours(d, out));
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
