/* Carrying out an operation, given which one it is. */
#include <assert.h>
#include <math.h>

#include "augment_impl.h"

const char *vc_image_op_name(vc_image_op op)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        VC_IMAGE_OP_MAP(NAME)
#undef NAME
    };
    return names[op];
}

/* The largest value that an operation accepts. For factors the limit only has to be so high that a
 * larger one would make no difference to 8-bit pixels. */
static double largest_value(vc_image_op op)
{
    switch (op) {
    case VC_IMAGE_POSTERIZE:
        return 8.0;
    case VC_IMAGE_SOLARIZE:
        return 256.0;
    case VC_IMAGE_SOLARIZE_ADD:
        return 255.0;
    default:
        return 1e6;
    }
}

static int counts_something(vc_image_op op)
{
    return op == VC_IMAGE_POSTERIZE || op == VC_IMAGE_SOLARIZE || op == VC_IMAGE_SOLARIZE_ADD;
}

static vc_status check_value(vc_image_op op, double value)
{
    const double high = largest_value(op), low = counts_something(op) ? 0.0 : -high;
    if (!(value >= low && value <= high) || (counts_something(op) && value != floor(value)))
        return vc_fail(VC_EINVAL, "%s by %g, wanted %s of %g to %g", vc_image_op_name(op), value,
                       counts_something(op) ? "a whole number" : "a number", low, high);
    return VC_OK;
}

static void exchange(vc_image *a, vc_image *b)
{
    const vc_image kept = *a;
    *a = *b;
    *b = kept;
}

static vc_status apply_geometry(vc_image *image, vc_image *spare, vc_image_op op, double value,
                                vc_interpolation interpolation, const uint8_t *fill)
{
    double a[6] = {1.0, 0.0, 0.0, 0.0, 1.0, 0.0};
    if (op == VC_IMAGE_ROTATE)
        vc__rotation(a, value, image->width, image->height);
    else if (op == VC_IMAGE_SHEAR_X)
        a[1] = value;
    else if (op == VC_IMAGE_SHEAR_Y)
        a[3] = value;
    else if (op == VC_IMAGE_TRANSLATE_X)
        a[2] = value * (double)image->width;
    else
        a[5] = value * (double)image->height;
    VC_TRY(vc__affine(spare, image, a, interpolation, fill));
    exchange(image, spare);
    return VC_OK;
}

vc_status vc_image_apply(vc_image *image, vc_image *spare, vc_image_op op, double value,
                         vc_interpolation interpolation, const uint8_t *fill)
{
    assert((image->channels == 1 || image->channels == 3) && interpolation != VC_EITHER);
    VC_TRY(check_value(op, value));
    switch (op) {
    case VC_IMAGE_AUTO_CONTRAST:
        vc__auto_contrast(image);
        return VC_OK;
    case VC_IMAGE_EQUALIZE:
        vc__equalize(image);
        return VC_OK;
    case VC_IMAGE_INVERT:
        vc__invert(image);
        return VC_OK;
    case VC_IMAGE_POSTERIZE:
        vc__posterize(image, (unsigned)value);
        return VC_OK;
    case VC_IMAGE_SOLARIZE:
        vc__solarize(image, (unsigned)value);
        return VC_OK;
    case VC_IMAGE_SOLARIZE_ADD:
        vc__solarize_add(image, (unsigned)value);
        return VC_OK;
    case VC_IMAGE_COLOUR:
        vc__colour(image, (float)value);
        return VC_OK;
    case VC_IMAGE_CONTRAST:
        vc__contrast(image, (float)value);
        return VC_OK;
    case VC_IMAGE_BRIGHTNESS:
        vc__brightness(image, (float)value);
        return VC_OK;
    case VC_IMAGE_SHARPNESS:
        VC_TRY(vc__sharpness(spare, image, (float)value));
        exchange(image, spare);
        return VC_OK;
    default:
        return apply_geometry(image, spare, op, value, interpolation, fill);
    }
}
