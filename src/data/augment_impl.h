/* Shared by the files of the operations on images. */
#ifndef VC_AUGMENT_IMPL_H
#define VC_AUGMENT_IMPL_H

#include "vitcod/augment.h"

/* The new value of each of the 256 pixel values, per channel. */
typedef struct vc__tables {
    uint8_t value[VC_MAX_CHANNELS][256];
} vc__tables;

void vc__tables_apply(vc_image *image, const vc__tables *tables);

/* Operations that change each pixel on its own, by a table. */
void vc__auto_contrast(vc_image *image);
void vc__equalize(vc_image *image);
void vc__invert(vc_image *image);
void vc__posterize(vc_image *image, unsigned bits);
void vc__solarize(vc_image *image, unsigned first);
void vc__solarize_add(vc_image *image, unsigned added);

/* Operations that blend: factor 1 gives the image, 0 a poorer version, more than 1 extrapolates. */
void vc__colour(vc_image *image, float factor);
void vc__contrast(vc_image *image, float factor);
void vc__brightness(vc_image *image, float factor);
vc_status vc__sharpness(vc_image *out, const vc_image *in, float factor);

/* Pixel (x, y) of `out` is interpolated at position (a[0] x + a[1] y + a[2], a[3] x + a[4] y +
 * a[5]) of `in`. The centre of the first pixel is at (0.5, 0.5). */
vc_status vc__affine(vc_image *out, const vc_image *in, const double a[6],
                     vc_interpolation interpolation, const uint8_t *fill);
void vc__rotation(double a[6], double degrees, size_t width, size_t height);

#endif
