/* Operations that are a table of 256 new values per channel. */
#include <string.h>

#include "augment_impl.h"

void vc__tables_apply(vc_image *image, const vc__tables *tables)
{
    const size_t channels = image->channels, count = image->width * image->height * channels;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = c; i < count; i += channels)
            image->pixels[i] = tables->value[c][image->pixels[i]];
}

static void apply_to_all(vc_image *image, const uint8_t table[256])
{
    const size_t count = image->width * image->height * image->channels;
    for (size_t i = 0; i < count; i++)
        image->pixels[i] = table[image->pixels[i]];
}

static void count_values(size_t counts[256], const vc_image *image, size_t channel)
{
    const size_t channels = image->channels, count = image->width * image->height * channels;
    memset(counts, 0, 256 * sizeof *counts);
    for (size_t i = channel; i < count; i += channels)
        counts[image->pixels[i]]++;
}

static void keep_values(uint8_t table[256])
{
    for (unsigned v = 0; v < 256; v++)
        table[v] = (uint8_t)v;
}

/* Stretches the values so that the darkest becomes 0 and the brightest 255. */
static void stretch(uint8_t table[256], const size_t counts[256])
{
    int low = 0, high = 255;
    while (low < 255 && counts[low] == 0)
        low++;
    while (high > 0 && counts[high] == 0)
        high--;
    keep_values(table);
    if (high <= low)
        return;
    const double scale = 255.0 / (double)(high - low), offset = -(double)low * scale;
    for (int v = 0; v < 256; v++) {
        const double stretched = (double)v * scale + offset;
        table[v] = (uint8_t)(stretched < 0.0 ? 0.0 : stretched > 255.0 ? 255.0 : stretched);
    }
}

/* Makes the histogram flat: a value becomes the number of pixels darker than it, divided by the
 * number of pixels per step. As in Pillow, the pixels of the brightest value are not counted when
 * the step is computed. */
static void flatten(uint8_t table[256], const size_t counts[256])
{
    size_t all = 0, brightest = 0;
    for (size_t v = 0; v < 256; v++) {
        all += counts[v];
        if (counts[v] > 0)
            brightest = counts[v];
    }
    const size_t step = (all - brightest) / 255;
    keep_values(table);
    if (step == 0)
        return;
    size_t below = step / 2;
    for (size_t v = 0; v < 256; v++) {
        const size_t value = below / step;
        table[v] = (uint8_t)(value < 255 ? value : 255);
        below += counts[v];
    }
}

static void by_histogram(vc_image *image,
                         void (*make)(uint8_t table[256], const size_t counts[256]))
{
    vc__tables tables;
    size_t counts[256];
    for (size_t c = 0; c < image->channels; c++) {
        count_values(counts, image, c);
        make(tables.value[c], counts);
    }
    vc__tables_apply(image, &tables);
}

void vc__auto_contrast(vc_image *image)
{
    by_histogram(image, stretch);
}

void vc__equalize(vc_image *image)
{
    by_histogram(image, flatten);
}

void vc__invert(vc_image *image)
{
    vc__solarize(image, 0);
}

void vc__posterize(vc_image *image, unsigned bits)
{
    uint8_t table[256];
    for (unsigned v = 0; v < 256; v++)
        table[v] = (uint8_t)(v >> (8 - bits) << (8 - bits));
    apply_to_all(image, table);
}

void vc__solarize(vc_image *image, unsigned first)
{
    uint8_t table[256];
    for (unsigned v = 0; v < 256; v++)
        table[v] = (uint8_t)(v < first ? v : 255 - v);
    apply_to_all(image, table);
}

void vc__solarize_add(vc_image *image, unsigned added)
{
    uint8_t table[256];
    for (unsigned v = 0; v < 256; v++) {
        const unsigned sum = v + added < 255 ? v + added : 255;
        table[v] = (uint8_t)(v < 128 ? sum : v);
    }
    apply_to_all(image, table);
}
