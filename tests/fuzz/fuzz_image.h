/* Decodes, resizes in every instruction set, and compares what they give. */
#ifndef VC_FUZZ_IMAGE_H
#define VC_FUZZ_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "vitcod/image.h"
#include "vitcod/isa.h"

enum { FUZZ_MOST_PIXELS = 1 << 18 }; /* more would only be slow */

static inline void fuzz_image(const uint8_t *bytes, size_t count)
{
    vc_image image = {0}, ref = {0}, best = {0};
    vc_resize_scratch scratch = {0};
    for (size_t channels = 1; channels <= 3; channels += 2) {
        if (vc_image_decode(&image, bytes, count, channels, "fuzz") != VC_OK)
            continue;
        if (vc_image_turn(&image, vc_image_orientation(bytes, count), "fuzz") != VC_OK)
            abort();
        size_t crop = 1 + bytes[count - 1] % 32, resize = crop + bytes[count / 2] % 8;
        setenv("VC_ISA", "ref", 1);
        if (vc_image_resize_crop(&ref, &image, resize, crop, VC_BICUBIC, &scratch) != VC_OK)
            abort();
        unsetenv("VC_ISA");
        if (vc_image_resize_crop(&best, &image, resize, crop, VC_BICUBIC, &scratch) != VC_OK)
            abort();
        if (memcmp(ref.pixels, best.pixels, crop * crop * channels) != 0)
            abort();
    }
    vc_image_close(&image);
    vc_image_close(&ref);
    vc_image_close(&best);
    vc_resize_scratch_close(&scratch);
}

/* The same for a format whose files start so; in a block of its own, so that a read beyond it is
 * seen. */
static inline void fuzz_format(const uint8_t *data, size_t size, const char *start, size_t count)
{
    if (size < count || memcmp(data, start, count) != 0)
        return;
    uint8_t *exact = malloc(size);
    if (!exact)
        return;
    memcpy(exact, data, size);
    fuzz_image(exact, size);
    free(exact);
}

#endif
