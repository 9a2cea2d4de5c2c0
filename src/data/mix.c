#include <math.h>

#include "vitcod/augment.h"

/* Draws a rectangle whose centre may be anywhere in the image; it is cut off at the borders. */
static void draw_cut(vc_mix *out, vc_rng *rng, double lambda, size_t width, size_t height)
{
    const double side = sqrt(1.0 - lambda);
    const size_t half_height = (size_t)((double)height * side) / 2,
                 half_width = (size_t)((double)width * side) / 2;
    const size_t y = vc_rng_below(rng, height), x = vc_rng_below(rng, width);
    vc_box *b = &out->box;
    b->top = y > half_height ? y - half_height : 0;
    b->left = x > half_width ? x - half_width : 0;
    b->height = (y + half_height < height ? y + half_height : height) - b->top;
    b->width = (x + half_width < width ? x + half_width : width) - b->left;
    out->lambda = 1.0 - (double)(b->height * b->width) / (double)(height * width);
}

vc_mix vc_mix_draw(vc_rng *rng, size_t width, size_t height, const vc_augment_options *o)
{
    vc_mix mix = {.lambda = 1.0};
    if (!(o->mixup > 0.0) && !(o->cutmix > 0.0))
        return mix;
    if (vc_rng_uniform(rng) >= o->mix)
        return mix;
    int cut = o->cutmix > 0.0;
    if (cut && o->mixup > 0.0)
        cut = vc_rng_uniform(rng) < o->cutmix_share;
    const double alpha = cut ? o->cutmix : o->mixup;
    const double lambda = vc_rng_beta(rng, alpha, alpha);
    if (cut)
        draw_cut(&mix, rng, lambda, width, height);
    else
        mix.lambda = lambda;
    return mix;
}

static void weigh(float *a, float *b, size_t values, double lambda)
{
    const float own = (float)lambda, other = (float)(1.0 - lambda);
    for (size_t i = 0; i < values; i++) {
        const float x = a[i], y = b[i];
        a[i] = own * x + other * y;
        b[i] = own * y + other * x;
    }
}

static void exchange(float *a, float *b, size_t channels, size_t height, size_t width, vc_box box)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t y = box.top; y < box.top + box.height; y++) {
            float *p = a + (c * height + y) * width + box.left,
                  *q = b + (c * height + y) * width + box.left;
            for (size_t i = 0; i < box.width; i++) {
                const float kept = p[i];
                p[i] = q[i];
                q[i] = kept;
            }
        }
}

void vc_mix_apply(float *x, size_t count, size_t channels, size_t height, size_t width,
                  const vc_mix *mix)
{
    const size_t values = channels * height * width;
    for (size_t i = 0; mix->lambda < 1.0 && i < count / 2; i++) {
        float *a = x + i * values, *b = x + (count - 1 - i) * values;
        if (mix->box.width > 0)
            exchange(a, b, channels, height, width, mix->box);
        else
            weigh(a, b, values, mix->lambda);
    }
}
