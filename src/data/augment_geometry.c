/* Operations that move pixels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "augment_impl.h"

/* The input pixels that an output pixel is interpolated from: two or four rows and columns around
 * its position, moved inside the image. `right` and `down` are the distances of the position from
 * the first (of two) or second (of four). */
typedef struct reading {
    const uint8_t *rows[4];
    size_t columns[4]; /* in bytes */
    double right, down;
} reading;

static size_t inside(ptrdiff_t at, size_t side)
{
    return at < 0 ? 0 : (size_t)at < side ? (size_t)at : side - 1;
}

static reading read_around(const vc_image *in, double x, double y, int taps)
{
    const double left = floor(x - 0.5), top = floor(y - 0.5);
    reading r = {.right = x - 0.5 - left, .down = y - 0.5 - top};
    const ptrdiff_t before = taps / 2 - 1;
    for (ptrdiff_t t = 0; t < taps; t++) {
        const size_t row = inside((ptrdiff_t)top - before + t, in->height);
        r.rows[t] = in->pixels + row * in->width * in->channels;
        r.columns[t] = inside((ptrdiff_t)left - before + t, in->width) * in->channels;
    }
    return r;
}

static double linear(double a, double b, double at)
{
    return a + (b - a) * at;
}

/* Keys' cubic with a = -1, in the order in which Pillow evaluates it. */
static double cubic(double a, double b, double c, double d, double at)
{
    const double first = -a + c, second = 2.0 * (a - b) + c - d, third = -a + b - c + d;
    return b + at * (first + at * (second + at * third));
}

static void put_bilinear(uint8_t *out, const vc_image *in, double x, double y)
{
    const reading r = read_around(in, x, y, 2);
    for (size_t c = 0; c < in->channels; c++) {
        double across[2];
        for (size_t t = 0; t < 2; t++)
            across[t] = linear(r.rows[t][r.columns[0] + c], r.rows[t][r.columns[1] + c], r.right);
        out[c] = (uint8_t)linear(across[0], across[1], r.down);
    }
}

static void put_bicubic(uint8_t *out, const vc_image *in, double x, double y)
{
    const reading r = read_around(in, x, y, 4);
    for (size_t c = 0; c < in->channels; c++) {
        double across[4];
        for (size_t t = 0; t < 4; t++) {
            const uint8_t *row = r.rows[t] + c;
            across[t] = cubic(row[r.columns[0]], row[r.columns[1]], row[r.columns[2]],
                              row[r.columns[3]], r.right);
        }
        const double v = cubic(across[0], across[1], across[2], across[3], r.down);
        out[c] = (uint8_t)(v < 0.0 ? 0.0 : v > 255.0 ? 255.0 : v);
    }
}

vc_status vc__affine(vc_image *out, const vc_image *in, const double a[6],
                     vc_interpolation interpolation, const uint8_t *fill)
{
    const double width = (double)in->width, height = (double)in->height;
    VC_TRY(vc_image_reserve(out, in->width, in->height, in->channels, "a moved image"));
    uint8_t *to = out->pixels;
    for (size_t row = 0; row < in->height; row++)
        for (size_t column = 0; column < in->width; column++, to += in->channels) {
            const double at_x = (double)column + 0.5, at_y = (double)row + 0.5;
            const double x = a[0] * at_x + a[1] * at_y + a[2], y = a[3] * at_x + a[4] * at_y + a[5];
            if (!(x >= 0.0 && x < width && y >= 0.0 && y < height))
                memcpy(to, fill, in->channels);
            else if (interpolation == VC_BILINEAR)
                put_bilinear(to, in, x, y);
            else
                put_bicubic(to, in, x, y);
        }
    return VC_OK;
}

/* Rounds to 15 decimal places, so that the sine and cosine of a quarter turn are exactly 0 and
 * 1. */
static double to_15_places(double value)
{
    char text[64];
    snprintf(text, sizeof text, "%.15f", value);
    return strtod(text, NULL);
}

void vc__rotation(double a[6], double degrees, size_t width, size_t height)
{
    const double turn = fmod(degrees, 360.0), positive = turn < 0.0 ? turn + 360.0 : turn;
    const double angle = -(positive * (3.14159265358979323846 / 180.0));
    const double x = (double)width / 2.0, y = (double)height / 2.0;
    a[0] = a[4] = to_15_places(cos(angle));
    a[1] = to_15_places(sin(angle));
    a[3] = to_15_places(-sin(angle));
    a[2] = a[0] * -x + a[1] * -y + x;
    a[5] = a[3] * -x + a[4] * -y + y;
}

void vc_image_flip(vc_image *image)
{
    const size_t channels = image->channels, row = image->width * channels;
    for (size_t y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + y * row, *right = left + row;
        for (size_t x = 0; x < image->width / 2; x++) {
            uint8_t pixel[VC_MAX_CHANNELS];
            right -= channels;
            memcpy(pixel, left, channels);
            memcpy(left, right, channels);
            memcpy(right, pixel, channels);
            left += channels;
        }
    }
}

vc_status vc_image_shift(vc_image *out, const vc_image *in, ptrdiff_t down, ptrdiff_t right)
{
    const size_t channels = in->channels, row = in->width * channels;
    const size_t by = (size_t)(right < 0 ? -right : right);
    VC_TRY(vc_image_reserve(out, in->width, in->height, channels, "a shifted image"));
    memset(out->pixels, 0, row * in->height);
    for (size_t y = 0; by < in->width && y < in->height; y++) {
        const ptrdiff_t from = (ptrdiff_t)y - down;
        if (from < 0 || from >= (ptrdiff_t)in->height)
            continue;
        uint8_t *to = out->pixels + y * row + (right > 0 ? by * channels : 0);
        const uint8_t *at = in->pixels + (size_t)from * row + (right < 0 ? by * channels : 0);
        memcpy(to, at, (in->width - by) * channels);
    }
    return VC_OK;
}
