/* Images: decoding JPEG and PNG, resizing, cutting out the centre. Pixels are the same as Pillow's,
 * so that a model sees images as it did in training. */
#ifndef VITCOD_IMAGE_H
#define VITCOD_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#define VC_IMAGE_MAX_PIXELS ((size_t)1 << 27)
#define VC_IMAGE_MAX_PROGRESSIVE ((size_t)1 << 26) /* pixels of a progressive JPEG */
#define VC_IMAGE_MAX_SIDE ((size_t)1000000)
enum { VC_MAX_CHANNELS = 4 }; /* of an image */

/* Pixels in a buffer that is reused by the next call that fills the image, and grows as needed.
 * Starts as {0}. */
typedef struct vc_image {
    size_t width, height, channels;
    uint8_t *pixels; /* (height, width, channels) */
    size_t capacity; /* bytes at `pixels` */
} vc_image;

/* Gives the image a shape. The pixels are not set. VC_EUNSUPPORTED above VC_IMAGE_MAX_PIXELS or
 * VC_IMAGE_MAX_SIDE; `name` names the image in the message. */
vc_status vc_image_reserve(vc_image *out, size_t width, size_t height, size_t channels,
                           const char *name);
void vc_image_close(vc_image *image);

/* Decodes a JPEG or PNG file that lies in memory; its first bytes tell which of the two it is.
 * `channels` is 3 for RGB or 1 for grey, whatever the file holds.
 *
 * Pixels are those of Pillow's Image.open(file).convert("RGB" or "L"): alpha is dropped, gamma and
 * colour profiles are not applied, CMYK is read as Adobe stores it (inverted), and the orientation
 * in EXIF is ignored, as torchvision's loader ignores it. There is one difference: of 16-bit grey
 * the high byte is taken, where Pillow clips.
 *
 * VC_EFORMAT: neither JPEG nor PNG, truncated, or damaged pixels. VC_EUNSUPPORTED: more pixels than
 * the two limits above allow (checked before memory is allocated), or a kind of JPEG that libjpeg
 * does not read. */
vc_status vc_image_decode(vc_image *out, const void *bytes, size_t count, size_t channels,
                          const char *name);

/* The grey value of an RGB pixel: ITU-R 601 with 16-bit weights, rounded as Pillow does. */
static inline uint8_t vc_grey_of_rgb(unsigned r, unsigned g, unsigned b)
{
    return (uint8_t)((r * 19595u + g * 38470u + b * 7471u + 0x8000u) >> 16);
}

/* The memory that one worker uses for resizing, kept from image to image. Starts as {0}. */
typedef struct vc_resize_scratch {
    unsigned char *memory;
    size_t capacity;
} vc_resize_scratch;

void vc_resize_scratch_close(vc_resize_scratch *scratch);

/* Resizes the image so that its shorter side is `resize` and its longer side is resize * longer /
 * shorter, rounded down, and takes the centre (crop, crop). Bit for bit this is torchvision's
 * Resize(resize, BICUBIC) on a Pillow image, then CenterCrop(crop): bicubic with a = -0.5, a wider
 * kernel when shrinking, columns first, 8 bits in between.
 *
 * Only what the crop shows is computed, so that an image of 1 x 20000 pixels costs no more than any
 * other. VC_EINVAL unless 1 <= crop <= resize <= VC_RESIZE_MAX. `out` and `in` must be two
 * images. */
enum { VC_RESIZE_MAX = 8192 };
vc_status vc_image_resize_crop(vc_image *out, const vc_image *in, size_t resize, size_t crop,
                               vc_resize_scratch *scratch);

/* A rectangle of pixels. */
typedef struct vc_box {
    size_t left, top, width, height;
} vc_box;

/* Resizes the pixels in the box to (height, width). Bit for bit this is Pillow's
 * crop(box).resize((width, height), BICUBIC): pixels outside the box have no influence. VC_EINVAL
 * for a box that is empty or goes beyond the image, and for a size outside 1 to VC_RESIZE_MAX.
 * `out` and `in` must be two images. */
vc_status vc_image_resize_box(vc_image *out, const vc_image *in, vc_box box, size_t width,
                              size_t height, vc_resize_scratch *scratch);

/* The normalised value of each of the 256 pixel values of each channel: (pixel / 255 - mean) / std,
 * rounded to float after every operation. */
typedef struct vc_normalizer {
    float value[VC_MAX_CHANNELS][256];
} vc_normalizer;

void vc_normalizer_make(vc_normalizer *out, size_t channels, const float *mean, const float *std);

/* (height, width, channels) pixels to (channels, height, width) values. */
void vc_image_normalize(float *out, const vc_image *image, const vc_normalizer *normalizer);

#endif
