#include <math.h>
#include <stddef.h>

#include "vitcod/data.h"
#include "vitcod/rng.h"

enum { STREAM_ORDER = 1, STREAM_AUGMENT = 2 };

typedef struct placement {
    ptrdiff_t dy, dx;
    int mirrored;
    double top, left, height, width; /* of the crop; height 0: none */
} placement;

/* Ten tries for a shape that fits, else the whole. */
static void draw_crop(placement *p, vc_rng *rng, double least, double height, double width)
{
    p->top = p->left = 0.0;
    p->height = height;
    p->width = width;
    for (int i = 0; i < 10; i++) {
        const double area = height * width * (least + (1.0 - least) * vc_rng_uniform(rng)),
                     ratio = exp(log(4.0 / 3.0) * (2.0 * vc_rng_uniform(rng) - 1.0)),
                     h = round(sqrt(area / ratio)), w = round(sqrt(area * ratio));
        if (h < 1.0 || w < 1.0 || h > height || w > width)
            continue;
        p->top = (double)vc_rng_below(rng, (uint64_t)(height - h) + 1);
        p->left = (double)vc_rng_below(rng, (uint64_t)(width - w) + 1);
        p->height = h;
        p->width = w;
        return;
    }
}

static placement draw_placement(const vc_batch_options *options, uint32_t index, size_t height,
                                size_t width)
{
    placement p = {0};
    const vc_augmentation *aug = &options->augmentation;
    if (aug->shift == 0 && !aug->flip && !(aug->crop > 0.0))
        return p;
    vc_rng rng = vc_rng_open(options->seed, STREAM_AUGMENT + (options->epoch << 8), index);
    size_t span = 2 * (aug->crop > 0.0 ? 0 : aug->shift) + 1;
    p.dy = (ptrdiff_t)vc_rng_below(&rng, span) - (ptrdiff_t)(span / 2);
    p.dx = (ptrdiff_t)vc_rng_below(&rng, span) - (ptrdiff_t)(span / 2);
    p.mirrored = aug->flip && vc_rng_below(&rng, 2) == 1;
    if (aug->crop > 0.0)
        draw_crop(&p, &rng, aug->crop, (double)height, (double)width);
    return p;
}

/* out[y][x] = image[y - dy][x - dx], read right to left when mirrored. */
static void place_channel(float *out, const uint8_t *image, size_t height, size_t width,
                          placement p, float mean, float std)
{
    for (size_t y = 0; y < height; y++) {
        ptrdiff_t from_y = (ptrdiff_t)y - p.dy;
        for (size_t x = 0; x < width; x++) {
            ptrdiff_t from_x = (ptrdiff_t)x - p.dx;
            int inside = from_y >= 0 && from_y < (ptrdiff_t)height && from_x >= 0 &&
                         from_x < (ptrdiff_t)width;
            if (p.mirrored)
                from_x = (ptrdiff_t)width - 1 - from_x;
            uint8_t pixel = inside ? image[(size_t)from_y * width + (size_t)from_x] : 0;
            out[y * width + x] = ((float)pixel / 255.0f - mean) / std;
        }
    }
}

/* A position between two pixels of a row or column, and how near it is to the second. */
static size_t between(double at, size_t count, float *share)
{
    const double inside = at < 0.0 ? 0.0 : at > (double)(count - 1) ? (double)(count - 1) : at;
    const size_t first = (size_t)inside < count - 1 ? (size_t)inside : count - 1;
    *share = (float)(inside - (double)first);
    return first;
}

/* out's pixel centres lie evenly in the crop. */
static void crop_channel(float *out, const uint8_t *image, size_t height, size_t width,
                         const placement *p, float mean, float std)
{
    for (size_t y = 0; y < height; y++) {
        float down, right;
        const size_t y0 = between(p->top + ((double)y + 0.5) * p->height / (double)height - 0.5,
                                  height, &down),
                     y1 = y0 + 1 < height ? y0 + 1 : y0;
        for (size_t x = 0; x < width; x++) {
            const size_t to = p->mirrored ? width - 1 - x : x,
                         x0 = between(p->left + ((double)x + 0.5) * p->width / (double)width - 0.5,
                                      width, &right),
                         x1 = x0 + 1 < width ? x0 + 1 : x0;
            const float above = (1.0f - right) * image[y0 * width + x0] +
                                right * image[y0 * width + x1],
                        below = (1.0f - right) * image[y1 * width + x0] +
                                right * image[y1 * width + x1];
            out[y * width + to] = (((1.0f - down) * above + down * below) / 255.0f - mean) / std;
        }
    }
}

void vc_batch_load(float *x, int32_t *y, const vc_dataset *dataset, const uint32_t *indices,
                   size_t count, const vc_batch_options *options)
{
    size_t pixels = dataset->height * dataset->width;
    size_t values = dataset->channels * pixels;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        const placement p = draw_placement(options, indices[i], dataset->height, dataset->width);
        for (size_t c = 0; c < dataset->channels; c++) {
            float *to = x + i * values + c * pixels;
            const uint8_t *from = dataset->images + indices[i] * values + c * pixels;
            if (p.height > 0.0)
                crop_channel(to, from, dataset->height, dataset->width, &p, options->mean[c],
                             options->std[c]);
            else
                place_channel(to, from, dataset->height, dataset->width, p, options->mean[c],
                              options->std[c]);
        }
        y[i] = dataset->labels[indices[i]];
    }
}

void vc_epoch_order(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    vc_rng rng = vc_rng_open(seed, STREAM_ORDER, epoch);
    vc_rng_shuffle(&rng, order, count);
}
