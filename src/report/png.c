#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"
#include "vitcod/file.h"

/* libpng would print the error; the caller reports a better one. */
static void on_error(png_structp png, png_const_charp message)
{
    (void)message;
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

typedef struct image {
    const uint8_t *pixels;
    size_t height, width, stride;
    int colour, bits;
} image;

static int encode(FILE *stream, const image *i)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return 0;
    }
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)i->width, (png_uint_32)i->height, i->bits, i->colour,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    if (i->bits < 8)
        png_set_packing(png);
    for (size_t y = 0; y < i->height; y++)
        png_write_row(png, i->pixels + y * i->stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return 1;
}

vc_status vc_png_write(const char *path, const uint8_t *rgb, size_t height, size_t width)
{
    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, path));
    if (!encode(writer.stream, &(image){rgb, height, width, 3 * width, PNG_COLOR_TYPE_RGB, 8})) {
        vc_file_write_abort(&writer);
        return vc_fail(VC_EIO, "%s: the picture cannot be written", path);
    }
    return vc_file_write_commit(&writer);
}

vc_status vc__png_grey(char **png, size_t *bytes, const uint8_t *pixels, size_t height,
                       size_t width, int bits)
{
    *png = NULL;
    FILE *stream = open_memstream(png, bytes);
    if (!stream)
        return vc_fail(VC_ENOMEM, "out of memory for a picture of %zu x %zu", height, width);
    const int done =
        encode(stream, &(image){pixels, height, width, width, PNG_COLOR_TYPE_GRAY, bits});
    if (fclose(stream) == 0 && done)
        return VC_OK;
    free(*png);
    *png = NULL;
    return vc_fail(VC_ENOMEM, "a picture of %zu x %zu cannot be made", height, width);
}
