/* Drawing rectangles: for random resized crops and for random erasing. */
#include <math.h>

#include "vitcod/augment.h"

static double between(vc_rng *rng, double low, double high)
{
    return low + (high - low) * vc_rng_uniform(rng);
}

enum { TRIES = 10 };

/* The largest centred rectangle with an allowed ratio. */
static vc_box central(size_t width, size_t height, const vc_augment_options *o)
{
    const double ratio = (double)width / (double)height;
    vc_box box = {0, 0, width, height};
    if (ratio < o->aspect_least)
        box.height = (size_t)rint((double)width / o->aspect_least);
    else if (ratio > o->aspect_most)
        box.width = (size_t)rint((double)height * o->aspect_most);
    box.left = (width - box.width) / 2;
    box.top = (height - box.height) / 2;
    return box;
}

vc_box vc_crop_draw(vc_rng *rng, size_t width, size_t height, const vc_augment_options *o)
{
    for (int i = 0; i < TRIES; i++) {
        const double area =
            between(rng, o->crop_least, o->crop_most) * (double)width * (double)height;
        const double ratio = exp(between(rng, log(o->aspect_least), log(o->aspect_most)));
        const double w = rint(sqrt(area * ratio)), h = rint(sqrt(area / ratio));
        if (w < 1.0 || h < 1.0 || w > (double)width || h > (double)height)
            continue;
        vc_box box = {.width = (size_t)w, .height = (size_t)h};
        box.top = vc_rng_below(rng, height - box.height + 1);
        box.left = vc_rng_below(rng, width - box.width + 1);
        return box;
    }
    return central(width, height, o);
}

static void fill_with_noise(float *x, size_t channels, size_t height, size_t width, vc_box box,
                            vc_rng *rng)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t y = box.top; y < box.top + box.height; y++)
            for (size_t i = box.left; i < box.left + box.width; i++)
                x[(c * height + y) * width + i] = (float)vc_rng_normal(rng);
}

void vc_image_erase(float *x, size_t channels, size_t height, size_t width, vc_rng *rng,
                    const vc_augment_options *o)
{
    if (vc_rng_uniform(rng) >= o->erase)
        return;
    const double aspect = log(o->erase_aspect);
    for (int i = 0; i < TRIES; i++) {
        const double area =
            between(rng, o->erase_least, o->erase_most) * (double)height * (double)width;
        const double ratio = exp(between(rng, aspect, -aspect));
        const double h = rint(sqrt(area * ratio)), w = rint(sqrt(area / ratio));
        if (h >= (double)height || w >= (double)width)
            continue;
        vc_box box = {.width = (size_t)w, .height = (size_t)h};
        box.top = vc_rng_below(rng, height - box.height + 1);
        box.left = vc_rng_below(rng, width - box.width + 1);
        fill_with_noise(x, channels, height, width, box, rng);
        return;
    }
}
