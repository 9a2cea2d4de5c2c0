/* TIFF, through libtiff: the first image of a file, turned as its orientation says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "image_impl.h"

/* The largest block of memory that libtiff or a tile may take. */
enum { MOST_BLOCK = 1 << 28 };

typedef struct decoder {
    const vc__encoded *in;
    toff_t at;
    TIFF *tiff;
    uint32_t width, height;
    uint16_t bits, samples, format, photometric, planar, compression, orientation;
    size_t colours;    /* samples that say the colour: 1, 3 or 4 */
    int premultiplied; /* by the sample after these */
    uint16_t *palette[3];
    uint8_t *block; /* one row or one tile */
    uint8_t *row;   /* (width, samples) of 8 bits */
    char reason[256];
} decoder;

/* ---- the file, which lies in memory */

static tmsize_t read_bytes(thandle_t handle, void *out, tmsize_t count)
{
    decoder *d = handle;
    const size_t left = d->at < d->in->count ? d->in->count - (size_t)d->at : 0;
    const size_t got = left < (size_t)count ? left : (size_t)count;
    memcpy(out, d->in->bytes + d->at, got);
    d->at += got;
    return (tmsize_t)got;
}

static tmsize_t write_bytes(thandle_t handle, void *bytes, tmsize_t count)
{
    (void)handle, (void)bytes, (void)count;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    decoder *d = handle;
    const toff_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->at : d->in->count;
    return d->at = from + offset;
}

static int close_file(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size(thandle_t handle)
{
    return ((decoder *)handle)->in->count;
}

static int map_file(thandle_t handle, void **base, toff_t *bytes)
{
    const decoder *d = handle;
    *base = (void *)d->in->bytes; /* libtiff reads only */
    *bytes = d->in->count;
    return 1;
}

static void unmap_file(thandle_t handle, void *base, toff_t bytes)
{
    (void)handle, (void)base, (void)bytes;
}

/* ---- what libtiff says */

static int on_error(TIFF *tiff, void *context, const char *module, const char *format, va_list list)
{
    decoder *d = context;
    (void)tiff, (void)module;
    if (!d->reason[0]) /* the first says most */
        vsnprintf(d->reason, sizeof d->reason, format, list);
    return 1;
}

static int on_warning(TIFF *tiff, void *context, const char *module, const char *format,
                      va_list list)
{
    (void)tiff, (void)context, (void)module, (void)format, (void)list;
    return 1;
}

static vc_status failed(const decoder *d)
{
    return vc_fail(VC_EFORMAT, "%s: TIFF: %s", d->in->name, d->reason[0] ? d->reason : "damaged");
}

static vc_status unsupported(const decoder *d, const char *what, unsigned found, const char *wanted)
{
    return vc_fail(VC_EUNSUPPORTED, "%s: TIFF: %s %u, wanted %s", d->in->name, what, found, wanted);
}

/* ---- what the file holds */

static vc_status find_colours(decoder *d)
{
    switch (d->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        d->colours = 1;
        return VC_OK;
    case PHOTOMETRIC_PALETTE:
        d->colours = 1;
        if (!TIFFGetField(d->tiff, TIFFTAG_COLORMAP, &d->palette[0], &d->palette[1],
                          &d->palette[2]))
            return vc_fail(VC_EFORMAT, "%s: TIFF: has no palette", d->in->name);
        return VC_OK;
    case PHOTOMETRIC_RGB:
        d->colours = 3;
        return VC_OK;
    case PHOTOMETRIC_SEPARATED:
        d->colours = 4;
        return VC_OK;
    case PHOTOMETRIC_YCBCR:
        d->colours = 3;
        if (d->compression != COMPRESSION_JPEG || d->planar != PLANARCONFIG_CONTIG)
            return unsupported(d, "YCbCr with compression", d->compression, "JPEG's (7)");
        TIFFSetField(d->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        return VC_OK;
    default:
        return unsupported(d, "photometric interpretation", d->photometric,
                           "grey, RGB, a palette, CMYK or YCbCr");
    }
}

static vc_status check_samples(const decoder *d)
{
    const int narrow = d->bits == 1 || d->bits == 2 || d->bits == 4;
    if (d->format != SAMPLEFORMAT_UINT)
        return unsupported(d, "sample format", d->format, "unsigned integers (1)");
    if (d->bits != 8 && d->bits != 16 && !(narrow && d->samples == 1))
        return unsupported(d, "bits per sample:", d->bits, "8 or 16, or 1, 2 or 4 of one sample");
    if (d->bits == 16 && d->colours == 1 &&
        (d->samples > 1 || d->photometric != PHOTOMETRIC_MINISBLACK))
        return unsupported(d, "16 bits with photometric interpretation", d->photometric,
                           "grey from black (1) without alpha, or colours");
    if (d->samples < d->colours || d->samples > d->colours + 4)
        return unsupported(d, "samples per pixel:", d->samples, "those of the colour and up to 4");
    if (d->premultiplied && d->samples < 4)
        return unsupported(d, "premultiplied alpha with samples a pixel", d->samples, "4");
    if (d->premultiplied && d->colours != 3)
        return unsupported(d, "premultiplied alpha with photometric interpretation", d->photometric,
                           "RGB (2)");
    if (d->planar == PLANARCONFIG_SEPARATE && (d->colours == 4 || d->premultiplied))
        return unsupported(d, "planes of photometric interpretation", d->photometric,
                           "interleaved samples");
    return VC_OK;
}

static void find_orientation(decoder *d)
{
    uint32_t bytes = 0;
    void *xmp = NULL;
    d->orientation = ORIENTATION_TOPLEFT;
    if (!TIFFGetField(d->tiff, TIFFTAG_ORIENTATION, &d->orientation) &&
        TIFFGetField(d->tiff, TIFFTAG_XMLPACKET, &bytes, &xmp))
        d->orientation = (uint16_t)vc__orientation_in_xmp(xmp, bytes);
}

static vc_status read_tags(decoder *d)
{
    uint16_t extra = 0, *kinds = NULL;
    TIFF *t = d->tiff;
    if (!TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &d->width) ||
        !TIFFGetField(t, TIFFTAG_IMAGELENGTH, &d->height))
        return vc_fail(VC_EFORMAT, "%s: TIFF: has no width and height", d->in->name);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &d->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &d->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &d->format);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &d->planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_COMPRESSION, &d->compression);
    find_orientation(d);
    TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
    TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &d->photometric); /* missing: 0, as in Pillow */
    d->premultiplied = extra > 0 && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    VC_TRY(find_colours(d));
    VC_TRY(check_samples(d));
    if (d->planar == PLANARCONFIG_SEPARATE && d->colours == 1)
        d->samples = 1; /* what stands in further planes is not read */
    if (d->samples == 1)
        d->planar = PLANARCONFIG_CONTIG;
    return VC_OK;
}

/* ---- pixels */

/* Samples of any width to 8 bits; indices of a palette stay what they are. */
static void to_bytes(uint8_t *to, const decoder *d, const uint8_t *from, size_t count)
{
    const int clips = d->colours == 1;
    const unsigned most = (1u << d->bits) - 1;
    const unsigned factor = d->photometric == PHOTOMETRIC_PALETTE ? 1 : 255 / most;
    const size_t each = d->bits < 8 ? 8u / d->bits : 1;
    for (size_t i = 0; i < count; i++) {
        if (d->bits == 16) {
            uint16_t v;
            memcpy(&v, from + 2 * i, 2);
            to[i] = (uint8_t)(!clips ? v >> 8 : v < 256 ? v : 255);
        } else if (d->bits == 8) {
            to[i] = from[i];
        } else {
            const unsigned v =
                (unsigned)from[i / each] >> (8 - d->bits - i % each * d->bits) & most;
            to[i] = (uint8_t)(v * factor);
        }
    }
}

static uint8_t unmultiplied(unsigned value, unsigned alpha)
{
    if (alpha == 0)
        return 0;
    value = value * 255 / alpha;
    return (uint8_t)(value < 256 ? value : 255);
}

/* `row` (count, samples) to RGB. */
static void to_rgb(uint8_t *rgb, const decoder *d, const uint8_t *row, size_t count)
{
    for (size_t i = 0; i < count; i++, row += d->samples, rgb += 3) {
        if (d->palette[0])
            for (size_t c = 0; c < 3; c++)
                rgb[c] = (uint8_t)(d->palette[c][row[0]] >> 8);
        else if (d->colours == 1)
            memset(rgb, d->photometric == PHOTOMETRIC_MINISWHITE ? 255 - row[0] : row[0], 3);
        else if (d->colours == 4)
            vc__rgb_of_cmyk(
                rgb,
                (uint8_t[]){(uint8_t)~row[0], (uint8_t)~row[1], (uint8_t)~row[2], (uint8_t)~row[3]},
                1);
        else
            for (size_t c = 0; c < 3; c++)
                rgb[c] = d->premultiplied ? unmultiplied(row[c], row[3]) : row[c];
    }
}

/* Puts `count` pixels of all samples, or of the plane of one colour, where they belong. */
static void place(uint8_t *rgb, const decoder *d, const uint8_t *from, size_t count, uint16_t plane)
{
    if (d->planar == PLANARCONFIG_CONTIG) {
        to_bytes(d->row, d, from, count * d->samples);
        to_rgb(rgb, d, d->row, count);
        return;
    }
    to_bytes(d->row, d, from, count);
    for (size_t i = 0; i < count; i++)
        rgb[3 * i + plane] = d->row[i];
}

static vc_status read_rows(decoder *d, vc_image *out, uint16_t plane)
{
    for (uint32_t y = 0; y < d->height; y++) {
        if (TIFFReadScanline(d->tiff, d->block, y, plane) < 0)
            return failed(d);
        place(out->pixels + 3 * (size_t)y * d->width, d, d->block, d->width, plane);
    }
    return VC_OK;
}

static vc_status read_tiles(decoder *d, vc_image *out, uint16_t plane)
{
    uint32_t across = 0, down = 0;
    TIFFGetField(d->tiff, TIFFTAG_TILEWIDTH, &across);
    TIFFGetField(d->tiff, TIFFTAG_TILELENGTH, &down);
    const size_t row_bytes = (size_t)TIFFTileRowSize(d->tiff);
    for (uint32_t y = 0; y < d->height; y += down)
        for (uint32_t x = 0; x < d->width; x += across) {
            if (TIFFReadTile(d->tiff, d->block, x, y, 0, plane) < 0)
                return failed(d);
            const size_t count = d->width - x < across ? d->width - x : across;
            for (size_t r = 0; r < down && y + r < d->height; r++)
                place(out->pixels + 3 * ((y + r) * d->width + x), d, d->block + r * row_bytes,
                      count, plane);
        }
    return VC_OK;
}

/* Bytes of a row or a tile, as libtiff counts them; 0 where that is less than its pixels need. */
static size_t block_bytes(const decoder *d, int tiled)
{
    uint32_t across = d->width, down = 1;
    if (tiled && (!TIFFGetField(d->tiff, TIFFTAG_TILEWIDTH, &across) ||
                  !TIFFGetField(d->tiff, TIFFTAG_TILELENGTH, &down)))
        return 0;
    const size_t samples = d->planar == PLANARCONFIG_SEPARATE ? 1 : d->samples;
    const size_t row = ((size_t)across * samples * d->bits + 7) / 8;
    const tmsize_t bytes = tiled ? TIFFTileSize(d->tiff) : TIFFScanlineSize(d->tiff);
    const tmsize_t rows = tiled ? TIFFTileRowSize(d->tiff) : bytes;
    return rows > 0 && (size_t)rows >= row && (size_t)(bytes / rows) >= down ? (size_t)bytes : 0;
}

static vc_status read_planes(decoder *d, vc_image *out)
{
    const int tiled = TIFFIsTiled(d->tiff);
    const size_t bytes = block_bytes(d, tiled);
    const size_t planes = d->planar == PLANARCONFIG_SEPARATE ? d->colours : 1;
    if (bytes == 0)
        return failed(d);
    if (bytes > MOST_BLOCK)
        return vc_fail(VC_EUNSUPPORTED, "%s: TIFF: %s of %zu bytes, wanted at most %d", d->in->name,
                       tiled ? "tiles" : "rows", bytes, MOST_BLOCK);
    d->block = calloc(1, bytes);
    d->row = malloc((size_t)d->width * d->samples);
    if (!d->block || !d->row)
        return vc_fail(VC_ENOMEM, "%s: out of memory while decoding", d->in->name);
    for (size_t p = 0; p < planes; p++)
        VC_TRY(tiled ? read_tiles(d, out, (uint16_t)p) : read_rows(d, out, (uint16_t)p));
    return VC_OK;
}

static vc_status decode(decoder *d, vc_image *out)
{
    VC_TRY(read_tags(d));
    VC_TRY(vc_image_reserve(out, d->width, d->height, 3, d->in->name));
    VC_TRY(read_planes(d, out));
    if (d->in->channels == 1)
        vc__image_make_grey(out);
    return vc_image_turn(out, d->orientation, d->in->name);
}

static TIFF *open_file(decoder *d)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MOST_BLOCK);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, d);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, d);
    TIFF *tiff = TIFFClientOpenExt(d->in->name, "r", d, read_bytes, write_bytes, seek, close_file,
                                   size, map_file, unmap_file, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

vc_status vc__decode_tiff(vc_image *out, const vc__encoded *in)
{
    decoder d = {.in = in};
    d.tiff = open_file(&d);
    const vc_status status = d.tiff ? decode(&d, out) : failed(&d);
    if (d.tiff)
        TIFFClose(d.tiff);
    free(d.block);
    free(d.row);
    return status;
}
