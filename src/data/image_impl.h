/* What a decoder gets. There is one decoder per format; `count` is at least 1. */
#ifndef VC_IMAGE_IMPL_H
#define VC_IMAGE_IMPL_H

#include "vitcod/image.h"

typedef struct vc__encoded {
    const unsigned char *bytes;
    size_t count;
    size_t channels;  /* that are wanted: 1 or 3 */
    const char *name; /* for messages */
} vc__encoded;

vc_status vc__decode_bmp(vc_image *out, const vc__encoded *in);
vc_status vc__decode_gif(vc_image *out, const vc__encoded *in);
vc_status vc__decode_jpeg(vc_image *out, const vc__encoded *in);
vc_status vc__decode_ppm(vc_image *out, const vc__encoded *in);
vc_status vc__decode_png(vc_image *out, const vc__encoded *in);
vc_status vc__decode_tiff(vc_image *out, const vc__encoded *in);
vc_status vc__decode_webp(vc_image *out, const vc__encoded *in);

/* What XMP says of the orientation, 1 to 8; 0: nothing. */
int vc__orientation_in_xmp(const void *bytes, size_t count);

/* Converts RGB to grey, in place. */
void vc__image_make_grey(vc_image *image);

/* CMYK to RGB. It is inverted (255: no ink), as Adobe's programs store it. Each product of ink and
 * light is divided by 255 with rounding, as in Pillow. */
void vc__rgb_of_cmyk(uint8_t *rgb, const uint8_t *cmyk, size_t count);

/* Replaces palette indices by colours, in place: they are in the last third of an RGB image's
 * pixels, so that writing never overtakes reading. VC_EFORMAT for an index beyond the palette. */
vc_status vc__image_look_up(vc_image *image, uint8_t (*palette)[3], size_t colours,
                            const char *name);

#endif
