#include <math.h>
#include <stddef.h>

#include "vitcod/data.h"
#include "vitcod/rng.h"

enum { STREAM_ORDER = 1, STREAM_AUGMENT = 2, STREAM_MIXUP = 4 };

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

enum { STRIP = 64 /* columns whose places in the crop are worked out together */ };

typedef struct column {
    size_t to, first, second;
    float share; /* of the second */
} column;

static size_t place_columns(column columns[STRIP], const placement *p, size_t x, size_t width)
{
    const size_t count = width - x < STRIP ? width - x : STRIP;
    for (size_t i = 0; i < count; i++, x++) {
        column *c = &columns[i];
        c->to = p->mirrored ? width - 1 - x : x;
        c->first =
            between(p->left + ((double)x + 0.5) * p->width / (double)width - 0.5, width, &c->share);
        c->second = c->first + 1 < width ? c->first + 1 : c->first;
    }
    return count;
}

/* One strip of a channel: out's pixel centres lie evenly in the crop. */
static void crop_strip(float *out, const uint8_t *image, const column *columns, size_t count,
                       size_t height, size_t width, const placement *p, float mean, float std)
{
    for (size_t y = 0; y < height; y++) {
        float down;
        const size_t y0 = between(p->top + ((double)y + 0.5) * p->height / (double)height - 0.5,
                                  height, &down),
                     y1 = y0 + 1 < height ? y0 + 1 : y0;
        const uint8_t *above = image + y0 * width, *below = image + y1 * width;
        for (size_t i = 0; i < count; i++) {
            const column c = columns[i];
            const float high = (1.0f - c.share) * above[c.first] + c.share * above[c.second],
                        low = (1.0f - c.share) * below[c.first] + c.share * below[c.second];
            out[y * width + c.to] = (((1.0f - down) * high + down * low) / 255.0f - mean) / std;
        }
    }
}

static void crop_image(float *out, const uint8_t *image, const vc_dataset *d, const placement *p,
                       const vc_batch_options *o)
{
    const size_t pixels = d->height * d->width;
    column columns[STRIP];
    for (size_t x = 0; x < d->width; x += STRIP) {
        const size_t count = place_columns(columns, p, x, d->width);
        for (size_t c = 0; c < d->channels; c++)
            crop_strip(out + c * pixels, image + c * pixels, columns, count, d->height, d->width, p,
                       o->mean[c], o->std[c]);
    }
}

static void mix_pair(float *a, float *b, size_t values, const vc_batch_options *options,
                     uint32_t index)
{
    vc_rng rng = vc_rng_open(options->seed, STREAM_MIXUP + (options->epoch << 8), index);
    if (vc_rng_uniform(&rng) >= options->augmentation.mixup)
        return;
    const float share = (float)vc_rng_uniform(&rng);
    for (size_t i = 0; i < values; i++) {
        const float x = a[i], y = b[i];
        a[i] = share * x + (1.0f - share) * y;
        b[i] = share * y + (1.0f - share) * x;
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
        float *to = x + i * values;
        const uint8_t *from = dataset->images + indices[i] * values;
        if (p.height > 0.0)
            crop_image(to, from, dataset, &p, options);
        for (size_t c = 0; !(p.height > 0.0) && c < dataset->channels; c++)
            place_channel(to + c * pixels, from + c * pixels, dataset->height, dataset->width, p,
                          options->mean[c], options->std[c]);
        y[i] = dataset->labels[indices[i]];
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count / 2; i++)
        if (options->augmentation.mixup > 0.0)
            mix_pair(x + i * values, x + (count - 1 - i) * values, values, options, indices[i]);
}

void vc_epoch_order(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    vc_rng rng = vc_rng_open(seed, STREAM_ORDER, epoch);
    vc_rng_shuffle(&rng, order, count);
}
