/* Images: decoding JPEG, PNG, WebP, GIF, BMP, TIFF, PPM; turning, resizing, cutting out the centre.
 * Pixels are the same as Pillow's, so that a model sees images as it did in training. Resizing goes
 * horizontally first, then vertically, with 8 bits in between, as in Pillow 9.4 to 12.1. Since then
 * Pillow goes the other way for some images, and rounds differently there: 12.3 for those more than
 * 100 times as tall as wide, 13.0 also where the height shrinks much more than the width. */
#ifndef VITCOD_IMAGE_H
#define VITCOD_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/extent.h"
#include "vitcod/interpolation.h"
#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VC_IMAGE_MAX_PIXELS /* fuzzers, which large images would only slow down, have less */
#define VC_IMAGE_MAX_PIXELS ((size_t)1 << 27)
#endif
#define VC_IMAGE_MAX_PROGRESSIVE ((size_t)1 << 26) /* pixels of a progressive JPEG or a WebP */
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

/* Decodes an image file that lies in memory; its first bytes tell the format: JPEG, PNG, WebP, GIF,
 * BMP, TIFF, PPM or PGM. `channels` is 3 for RGB or 1 for grey, whatever the file holds.
 *
 * Pixels are those of Pillow's Image.open(file).convert("RGB" or "L"): alpha is dropped, gamma and
 * colour profiles are not applied, CMYK in a JPEG is read as Adobe stores it (inverted), 16-bit
 * colours lose their low byte, and 16-bit grey is clipped at 255. Of several frames or pages the
 * first counts. A TIFF is turned as its orientation says; what EXIF says of other formats is left
 * to vc_image_orientation.
 *
 * VC_EFORMAT: another format, truncated, or damaged pixels. VC_EUNSUPPORTED: more pixels than the
 * limits above allow (checked before memory is allocated), a kind of the format that is not read,
 * or a format whose library was not there when this one was built. */
vc_status vc_image_decode(vc_image *out, const void *bytes, size_t count, size_t channels,
                          const char *name);

/* The orientation (1 to 8) in the EXIF data of a JPEG, PNG or WebP file in memory, or, where they
 * say none, in its XMP (tiff:Orientation; in a PNG not packed), as Pillow finds it; 1, upright,
 * where there is none or it makes no sense, and for a TIFF, which is turned when it is decoded. */
int vc_image_orientation(const void *bytes, size_t count);

/* Turns the pixels of an image with this orientation upright, as Pillow's exif_transpose does. */
vc_status vc_image_turn(vc_image *image, int orientation, const char *name);

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
 * Resize(resize, BICUBIC or BILINEAR) on an image of Pillow 9.4 to 12.1 (see above), then
 * CenterCrop(crop): bicubic with a = -0.5, a wider kernel when shrinking.
 *
 * Only what the crop shows is computed, so that an image of 1 x 20000 pixels costs no more than any
 * other. VC_EINVAL unless 1 <= crop <= resize <= VC_RESIZE_MAX. `out` and `in` must be two
 * images. */
enum { VC_RESIZE_MAX = 8192 };
vc_status vc_image_resize_crop(vc_image *out, const vc_image *in, size_t resize, size_t crop,
                               vc_interpolation interpolation, vc_resize_scratch *scratch);

/* The same for a height and a width that need not be equal: as timm's transforms_imagenet_eval does
 * it, the image keeps its shape and covers `cover`, each side rounded to the nearest, halves to
 * even (ResizeKeepRatio), and the centre `crop` is taken. For a square it is vc_image_resize_crop,
 * which rounds down. VC_EINVAL unless 1 <= crop <= cover <= VC_RESIZE_MAX along both sides. */
vc_status vc_image_cover_crop(vc_image *out, const vc_image *in, vc_extent cover, vc_extent crop,
                              vc_interpolation interpolation, vc_resize_scratch *scratch);

/* A rectangle of pixels. */
typedef struct vc_box {
    size_t left, top, width, height;
} vc_box;

/* Resizes the pixels in the box to (height, width). Bit for bit this is
 * crop(box).resize((width, height), BICUBIC) of Pillow 9.4 to 12.1 (see above): pixels outside the
 * box have no influence. VC_EINVAL for a box that is empty or goes beyond the image, and for a size
 * outside 1 to VC_RESIZE_MAX. `out` and `in` must be two images. */
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

#ifdef __cplusplus
}
#endif

#endif
