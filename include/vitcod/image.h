/* Images: decoding JPEG and PNG, resizing, cutting out the centre. Pixels come out as Pillow's, so that
 * a model sees what it was trained on. */
#ifndef VITCOD_IMAGE_H
#define VITCOD_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#define VC_IMAGE_MAX_PIXELS ((size_t)1 << 27)
#define VC_IMAGE_MAX_PROGRESSIVE ((size_t)1 << 26) /* of a JPEG in several scans */
#define VC_IMAGE_MAX_SIDE ((size_t)1000000)
enum { VC_MAX_CHANNELS = 4 }; /* of an image */

/* The buffer is used again by the next call that fills the image and grows as needed. Starts as {0}. */
typedef struct vc_image {
    size_t width, height, channels;
    uint8_t *pixels; /* (height, width, channels) */
    size_t capacity; /* bytes at `pixels` */
} vc_image;

/* Gives the image a shape, with pixels of any value. VC_EUNSUPPORTED above VC_IMAGE_MAX_PIXELS or
 * VC_IMAGE_MAX_SIDE. `name` says in messages whose image it is. */
vc_status vc_image_reserve(vc_image *out, size_t width, size_t height, size_t channels,
                           const char *name);
void vc_image_close(vc_image *image);

/* Decodes a JPEG or PNG file lying in memory; which of the two, its first bytes say. `channels` is 3 for
 * RGB or 1 for grey, whatever the file holds. Equals Pillow's Image.open(file).convert("RGB" or "L"):
 * alpha is dropped, gamma and colour profiles are left alone, CMYK is taken as Adobe stores it
 * (inverted), and the orientation in EXIF is ignored, as torchvision's loader ignores it. One
 * difference: 16-bit grey gives its high byte, which Pillow clips instead.
 *
 * VC_EFORMAT: neither JPEG nor PNG, truncated, or with damage to its pixels. VC_EUNSUPPORTED: more
 * pixels than the two limits allow (found before any memory is spent on them), or a kind of JPEG that
 * libjpeg does not read. */
vc_status vc_image_decode(vc_image *out, const void *bytes, size_t count, size_t channels,
                          const char *name);

/* The grey of an RGB triple: ITU-R 601 with 16-bit weights, rounded as Pillow does. */
static inline uint8_t vc_grey_of_rgb(unsigned r, unsigned g, unsigned b)
{
    return (uint8_t)((r * 19595u + g * 38470u + b * 7471u + 0x8000u) >> 16);
}

/* What one worker needs for resizing, kept from image to image. Starts as {0}. */
typedef struct vc_resize_scratch {
    unsigned char *memory;
    size_t capacity;
} vc_resize_scratch;

void vc_resize_scratch_close(vc_resize_scratch *scratch);

/* The centre (crop, crop) of the image after its shorter side became `resize` and the longer one
 * resize * longer / shorter, rounded down: torchvision's Resize(resize, BICUBIC) on a Pillow image and
 * CenterCrop(crop), bit for bit. Bicubic with a = -0.5, wider when shrinking, columns first, 8 bits in
 * between. Only what the crop shows is computed, so that a 1x20000 image costs no more than another.
 * VC_EINVAL unless 1 <= crop <= resize <= VC_RESIZE_MAX. `out` and `in` are two images. */
enum { VC_RESIZE_MAX = 8192 };
vc_status vc_image_resize_crop(vc_image *out, const vc_image *in, size_t resize, size_t crop,
                               vc_resize_scratch *scratch);

/* A rectangle of pixels. */
typedef struct vc_box {
    size_t left, top, width, height;
} vc_box;

/* What lies in the box, resized to (height, width): Pillow's crop(box).resize((width, height), BICUBIC), bit for bit,
 * so that pixels outside the box have no part in it. VC_EINVAL for a box that is empty or leaves the image, or a size
 * that is not 1 to VC_RESIZE_MAX. `out` and `in` are two images. */
vc_status vc_image_resize_box(vc_image *out, const vc_image *in, vc_box box, size_t width,
                              size_t height, vc_resize_scratch *scratch);

/* Values of each channel's 256 pixels: (pixel / 255 - mean) / std, rounded to float at each step. */
typedef struct vc_normalizer {
    float value[VC_MAX_CHANNELS][256];
} vc_normalizer;

void vc_normalizer_make(vc_normalizer *out, size_t channels, const float *mean, const float *std);

/* (height, width, channels) pixels to (channels, height, width) values. */
void vc_image_normalize(float *out, const vc_image *image, const vc_normalizer *normalizer);

#endif
