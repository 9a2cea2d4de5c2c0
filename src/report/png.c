#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/file.h"
#include "vitcod/report.h"

/* libpng would print; the caller says it better. */
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

static int encode(FILE *stream, const uint8_t *rgb, size_t height, size_t width)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return 0;
    }
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < height; y++)
        png_write_row(png, rgb + y * width * 3);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return 1;
}

vc_status vc_png_write(const char *path, const uint8_t *rgb, size_t height, size_t width)
{
    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, path));
    if (!encode(writer.stream, rgb, height, width)) {
        vc_file_write_abort(&writer);
        return vc_fail(VC_EIO, "%s: the picture cannot be written", path);
    }
    return vc_file_write_commit(&writer);
}
