#include "testing.h"

#include <jpeglib.h>
#include <png.h>
#include <sys/resource.h>
#include <zlib.h>

#include "vitcod/file.h"
#include "vitcod/image.h"
#include "vitcod/npy.h"

#define GOLDEN "tests/data/golden/"

/* Sorted, as decoded_rgb.npy and decoded_grey.npy have them. */
static const char *const files[] = {
    "adobe_rgb.jpg",
    "baseline420.jpg",
    "baseline422.jpg",
    "baseline444.jpg",
    "cmyk.jpg",
    "cmyk_unmarked.jpg",
    "grey.jpg",
    "grey1.png",
    "grey16.png",
    "grey2.png",
    "grey4.png",
    "grey8.png",
    "grey8_interlaced.png",
    "grey8_transparent.png",
    "grey_alpha16.png",
    "grey_alpha8.png",
    "grey_progressive.jpg",
    "palette1.png",
    "palette2.png",
    "palette4.png",
    "palette4_interlaced.png",
    "palette8.png",
    "palette8_transparent.png",
    "progressive.jpg",
    "rgb16.png",
    "rgb8.png",
    "rgb8_interlaced.png",
    "rgb8_transparent.png",
    "rgba16.png",
    "rgba8.png",
    "turned.jpg",
    "ycck.jpg",
};
enum { FILES = sizeof files / sizeof files[0] };

static const char *golden(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    return path;
}

static void check_against(const char *expected, size_t channels)
{
    vc_npy npy;
    vc_image image = {0};
    assert_ok(vc_npy_open(&npy, golden(expected)));
    assert_int_equal(npy.tensor.shape[0], FILES);
    const uint8_t *want = npy.tensor.data;
    for (size_t i = 0; i < FILES; i++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(files[i])));
        assert_ok(vc_image_decode(&image, file.data, file.bytes, channels, files[i]));
        assert_int_equal(image.height, npy.tensor.shape[1]);
        assert_int_equal(image.width, npy.tensor.shape[2]);
        assert_int_equal(image.channels, channels);
        size_t count = image.height * image.width * channels;
        for (size_t k = 0; k < count; k++)
            if (image.pixels[k] != want[i * count + k])
                fail_msg("%s: value %zu is %u, wanted %u", files[i], k, image.pixels[k],
                         want[i * count + k]);
        vc_file_unmap(&file);
    }
    vc_image_close(&image);
    vc_npy_close(&npy);
}

static void equals_pillow(void **state)
{
    (void)state;
    check_against("decoded_rgb.npy", 3);
    check_against("decoded_grey.npy", 1);
}

/* Every proper prefix fails. It is copied into a block of its own, so that a sanitizer sees a read
 * beyond it. */
static void a_truncated_file_fails(void **state)
{
    (void)state;
    vc_image image = {0};
    for (size_t i = 0; i < FILES; i++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(files[i])));
        for (size_t count = 0; count < file.bytes; count++) {
            unsigned char *prefix = malloc(count + (count == 0));
            memcpy(prefix, file.data, count);
            if (vc_image_decode(&image, prefix, count, 3, files[i]) != VC_EFORMAT)
                fail_msg("%s: its first %zu of %zu bytes: %s", files[i], count, file.bytes,
                         vc_last_error());
            free(prefix);
        }
        assert_ok(vc_image_decode(&image, file.data, file.bytes, 3, files[i]));
        vc_file_unmap(&file);
    }
    vc_image_close(&image);
}

static void unknown_content_is_refused_by_name(void **state)
{
    (void)state;
    vc_image image = {0};
    assert_fails(vc_image_decode(&image, "\1\2\3\4", 4, 3, "a.jpg"), VC_EFORMAT,
                 "a.jpg: is not JPEG, PNG, WebP, GIF, BMP, TIFF or PPM: starts with 01 02 03 04");
    assert_fails(vc_image_decode(&image, "foo ", 4, 3, "a.jpg"), VC_EFORMAT,
                 "a.jpg: is text that begins 'foo ', wanted JPEG, PNG, WebP, GIF, BMP, TIFF or ");
    assert_fails(vc_image_decode(&image, "", 0, 3, "a.jpg"), VC_EFORMAT, "a.jpg: is empty");
    assert_fails(vc_image_decode(&image, "x", 1, 2, "a.jpg"), VC_EINVAL, "2 channels");
    vc_image_close(&image);
}

/* A pattern; `restart`: rows between markers that allow it. The caller frees *out. */
static size_t make_jpeg(unsigned char **out, unsigned width, unsigned height, int components,
                        int restart)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned long bytes = 0;
    *out = NULL;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, out, &bytes);
    c.image_width = width;
    c.image_height = height;
    c.input_components = components;
    c.in_color_space = components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&c);
    c.restart_in_rows = restart;
    jpeg_start_compress(&c, TRUE);
    unsigned char *row = malloc((size_t)width * 3);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width * (unsigned)components; x++)
            row[x] = (unsigned char)((x * 37 + y * 11) % 251);
        jpeg_write_scanlines(&c, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return bytes;
}

static void one_pixel_and_a_long_line(void **state)
{
    (void)state;
    static const unsigned sides[][2] = {{1, 1}, {1, 20000}, {20000, 1}};
    vc_image image = {0};
    for (size_t i = 0; i < 3; i++) {
        unsigned char *bytes;
        size_t count = make_jpeg(&bytes, sides[i][0], sides[i][1], 3, 0);
        assert_ok(vc_image_decode(&image, bytes, count, 3, "line"));
        assert_int_equal(image.width, sides[i][0]);
        assert_int_equal(image.height, sides[i][1]);
        free(bytes);
    }
    vc_image_close(&image);
}

/* Where the start-of-frame segment begins. */
static unsigned char *frame_of(unsigned char *jpeg)
{
    while (jpeg[0] != 0xff || jpeg[1] != 0xc0)
        jpeg++;
    return jpeg;
}

static void a_forged_jpeg_size_is_refused_before_memory_is_spent(void **state)
{
    (void)state;
    vc_image image = {0};
    unsigned char *bytes;
    size_t count = make_jpeg(&bytes, 16, 16, 3, 0);
    unsigned char *frame = frame_of(bytes);
    const unsigned char forged[] = {0x75, 0x30, 0x75, 0x30}; /* 30000 x 30000 */
    memcpy(frame + 5, forged, sizeof forged);
    assert_fails(vc_image_decode(&image, bytes, count, 3, "forged"), VC_EUNSUPPORTED,
                 "forged: 30000 x 30000 pixels, wanted at most 134217728");
    assert_int_equal(image.capacity, 0);
    frame[4] = 12; /* bits */
    assert_fails(vc_image_decode(&image, bytes, count, 3, "forged"), VC_EUNSUPPORTED, "precision");
    free(bytes);
    vc_image_close(&image);
}

static void damage_within_a_jpeg_is_found(void **state)
{
    (void)state;
    vc_image image = {0};
    unsigned char *bytes;
    size_t count = make_jpeg(&bytes, 64, 64, 3, 1), found = 0;
    for (size_t i = count - 2; bytes[i] != 0xff || bytes[i + 1] < 0xd0 || bytes[i + 1] > 0xd7; i--)
        found = i;
    unsigned char *marker = bytes + found - 1;
    marker[1] ^= 3; /* a restart marker of another number */
    assert_fails(vc_image_decode(&image, bytes, count, 3, "bent"), VC_EFORMAT, "bent: JPEG: ");
    marker[1] ^= 3;
    assert_ok(vc_image_decode(&image, bytes, count, 3, "whole"));
    memset(marker - 40, 0xff, 30); /* no code is all ones */
    assert_int_equal(vc_image_decode(&image, bytes, count, 3, "bent"), VC_EFORMAT);
    free(bytes);
    vc_image_close(&image);
}

/* Bytes after the end and junk between segments do not affect pixels and are accepted. */
static void harmless_extras_are_let_pass(void **state)
{
    (void)state;
    vc_image image = {0};
    unsigned char *bytes;
    size_t count = make_jpeg(&bytes, 16, 16, 1, 0);
    unsigned char *longer = malloc(count + 10);
    size_t frame = (size_t)(frame_of(bytes) - bytes);
    memcpy(longer, bytes, frame);
    memset(longer + frame, 0x11, 5);
    memcpy(longer + frame + 5, bytes + frame, count - frame);
    memset(longer + count + 5, 0x22, 5);
    assert_ok(vc_image_decode(&image, longer, count + 10, 1, "longer"));
    free(bytes);
    free(longer);
    vc_image_close(&image);
}

typedef struct bytes {
    unsigned char *data;
    size_t count;
} bytes;

static void append(bytes *out, const void *data, size_t count)
{
    out->data = realloc(out->data, out->count + count);
    assert_non_null(out->data);
    memcpy(out->data + out->count, data, count);
    out->count += count;
}

static void append_u32(bytes *out, size_t value)
{
    const unsigned char big[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                 (unsigned char)(value >> 8), (unsigned char)value};
    append(out, big, 4);
}

static void append_chunk(bytes *out, const char *kind, const void *data, size_t count)
{
    append_u32(out, count);
    size_t start = out->count;
    append(out, kind, 4);
    if (count > 0)
        append(out, data, count);
    append_u32(out, crc32(0, out->data + start, (unsigned)(count + 4)));
}

static bytes png_header(unsigned width, unsigned height, int type)
{
    bytes out = {0};
    unsigned char header[13] = {
        (unsigned char)(width >> 24), (unsigned char)(width >> 16),  (unsigned char)(width >> 8),
        (unsigned char)width,         (unsigned char)(height >> 24), (unsigned char)(height >> 16),
        (unsigned char)(height >> 8), (unsigned char)height,         8,
        (unsigned char)type};
    append(&out, "\x89PNG\r\n\x1a\n", 8);
    append_chunk(&out, "IHDR", header, sizeof header);
    return out;
}

/* `count` zeros, compressed: a thousandth of their size. */
static bytes compressed_zeros(size_t count)
{
    bytes out = {0};
    unsigned char *zeros = calloc(1, count);
    uLongf room = compressBound(count);
    out.data = malloc(room);
    assert_int_equal(compress2(out.data, &room, zeros, count, 9), Z_OK);
    out.count = room;
    free(zeros);
    return out;
}

static long most_memory_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void png_bombs_cost_little(void **state)
{
    (void)state;
    enum { BOMB = 100 << 20 };
    bytes zeros = compressed_zeros(BOMB), profile = {0}, text = {0};
    append(&profile, "icc\0\0", 5);
    append(&profile, zeros.data, zeros.count);
    append(&text, "Comment\0\0", 9);
    append(&text, zeros.data, zeros.count);
    bytes png = png_header(1, 1, PNG_COLOR_TYPE_GRAY);
    append_chunk(&png, "iCCP", profile.data, profile.count);
    append_chunk(&png, "zTXt", text.data, text.count);
    bytes small = compressed_zeros(2);
    append_chunk(&png, "IDAT", small.data, small.count);
    append_chunk(&png, "IEND", NULL, 0);
    vc_image image = {0};
    long before = most_memory_kib();
    assert_ok(vc_image_decode(&image, png.data, png.count, 3, "bomb"));
    free(png.data);

    png = png_header(1, 1, PNG_COLOR_TYPE_GRAY); /* more rows than the header tells of */
    append_chunk(&png, "IDAT", zeros.data, zeros.count);
    append_chunk(&png, "IEND", NULL, 0);
    vc_status status = vc_image_decode(&image, png.data, png.count, 3, "bomb");
    assert_true(status == VC_OK || status == VC_EFORMAT);
    assert_true(most_memory_kib() - before < 16 << 10);
    free(png.data);
    free(zeros.data);
    free(small.data);
    free(profile.data);
    free(text.data);
    vc_image_close(&image);
}

static void forged_png_headers_are_refused(void **state)
{
    (void)state;
    static const unsigned sides[][2] = {{30000, 30000}, {2000000, 1}, {0x7fffffff, 0x7fffffff}};
    vc_image image = {0};
    for (size_t i = 0; i < 3; i++) {
        bytes png = png_header(sides[i][0], sides[i][1], PNG_COLOR_TYPE_RGB);
        append_chunk(&png, "IDAT", "x", 1);
        assert_fails(vc_image_decode(&image, png.data, png.count, 3, "forged"), VC_EUNSUPPORTED,
                     "wanted at most 134217728 in all and 1000000 a side");
        assert_int_equal(image.capacity, 0);
        free(png.data);
    }
    bytes png = png_header(0, 5, PNG_COLOR_TYPE_RGB);
    append_chunk(&png, "IDAT", "x", 1);
    assert_fails(vc_image_decode(&image, png.data, png.count, 3, "forged"), VC_EFORMAT, "PNG");
    free(png.data);
}

static void a_colour_beyond_the_palette_is_refused(void **state)
{
    (void)state;
    vc_image image = {0};
    const unsigned char rows[] = {0, 1, 2, 0, 0, 3}; /* 2 x 2: indices 1 2, 0 3 */
    unsigned char packed[64];
    uLongf count = sizeof packed;
    assert_int_equal(compress(packed, &count, rows, sizeof rows), Z_OK);
    for (size_t colours = 3; colours <= 4; colours++) {
        bytes png = png_header(2, 2, PNG_COLOR_TYPE_PALETTE);
        append_chunk(&png, "PLTE", "abcdefghijkl", 3 * colours);
        append_chunk(&png, "IDAT", packed, count);
        append_chunk(&png, "IEND", NULL, 0);
        vc_status status = vc_image_decode(&image, png.data, png.count, 3, "p.png");
        if (colours == 3)
            assert_fails(status, VC_EFORMAT, "p.png: a pixel has colour 3 of a palette of 3");
        else
            assert_ok(status);
        free(png.data);
    }
    assert_memory_equal(image.pixels, "defghiabcjkl", 12);
    vc_image_close(&image);
}

static void the_buffer_is_used_again(void **state)
{
    (void)state;
    vc_image image = {0};
    unsigned char *large, *small;
    size_t large_count = make_jpeg(&large, 64, 64, 3, 0);
    size_t small_count = make_jpeg(&small, 8, 8, 1, 0);
    assert_ok(vc_image_decode(&image, large, large_count, 3, "large"));
    const uint8_t *kept = image.pixels;
    assert_ok(vc_image_decode(&image, small, small_count, 1, "small"));
    assert_ptr_equal(image.pixels, kept);
    assert_int_equal(image.capacity, 64 * 64 * 3);
    assert_int_equal(image.channels, 1);
    free(large);
    free(small);
    vc_image_close(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(a_truncated_file_fails),
        cmocka_unit_test(unknown_content_is_refused_by_name),
        cmocka_unit_test(one_pixel_and_a_long_line),
        cmocka_unit_test(a_forged_jpeg_size_is_refused_before_memory_is_spent),
        cmocka_unit_test(damage_within_a_jpeg_is_found),
        cmocka_unit_test(harmless_extras_are_let_pass),
        cmocka_unit_test(png_bombs_cost_little),
        cmocka_unit_test(forged_png_headers_are_refused),
        cmocka_unit_test(a_colour_beyond_the_palette_is_refused),
        cmocka_unit_test(the_buffer_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
