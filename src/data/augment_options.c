#include <math.h>

#include "vitcod/augment.h"

vc_augment_options vc_augment_options_default(void)
{
    return (vc_augment_options){.crop_least = 0.08,
                                .crop_most = 1.0,
                                .aspect_least = 3.0 / 4.0,
                                .aspect_most = 4.0 / 3.0,
                                .flip = 0.5,
                                .operations = 2,
                                .operation_share = 0.5,
                                .magnitude = 9.0,
                                .magnitude_std = 0.5,
                                .interpolation = VC_BICUBIC,
                                .jitter = 0.4,
                                .erase = 0.25,
                                .erase_least = 0.02,
                                .erase_most = 1.0 / 3.0,
                                .erase_aspect = 0.3,
                                .mix = 1.0,
                                .mixup = 0.8,
                                .cutmix = 1.0,
                                .cutmix_share = 0.5};
}

static vc_status check_range(const char *what, double value, double low, double high)
{
    if (value >= low && value <= high)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s is %g, wanted %g to %g", what, value, low, high);
}

static vc_status check_pair(const char *what, double least, double most, double low, double high)
{
    if (least >= low && least <= most && most <= high)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: %g to %g, wanted a range inside %g to %g", what, least, most,
                   low, high);
}

static vc_status check_crop(const vc_augment_options *o)
{
    if (o->shift > VC_RESIZE_MAX)
        return vc_fail(VC_EINVAL, "a shift by up to %zu pixels, wanted at most %d", o->shift,
                       (int)VC_RESIZE_MAX);
    if (o->crop_most == 0.0)
        return check_range("the smallest crop, without crops,", o->crop_least, 0.0, 0.0);
    if (o->shift > 0)
        return vc_fail(VC_EINVAL,
                       "a shift by up to %zu pixels beside random crops, wanted one of the two",
                       o->shift);
    VC_TRY(check_pair("the share of an image that a crop shows", o->crop_least, o->crop_most, 1e-6,
                      1.0));
    return check_pair("the ratio of a crop's sides", o->aspect_least, o->aspect_most, 1e-3, 1e3);
}

static vc_status check_rand_augment(const vc_augment_options *o)
{
    if (o->operations > 64)
        return vc_fail(VC_EINVAL, "%zu operations per image, wanted at most 64", o->operations);
    if (o->interpolation != VC_BICUBIC && o->interpolation != VC_BILINEAR &&
        o->interpolation != VC_EITHER)
        return vc_fail(VC_EINVAL, "interpolation %d, wanted bicubic, bilinear or either",
                       (int)o->interpolation);
    VC_TRY(
        check_range("the share of operations that are carried out", o->operation_share, 0.0, 1.0));
    VC_TRY(check_range("the magnitude", o->magnitude, 0.0, 10.0));
    return check_range("the magnitude's deviation", o->magnitude_std, 0.0, 10.0);
}

static vc_status check_erasing(const vc_augment_options *o)
{
    VC_TRY(check_range("the share of images that are erased in part", o->erase, 0.0, 1.0));
    if (o->erase == 0.0)
        return VC_OK;
    VC_TRY(check_pair("the share of an image that is erased", o->erase_least, o->erase_most, 0.0,
                      1.0));
    return check_range("the ratio of what is erased", o->erase_aspect, 1e-3, 1.0);
}

/* The parameter of a Beta distribution; 0 switches the operation off. */
static vc_status check_beta(const char *what, double value)
{
    return value == 0.0 ? VC_OK : check_range(what, value, 1e-3, 1e3);
}

vc_status vc_augment_check(const vc_augment_options *o)
{
    VC_TRY(check_crop(o));
    VC_TRY(check_range("the share of images that are mirrored", o->flip, 0.0, 1.0));
    VC_TRY(check_rand_augment(o));
    VC_TRY(check_range("colour jitter", o->jitter, 0.0, 1.0));
    VC_TRY(check_erasing(o));
    VC_TRY(check_range("the share of batches that are mixed", o->mix, 0.0, 1.0));
    VC_TRY(check_beta("mixup's alpha", o->mixup));
    VC_TRY(check_beta("cutmix's alpha", o->cutmix));
    return check_range("the share of batches that are cut", o->cutmix_share, 0.0, 1.0);
}
