#include "vitcod/augment.h"

static double from_one(double size, int negative)
{
    const double factor = negative ? 1.0 - size : 1.0 + size;
    return factor > 0.1 ? factor : 0.1;
}

double vc_image_op_value(vc_image_op op, double magnitude, int negative)
{
    const double level = magnitude / 10.0, sign = negative ? -1.0 : 1.0;
    switch (op) {
    case VC_IMAGE_ROTATE:
        return sign * level * 30.0;
    case VC_IMAGE_POSTERIZE:
        return 4.0 - (double)(int)(level * 4.0);
    case VC_IMAGE_SOLARIZE:
        return 256.0 - (double)(int)(level * 256.0);
    case VC_IMAGE_SOLARIZE_ADD:
        return (double)(int)(level * 110.0);
    case VC_IMAGE_COLOUR:
    case VC_IMAGE_CONTRAST:
    case VC_IMAGE_BRIGHTNESS:
    case VC_IMAGE_SHARPNESS:
        return from_one(level * 0.9, negative);
    case VC_IMAGE_SHEAR_X:
    case VC_IMAGE_SHEAR_Y:
        return sign * level * 0.3;
    case VC_IMAGE_TRANSLATE_X:
    case VC_IMAGE_TRANSLATE_Y:
        return sign * level * 0.45;
    default:
        return 0.0;
    }
}

static vc_interpolation draw_interpolation(vc_rng *rng, vc_interpolation wanted)
{
    if (wanted != VC_EITHER)
        return wanted;
    return vc_rng_below(rng, 2) == 0 ? VC_BICUBIC : VC_BILINEAR;
}

vc_status vc_rand_augment(vc_image *image, vc_image *spare, vc_rng *rng,
                          const vc_augment_options *o, const uint8_t *fill)
{
    for (size_t i = 0; i < o->operations; i++) {
        const vc_image_op op = (vc_image_op)vc_rng_below(rng, VC_IMAGE_OPS);
        if (vc_rng_uniform(rng) >= o->operation_share)
            continue;
        const double drawn = o->magnitude + o->magnitude_std * vc_rng_normal(rng);
        const double magnitude = drawn < 0.0 ? 0.0 : drawn > 10.0 ? 10.0 : drawn;
        const double value = vc_image_op_value(op, magnitude, (int)vc_rng_below(rng, 2));
        VC_TRY(vc_image_apply(image, spare, op, value, draw_interpolation(rng, o->interpolation),
                              fill));
    }
    return VC_OK;
}

vc_status vc_colour_jitter(vc_image *image, vc_image *spare, vc_rng *rng, double strength)
{
    static const vc_image_op ops[] = {VC_IMAGE_BRIGHTNESS, VC_IMAGE_CONTRAST, VC_IMAGE_COLOUR};
    static const uint8_t nothing[VC_MAX_CHANNELS] = {0}; /* no pixels are uncovered */
    uint32_t order[] = {0, 1, 2};
    vc_rng_shuffle(rng, order, 3);
    for (size_t i = 0; i < 3; i++) {
        const double factor = 1.0 + strength * (2.0 * vc_rng_uniform(rng) - 1.0);
        VC_TRY(vc_image_apply(image, spare, ops[order[i]], factor, VC_BICUBIC, nothing));
    }
    return VC_OK;
}
