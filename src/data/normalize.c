#include <assert.h>

#include "vitcod/image.h"

void vc_normalizer_make(vc_normalizer *out, size_t channels, const float *mean, const float *std)
{
    assert(channels <= VC_MAX_CHANNELS);
    for (size_t c = 0; c < channels; c++)
        for (int pixel = 0; pixel < 256; pixel++)
            out->value[c][pixel] = ((float)pixel / 255.0f - mean[c]) / std[c];
}

/* Does all three channels in one pass over the pixels, so that each pixel is loaded into the cache
 * once. */
static void normalize_rgb(float *out, const uint8_t *pixels, size_t count,
                          const vc_normalizer *normalizer)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = normalizer->value[0][pixels[3 * i]];
        out[count + i] = normalizer->value[1][pixels[3 * i + 1]];
        out[2 * count + i] = normalizer->value[2][pixels[3 * i + 2]];
    }
}

void vc_image_normalize(float *out, const vc_image *image, const vc_normalizer *normalizer)
{
    size_t count = image->width * image->height, channels = image->channels;
    if (channels == 3) {
        normalize_rgb(out, image->pixels, count, normalizer);
        return;
    }
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < count; i++)
            out[c * count + i] = normalizer->value[c][image->pixels[i * channels + c]];
}
