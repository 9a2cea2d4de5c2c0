/* Operations that interpolate between the image and a poorer version of it, and extrapolate beyond
 * the image (Haeberli and Voorhies 1994). */
#include <string.h>

#include "augment_impl.h"

/* In single precision and truncated, as Pillow blends. */
static inline uint8_t blend(int poorer, int given, float factor)
{
    const float value = (float)poorer + factor * (float)(given - poorer);
    const float bounded = value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value;
    return (uint8_t)(int)bounded;
}

static void blend_with_constant(vc_image *image, int constant, float factor)
{
    vc__tables tables;
    for (int v = 0; v < 256; v++)
        tables.value[0][v] = blend(constant, v, factor);
    for (size_t c = 1; c < image->channels; c++)
        memcpy(tables.value[c], tables.value[0], sizeof tables.value[0]);
    vc__tables_apply(image, &tables);
}

/* A grey image has no colours and stays as it is. */
void vc__colour(vc_image *image, float factor)
{
    const size_t count = image->width * image->height;
    uint8_t *p = image->pixels;
    for (size_t i = 0; image->channels == 3 && i < count; i++, p += 3) {
        const int grey = vc_grey_of_rgb(p[0], p[1], p[2]);
        for (size_t c = 0; c < 3; c++)
            p[c] = blend(grey, p[c], factor);
    }
}

void vc__contrast(vc_image *image, float factor)
{
    const size_t count = image->width * image->height;
    const uint8_t *p = image->pixels;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++, p += image->channels)
        sum += image->channels == 3 ? vc_grey_of_rgb(p[0], p[1], p[2]) : p[0];
    blend_with_constant(image, (int)((double)sum / (double)count + 0.5), factor);
}

void vc__brightness(vc_image *image, float factor)
{
    blend_with_constant(image, 0, factor);
}

/* The poorer image is a smoothed one: in the sum a pixel counts 5 of 13 and each of its eight
 * neighbours 1. As 13 is odd, rounding never meets a tie. Pixels at the border are not smoothed. */
static void sharpen_row(uint8_t *out, const uint8_t *in, size_t row, size_t channels, float factor)
{
    memcpy(out, in, channels);
    for (size_t i = channels; i < row - channels; i++) {
        const uint8_t *at = in + i, *above = at - row, *below = at + row;
        const int sum = above[-(ptrdiff_t)channels] + above[0] + above[channels] +
                        at[-(ptrdiff_t)channels] + 5 * at[0] + at[channels] +
                        below[-(ptrdiff_t)channels] + below[0] + below[channels];
        out[i] = blend((2 * sum + 13) / 26, at[0], factor);
    }
    memcpy(out + row - channels, in + row - channels, channels);
}

vc_status vc__sharpness(vc_image *out, const vc_image *in, float factor)
{
    const size_t row = in->width * in->channels;
    VC_TRY(vc_image_reserve(out, in->width, in->height, in->channels, "a sharpened image"));
    memcpy(out->pixels, in->pixels, row * in->height);
    for (size_t y = 1; in->width >= 3 && y + 1 < in->height; y++)
        sharpen_row(out->pixels + y * row, in->pixels + y * row, row, in->channels, factor);
    return VC_OK;
}
