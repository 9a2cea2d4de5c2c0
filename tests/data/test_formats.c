/* WebP, GIF, BMP, TIFF and orientations against Pillow; and broken ones. */
#include "testing.h"

#include <sys/resource.h>

#include "vitcod/file.h"
#include "vitcod/image.h"
#include "vitcod/npy.h"

#define GOLDEN "tests/data/golden/"

/* Sorted, as formats_rgb.npy and formats_grey.npy have them. */
static const char *const files[] = {
    "animated.gif",     "animated.webp",      "bare.gif",         "beyond.gif",
    "cmyk.tiff",        "fax.tiff",           "few_colours.bmp",  "grey1.tiff",
    "grey16.tiff",      "grey16_big.tiff",    "grey16_low.png",   "grey2.tiff",
    "grey4.tiff",       "grey8.tiff",         "grey_alpha.tiff",  "interlaced.gif",
    "jpeg.tiff",        "local.gif",          "lossless.webp",    "lossless_alpha.webp",
    "lossy.webp",       "lossy_alpha.webp",   "lzw.tiff",         "os2_palette.bmp",
    "os2_rgb24.bmp",    "packbits.tiff",      "palette.gif",      "palette1.bmp",
    "palette1.tiff",    "palette2.tiff",      "palette4.bmp",     "palette4.tiff",
    "palette8.bmp",     "palette8.tiff",      "part.gif",         "part_clear.gif",
    "planes.tiff",      "premultiplied.tiff", "rgb16.tiff",       "rgb16_big.tiff",
    "rgb24.bmp",        "rgb32.bmp",          "rgb555.bmp",       "rgb565.bmp",
    "rgb8.tiff",        "rgba16.tiff",        "rgba32.bmp",       "rgba8.tiff",
    "run_lengths4.bmp", "run_lengths8.bmp",   "tile_planes.tiff", "tiles.tiff",
    "tiles_grey.tiff",  "top_down.bmp",       "turned.webp",      "turned2.tiff",
    "turned3.tiff",     "turned4.tiff",       "turned5.tiff",     "turned6.tiff",
    "turned7.tiff",     "turned8.tiff",       "white1.tiff",      "white2.tiff",
    "white4.tiff",      "white8.tiff",
};
enum { FILES = sizeof files / sizeof files[0] };

static const char *golden(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    return path;
}

/* 1 where a library was missing when this was built, so that its files are refused. */
static int some_format_is_missing(void)
{
    static const char *const starts[] = {"GIF89a..", "II*\0....", "RIFF....WEBP...."};
    vc_image image = {0};
    int missing = 0;
    for (size_t i = 0; i < 3; i++)
        missing |= vc_image_decode(&image, starts[i], i < 2 ? 8 : 16, 3, "a") == VC_EUNSUPPORTED;
    vc_image_close(&image);
    return missing;
}

static void expect_pixels(const vc_image *image, const uint8_t *want, const char *name)
{
    const size_t count = image->height * image->width * image->channels;
    for (size_t k = 0; k < count; k++)
        if (image->pixels[k] != want[k])
            fail_msg("%s: value %zu is %u, wanted %u", name, k, image->pixels[k], want[k]);
}

static void check_against(const char *expected, size_t channels)
{
    vc_npy npy;
    vc_image image = {0};
    size_t at = 0;
    assert_ok(vc_npy_open(&npy, golden(expected)));
    for (size_t i = 0; i < FILES; i++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(files[i])));
        assert_ok(vc_image_decode(&image, file.data, file.bytes, channels, files[i]));
        assert_int_equal(image.channels, channels);
        const size_t count = image.height * image.width * channels;
        assert_true(at + count <= npy.tensor.shape[0]);
        expect_pixels(&image, (const uint8_t *)npy.tensor.data + at, files[i]);
        at += count;
        vc_file_unmap(&file);
    }
    assert_int_equal(at, npy.tensor.shape[0]);
    vc_image_close(&image);
    vc_npy_close(&npy);
}

static void equals_pillow(void **state)
{
    (void)state;
    if (some_format_is_missing())
        skip();
    check_against("formats_rgb.npy", 3);
    check_against("formats_grey.npy", 1);
}

/* Bytes at the end that hold no pixel of the first frame, so that nothing is missed without them:
 * what fills up the last row of a BMP or ends its runs, the end marks of a GIF and of a TIFF's list
 * of directories, and further frames. */
static size_t tail_of(const char *name, size_t bytes)
{
    const char *kind = strrchr(name, '.');
    if (strcmp(name, "animated.gif") == 0)
        return bytes;
    if (strcmp(kind, ".gif") == 0)
        return 1;
    return strcmp(kind, ".bmp") == 0 || strcmp(kind, ".tiff") == 0 ? 4 : 0;
}

/* Every prefix that lacks pixels fails. It is copied into a block of its own, so that a sanitizer
 * sees a read beyond it. */
static void a_truncated_file_fails(void **state)
{
    (void)state;
    vc_image image = {0};
    if (some_format_is_missing())
        skip();
    for (size_t i = 0; i < FILES; i++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(files[i])));
        const size_t tail = tail_of(files[i], file.bytes);
        for (size_t count = 0; count + tail < file.bytes; count++) {
            unsigned char *prefix = malloc(count + (count == 0));
            memcpy(prefix, file.data, count);
            if (vc_image_decode(&image, prefix, count, 3, files[i]) != VC_EFORMAT)
                fail_msg("%s: its first %zu of %zu bytes: %s", files[i], count, file.bytes,
                         vc_last_error());
            free(prefix);
        }
        vc_file_unmap(&file);
    }
    vc_image_close(&image);
}

/* Each byte of each file changed in two ways: no crash, and a failure has its sentence. */
static void a_changed_byte_does_no_harm(void **state)
{
    (void)state;
    vc_image image = {0};
    for (size_t i = 0; i < FILES; i++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(files[i])));
        unsigned char *bytes = malloc(file.bytes);
        memcpy(bytes, file.data, file.bytes);
        for (size_t k = 0; k < 2 * file.bytes; k++) {
            bytes[k / 2] ^= k % 2 ? 0xff : 0x01;
            if (vc_image_decode(&image, bytes, file.bytes, 1, "changed") != VC_OK)
                assert_non_null(strstr(vc_last_error(), "changed: "));
            bytes[k / 2] = file.data[k / 2];
        }
        free(bytes);
        vc_file_unmap(&file);
    }
    vc_image_close(&image);
}

/* Values are what Pillow 13 makes of the same bytes: another largest value than 255 is scaled, and
 * halves are rounded to even numbers. */
static void portable_maps(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count, pixels;
        uint8_t rgb[9], grey[3];
    } cases[] = {
        {"P5\n3 1\n100\n\x32\x1e\x65",
         14,
         3,
         {128, 128, 128, 76, 76, 76, 255, 255, 255},
         {128, 76, 255}},
        {"P5 3 1 7 \1\3\5", 12, 3, {36, 36, 36, 109, 109, 109, 182, 182, 182}, {36, 109, 182}},
        {"P6 # c\n1 2 # d\n255\n\1\2\3\4\5\6", 25, 2, {1, 2, 3, 4, 5, 6}, {2, 5}},
        {"P2\n2 1\n15\n7 15\n", 15, 2, {119, 119, 119, 255, 255, 255}, {119, 255}},
        {"P3 1 1 31 9 1 31", 16, 1, {74, 8, 255}, {56}},
    };
    vc_image image = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t channels = 1; channels <= 3; channels += 2) {
            assert_ok(vc_image_decode(&image, cases[i].bytes, cases[i].count, channels, "a.ppm"));
            assert_int_equal(image.width * image.height, cases[i].pixels);
            assert_int_equal(image.channels, channels);
            expect_pixels(&image, channels == 1 ? cases[i].grey : cases[i].rgb, cases[i].bytes);
        }
    assert_fails(vc_image_decode(&image, "P5 1 1 65535 ..", 15, 3, "a"), VC_EUNSUPPORTED,
                 "a: PPM: its largest value above 255");
    assert_fails(vc_image_decode(&image, "P5 9999999 1 255 .", 18, 3, "a"), VC_EUNSUPPORTED,
                 "a: PPM: its width above");
    vc_image_close(&image);
}

static void other_formats_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        const char *text;
    } cases[] = {
        {"\0\0\0\x18"
         "ftypheic",
         12, "a: is a HEIC image, wanted JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"},
        {"\0\0\0\x18"
         "ftypavif",
         12, "a: is an AVIF image, wanted"},
        {"PK\3\4....", 8, "a: is a zip archive, wanted"},
        {"<!DOCTYPE html>", 15, "a: is an HTML page, perhaps of a failed download, wanted"},
        {"P6\n4 4\n255\n", 11, "a: PPM: truncated after 11 bytes"},
        {"P5 1 x 255 .", 12, "a: PPM: its height is no number at byte 5"},
        {"P5 1 1 0 .", 10, "a: PPM: its largest value is 0"},
        {"P5 1 1 255#c\n\1", 15, "a: PPM: its largest value has no space behind it"},
        {"P2 2 1 9 7", 10, "a: PPM: truncated"},
        {"words", 5, "a: is text that begins 'words', wanted JPEG"},
        {"version https://git-lfs", 23, "a: is a git-lfs pointer, wanted"},
        {"GIF89a....", 10, "a: GIF: truncated"},
        {"BM", 2, "a: BMP: truncated: 2 bytes, wanted 26"},
        {"II*\0\1\0\0\0", 8, "a: TIFF: "},
        {"RIFF\4\0\0\0WEBP", 12, "a: WebP: truncated or damaged"},
    };
    vc_image image = {0};
    if (some_format_is_missing())
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(vc_image_decode(&image, cases[i].bytes, cases[i].count, 3, "a"), VC_EFORMAT,
                     cases[i].text);
    vc_image_close(&image);
}

/* A copy of a golden file with some bytes replaced. */
static void forged(const char *name, size_t at, const void *bytes, size_t count, vc_status status,
                   const char *text)
{
    vc_mapped_file file;
    vc_image image = {0};
    assert_ok(vc_file_map(&file, golden(name)));
    unsigned char *copy = malloc(file.bytes);
    memcpy(copy, file.data, file.bytes);
    memcpy(copy + at, bytes, count);
    assert_fails(vc_image_decode(&image, copy, file.bytes, 3, "forged"), status, text);
    assert_null(image.pixels);
    free(copy);
    vc_file_unmap(&file);
}

/* Sizes that a file only claims cost no memory. */
static void forged_sizes_cost_nothing(void **state)
{
    (void)state;
    struct rusage before, after;
    if (some_format_is_missing())
        skip();
    getrusage(RUSAGE_SELF, &before);
    forged("rgb24.bmp", 18, "\xff\xff\xff\x7f", 4, VC_EUNSUPPORTED, "pixels, wanted at most");
    forged("rgb24.bmp", 18, "\xff\xff\xff\xff", 4, VC_EFORMAT, "-1 x 13 pixels");
    forged("rgb24.bmp", 28, "\x07", 1, VC_EUNSUPPORTED, "7 bits a pixel");
    forged("rgb24.bmp", 30, "\x04", 1, VC_EUNSUPPORTED, "compression 4 of 24 bits");
    forged("rgb565.bmp", 54, "\x01", 1, VC_EUNSUPPORTED, "bit fields");
    forged("palette.gif", 6, "\xff\xff\xff\xff", 4, VC_EUNSUPPORTED, "65535 x 65535 pixels");
    forged("lossless.webp", 21, "\xff\xff\xff\x0f", 4, VC_EUNSUPPORTED, "16384 x 16384 pixels");
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10);
}

static void a_colour_beyond_the_palette_is_refused(void **state)
{
    (void)state;
    vc_mapped_file file;
    vc_image image = {0};
    assert_ok(vc_file_map(&file, golden("few_colours.bmp")));
    unsigned char *copy = malloc(file.bytes);
    memcpy(copy, file.data, file.bytes);
    copy[file.bytes - 2] = 100;
    assert_fails(vc_image_decode(&image, copy, file.bytes, 3, "b"), VC_EFORMAT,
                 "b: a pixel has colour 100 of a palette of 100");
    free(copy);
    vc_image_close(&image);
    vc_file_unmap(&file);
}

/* orientation.png says 1 in its EXIF data; the other seven numbers are put there. */
static void turns_as_pillow_does(void **state)
{
    (void)state;
    vc_npy npy;
    vc_mapped_file file;
    vc_image image = {0};
    assert_ok(vc_npy_open(&npy, golden("orientations.npy")));
    assert_ok(vc_file_map(&file, golden("orientation.png")));
    unsigned char *copy = malloc(file.bytes);
    memcpy(copy, file.data, file.bytes);
    size_t at = 0;
    while (memcmp(copy + at, "\1\22\0\3\0\0\0\1\0\1", 10) != 0 &&
           memcmp(copy + at, "\22\1\3\0\1\0\0\0\1\0", 10) != 0)
        at++;
    at += copy[at] == 1 ? 9 : 8;
    for (int turn = 1; turn <= 8; turn++) {
        copy[at] = (unsigned char)turn;
        assert_int_equal(vc_image_orientation(copy, file.bytes), turn);
        copy[at] = 1; /* whose checksum is right */
        assert_ok(vc_image_decode(&image, copy, file.bytes, 3, "turned"));
        assert_ok(vc_image_turn(&image, turn, "turned"));
        const size_t values = image.width * image.height * 3;
        assert_int_equal(values, npy.tensor.shape[1]);
        assert_int_equal(image.width, turn < 5 ? 19 : 13);
        expect_pixels(&image, (const uint8_t *)npy.tensor.data + (size_t)(turn - 1) * values,
                      "turned");
    }
    copy[at] = 9;
    assert_int_equal(vc_image_orientation(copy, file.bytes), 1);
    free(copy);
    vc_image_close(&image);
    vc_file_unmap(&file);
    vc_npy_close(&npy);
}

static void orientations_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int orientation;
    } cases[] = {{"turned.jpg", 6}, {"turned.webp", 5}, {"orientation.png", 1}, {"turned6.tiff", 1},
                 {"grey.jpg", 1},   {"lossy.webp", 1},  {"palette.gif", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(cases[i].name)));
        assert_int_equal(vc_image_orientation(file.data, file.bytes), cases[i].orientation);
        for (size_t count = 0; count < file.bytes; count++) {
            unsigned char *prefix = malloc(count + (count == 0));
            memcpy(prefix, file.data, count);
            assert_in_range(vc_image_orientation(prefix, count), 1, 8);
            free(prefix);
        }
        vc_file_unmap(&file);
    }
}

/* Segments, chunks and packets as they lie in files; pixels do not matter. */
#define XAP "http://ns.adobe.com/xap/1.0/\0"
#define EXIF_OF(n) "Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0" n "\0\0"
#define EXIF_WITHOUT "Exif\0\0MM\0*\0\0\0\x08\0\0"
#define ATTRIBUTE(n) "<x a:b=\"1\" tiff:Orientation=\"" n "\"/>"
#define ELEMENT(n) "<tiff:Orientation>" n "</tiff:Orientation>"

static size_t put_word(unsigned char *to, size_t value, size_t bytes, int big)
{
    for (size_t i = 0; i < bytes; i++)
        to[big ? bytes - 1 - i : i] = (unsigned char)(value >> (8 * i));
    return bytes;
}

/* A file of a kind (j: JPEG, p: PNG, w: WebP) with up to two parts; the name of a chunk is in
 * front. */
static int orientation_of(char kind, const char *const parts[2], const size_t counts[2])
{
    unsigned char file[1024];
    const char *start = kind == 'j'   ? "\xff\xd8\xff"
                        : kind == 'p' ? "\x89PNG\r\n\x1a\n"
                                      : "RIFF\0\0\0\0WEBP";
    size_t used = kind == 'j' ? 2 : kind == 'p' ? 8 : 12;
    memcpy(file, start, used);
    for (size_t i = 0; i < 2 && parts[i]; i++) {
        const size_t skipped = kind == 'j' ? 0 : 4, count = counts[i] - skipped;
        if (kind == 'j') {
            used += put_word(file + used, 0xffe1, 2, 1);
            used += put_word(file + used, count + 2, 2, 1);
        } else if (kind == 'p') {
            used += put_word(file + used, count, 4, 1);
            memcpy(file + used, parts[i], 4);
            used += 4;
        } else {
            memcpy(file + used, parts[i], 4);
            used += 4 + put_word(file + used + 4, count, 4, 0);
        }
        memcpy(file + used, parts[i] + skipped, count);
        used += count;
        used += kind == 'p' ? put_word(file + used, 0, 4, 1) : 0;
        used += kind == 'w' ? put_word(file + used, 0, count % 2, 0) : 0;
    }
    used += kind == 'j' ? put_word(file + used, 0xffda, 2, 1) : 0;
    return vc_image_orientation(file, used);
}

/* What EXIF does not say XMP may, as an attribute or an element: as Pillow's getexif has it. */
static void orientations_in_xmp_are_found(void **state)
{
    (void)state;
    static const struct {
        char kind;
        const char *parts[2];
        size_t counts[2];
        int orientation;
    } cases[] = {
#define ONE(kind, a, orientation) {kind, {a}, {sizeof(a) - 1}, orientation}
#define TWO(kind, a, b, orientation)                                                               \
    {                                                                                              \
        kind, {a, b}, {sizeof(a) - 1, sizeof(b) - 1}, orientation                                  \
    }
        ONE('j', XAP ATTRIBUTE("6"), 6),
        ONE('j', XAP ELEMENT("3"), 3),
        ONE('j', XAP ELEMENT("9") ELEMENT("3"), 1),
        ONE('j', XAP "tiff:Orientation='3'" ELEMENT("8"), 8),
        ONE('j', ATTRIBUTE("6"), 1),
        TWO('j', EXIF_OF("\2"), XAP ATTRIBUTE("6"), 2),
        TWO('j', EXIF_OF("\0"), XAP ATTRIBUTE("6"), 1),
        TWO('j', EXIF_WITHOUT, XAP ATTRIBUTE("6"), 6),
        TWO('j', XAP ATTRIBUTE("6"), XAP ATTRIBUTE("5"), 5),
        ONE('p', "iTXtXML:com.adobe.xmp\0\0\0\0\0" ATTRIBUTE("6"), 6),
        ONE('p', "iTXtXML:com.adobe.xmp\0\1\0\0\0" ATTRIBUTE("6"), 1), /* packed */
        ONE('p', "iTXtComment\0\0\0\0\0" ATTRIBUTE("6"), 1),
        TWO('p', "eXIf" EXIF_OF("\4"), "iTXtXML:com.adobe.xmp\0\0\0\0\0" ATTRIBUTE("6"), 4),
        ONE('w', "XMP " ATTRIBUTE("7"), 7),
        TWO('w', "XMP " ATTRIBUTE("7"), "EXIF" EXIF_OF("\5"), 5),
#undef ONE
#undef TWO
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int found = orientation_of(cases[i].kind, cases[i].parts, cases[i].counts);
        if (found != cases[i].orientation)
            fail_msg("case %zu: %d, wanted %d", i, found, cases[i].orientation);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(a_truncated_file_fails),
        cmocka_unit_test(a_changed_byte_does_no_harm),
        cmocka_unit_test(portable_maps),
        cmocka_unit_test(other_formats_are_refused_by_name),
        cmocka_unit_test(forged_sizes_cost_nothing),
        cmocka_unit_test(a_colour_beyond_the_palette_is_refused),
        cmocka_unit_test(turns_as_pillow_does),
        cmocka_unit_test(orientations_are_found),
        cmocka_unit_test(orientations_in_xmp_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
