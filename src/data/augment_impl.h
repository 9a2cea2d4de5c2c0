/* Operations on images from inside. */
#ifndef VC_AUGMENT_IMPL_H
#define VC_AUGMENT_IMPL_H

#include "vitcod/augment.h"

/* A new value for each of a channel's 256 pixels. */
typedef struct vc__tables {
    uint8_t value[VC_MAX_CHANNELS][256];
} vc__tables;

void vc__tables_apply(vc_image *image, const vc__tables *tables);

/* Those operations that look at one pixel at a time. */
void vc__auto_contrast(vc_image *image);
void vc__equalize(vc_image *image);
void vc__invert(vc_image *image);
void vc__posterize(vc_image *image, unsigned bits);
void vc__solarize(vc_image *image, unsigned first);
void vc__solarize_add(vc_image *image, unsigned added);

/* Between the image and what is left of it at factor 0, and beyond. */
void vc__colour(vc_image *image, float factor);
void vc__contrast(vc_image *image, float factor);
void vc__brightness(vc_image *image, float factor);
vc_status vc__sharpness(vc_image *out, const vc_image *in, float factor);

/* Pixel (x, y) of `out` is read at (a[0], a[1], a[2]) . (x, y, 1) and (a[3], a[4], a[5]) . (x, y,
 * 1), centres of pixels at halves. */
vc_status vc__affine(vc_image *out, const vc_image *in, const double a[6],
                     vc_interpolation interpolation, const uint8_t *fill);
void vc__rotation(double a[6], double degrees, size_t width, size_t height);

#endif
