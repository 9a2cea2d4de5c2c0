/* Random changes to images that a model learns from: the recipe of DeiT (Touvron et al. 2021, table 9), as timm carries
 * it out. An operation is a function of its arguments alone; what chance decides is drawn from a stream that the caller
 * names, so that it can be drawn again. */
#ifndef VITCOD_AUGMENT_H
#define VITCOD_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/image.h"
#include "vitcod/rng.h"

/* ---- options */

/* How geometric operations read between pixels. */
typedef enum vc_interpolation {
    VC_BICUBIC,
    VC_BILINEAR,
    VC_EITHER /* drawn each time */
} vc_interpolation;

/* Probabilities are shares of the images (of the batches for mixing). All zero: nothing is changed. */
typedef struct vc_augment_options {
    /* Random resized crop (Szegedy et al. 2015): a rectangle of this share of the image's area and of this ratio of width
     * to height, resized bicubically. crop_most 0: none; images are cropped as for evaluation. */
    double crop_least, crop_most, aspect_least, aspect_most;
    size_t
        shift; /* in its place: up to so many pixels along each axis, black where nothing is left */
    double flip; /* left to right */

    /* RandAugment (Cubuk et al. 2020): this many operations out of the list below, one after the other, each carried out
     * with a probability. The magnitude, 0 to 10, is normal with this mean and deviation. operations 0: none. */
    size_t operations;
    double operation_share, magnitude, magnitude_std;
    vc_interpolation interpolation;
    /* Without RandAugment: brightness, contrast and saturation in random order, each by a factor of 1 - jitter to
     * 1 + jitter. */
    double jitter;

    /* Random erasing (Zhong et al. 2020) after normalising: a rectangle of this share of the area, its ratio of height to
     * width from erase_aspect to 1 / erase_aspect, becomes normal noise, each value its own. */
    double erase, erase_least, erase_most, erase_aspect;

    /* Of the batches, `mix` are mixed with themselves in reverse order: as a whole by lambda ~ Beta(mixup, mixup) (Zhang et
     * al. 2018), or in a rectangle of the share 1 - lambda, lambda ~ Beta(cutmix, cutmix) (Yun et al. 2019). cutmix_share
     * of them are cut where both are above 0. */
    double mix, mixup, cutmix, cutmix_share;
} vc_augment_options;

/* DeiT's: crops of 0.08 to 1, flips, rand-m9-mstd0.5-inc1, erasing 0.25, mixup 0.8, cutmix 1.0. */
vc_augment_options vc_augment_options_default(void);

/* VC_EINVAL, with its name, for an option out of range. */
vc_status vc_augment_check(const vc_augment_options *options);

/* ---- operations on an image of 8 bits */

/* Name in timm, what `value` means. Each equals Pillow's function bit for bit. */
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

/* Changes the image, of 1 or 3 channels. `spare` starts as {0}; the two may change places. `fill` (channels) is the colour
 * of what a geometric operation uncovers; VC_EITHER is not for here. VC_EINVAL: a value out of the range above, or beyond
 * 1e6 where none is given. */
vc_status vc_image_apply(vc_image *image, vc_image *spare, vc_image_op op, double value,
                         vc_interpolation interpolation, const uint8_t *fill);

void vc_image_flip(vc_image *image); /* left to right */

/* The image moved down and to the right; black comes after it. */
vc_status vc_image_shift(vc_image *out, const vc_image *in, ptrdiff_t down, ptrdiff_t right);

/* ---- what chance decides */

/* The value at a magnitude of 0 to 10, for which an operation does more the higher it is (timm's "increasing" set).
 * `negative` turns and moves the other way, and takes away instead of adding. */
double vc_image_op_value(vc_image_op op, double magnitude, int negative);

vc_status vc_rand_augment(vc_image *image, vc_image *spare, vc_rng *rng,
                          const vc_augment_options *options, const uint8_t *fill);
vc_status vc_colour_jitter(vc_image *image, vc_image *spare, vc_rng *rng, double strength);

/* Ten tries for a rectangle that fits; then the largest in the centre whose ratio is allowed. */
vc_box vc_crop_draw(vc_rng *rng, size_t width, size_t height, const vc_augment_options *options);

/* x (channels, height, width), normalised. Ten tries; then nothing is erased. */
void vc_image_erase(float *x, size_t channels, size_t height, size_t width, vc_rng *rng,
                    const vc_augment_options *options);

/* ---- mixing a batch */

typedef struct vc_mix {
    double lambda; /* weight of an image's own label, 1 - lambda its partner's; 1: not mixed */
    vc_box box;    /* what comes from the partner; empty: all of both, weighted */
} vc_mix;

/* One step's, for images of this size. The weight of a box is the share of the area that it really covers. */
vc_mix vc_mix_draw(vc_rng *rng, size_t width, size_t height, const vc_augment_options *options);

/* x (count, channels, height, width): image i with its partner, count - 1 - i. */
void vc_mix_apply(float *x, size_t count, size_t channels, size_t height, size_t width,
                  const vc_mix *mix);

#endif
