/* Random changes to the images that a model learns from: the recipe of DeiT (Touvron et al. 2021,
 * table 9) as timm carries it out. An operation depends on its arguments alone. Whatever is random
 * is drawn from a stream that the caller gives, so that it can be drawn again. */
#ifndef VITCOD_AUGMENT_H
#define VITCOD_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/image.h"
#include "vitcod/rng.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- options */

/* Options. Probabilities are shares of the images, or of the batches for mixing. If all are 0,
 * nothing is changed. */
typedef struct vc_augment_options {
    /* Random resized crop (Szegedy et al. 2015): a rectangle with a share of the image's area from
     * crop_least to crop_most and a ratio of width to height from aspect_least to aspect_most,
     * resized bicubically. If crop_most is 0 there is none, and images are cropped as for
     * evaluation. */
    double crop_least, crop_most, aspect_least, aspect_most;
    /* Instead of the crop: a shift by up to so many pixels along each axis; the rest is black. */
    size_t shift;
    double flip; /* share of the images that are mirrored, left to right */

    /* RandAugment (Cubuk et al. 2020): `operations` times, one operation of the list below is drawn
     * and carried out with the probability operation_share. The magnitude, 0 to 10, is drawn from a
     * normal distribution with mean `magnitude` and deviation magnitude_std. If operations is 0
     * there is none. */
    size_t operations;
    double operation_share, magnitude, magnitude_std;
    vc_interpolation interpolation;
    /* Without RandAugment: brightness, contrast and saturation, in random order, are each
     * multiplied by a factor from 1 - jitter to 1 + jitter. */
    double jitter;

    /* Random erasing (Zhong et al. 2020), after normalising: in this share of the images a
     * rectangle is replaced by normal noise, each value drawn on its own. Its share of the area is
     * drawn from erase_least to erase_most, its ratio of height to width from erase_aspect to 1 /
     * erase_aspect. */
    double erase, erase_least, erase_most, erase_aspect;

    /* The share `mix` of the batches is mixed: image i with image count - 1 - i. Mixup (Zhang et
     * al. 2018) weights whole images by lambda ~ Beta(mixup, mixup). CutMix (Yun et al. 2019)
     * replaces a rectangle with a share 1 - lambda of the area, lambda ~ Beta(cutmix, cutmix). If
     * both mixup and cutmix are above 0, cutmix_share of the mixed batches use CutMix. */
    double mix, mixup, cutmix, cutmix_share;
} vc_augment_options;

/* DeiT's: crops of 0.08 to 1, flips, rand-m9-mstd0.5-inc1, erasing 0.25, mixup 0.8, cutmix 1.0. */
vc_augment_options vc_augment_options_default(void);

/* VC_EINVAL if an option is out of range; the message names it. */
vc_status vc_augment_check(const vc_augment_options *options);

/* ---- operations on an image of 8 bits */

/* Each operation's name in timm; the comment says what `value` means. Each equals Pillow's function
 * bit for bit. */
#define VC_IMAGE_OP_MAP(X)                                                                         \
    X(AUTO_CONTRAST, "AutoContrast") /* each channel stretched to 0..255 */                        \
    X(EQUALIZE, "Equalize")          /* each channel's histogram made flat */                      \
    X(INVERT, "Invert")                                                                            \
    X(ROTATE, "Rotate")             /* degrees, counterclockwise around the centre */              \
    X(POSTERIZE, "Posterize")       /* high bits kept, 0 to 8; 0: black */                         \
    X(SOLARIZE, "Solarize")         /* first pixel value to be inverted, 0 to 256 */               \
    X(SOLARIZE_ADD, "SolarizeAdd")  /* added to pixels below 128, 0 to 255 */                      \
    X(COLOUR, "Color")              /* factor: 0 grey, 1 as it is */                               \
    X(CONTRAST, "Contrast")         /* factor: 0 the mean grey, 1 as it is */                      \
    X(BRIGHTNESS, "Brightness")     /* factor: 0 black, 1 as it is */                              \
    X(SHARPNESS, "Sharpness")       /* factor: 0 smooth, 1 as it is */                             \
    X(SHEAR_X, "ShearX")            /* columns to the left per row */                              \
    X(SHEAR_Y, "ShearY")            /* rows up per column */                                       \
    X(TRANSLATE_X, "TranslateXRel") /* to the left by this share of the width */                   \
    X(TRANSLATE_Y, "TranslateYRel") /* up by this share of the height */

typedef enum vc_image_op {
#define VC_IMAGE_OP_ENUM(name, text) VC_IMAGE_##name,
    VC_IMAGE_OP_MAP(VC_IMAGE_OP_ENUM)
#undef VC_IMAGE_OP_ENUM
        VC_IMAGE_OPS
} vc_image_op;

const char *vc_image_op_name(vc_image_op op);

/* Changes an image of 1 or 3 channels. `spare` starts as {0}; its pixels may change places with the
 * image's. `fill` (channels) is the colour of the area that a geometric operation uncovers.
 * `interpolation` must not be VC_EITHER. VC_EINVAL: a value outside the range given above, or
 * beyond 1e6 where none is given. */
vc_status vc_image_apply(vc_image *image, vc_image *spare, vc_image_op op, double value,
                         vc_interpolation interpolation, const uint8_t *fill);

void vc_image_flip(vc_image *image); /* left to right */

/* The image moved down and to the right; the area uncovered is black. */
vc_status vc_image_shift(vc_image *out, const vc_image *in, ptrdiff_t down, ptrdiff_t right);

/* ---- random choices */

/* An operation's value at a magnitude from 0 to 10: the higher the magnitude, the stronger the
 * change (timm's "increasing" set). `negative` means the opposite direction: turning or moving the
 * other way, weakening instead of strengthening. */
double vc_image_op_value(vc_image_op op, double magnitude, int negative);

vc_status vc_rand_augment(vc_image *image, vc_image *spare, vc_rng *rng,
                          const vc_augment_options *options, const uint8_t *fill);
vc_status vc_colour_jitter(vc_image *image, vc_image *spare, vc_rng *rng, double strength);

/* Draws up to ten rectangles and returns the first that fits the image. If none fits, it is the
 * largest centred one with an allowed ratio. */
vc_box vc_crop_draw(vc_rng *rng, size_t width, size_t height, const vc_augment_options *options);

/* Erases a rectangle of x (channels, height, width), a normalised image. Draws up to ten
 * rectangles; if none fits, nothing is erased. */
void vc_image_erase(float *x, size_t channels, size_t height, size_t width, vc_rng *rng,
                    const vc_augment_options *options);

/* ---- mixing a batch */

typedef struct vc_mix {
    double lambda; /* weight of an image's own label, 1 - lambda its partner's; 1: not mixed */
    vc_box box;    /* what comes from the partner; empty: all of both, weighted */
} vc_mix;

/* Draws how a step's batch of images of this size is mixed. lambda is corrected to the share of the
 * area that the box really covers, as boxes are cut at the image's edge. */
vc_mix vc_mix_draw(vc_rng *rng, size_t width, size_t height, const vc_augment_options *options);

/* Mixes each image i of x (count, channels, height, width) with its partner, count - 1 - i. */
void vc_mix_apply(float *x, size_t count, size_t channels, size_t height, size_t width,
                  const vc_mix *mix);

#ifdef __cplusplus
}
#endif

#endif
