#include <stddef.h>

#include "vitcod/data.h"
#include "vitcod/rng.h"

enum { STREAM_ORDER = 1, STREAM_AUGMENT = 2 };

typedef struct placement {
    ptrdiff_t dy, dx;
    int mirrored;
} placement;

static placement draw_placement(const vc_batch_options *options, uint32_t index)
{
    placement p = {0};
    const vc_augmentation *aug = &options->augmentation;
    if (aug->shift == 0 && !aug->flip)
        return p;
    vc_rng rng = vc_rng_open(options->seed, STREAM_AUGMENT + (options->epoch << 8), index);
    size_t span = 2 * aug->shift + 1;
    p.dy = (ptrdiff_t)vc_rng_below(&rng, span) - (ptrdiff_t)aug->shift;
    p.dx = (ptrdiff_t)vc_rng_below(&rng, span) - (ptrdiff_t)aug->shift;
    p.mirrored = aug->flip && vc_rng_below(&rng, 2) == 1;
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

void vc_batch_load(float *x, int32_t *y, const vc_dataset *dataset, const uint32_t *indices,
                   size_t count, const vc_batch_options *options)
{
    size_t pixels = dataset->height * dataset->width;
    size_t values = dataset->channels * pixels;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        placement p = draw_placement(options, indices[i]);
        for (size_t c = 0; c < dataset->channels; c++)
            place_channel(x + i * values + c * pixels,
                          dataset->images + indices[i] * values + c * pixels, dataset->height,
                          dataset->width, p, options->mean[c], options->std[c]);
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
